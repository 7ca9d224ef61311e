/* The convolution kernels by themselves, every row of kernels.def that this
 * CPU can run: all widths of a tile, all shapes of an input, whole numbers to
 * the bit; buffers end at unmapped pages, canaries stand beside each result. */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/cpu.h"
#include "engine/blocked/blocked.h"
#include "engine/kern/kernels.h"
#include "tests/fill.h"
#include "tests/guard.h"
#include "tests/kern_help.h"
#include "tests/tap.h"

enum { STEPS = 3, MOST = 30 };

/* 'bytes' bytes of -1, 0 and 1 before an unmapped page. */
static char *numbers(size_t bytes, size_t elem)
{
    char *p = guard_new(bytes);

    for (size_t i = 0; i < bytes / elem; i++)
        kern_put(p, i, elem, (float)(rand() / 7 % 3 - 1));
    return p;
}

/* One call: shapes, and the buffers made for them. */
struct call {
    const struct kern *k;
    struct form f;
    size_t n, dwords, stride;
    bool second, res, relu;
    size_t in_bytes, step_bytes, w_bytes, out_bytes, block;
    struct reap_conv_step step[2][STEPS];
    struct reap_conv_run r;
    char *in, *w, *out, *residual;
    signed char *whole; /* weights before they were chained, as 'w' */
    float *bias, *scale;
};

/* The weights of each step put into chains. */
static void make_chains(struct call *c)
{
    struct reap_chainer *chainer = reap_blocked_chainer(c->dwords);
    const size_t dword = c->k->tile.nr * 4;
    signed char last_first[16 * 64];
    int32_t at[16];

    for (size_t step = 0; step < c->w_bytes; step += c->step_bytes) {
        for (size_t d = 0; d < c->dwords; d++) {
            const size_t from = c->dwords - 1 - d;

            at[d] = (int32_t)(4 * from);
            memcpy(last_first + d * dword, c->whole + step + from * dword,
                   dword);
        }
        reap_blocked_chains(chainer, c->w + step, last_first, at, c->dwords,
                            c->k->tile.nr);
    }
    reap_blocked_chainer_free(&chainer);
}

/* Bytes of all values instead, large biases, scales, and a residual's: sums of
 * a few bits times powers of two, so that floats are exact. */
static void make_bytes(struct call *c)
{
    for (size_t i = 0; i < c->in_bytes; i++)
        c->in[i] = (char)(c->n % 5 ? rand() >> 8 : 255);
    for (size_t i = 0; i < c->w_bytes; i++)
        c->w[i] = (char)(rand() >> 8);
    for (size_t i = 0; i < c->out_bytes; i++)
        c->residual[i] = (char)(rand() >> 8);
    for (size_t o = 0; o < c->k->tile.nr; o++) {
        int32_t b = rand() % 200000 - 100000;

        memcpy(&c->bias[o], &b, sizeof(b));
        c->scale[o] = 1.f / (float)(1 << (8 + o % 8));
    }
    c->r.scale = c->scale;
    c->r.res_scale = .75f;
    c->whole = malloc(c->w_bytes);
    memcpy(c->whole, c->w, c->w_bytes);
    if (c->k->tile.chains)
        make_chains(c);
}

/* Numbers of 16 bits up to what Winograd makes of bytes, and biases; sums may
 * wrap around. */
static void make_whole(struct call *c)
{
    for (size_t i = 0; i < c->in_bytes / 2; i++)
        ((int16_t *)(void *)c->in)[i] = (int16_t)(rand() / 7 % 34681 - 17340);
    for (size_t i = 0; i < c->w_bytes / 2; i++)
        ((int16_t *)(void *)c->w)[i] = (int16_t)(rand() / 7 % 12447 - 6223);
    for (size_t o = 0; o < c->k->tile.nr; o++) {
        const int32_t b = rand();

        memcpy(&c->bias[o], &b, sizeof(b));
    }
}

