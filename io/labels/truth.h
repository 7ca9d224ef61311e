/*
 * io/labels/truth.h - the true labels of keys, from files and from a store
 *
 * A list of files with commas or line ends between them (a file of that whole
 * name, commas and all, is taken first), the later ones winning over those
 * before; the word "stored" stands for the true labels of the store itself and
 * always comes last. A file holds
 * lines of key, tab, label, as io/file/table.h reads them; keys may be written
 * as exports write them (\xNN). A line of headings, if there is one, says which
 * columns are meant: "key" (or image, file, filename, path) and "label" (or
 * true_label, choice, class), so that an export, a list of reap review or a
 * table from Label Studio will do as they are. Further columns are passed over.
 *
 * A key has several labels where lines of one file give it different ones; the
 * last of them comes first, being the latest word. A key with an empty label
 * has none, whatever an earlier file says. Constant after opening: any thread.
 */
#ifndef REAP_IO_LABELS_TRUTH_H
#define REAP_IO_LABELS_TRUTH_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/err.h"
#include "io/store/block.h"

struct reap_truth;

struct reap_truth_counts {
    size_t keys;    /* that have a label */
    size_t blank;   /* keys whose label is missing */
    size_t again;   /* lines that only repeat what was said */
    size_t several; /* keys with more than one label */
    size_t further; /* lines with columns that no heading explains */
};

/*
 * Read the files of 'list'; NULL is "stored". Returns REAP_OK, the codes of
 * reap_table_open(), or REAP_EFORMAT if no line of a file has a label.
 */
int reap_truth_open(struct reap_truth **out, const char *list,
                    struct reap_err *err) REAP_MUST_CHECK;

/* Label i of a row, the one that counts being number 0; NULL after the last.
 * Lent by the truth or, if it is the store's, by the row. */
const char *reap_truth_label(const struct reap_truth *t,
                             const struct reap_row *row, size_t i);

/* Is this key in any of the files, with a label or without? */
bool reap_truth_has(const struct reap_truth *t, struct reap_bytes key);

/* What the files hold; all zero for "stored" alone. */
const struct reap_truth_counts *reap_truth_counts(const struct reap_truth *t);

/*
 * A remark about the files for a person, such as "2 keys have several labels,
 * of which the last counts; 3 lines have no label"; "" if there is nothing
 * strange. 'many': several labels are wanted and no reason for a remark.
 */
const char *reap_truth_remark(const struct reap_truth *t, bool many, char *buf,
                              size_t size);

/* Close '*t', which becomes NULL; NULL does nothing. */
void reap_truth_close(struct reap_truth **t);

#endif /* REAP_IO_LABELS_TRUTH_H */
