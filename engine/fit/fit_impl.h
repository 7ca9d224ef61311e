/*
 * engine/fit/fit_impl.h - how a fit lies in memory
 *
 * Inside engine/fit/. Let 'units' be the inputs of the last layer: the hidden
 * units or, of a linear head, the features; they are cut into blocks. Classes
 * are padded to groups of 16, hidden units to blocks of 64; what is padded is
 * zero and stays so. With b rows in a batch:
 *
 *   x        (b, ld)            the embeddings, ld a multiple of 16
 *   hidden   (block, 4, b, 16)  after ReLU and dropout
 *   part     (block, group, b, 16)  the block's part of the logits
 *   dz       (group, b, 16)     gradient of the loss by the logits
 */
#ifndef REAP_ENGINE_FIT_FIT_IMPL_H
#define REAP_ENGINE_FIT_FIT_IMPL_H

#include "engine/base/crew.h"
#include "engine/fit/fit.h"
#include "engine/kern/kernels.h"

enum {
    REAP_FIT_UNITS = 64, /* hidden units of a block */
    REAP_FIT_LANES = 16, /* classes of a group */
    REAP_FIT_TILE = 56,  /* features whose gradients are in hand at once */
    REAP_FIT_PARTS = 3
};

/* Some units with all that belongs to them; parts as in reap_fit_part. */
struct reap_fit_block {
    size_t first, n; /* units */
    /* (panel, in, nr): kernel of the hidden layer; NULL if linear */
    float *kernel[REAP_FIT_PARTS];
    float *bias[REAP_FIT_PARTS]; /* (REAP_FIT_UNITS) of the hidden layer */
    float *last[REAP_FIT_PARTS]; /* (group, width, 16) of the last layer */
    float *own;                  /* what these point into; NULL: another's */
};

/* What a thread needs for itself. */
struct reap_fit_desk {
    float *turned;   /* (panel, classes, nr): the block's last layer */
    float *down;     /* (4, b, 16): gradient by the hidden units */
    float *panel;    /* (panel, b, nr): the same, as weights of a product */
    float *gradient; /* of a tile of the kernel, or of the last layer */
    float *own;
};

struct reap_fit {
    struct reap_fit_args a;
    size_t ld, units,
        width; /* width: units of a block, the last may have less */
    size_t blocks, groups;
    size_t first, end;           /* blocks of this rank */
    size_t *owner;               /* (ranks + 1): first block of each rank */
    reap_conv_fn *wide, *narrow; /* nr of a panel, and 16 */
    reap_update_fn *update;
    size_t nr;
    struct reap_fit_block *block; /* blocks */
    float *bias[REAP_FIT_PARTS];  /* (groups * 16) of the last layer */
    float *weight;                /* (classes), class weights */
    float *x[2], *hidden, *part, *dz;
    double *loss, *right; /* (b) */
    float *zero;          /* a bias of zeros: 64 */
    struct reap_conv_step *by_row, *by_row_narrow, *by_dz, *by_class,
        *by_hidden; /* see fit_block.c */
    struct reap_crew *crew;
    struct reap_fit_desk *desk; /* threads */
    uint64_t steps, noise;      /* noise: the stream of dropout */
    float rate;                 /* of this step, corrected */
    /* the batch in x[now], and the one that is loaded into the other */
    struct reap_fit_batch here, next;
    int now;
    bool training;
    size_t n_steps; /* batch size that the tables of steps are for */
};

/* Tables of steps for batches of n rows. */
void reap_fit_tables(struct reap_fit *f, size_t n);

/* Hidden units and part of the logits of block 'u'. */
void reap_fit_forward(struct reap_fit *f, size_t u);

/* Gradients and update of block 'u', from dz. */
void reap_fit_backward(struct reap_fit *f, size_t u, struct reap_fit_desk *d);

/* Gradient and update of the last layer's bias. */
void reap_fit_last_bias(struct reap_fit *f);

/* Floats of a block's part that is exchanged: kernel, bias, last layer. */
size_t reap_fit_block_size(const struct reap_fit *f);

#endif /* REAP_ENGINE_FIT_FIT_IMPL_H */