static void call_open(struct call *c)
{
    size_t nr = c->k->tile.nr, parts = c->second ? 2 : 1;
    size_t per_pixel = REAP_PIXEL / c->f.out_elem;

    /* A canary of one pixel before and behind each block. */
    c->block = (c->n + 2) * REAP_PIXEL;
    c->out_bytes = (nr + per_pixel - 1) / per_pixel * c->block;
    c->in_bytes =
        ((c->n - 1) * c->stride + 4 * c->dwords + STEPS * 4 + 63) / 64 * 64;
    c->step_bytes = c->dwords * nr * 4;
    if (c->k->tile.chains)
        c->step_bytes = reap_blocked_chain_bytes(c->dwords, nr);
    c->w_bytes = parts * STEPS * c->step_bytes;
    c->in = numbers(c->in_bytes, c->f.elem);
    c->w = numbers(c->w_bytes, c->f.elem);
    c->bias = (float *)numbers(nr * sizeof(float), sizeof(float));
    c->scale = (float *)numbers(nr * sizeof(float), sizeof(float));
    c->residual = numbers(c->out_bytes, c->f.out_elem);
    c->out = guard_new(c->out_bytes);
    memset(c->out, 0x5a, c->out_bytes);
    c->r =
        (struct reap_conv_run){ .n = c->n,
                                .n_parts = parts,
                                .w = c->w,
                                .bias = c->bias,
                                .out = c->out + REAP_PIXEL,
                                .res = c->res ? c->residual + REAP_PIXEL : NULL,
                                .out_block = (ptrdiff_t)c->block,
                                .res_block = (ptrdiff_t)c->block,
                                .floor = c->relu ? 0 : -INFINITY };
    for (size_t p = 0; p < parts; p++) {
        /* The last step ends where the input ends. */
        for (size_t s = 0; s < STEPS; s++)
            c->step[p][s] = (struct reap_conv_step){
                (int32_t)(s * 4 +
                          (s + 1 == STEPS
                               ? c->in_bytes - STEPS * 4 + 4 -
                                     (c->n - 1) * c->stride - 4 * c->dwords
                               : 0)),
                (int32_t)((p * STEPS + s) * c->step_bytes)
            };
        c->r.part[p] = (struct reap_conv_part){ c->in, (ptrdiff_t)c->stride,
                                                c->step[p], STEPS, c->dwords };
    }
    if (c->f.elem == 1)
        make_bytes(c);
    if (c->f.whole)
        make_whole(c);
}

static void call_close(struct call *c)
{
    free(c->whole);
    guard_free(c->in, c->in_bytes);
    guard_free(c->w, c->w_bytes);
    guard_free(c->bias, c->k->tile.nr * sizeof(float));
    guard_free(c->scale, c->k->tile.nr * sizeof(float));
    guard_free(c->residual, c->out_bytes);
    guard_free(c->out, c->out_bytes);
}

/* Channel o of pixel p of bytes, as kernels.h defines it. */
static unsigned char expected_byte(const struct call *c, size_t p, size_t o,
                                   size_t at)
{
    size_t nr = c->k->tile.nr;
    int32_t sum;
    float y;

    memcpy(&sum, &c->bias[o], sizeof(sum));
    for (size_t q = 0; q < c->r.n_parts; q++)
        for (size_t s = 0; s < STEPS; s++)
            for (size_t d = 0; d < 4 * c->dwords; d++)
                sum += (unsigned char)
                           c->in[p * c->stride + (size_t)c->step[q][s].in + d] *
                       c->whole[(size_t)c->step[q][s].w + (d / 4 * nr + o) * 4 +
                                d % 4];
    y = (float)sum * c->scale[o];
    if (c->res)
        y = fmaf((float)(unsigned char)c->residual[at], c->r.res_scale, y);
    return (unsigned char)fminf(255, fmaxf(0, rintf(y)));
}

/* Channel o of pixel p of whole numbers, modulo 2^32. */
static uint32_t expected_whole(const struct call *c, size_t p, size_t o)
{
    uint32_t sum;

    memcpy(&sum, &c->bias[o], sizeof(sum));
    for (size_t q = 0; q < c->r.n_parts; q++)
        for (size_t s = 0; s < STEPS; s++)
            for (size_t e = 0; e < 2 * c->dwords; e++) {
                int16_t x, w;

                memcpy(&x,
                       c->in + p * c->stride + (size_t)c->step[q][s].in + 2 * e,
                       sizeof(x));
                memcpy(&w,
                       c->w + (size_t)c->step[q][s].w +
                           ((e / 2 * c->k->tile.nr + o) * 2 + e % 2) * 2,
                       sizeof(w));
                sum += (uint32_t)(x * w);
            }
    return sum;
}

