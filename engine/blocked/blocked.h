/*
 * engine/blocked/blocked.h - the parts of a blocked program
 *
 * A net is compiled into layers that run one after the other on groups of
 * images, over tensors of blocked pixels (engine/kern/kernels.h) in one arena.
 * All of it is constant after it was compiled, and shared by threads; a frame
 * says which images of which arena a layer works on.
 *
 * Used by the files of this folder only; engine/blocked/backend_blocked.h is
 * the face.
 */
#ifndef REAP_ENGINE_BLOCKED_BLOCKED_H
#define REAP_ENGINE_BLOCKED_BLOCKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "engine/base/crew.h"
#include "engine/kern/kernels.h"
#include "engine/plan/backend.h"

/* The kernels of one precision, and how its numbers lie. */
struct reap_ops {
    reap_conv_fn *conv, *group, *gemm; /* gemm: as conv, float32 out */
    reap_wino_in_fn *wino_in;
    reap_wino_out_fn *wino_out;
    reap_pool_fn *pool;
    reap_affine_fn *affine;
    reap_sum_fn *sum;                  /* or NULL */
    size_t conv_nr, group_nr, gemm_nr; /* channels of a panel */
    size_t chains;                     /* of conv and group: see tile.chains of
                                          engine/kern/kernels.h */
    size_t wino_m;
    size_t elem;  /* bytes of a number: 4, 2 or 1 */
    size_t block; /* channels of a pixel: 64 / elem */
    bool split;   /* wino_in parts even and odd channels */
    /* Tile registers, or NULL; then convolutions are tile.c's. */
    reap_tile_fn *tile;
    reap_tile_state_fn *enter, *leave;
    bool halves; /* a number is the sum of two, in two planes */
    const char *level, *arith, *arith_direct;
};

/*
 * What a node gives. Channels are rounded up to whole panels. Row y of a plane
 * begins at lead + y * row; the 'pad' columns after each row are zero and
 * serve as the margin of the next row as well, those in 'lead' as that of the
 * first. The input is no such tensor: its pixels are 3 numbers, its margins on
 * all sides are zero.
 *
 * On tile registers there are 'pad' rows of zeros above and below as well
 * (framed), or sixteen images lie side by side, pixel by pixel, without any
 * margin (lanes). Then all planes of a pixel follow each other (by_pixel), if
 * nobody reads it together with its neighbours. Numbers in halves have the
 * planes of their low parts after those of the high ones.
 */
struct reap_tensor {
    size_t h, w, c, blocks, pad;
    size_t lanes, planes; /* images in a pixel; planes of an image */
    ptrdiff_t lead, row, plane, image, low; /* bytes */
    ptrdiff_t pixel;                        /* from one to the next */
    bool framed, by_pixel;
    float scale;        /* what 1 stands for in a tensor of bytes, else 1 */
    bool crosses;       /* lives from one stage of the program to the next */
    size_t slots;       /* images it has room for */
    size_t at;          /* bytes from the start of the arena */
    size_t first, last; /* layers that write and read it */
    bool used;
};

struct reap_frame {
    char *arena;
    struct reap_crew *crew; /* NULL: this thread is alone */
    size_t thread, threads; /* which of how many that do this layer */
    size_t first, n;        /* images of the chunk that the layer works on */
    const void *const *images;
    float *const *out;
    size_t done; /* images of earlier chunks */
};

struct reap_span {
    uint32_t first, n;
};

/* Where each row of a convolution finds its taps: rows at the border have
 * fewer. Group convolutions have a list for each panel. */
struct reap_blocked_conv {
    size_t panels, kinds, dwords, dwords2;
    uint8_t *kind;               /* of each row of the output */
    struct reap_conv_step *step; /* all lists, one after the other */
    struct reap_span *span;      /* of a (class, kind) */
    struct reap_span second;     /* of the second input */
    bool grouped;                /* class is the panel, else 0 */
    size_t *panel_at;            /* bytes into w */
    size_t bytes, row_bytes;     /* of w; of the input for a row of output */
};

/* Tiles (engine/kern/kernels.h) that find their taps alike. */
struct reap_tile_kind {
    struct reap_span steps, tiles;
};

/* What a convolution on tile registers goes over for one image, or for all
 * images of a tensor with lanes. */
struct reap_tiles {
    size_t n, n_kinds, panels, panel_bytes, images;
    size_t pitch; /* of rows, if tiles go over them as if they were one, or 0 */
    struct reap_tile_kind *kind;
    struct reap_conv_step *step;
    struct reap_span second;               /* of the second input */
    int32_t *at, *at2, *place, *res_place; /* see struct reap_tile_run */
    ptrdiff_t stride, stride2;             /* bytes between rows */
};

struct reap_program;
struct reap_blocked_layer;

/* Fill in the weights of a layer, for which there is room. */
typedef int reap_pack_fn(const struct reap_program *p,
                         struct reap_blocked_layer *l, struct reap_err *err);

