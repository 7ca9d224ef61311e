/*
 * engine/net/params.h - named weights, as a file gave them
 *
 * A set of float32 tensors by name, filled by io (io/weights/weights.h), read
 * once by engine/net/net.h. Names and axis order are the framework's own:
 *
 *   torchvision   layer1.0.conv1.weight        (out, in / groups, kh, kw)
 *                 layer1.0.bn1.running_mean    (channels)
 *                 fc.weight                    (classes, features)
 *   Keras         conv2_block1_1_conv/kernel   (kh, kw, in, out)
 *                 conv2_block1_1_bn/moving_mean, gamma, beta, moving_variance
 *                 predictions/kernel           (features, classes)
 *
 * Not thread safe while it is filled; any thread may read it afterwards. A set
 * may have its numbers fetched when they are needed: then need() and forget()
 * are for one thread at a time, too.
 */
#ifndef REAP_ENGINE_NET_PARAMS_H
#define REAP_ENGINE_NET_PARAMS_H

#include <stddef.h>

#include "engine/base/err.h"

enum { REAP_PARAM_DIMS = 6 };

struct reap_param {
    const char *name; /* borrowed from the set */
    size_t rank, dim[REAP_PARAM_DIMS];
    size_t count; /* product of dim, 1 for rank 0 */
    size_t index; /* its place in the order of adding */
    float *data;  /* row major, borrowed from the set; NULL: not fetched */
};

/* Where the numbers of a set come from that are fetched when needed. */
struct reap_fetch_numbers {
    void *own;
    /* Fill 'to' with the numbers of a tensor of the set. */
    int (*fetch)(void *own, const struct reap_param *t, float *to,
                 struct reap_err *err);
    void (*close)(void *own);
};

struct reap_params;

/* An empty set. REAP_OK or REAP_ENOMEM. */
int reap_params_new(struct reap_params **out,
                    struct reap_err *err) REAP_MUST_CHECK;

/*
 * Add a tensor and store it in '*out', its data zero and for the caller to
 * fill. Returns REAP_OK, REAP_EFORMAT if the name is there already or the
 * shape is impossible (rank over 6, product overflows), or REAP_ENOMEM.
 */
int reap_params_add(struct reap_params *p, const char *name, size_t rank,
                    const size_t *dim, struct reap_param **out,
                    struct reap_err *err) REAP_MUST_CHECK;

/* Tensors added from here on have no numbers until reap_params_need(). The set
 * closes 'from' when it is freed. */
void reap_params_later(struct reap_params *p,
                       const struct reap_fetch_numbers *from);

/* See that t->data are there; REAP_ENOMEM, or what fetching returns. */
int reap_params_need(const struct reap_params *p, const struct reap_param *t,
                     struct reap_err *err) REAP_MUST_CHECK;

/* Let go of numbers that can be fetched again; others stay. */
void reap_params_forget(const struct reap_params *p,
                        const struct reap_param *t);

/* No numbers will be fetched any more: close where they came from. */
void reap_params_settled(struct reap_params *p);

/* The tensor of that name; NULL if there is none. */
const struct reap_param *reap_params_find(const struct reap_params *p,
                                          const char *name);

/* Tensors in the set. */
size_t reap_params_count(const struct reap_params *p);

/* The i-th tensor in the order of adding, i < count. */
const struct reap_param *reap_params_at(const struct reap_params *p, size_t i);

/* Free '*p', which becomes NULL; NULL does nothing. */
void reap_params_free(struct reap_params **p);

#endif /* REAP_ENGINE_NET_PARAMS_H */
