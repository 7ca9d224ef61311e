/* The packed weights of all layers: one block of memory, in huge pages, or a
 * blob that was kept since an earlier start. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/blocked/blocked.h"
#include "engine/net/model.h"

/* Give out 'bytes' of the block from '*at' on; NULL for none. */
static void *packed_part(const struct reap_program *p, size_t bytes, size_t *at)
{
    char *to = bytes && p->weights ? p->weights + *at : NULL;

    *at += (bytes + REAP_PIXEL - 1) / REAP_PIXEL * REAP_PIXEL;
    return to;
}

/* Point the layers at their places in the block, if it is there; returns how
 * many bytes it has. */
static size_t places(struct reap_program *p)
{
    size_t at = 0;

    for (size_t i = 0; i < p->n_layers; i++) {
        struct reap_blocked_layer *l = &p->layer[i];

        l->w = packed_part(p, l->w_bytes, &at);
        l->bias = packed_part(p, l->bias_bytes, &at);
        l->scale = packed_part(p, l->scale_bytes, &at);
    }
    return at;
}

/* The numbers of the plan that decide bytes of the block. */
static void write_plan(const struct reap_program *p, FILE *f)
{
    const struct reap_ops *o = &p->ops;
    const struct reap_norm *n = &p->args.norm;

    fprintf(f, "%s %s %s %s cpu=%x\n", p->args.id, p->net->model->name,
            o->arith, p->args.exact ? "exact" : "", p->args.cpu);
    fprintf(f, "nr=%zu,%zu,%zu chains=%zu wino=%zu elem=%zu block=%zu split=%d",
            o->conv_nr, o->group_nr, o->gemm_nr, o->chains, o->wino_m, o->elem,
            o->block, o->split);
    fprintf(f, " tile=%d halves=%d\n", o->tile != NULL, o->halves);
    fprintf(f, "div=%a bgr=%d float=%d", (double)n->div, n->bgr, n->float_in);
    for (int i = 0; i < 3; i++)
        fprintf(f, " mean=%a std=%a", (double)n->mean[i], (double)n->std[i]);
    for (size_t i = 0; i < p->n_layers; i++) {
        const struct reap_blocked_layer *l = &p->layer[i];

        fprintf(f, "\n%zu: %d %d %d pad=%zu %zu %zu %zu", l->node, l->in,
                l->in2, l->res, p->tensor[l->in < 0 ? 0 : l->in].pad,
                l->w_bytes, l->bias_bytes, l->scale_bytes);
        if (o->chains && l->in >= 0) /* places are among the weights */
            fprintf(f, " %td %td %td", p->tensor[l->in].row,
                    p->tensor[l->in].plane,
                    p->tensor[l->in2 < 0 ? 0 : l->in2].plane);
    }
    fputc('\n', f);
}

/* All that decides the bytes of the block, as bytes. Owned, by free(). */
static char *key_of(const struct reap_program *p, size_t *len)
{
    const float *quantized = p->net->quantized;
    char *key = NULL;
    FILE *f = open_memstream(&key, len);
    bool bad;

    if (!f)
        return NULL;
    write_plan(p, f);
    if (quantized)
        fwrite(quantized, sizeof(*quantized),
               p->net->n_nodes + reap_net_shifts(p->net), f);
    bad = ferror(f) != 0;
    if (fclose(f) || bad) {
        free(key);
        return NULL;
    }
    return key;
}

/* Take the block from where it was kept. '*asked': keep() or give_up() has to
 * follow. */
static void packed_take(struct reap_program *p, bool *asked)
{
    const struct reap_blobs *b = p->args.blobs;
    size_t len = 0;
    char *key = b ? key_of(p, &len) : NULL;

    *asked = false;
    if (!key)
        return;
    /* The layers' pointers are not const since pack() writes through them;
     * nothing writes to weights that were taken. */
    p->weights = (char *)b->take(b->own, key, len, p->weights_bytes);
    free(key);
    p->kept = p->weights != NULL;
    *asked = !p->kept;
}

/* The padding after the last number of a part goes to files as well. */
static void clear_tail(void *part, size_t bytes)
{
    const size_t room = (bytes + REAP_PIXEL - 1) / REAP_PIXEL * REAP_PIXEL;
    const size_t tail = room < 2 * REAP_PIXEL ? room : 2 * REAP_PIXEL;

    if (bytes)
        memset((char *)part + room - tail, 0, tail);
}

static int pack_layer(const struct reap_program *p,
                      struct reap_blocked_layer *l, struct reap_err *err)
{
    clear_tail(l->w, l->w_bytes);
    clear_tail(l->bias, l->bias_bytes);
    clear_tail(l->scale, l->scale_bytes);
    return l->pack ? l->pack(p, l, err) : REAP_OK;
}

static int pack_all(struct reap_program *p, struct reap_err *err)
{
    int rc = reap_net_fold(p->net, err);

    if (rc)
        return rc;
    p->weights = reap_aligned(p->weights_bytes);
    if (!p->weights)
        return reap_fail(err, REAP_ENOMEM, "no memory for packed weights");
    places(p);
    for (size_t i = 0; i < p->n_layers && !rc; i++)
        rc = pack_layer(p, &p->layer[i], err);
    return rc;
}

/* Keep what was packed, and use the kept bytes from here on: other processes
 * share them. */
static void packed_keep(struct reap_program *p)
{
    const struct reap_blobs *b = p->args.blobs;
    const void *kept = b->keep(b->own, p->weights, p->weights_bytes);

    if (!kept)
        return;
    reap_free(p->weights);
    p->weights = (char *)kept;
    p->kept = true;
}

int reap_blocked_weights(struct reap_program *p, struct reap_err *err)
{
    const struct reap_blobs *b = p->args.blobs;
    bool asked;
    int rc = REAP_OK;

    p->weights_bytes = places(p);
    packed_take(p, &asked);
    if (!p->kept)
        rc = pack_all(p, err);
    if (asked && !rc)
        packed_keep(p);
    else if (asked)
        b->give_up(b->own);
    places(p);
    return rc;
}

void reap_blocked_weights_free(struct reap_program *p)
{
    const struct reap_blobs *b = p->args.blobs;

    if (p->kept)
        b->let_go(b->own, p->weights, p->weights_bytes);
    else
        reap_free(p->weights);
}
