/*
 * jobs/setup/imageset.h - the images of a dataset as pixels, some at a time
 *
 * For commands that look at the network and write no store: compare and
 * quantize. Records that cannot be decoded are counted and skipped. One thread
 * at a time.
 */
#ifndef REAP_JOBS_SETUP_IMAGESET_H
#define REAP_JOBS_SETUP_IMAGESET_H

#include <stddef.h>
#include <stdint.h>

#include "io/preset/preset.h"
#include "pipeline/prepare.h"

struct reap_imageset {
    size_t n;                  /* images of this batch */
    const void *const *images; /* n of (h, w, 3), bytes or float32 */
    char *const *keys;         /* n texts, escaped */
    uint64_t done, bad;        /* records so far; those skipped */
    void *own;
};

/* Open the dataset at 'path' for batches of up to 'batch' of its first 'limit'
 * records (0: all). 'limits' is borrowed. Returns what opening the dataset
 * returns, or REAP_ENOMEM. */
int reap_imageset_open(struct reap_imageset *p, const char *path,
                       const struct reap_preset *preset,
                       const struct reap_limits *limits, size_t batch,
                       uint64_t limit, struct reap_err *err) REAP_MUST_CHECK;

/* The next batch; n is 0 after the last. Images and keys are lent until the
 * next call. REAP_OK or REAP_EIO. */
int reap_imageset_next(struct reap_imageset *p,
                       struct reap_err *err) REAP_MUST_CHECK;

/* Free it; a closed or cleared one stays so. */
void reap_imageset_close(struct reap_imageset *p);

#endif /* REAP_JOBS_SETUP_IMAGESET_H */