/* Channel o of pixel p, as kernels.h defines it. */
static float expected(const struct call *c, size_t p, size_t o, size_t at)
{
    size_t nr = c->k->tile.nr;
    float sum = c->bias[o];

    for (size_t q = 0; q < c->r.n_parts; q++)
        for (size_t s = 0; s < STEPS; s++)
            for (size_t d = 0; d < c->dwords; d++)
                for (size_t e = 0; e < c->f.pair; e++)
                    sum += kern_get(c->in + p * c->stride + c->step[q][s].in,
                                    d * c->f.pair + e, c->f.elem) *
                           kern_get(c->w + c->step[q][s].w,
                                    (d * nr + o) * c->f.pair + e, c->f.elem);
    if (c->res)
        sum += kern_get(c->residual, at, c->f.out_elem);
    return c->relu && sum < 0 ? 0 : sum;
}

/* Whether every number is right and every other byte as it was. */
static bool right(const struct call *c)
{
    size_t per_pixel = REAP_PIXEL / c->f.out_elem, nr = c->k->tile.nr;

    for (size_t at = 0; at < c->out_bytes / c->f.out_elem; at++) {
        size_t block = at * c->f.out_elem / c->block;
        size_t p = at * c->f.out_elem % c->block / REAP_PIXEL;
        size_t o = block * per_pixel + at % per_pixel;
        uint32_t was = 0;

        memset(&was, 0x5a, c->f.out_elem);
        if (p == 0 || p > c->n || o >= nr) {
            if (memcmp(c->out + at * c->f.out_elem, &was, c->f.out_elem))
                return false;
        } else if (c->f.elem == 1) {
            if ((unsigned char)c->out[at] != expected_byte(c, p - 1, o, at))
                return false;
        } else if (c->f.whole) {
            const uint32_t sum = expected_whole(c, p - 1, o);

            if (memcmp(c->out + at * sizeof(sum), &sum, sizeof(sum)))
                return false;
        } else if (kern_get(c->out, at, c->f.out_elem) !=
                   expected(c, p - 1, o, at)) {
            return false;
        }
    }
    return true;
}

static void try(const struct kern *k, bool second, bool res, bool relu)
{
    static const size_t dwords[] = { 16, 5 }, strides[] = { 64, 128, 24 };
    size_t wrong = 0;

    for (size_t n = 1; n <= MOST; n++) {
        struct call c = { .k = k,
                          .f = form_of(k->name),
                          .n = n,
                          .dwords = dwords[n % 2],
                          .stride = strides[n % 3],
                          .second = second,
                          .res = res,
                          .relu = relu };

        call_open(&c);
        ((reap_conv_fn *)k->fn)(&c.r);
        wrong += !right(&c);
        call_close(&c);
    }
    ok(!wrong, "%s%s%s%s: 1 to %d pixels", k->name,
       second ? ", second input" : "", res ? ", residual" : "",
       relu ? ", ReLU" : "", MOST);
}

int main(void)
{
    unsigned cpu;

    fill_seed();
    if (reap_cpu_detect(&cpu, NULL))
        return 1;
    for (size_t i = 0; i < kern_n; i++) {
        const struct kern *k = &kern[i];

        if (k->kind != KIND_conv)
            continue; /* see kern_tile.c, kern_plane.c; Winograd: kern_conv.c */
        if ((cpu & k->cpu) != k->cpu) {
            skip("%s: not on this CPU, or REAP_CPU forbids it", k->name);
            continue;
        }
        /* Whole numbers have neither residual nor ReLU. */
        for (int f = 0; f < (form_of(k->name).whole ? 2 : 8); f++)
            try(k, f & 1, f & 2, f & 4);
    }
    return done();
}