struct reap_blocked_layer {
    void (*run)(const struct reap_program *p,
                const struct reap_blocked_layer *l, const struct reap_frame *f);
    size_t node;
    bool paired;      /* goes in turn with the layer after it, see pair.c */
    int in, in2, res; /* nodes; in2: the second input of a convolution */
    size_t stride, stride2;
    float floor;
    /* Packed weights, their sizes in bytes as the plan says, 0 for none, and
     * what fills them in. */
    char *w;
    float *bias, *scale;
    size_t w_bytes, bias_bytes, scale_bytes;
    reap_pack_fn *pack;
    struct reap_blocked_conv conv;
    struct reap_tiles tile;
    struct reap_conv_step *wino_step;
    size_t wino_bytes; /* of weights */
    size_t tiles;      /* of Winograd at once */
    size_t group;      /* images at once */
    size_t scratch;    /* bytes */
};

/* One run of layers with the same group of images. */
struct reap_stage {
    size_t first, n, group;
};

struct reap_program {
    struct reap_plan_args args;
    struct reap_probe *probes;
    struct reap_ops ops;
    const struct reap_net *net;
    struct reap_tensor *tensor; /* by node */
    int *second;                /* by node: the projection it contains, or -1 */
    struct reap_blocked_layer *layer;
    size_t n_layers;
    struct reap_stage *stage;
    size_t n_stages;
    size_t chunk;        /* images at once, at most */
    size_t side_by_side; /* the first layer whose images lie side by side */
    size_t scratch_at, scratch; /* scratch: bytes, for each thread */
    size_t arena;
    char *weights; /* of all layers; from args.blobs if 'kept' */
    size_t weights_bytes;
    bool kept;
    float norm[3][256];                  /* what each byte of a channel is */
    uint16_t half[3][256], rest[3][256]; /* the same as bfloat16, and what
                                            rounding leaves of it */
};

/* x as bfloat16, to nearest even, and back. */
static inline uint16_t reap_blocked_narrow(float x)
{
    uint32_t u;

    memcpy(&u, &x, sizeof(u));
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}
static inline float reap_blocked_widen(uint16_t half)
{
    const uint32_t u = (uint32_t)half << 16;
    float x;

    memcpy(&x, &u, sizeof(x));
    return x;
}

/*
 * A layer of a frame is done by all its threads, each a share of the outputs;
 * no sum is ever shared. A share of n things is from '*from' up to below what
 * is returned.
 */
static inline size_t reap_blocked_share(const struct reap_frame *f, size_t n,
                                        size_t *from)
{
    return reap_crew_share(n, f->thread, f->threads, from);
}

/* Wait for the other threads of the frame. */
static inline void reap_blocked_meet(const struct reap_frame *f)
{
    if (f->crew)
        reap_crew_meet(f->crew);
}

/* Scratch memory of this thread. */
static inline char *reap_blocked_scratch(const struct reap_program *p,
                                         const struct reap_frame *f)
{
    return f->arena + p->scratch_at + f->thread * p->scratch;
}

/* First pixel of row y of block 0 of image i of the frame. */
static inline char *reap_blocked_row(const struct reap_tensor *t,
                                     const struct reap_frame *f, size_t i,
                                     size_t y)
{
    size_t slot = i + (t->crosses ? f->first : 0);

    return f->arena + t->at + slot / t->lanes * (size_t)t->image +
           slot % t->lanes * REAP_PIXEL + t->lead + (ptrdiff_t)y * t->row;
}

/* program.c: which layers there are. */
int reap_blocked_program(struct reap_program *p,
                         struct reap_err *err) REAP_MUST_CHECK;
/* memory.c: where tensors lie. */
int reap_blocked_memory(struct reap_program *p,
                        struct reap_err *err) REAP_MUST_CHECK;
/* packed.c: room for the weights of all layers, filled in by their pack(). */
int reap_blocked_weights(struct reap_program *p,
                         struct reap_err *err) REAP_MUST_CHECK;
void reap_blocked_weights_free(struct reap_program *p);
/* pack.c, wino_int8.c: weights as kernels want them. */
reap_pack_fn reap_blocked_pack, reap_blocked_pack_wino,
    reap_blocked_pack_wino_int8;
/* Whether a layer of bytes was packed for Winograd, or for direct sums. */
bool reap_blocked_wino_packed(const struct reap_blocked_layer *l);
/* chains.c: weights of 'dwords' dwords, (dword, nr) dwords, at places 'at', as
 * struct reap_chains. What it works with takes up to as many dwords as it was
 * made for; NULL without memory. */
struct reap_chainer;
struct reap_chainer *reap_blocked_chainer(size_t dwords);
void reap_blocked_chainer_free(struct reap_chainer **c);
void reap_blocked_chains(struct reap_chainer *c, char *step,
                         const signed char *w, const int32_t *at, size_t dwords,
                         size_t nr);
size_t reap_blocked_chain_bytes(size_t dwords, size_t nr);
/* Bytes of packed weights of a step. */
static inline size_t reap_blocked_step(const struct reap_ops *o, size_t dwords,
                                       size_t nr)
{
    return o->chains ? reap_blocked_chain_bytes(dwords, nr) : dwords * nr * 4;
}
/* Bytes from a pixel to the first dword of slice 'c' of 'slice' bytes. */
static inline ptrdiff_t reap_blocked_slice(const struct reap_tensor *in,
                                           size_t c, size_t slice)
{
    return (ptrdiff_t)(c * slice / REAP_PIXEL) * in->plane +
           (ptrdiff_t)(c * slice % REAP_PIXEL);
}

