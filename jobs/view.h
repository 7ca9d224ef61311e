/*
 * jobs/view.h - a store as info, show, verify and export look at it
 *
 * Open to read, with the names of its classes and, where it can be had, the
 * dataset it was made from.
 */
#ifndef REAP_JOBS_VIEW_H
#define REAP_JOBS_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "io/labels.h"
#include "io/status.h"
#include "io/store.h"
#include "jobs/options.h"

struct reap_view {
    const char *path;
    struct reap_store *store;
    struct reap_labels *labels; /* NULL: the classes have no names */
    uint64_t by_status[REAP_N_STATUS], rows, bad;
    bool complete; /* the marker is there, for: */
    uint64_t limit, keys;
};

int reap_view_open(struct reap_view *v, const char *path,
                   struct reap_err *err) REAP_MUST_CHECK;

/* Names of classes: those of 'file', else of the run's --labels, else
 * ImageNet's if there are 1000. A store without labels needs none. */
int reap_view_labels(struct reap_view *v, const char *file,
                     struct reap_err *err) REAP_MUST_CHECK;

/* "" where there is no name. */
const char *reap_view_name(const struct reap_view *v, size_t i);
const char *reap_view_wnid(const struct reap_view *v, size_t i);

/* The value of a line "name=value" or "name value" of a text of the store's
 * meta, in 'buf'; false and "" if there is none. */
bool reap_view_line(const struct reap_view *v, const char *text,
                    const char *name, char *buf, size_t size);

/* "f32 (2048)", "f16 (7, 7, 2048)", "5 best classes". */
const char *reap_view_column(const struct reap_column *c, char *buf,
                             size_t size);

/* A remark on stderr, unless --quiet. */
void reap_view_remark(const struct reap_options *o, const char *fmt, ...)
    REAP_PRINTF(2, 3);

void reap_view_close(struct reap_view *v);

#endif /* REAP_JOBS_VIEW_H */
