/*
 * The files of tests/samples, as PyTorch, Keras and h5py wrote them: the right
 * numbers in each, and an answer to each way of spoiling it.
 */
#include <stdlib.h>
#include <string.h>
#include <math.h>

#include "engine/base/mem.h"
#include "io/weights/keras/keras_order.h"
#include "io/weights/weights.h"
#include "tests/tap.h"

static const struct tensor {
    const char *name;
    size_t count;
    int j; /* element k is k % 64 + j */
} keras[] = { { "conv1_conv/kernel", 108, 0 },
              { "conv1_conv/bias", 4, 1 },
              { "conv1_bn/gamma", 4, 2 },
              { "conv1_bn/beta", 4, 3 },
              { "conv1_bn/moving_mean", 4, 4 },
              { "conv1_bn/moving_variance", 4, 5 },
              { "predictions/kernel", 12, 6 },
              { "predictions/bias", 3, 7 },
              { NULL, 0, 0 } },
  torch[] = { { "conv1.weight", 108, 0 },  { "bn1.weight", 4, 2 },
              { "bn1.bias", 4, 3 },        { "bn1.running_mean", 4, 4 },
              { "bn1.running_var", 4, 5 }, { "fc.weight", 12, 6 },
              { "fc.bias", 3, 7 },         { NULL, 0, 0 } },
  linear[] = { { NULL, 0, 0 } }; /* its numbers are torch's own */

static const struct sample {
    const char *file, *format;
    const struct tensor *tensor;
    size_t n_head;
    enum reap_activation act;
    double age; /* what the variance is larger by */
} samples[] = {
    { "plain.pth", "pth", torch, 0, REAP_LINEAR, 0 },
    { "plain_legacy.pth", "pth-legacy", torch, 0, REAP_LINEAR, 0 },
    { "checkpoint.pth", "pth", torch, 0, REAP_LINEAR, 0 },
    { "checkpoint_legacy.pth", "pth-legacy", torch, 0, REAP_LINEAR, 0 },
    { "beside2.pth", "pth", torch, 0, REAP_LINEAR, 0 },
    { "beside3.pth", "pth", torch, 0, REAP_LINEAR, 0 },
    { "beside4.pth", "pth", torch, 0, REAP_LINEAR, 0 },
    { "beside5.pth", "pth", torch, 0, REAP_LINEAR, 0 },
    { "arrays2.pth", "pth", torch, 0, REAP_LINEAR, 0 },
    { "arrays3.pth", "pth", torch, 0, REAP_LINEAR, 0 },
    { "arrays4.pth", "pth", torch, 0, REAP_LINEAR, 0 },
    { "arrays5.pth", "pth", torch, 0, REAP_LINEAR, 0 },
    { "module.pth", "pth", linear, 0, REAP_LINEAR, 0 },
    { "flat.h5", "h5", keras, 1, REAP_SOFTMAX, 0 },
    { "flat.weights.h5", "weights.h5", keras, 0, REAP_LINEAR, 0 },
    { "flat.keras", "keras", keras, 1, REAP_SOFTMAX, 0 },
    { "nested.h5", "h5", keras, 1, REAP_SIGMOID, 0 },
    { "nested.weights.h5", "weights.h5", keras, 0, REAP_LINEAR, 0 },
    { "nested.keras", "keras", keras, 1, REAP_SIGMOID, 0 },
    { "old.h5", "h5", keras, 0, REAP_LINEAR, 1e-3 - 1.001e-5 },
};

static const struct {
    const char *file, *says;
} refused[] = {
    { "evil.pth", "conv1.weight: it would have to be made by calling "
                  "posix.system: this file wants to run code" },
    { "other.h5", "not of Keras" },
    { "linked.h5", "link" },
    { "packed.h5", "not compressed" },
};

enum { N_SAMPLES = sizeof(samples) / sizeof(*samples), MAX = 1 << 16 };

/* The file's bytes in memory of exactly their size. */
static uint8_t *slurp(const char *file, size_t *len)
{
    static uint8_t big[MAX];
    char path[128];
    uint8_t *copy;
    FILE *f;

    snprintf(path, sizeof(path), "tests/samples/%s", file);
    f = fopen(path, "rb");
    *len = f ? fread(big, 1, MAX, f) : 0;
    if (f)
        fclose(f);
    copy = malloc(*len + !*len);
    if (!copy)
        abort();
    return memcpy(copy, big, *len);
}

static bool right(const struct reap_weights *w, const struct sample *s)
{
    for (const struct tensor *t = s->tensor; t->name; t++) {
        const struct reap_param *p = reap_params_find(w->params, t->name);
        const bool var = strstr(t->name, "variance") != NULL;

        if (!p || p->count != t->count)
            return false;
        for (size_t k = 0; k < p->count; k++)
            if (fabs(p->data[k] - (double)(k % 64) - t->j -
                     (var ? s->age : 0)) > (s->age > 0 ? 1e-6 : 0))
                return false;
    }
    return true;
}