/* x in steps as a signed byte, to nearest even: adding what leaves no room for
 * digits after the point rounds, and compilers make vectors of it. */
static inline double reap_blocked_byte(double x, double step)
{
    const double big = 6755399441055744.0; /* 1.5 * 2^52 */
    const double q = x / step + big - big;

    return q > 127 ? 127 : q < -127 ? -127 : q;
}

/* int8.c: which nets can be done in bytes, the steps of weights and sums. */
int reap_blocked_int8_check(struct reap_program *p,
                            struct reap_err *err) REAP_MUST_CHECK;
/* What a number of channel i of node's input is worth, without the shift of
 * an image's mean. */
double reap_blocked_int8_worth(const struct reap_program *p, int node,
                               size_t i);
/* Fills bias (int32) and scale of a layer, and step[o], what 1 of a weight and
 * of a sum stands for in channel o. */
int reap_blocked_int8_layer(const struct reap_program *p,
                            const struct reap_blocked_layer *l, double *step,
                            struct reap_err *err) REAP_MUST_CHECK;
/* share.c: what a thread does of a grid of panels by rows: rows row..row_end of
 * panels panel..panel_end. */
struct reap_part {
    size_t panel, panel_end, row, row_end;
};
enum { REAP_PARTS = 3 };
/* The parts of the frame's thread, at most REAP_PARTS; returns how many. 'nr'
 * is the channels of a panel. */
size_t reap_blocked_parts(const struct reap_program *p,
                          const struct reap_blocked_layer *l,
                          const struct reap_frame *f, size_t panels, size_t nr,
                          size_t rows, struct reap_part *part);
/* conv.c, wino.c, plane.c: layers. */
int reap_blocked_conv_plan(struct reap_program *p, struct reap_blocked_layer *l,
                           struct reap_err *err) REAP_MUST_CHECK;
/* slices.c: the 16-channel slices of the input (cin channels) that a panel of
 * 'nr' channels of a group convolution needs. */
void reap_blocked_slices(const struct reap_node *n, size_t cin, size_t nr,
                         size_t panel, size_t *first, size_t *count);
/* tile.c: layers on tile registers. Frees what the plan made. */
int reap_blocked_tile_plan(struct reap_program *p, struct reap_blocked_layer *l,
                           struct reap_err *err) REAP_MUST_CHECK;
void reap_blocked_tile_clear(struct reap_tiles *t);
/* A run over the tiles of image i of the frame, or of the images from i on that
 * lie side by side. */
struct reap_tile_run reap_blocked_tile_aim(const struct reap_program *p,
                                           const struct reap_blocked_layer *l,
                                           const struct reap_frame *f,
                                           size_t i);
/* Some of its tiles, all of one kind, by all panels. */
void reap_blocked_tile_some(const struct reap_program *p,
                            const struct reap_blocked_layer *l,
                            const struct reap_frame *f,
                            const struct reap_tile_run *all, size_t first,
                            size_t n);
/* laps.c: add the time since '*since' to that of layer i, if
 * somebody wants to know; it is now then. */
void reap_blocked_lap(double *seconds, size_t i, double *since);
/* pair.c: whether layers i and i + 1 can go in turn; both of them. */
bool reap_blocked_pairs(const struct reap_program *p, size_t i);
void reap_blocked_pair(const struct reap_program *p, size_t i,
                       const struct reap_frame *f, double *seconds,
                       double *since);
/* slices.c: the blocks of channels of the input that a panel reads. */
void reap_blocked_tile_blocks(const struct reap_program *p,
                              const struct reap_blocked_layer *l, size_t panel,
                              size_t *first, size_t *count);
bool reap_blocked_wino_fits(const struct reap_program *p, size_t node);
int reap_blocked_wino_plan(struct reap_program *p, struct reap_blocked_layer *l,
                           struct reap_err *err) REAP_MUST_CHECK;
void reap_blocked_affine_plan(struct reap_program *p,
                              struct reap_blocked_layer *l);
typedef void reap_blocked_fn(const struct reap_program *p,
                             const struct reap_blocked_layer *l,
                             const struct reap_frame *f);
reap_blocked_fn reap_blocked_conv, reap_blocked_wino, reap_blocked_maxpool,
    reap_blocked_affine, reap_blocked_subsample, reap_blocked_input,
    reap_blocked_tile;
/* The zero columns of a tensor that a layer has written. */
void reap_blocked_margins(const struct reap_tensor *t,
                          const struct reap_frame *f);
/* probes.c: what leaves the program. */
bool reap_blocked_probed(const struct reap_program *p, size_t node);
void reap_blocked_probes(const struct reap_program *p, size_t node,
                         const struct reap_frame *f);

#endif /* REAP_ENGINE_BLOCKED_BLOCKED_H */
