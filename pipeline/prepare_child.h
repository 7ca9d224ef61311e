/*
 * pipeline/prepare_child.h - the same work, done by a decoder in a sandbox
 *
 * A decoder is a child of the zygote that can do nothing but compute. What it
 * cannot survive (a crash, an endless loop, more memory than an image may need)
 * is that record's status, and the next record gets a new decoder.
 */
#ifndef REAP_PIPELINE_PREPARE_CHILD_H
#define REAP_PIPELINE_PREPARE_CHILD_H

#include "pipeline/prepare.h"

struct reap_prepare_child;

/* Must decoders be locked up? And how long may a record take, large images a
 * second more for each 10 million pixels? Before any is started. */
void reap_prepare_child_settings(bool locked, double seconds);

/* REAP_OK or REAP_ENOMEM. The first decoder is started here. */
int reap_prepare_child_new(struct reap_prepare_child **out,
                           const struct reap_preset *p,
                           const struct reap_limits *limits,
                           struct reap_err *err) REAP_MUST_CHECK;

/* As reap_prepare_view(). */
void reap_prepare_child_view(struct reap_prepare_child *p,
                             const struct reap_image *image,
                             const struct reap_augment *view, void *slot,
                             size_t room, struct reap_prepared *out);

void reap_prepare_child_free(struct reap_prepare_child **p);

#endif /* REAP_PIPELINE_PREPARE_CHILD_H */
