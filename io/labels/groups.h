/*
 * io/labels/groups.h - coarse groups of classes, from a file
 *
 * Lines of number, name and members between tabs; '#' begins a comment. Groups
 * are numbered from 0; members are indices, ranges of them (both ends in) or
 * WordNet ids, with commas between them: "0	fish	0-6,389-397". A group
 * may have several lines. Classes of no group form one of their own after the
 * others, called "other". Constant after opening: any thread.
 */
#ifndef REAP_IO_LABELS_GROUPS_H
#define REAP_IO_LABELS_GROUPS_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

struct reap_groups {
    size_t n, classes;
    const char **name; /* n */
    int32_t *of;       /* the group of each class */
    size_t other;      /* classes in the group "other" */
    char *sha256;      /* of what the groups are, in hex */
    void *own;
};

/* The classes that are put into groups. */
struct reap_groups_of {
    size_t classes;
    size_t first;    /* class that index 0 stands for: 1 after a background */
    const void *ctx; /* wnid() may be NULL, or return "" */
    const char *(*wnid)(const void *ctx, size_t index);
};

/*
 * Returns REAP_OK, the codes of reap_table_open(), or REAP_EFORMAT: a number, a
 * member or a class in two groups; the message tells the line.
 */
int reap_groups_open(struct reap_groups **out, const char *path,
                     const struct reap_groups_of *of,
                     struct reap_err *err) REAP_MUST_CHECK;

/* Sum the probabilities 'from' (classes) into 'to' (n), in the order of
 * classes and in double. Any thread. */
void reap_groups_sum(const struct reap_groups *g, const float *from, float *to);

/* Close '*g', which becomes NULL; NULL does nothing. */
void reap_groups_close(struct reap_groups **g);

#endif /* REAP_IO_LABELS_GROUPS_H */