static void read_one(const struct sample *s)
{
    struct reap_weights *w;
    struct reap_err err = { 0 };
    size_t len;
    uint8_t *file = slurp(s->file, &len);

    if (reap_weights_parse(&w, (struct reap_bytes){ file, len }, &err)) {
        ok(0, "%s: %s", s->file, err.msg);
    } else {
        ok(!strcmp(w->format, s->format) && right(w, s), "%s: %s", s->file,
           w->format);
        ok(w->n_head == s->n_head && (!w->n_head || w->head[0] == s->act),
           "%s: %zu activations", s->file, w->n_head);
        if (s->tensor == linear)
            ok(reap_params_find(w->params, "a.weight") &&
                   reap_params_find(w->params, "a.bias"),
               "%s: the parts of a pickled module are there", s->file);
        reap_weights_free(&w);
    }
    free(file);
}

static void refuse_one(const char *name, const char *says)
{
    struct reap_weights *w;
    struct reap_err err = { 0 };
    size_t len;
    uint8_t *file = slurp(name, &len);
    int rc = reap_weights_parse(&w, (struct reap_bytes){ file, len }, &err);

    ok(rc == REAP_EFORMAT && !w && strstr(err.msg, says), "%s: %s", name,
       err.msg);
    free(file);
}

/* Does the file, spoilt, get an answer? 1 if it is refused. */
static size_t answer(const uint8_t *from, size_t len)
{
    struct reap_weights *w;
    uint8_t *exact = malloc(len + !len);
    int rc;

    if (!exact)
        abort();
    memcpy(exact, from, len);
    rc = reap_weights_parse(&w, (struct reap_bytes){ exact, len }, NULL);
    reap_weights_free(&w);
    free(exact);
    return rc != REAP_OK;
}

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* All prefixes of small files, some of large ones; as many flipped bits. */
static void spoil(const char *name, size_t tries)
{
    size_t len, cut = 0, flipped = 0, n_cut = 0;
    uint8_t *file = slurp(name, &len);
    uint32_t seed = 1;

    for (size_t n = 0; n < len; n += 1 + len / tries, n_cut++)
        cut += answer(file, n);
    ok(cut == n_cut, "%s: each of %zu prefixes is refused", name, n_cut);
    for (size_t i = 0; i < tries; i++) {
        const size_t bit = next(&seed) % (len * 8);

        file[bit / 8] ^= (uint8_t)(1 << bit % 8);
        flipped += answer(file, len);
        file[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ok(flipped <= tries, "%s: %zu of %zu flipped bits are refused", name,
       flipped, tries);
    free(file);
}

static void starve(const char *name)
{
    struct reap_weights *w = NULL;
    size_t len;
    uint8_t *file = slurp(name, &len);
    int rc = REAP_ENOMEM;
    long i;

    for (i = 1; rc == REAP_ENOMEM && i < 2000; i++) {
        reap_mem_fail_at(i);
        rc = reap_weights_parse(&w, (struct reap_bytes){ file, len }, NULL);
    }
    reap_mem_fail_at(0);
    ok(rc == REAP_OK, "%s: each of %ld allocations may fail", name, i - 2);
    reap_weights_free(&w);
    free(file);
}

static void orders(size_t convs, size_t norms, bool conv, size_t i,
                   const char *name)
{
    char is[64] = "nothing";

    reap_keras_order(convs, norms, conv, i, is, sizeof(is));
    ok(!strcmp(is, name), "layer %zu of %zu is %s", i, conv ? convs : norms,
       is);
}

int main(int argc, char **argv)
{
    const size_t tries = argc > 1 ? strtoul(argv[1], NULL, 10) : 300;

    for (size_t i = 0; i < N_SAMPLES; i++)
        read_one(&samples[i]);
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
        refuse_one(refused[i].file, refused[i].says);
    for (size_t i = 0; i < N_SAMPLES; i++) {
        /* HDF5 is read by a child each time, which takes its time */
        spoil(samples[i].file, samples[i].tensor != keras ? tries : tries / 10);
        starve(samples[i].file);
    }
    orders(53, 53, true, 0, "conv1_conv");
    orders(53, 53, true, 3, "conv2_block1_0_conv");
    orders(53, 53, true, 5, "conv2_block2_1_conv");
    orders(53, 53, false, 52, "conv5_block3_3_bn");
    orders(53, 49, false, 0, "conv2_block1_preact_bn");
    orders(53, 49, true, 3, "conv2_block1_0_conv");
    orders(53, 49, false, 48, "post_bn");
    orders(155, 155, true, 154, "conv5_block3_3_conv");
    return done();
}
