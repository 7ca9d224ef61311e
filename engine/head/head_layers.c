/* Dense layers in one block of memory, run by the kernels of engine/kern. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/cpu.h"
#include "engine/base/mem.h"
#include "engine/head/head.h"
#include "engine/head/head_layers.h"
#include "engine/kern/ops.h"

/* Numbers of all layers; 0 if they are too many to count. */
static size_t head_layers_numbers(size_t n, const size_t *width)
{
    size_t sum = 0, layer;

    for (size_t i = 0; i < n; i++) {
        if (__builtin_mul_overflow(width[i] + 1, width[i + 1], &layer) ||
            __builtin_add_overflow(sum, layer, &sum))
            return 0;
    }
    return sum <= SIZE_MAX / sizeof(float) ? sum : 0;
}

/* Lay layer i out at 'at'; returns where the next one goes. */
static float *head_layers_lay(struct reap_head *h, size_t i,
                              const size_t *width, float *at)
{
    struct reap_dense *d = &h->dense[i];

    if (i)
        snprintf(d->name, sizeof(d->name), "dense_%zu", i);
    else
        strcpy(d->name, "dense");
    d->in = width[i];
    d->out = width[i + 1];
    d->act = REAP_RELU;
    d->weight = at;
    d->bias = at + d->in * d->out;
    return at + (d->in + 1) * d->out;
}

int reap_head_new(struct reap_head **out, size_t n, const size_t *width,
                  enum reap_activation last, struct reap_err *err)
{
    struct reap_head *h = NULL;
    struct reap_kernels kernels;
    unsigned cpu;
    float *at;
    int rc;

    *out = NULL;
    if (!n || n > REAP_HEAD_LAYERS)
        return reap_fail(err, REAP_EINVAL,
                         "a head has 1 to %d layers; %zu were asked for",
                         REAP_HEAD_LAYERS, n);
    for (size_t i = 0; i <= n; i++)
        if (!width[i])
            return reap_fail(err, REAP_EINVAL, "a layer of width 0");
    rc = reap_cpu_detect(&cpu, err);
    if (rc)
        return rc;
    if (head_layers_numbers(n, width))
        h = reap_calloc(1, sizeof(*h));
    if (h)
        h->own = reap_calloc(head_layers_numbers(n, width), sizeof(float));
    if (!h || !h->own) {
        reap_free(h);
        return reap_fail(err, REAP_ENOMEM, "no memory for a head");
    }
    reap_kernels_init(&kernels, cpu);
    h->kernel = kernels.dense_f32.fn;
    h->n = n;
    h->temperature = 1;
    at = h->own;
    for (size_t i = 0; i < n; i++)
        at = head_layers_lay(h, i, width, at);
    h->dense[n - 1].act = last;
    *out = h;
    return REAP_OK;
}

size_t reap_head_numbers(const struct reap_head *h)
{
    size_t n = 0;

    for (size_t i = 0; i < h->n; i++)
        n += (h->dense[i].in + 1) * h->dense[i].out;
    return n;
}

size_t reap_head_in(const struct reap_head *h)
{
    return h->dense[0].in;
}

size_t reap_head_classes(const struct reap_head *h)
{
    return h->dense[h->n - 1].out;
}

float *reap_head_weight(struct reap_head *h, size_t i)
{
    return h->own + (h->dense[i].weight - h->own);
}

float *reap_head_bias(struct reap_head *h, size_t i)
{
    return h->own + (h->dense[i].bias - h->own);
}

void reap_head_set_kernel(struct reap_head *h, size_t i, const float *kernel)
{
    const struct reap_dense *d = &h->dense[i];
    float *to = reap_head_weight(h, i);

    for (size_t o = 0; o < d->out; o++)
        for (size_t x = 0; x < d->in; x++)
            to[o * d->in + x] = kernel[x * d->out + o];
}

void reap_head_get_kernel(const struct reap_head *h, size_t i, float *kernel)
{
    const struct reap_dense *d = &h->dense[i];

    for (size_t o = 0; o < d->out; o++)
        for (size_t x = 0; x < d->in; x++)
            kernel[x * d->out + o] = d->weight[o * d->in + x];
}

size_t reap_head_scratch(const struct reap_head *h, size_t n)
{
    size_t sum = 0;

    for (size_t i = 0; i < h->n; i++)
        sum += h->dense[i].out;
    return n * sum;
}

void reap_head_cool(float temperature, size_t n, float *logits)
{
    if (!(temperature > 0) || temperature == 1)
        return;
    for (size_t i = 0; i < n; i++)
        logits[i] /= temperature;
}

void reap_head_run(const struct reap_head *h, size_t n, const float *x,
                   float *logits, float *probs, float *scratch)
{
    const struct reap_dense *last = &h->dense[h->n - 1];
    float *at = scratch;

    for (size_t i = 0; i < h->n; i++) {
        const struct reap_dense *d = &h->dense[i];

        reap_dense_part(h->kernel, d, 0, d->out, n, x, at);
        if (d != last)
            reap_head_activate(d->act, n, d->out, at, at);
        x = at;
        at += n * d->out;
    }
    at -= n * last->out;
    reap_head_cool(h->temperature, n * last->out, at);
    if (logits)
        memcpy(logits, at, n * last->out * sizeof(*at));
    if (probs)
        reap_head_activate(last->act, n, last->out, at, probs);
}

void reap_head_free(struct reap_head **h)
{
    if (!*h)
        return;
    reap_free((*h)->own);
    reap_free(*h);
    *h = NULL;
}
