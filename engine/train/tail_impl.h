/* engine/train/tail_impl.h - what the files of the tail share */
#ifndef REAP_ENGINE_TRAIN_TAIL_IMPL_H
#define REAP_ENGINE_TRAIN_TAIL_IMPL_H

#include "engine/kern/ops.h"
#include "engine/train/loop.h"
#include "engine/train/tail.h"

#define REAP_TAIL_NONE ((size_t)-1)

/* Sides of a piece of work: columns of a product, and a gradient's tile. */
enum { REAP_TAIL_SLICE = 512, REAP_TAIL_ROWS = 512, REAP_TAIL_COLUMNS = 512 };

/* Floats that the ranks exchange at a time. */
enum { REAP_TAIL_PIECE = 1 << 18 };

/* A node that is trained. Its numbers lie in the vectors at 'at'. */
struct reap_tail_layer {
    const struct reap_node *node;
    struct reap_conv_task task; /* shapes; its groups are not merged */
    size_t at[REAP_T_KINDS];    /* kernel, bias, gamma, beta */
    int in, in2;                /* layers; -1: the border, -2: none */
    bool first_in, first_in2;   /* backward writes there first, others add */
    int slot;                   /* where the gradient of its output lies */
    float *out;                 /* (share, h, w, c) */
    float *mean, *sigma;        /* of its batch norm, (c); NULL: it has none */
    float *folded;              /* kernel times scale, for the way back */
    float *scale, *shift;       /* (c) */
};

struct reap_tail {
    struct reap_tail_args a;
    size_t n;                      /* layers */
    struct reap_tail_layer *layer; /* the last gives the features */
    struct reap_dense dense[REAP_TAIL_DENSE];
    size_t at_dense[REAP_TAIL_DENSE]; /* weights in the vectors; then biases */
    size_t border, share;             /* floats an image; most images here */
    size_t count;
    float *vector[REAP_TAIL_VECTORS];
    float *own;                    /* nearly all that follows, one block */
    float *input, *rows;           /* border features; windows of a layer */
    float *slot[REAP_GRAPH_NODES]; /* gradients of outputs */
    float *sums;                   /* (parts, most channels) */
    float *tile;                   /* (threads, levels, tile) of partial sums */
    float *pieces;                 /* (ranks, REAP_TAIL_PIECE) */
    float *pooled, *back;          /* (share, features) and its gradient */
    float *z[REAP_TAIL_DENSE], *drop[REAP_TAIL_DENSE]; /* (share, out) */
    float *dz[2];                                      /* (share, widest) */
    const float *target;
    double (*result)[REAP_TAIL_SUMS]; /* (all parts) */
    size_t batch;                     /* images of the batch in hand */
    struct reap_tail_share now;       /* this rank's share of it */
};

/* Image at which part p (of the whole batch) begins, counted from this rank's
 * first. */
size_t reap_tail_part(const struct reap_tail *t, size_t p);

/* The gradient of what layer i reads and gives; NULL for the border. */
static inline float *reap_tail_slot(const struct reap_tail *t, int i)
{
    return i < 0 ? NULL : t->slot[t->layer[i].slot];
}

static inline float *reap_tail_out(const struct reap_tail *t, int i)
{
    return i < 0 ? t->input : t->layer[i].out;
}

/* Does a convolution read its input as it lies? */
bool reap_tail_in_place(const struct reap_tail_layer *l);

/* Lay the windows of group g out, for all images of the share. */
void reap_tail_lay_rows(struct reap_tail *t, const struct reap_tail_layer *l,
                        size_t g);

/* tail_sums.c: a[i] += b[i]. */
void reap_tail_add(size_t n, const float *b, float *a);

/* A product over images, n outputs from k inputs, for the gradient of weights:
 * to (n, k) = sum over the images of dy * x, as a tree over the parts. */
struct reap_tail_product {
    const float *dy, *x; /* rows of the first image here */
    size_t ldy, ldx, n, k, pixels;
    float *to; /* rows 'ldt' apart */
    size_t ldt;
};
void reap_tail_weigh(struct reap_tail *t, const struct reap_tail_product *p);

/* Add the rows of t->sums up, as a tree over the parts, into 'to' (c). */
void reap_tail_add_parts(struct reap_tail *t, size_t c, float *to);

/* Fill vectors and running statistics from the tensors in t->a. */
int reap_tail_take(struct reap_tail *t, struct reap_err *err) REAP_MUST_CHECK;

/* The head: from the features of the last layer, and back to them. */
void reap_tail_head_forward(struct reap_tail *t, uint64_t dice, float *probs);
void reap_tail_head_backward(struct reap_tail *t);

/* Scale and shift of row o of a layer from its numbers. */
void reap_tail_fold_row(struct reap_tail *t, const struct reap_tail_layer *l,
                        size_t o);

#endif /* REAP_ENGINE_TRAIN_TAIL_IMPL_H */
