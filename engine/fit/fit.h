/*
 * engine/fit/fit.h - fit a head to embeddings, a batch at a time
 *
 * The head is Dense(classes), or Dense(hidden, ReLU), Dropout, Dense(classes);
 * after it softmax with cross entropy (one class each) or sigmoid with binary
 * cross entropy (several at once), both as Keras defines them. Numbers are
 * float32, losses are summed in double.
 *
 * Work is shared by the inputs of the last layer: a block of 64 hidden units
 * (linear: of some features) belongs to one thread of one rank, with its
 * weights, their moments and their part of the last layer. What passes between
 * them are the blocks' parts of the logits, which all add up in order. So
 * neither threads nor ranks change a bit, and no gradient is ever sent.
 *
 * One thread calls it; all ranks of a team make the same calls.
 */
#ifndef REAP_ENGINE_FIT_FIT_H
#define REAP_ENGINE_FIT_FIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/team.h"
#include "engine/head/head_layers.h"

enum { REAP_FIT_BATCH_MAX = 65536 };

enum reap_fit_rule { REAP_FIT_ADAM, REAP_FIT_SGD };

struct reap_fit_args {
    size_t in, hidden, classes; /* hidden 0: linear */
    bool multi;                 /* several classes at once: sigmoid */
    enum reap_fit_rule rule;
    double momentum; /* SGD */
    double l2;       /* times the sum of the squares of all kernels */
    double dropout;  /* of hidden units, 0 to below 1 */
    /* (classes), or NULL for 1: softmax: what an example of the class counts;
     * sigmoid: how much its presence counts relative to its absence. Copied. */
    const float *class_weight;
    size_t batch; /* the most rows of a batch, up to REAP_FIT_BATCH_MAX */
    uint64_t seed;
    size_t threads;
    struct reap_team team;
};

/* Embeddings with their classes. Borrowed while batches refer to it. */
struct reap_fit_source {
    const void *ctx;
    /* Row i, 'in' floats. Any thread. */
    void (*load)(const void *ctx, size_t i, float *to);
    const size_t *at;      /* classes of row i are label[at[i]] up to */
    const uint32_t *label; /* label[at[i + 1] - 1]; softmax: one each */
};

struct reap_fit_batch {
    const struct reap_fit_source *from;
    const size_t *row; /* n of them, borrowed while it is in use */
    size_t n;
};

/* Sums over rows; what is shown are means. The loss is without the penalty;
 * right counts rows (softmax), or is the share of classes of a row that are on
 * the right side of one half (sigmoid). */
struct reap_fit_score {
    double loss, right;
    size_t n;
};

struct reap_fit;

/*
 * Kernels begin as Keras's Glorot uniform ones, by seed, biases as zero.
 * Returns REAP_OK, REAP_EINVAL (sizes that are too large, REAP_CPU) or
 * REAP_ENOMEM.
 */
int reap_fit_new(struct reap_fit **out, const struct reap_fit_args *a,
                 struct reap_err *err) REAP_MUST_CHECK;

/*
 * One step: forward, loss, backward, update with learning rate 'rate'. 'next'
 * is what comes after, or NULL: it is loaded meanwhile. The scores of the batch
 * before the update are added to '*sum'. Loss that is not finite leaves the
 * weights as they are and is in '*sum'. Returns REAP_OK or what the team's
 * share() returned.
 */
int reap_fit_step(struct reap_fit *f, const struct reap_fit_batch *batch,
                  const struct reap_fit_batch *next, double rate,
                  struct reap_fit_score *sum,
                  struct reap_err *err) REAP_MUST_CHECK;

/* Forward and loss only, without dropout; as reap_fit_step() otherwise. */
int reap_fit_try(struct reap_fit *f, const struct reap_fit_batch *batch,
                 const struct reap_fit_batch *next, struct reap_fit_score *sum,
                 struct reap_err *err) REAP_MUST_CHECK;

/* Steps done. Together with the weights and both moments that is all a fit
 * needs to resume. */
uint64_t reap_fit_steps(const struct reap_fit *f);
void reap_fit_set_steps(struct reap_fit *f, uint64_t steps);

/* Weights, first and second moments, each in the form of a head. */
enum reap_fit_part { REAP_FIT_WEIGHTS, REAP_FIT_FIRST, REAP_FIT_SECOND };

/* Copy a part to a head of this shape; all ranks call it and get all of it. */
int reap_fit_get(struct reap_fit *f, enum reap_fit_part part,
                 struct reap_head *to, struct reap_err *err) REAP_MUST_CHECK;

/* Copy a part from a head of this shape. */
void reap_fit_set(struct reap_fit *f, enum reap_fit_part part,
                  const struct reap_head *from);

/* A head of this shape, all zero. '*out' is owned. REAP_OK or REAP_ENOMEM. */
int reap_fit_head(const struct reap_fit *f, struct reap_head **out,
                  struct reap_err *err) REAP_MUST_CHECK;

/* The l2 penalty of a head's kernels, summed in double. */
double reap_fit_penalty(const struct reap_head *h, double l2);

/* Free '*f', which becomes NULL; NULL does nothing. */
void reap_fit_free(struct reap_fit **f);

#endif /* REAP_ENGINE_FIT_FIT_H */
