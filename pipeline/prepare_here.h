/*
 * pipeline/prepare_here.h - decode, resize and crop in this process
 *
 * What pipeline/prepare.h promises, done by the caller itself: in a process of
 * its own (pipeline/prepare_serve.c), or where no other can be had.
 */
#ifndef REAP_PIPELINE_PREPARE_HERE_H
#define REAP_PIPELINE_PREPARE_HERE_H

#include "pipeline/prepare.h"

struct reap_prepare_here;

/*
 * Called when the size of an image is known and before its pixels are decoded;
 * and with 0 when they are let go. It may wait until others have let go of
 * theirs.
 */
typedef void reap_admit_fn(void *ctx, uint64_t pixels);

int reap_prepare_here_new(struct reap_prepare_here **out,
                          const struct reap_preset *p,
                          const struct reap_limits *limits,
                          struct reap_err *err) REAP_MUST_CHECK;

/* 'view' may be NULL. 'admit' may be NULL. */
void reap_prepare_here_view(struct reap_prepare_here *p,
                            const struct reap_image *image,
                            const struct reap_augment *view, void *slot,
                            size_t room, reap_admit_fn *admit, void *ctx,
                            struct reap_prepared *out);

void reap_prepare_here_free(struct reap_prepare_here **p);

#endif /* REAP_PIPELINE_PREPARE_HERE_H */
