#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "engine/base/mem.h"
#include "engine/base/rng.h"
#include "engine/net/graph.h"
#include "tests/sample.h"

static void die(const char *what, const char *name)
{
    printf("Bail out! %s: %s (tests start at the root of the tree)\n", name,
           what);
    exit(1);
}

struct reap_bytes sample_read(const char *name)
{
    struct reap_bytes b = { NULL, 0 };
    char path[300], *data;
    FILE *f;
    long n;

    snprintf(path, sizeof(path), "tests/golden/sample/%s", name);
    f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END) || (n = ftell(f)) < 0)
        die("cannot be read", path);
    rewind(f);
    data = malloc((size_t)n + 1);
    if (!data || fread(data, 1, (size_t)n, f) != (size_t)n)
        die("cannot be read", path);
    data[n] = '\0';
    fclose(f);
    b.data = (const uint8_t *)data;
    b.len = (size_t)n;
    return b;
}

void sample_sum(const void *data, size_t n, char out[65])
{
    unsigned char sum[32];

    SHA256(data, n, sum);
    for (size_t i = 0; i < 32; i++)
        snprintf(out + 2 * i, 3, "%02x", sum[i]);
}

/* Every word of 'a' is one of 'b'. */
static bool within(const char *a, const char *b)
{
    char words[300], *at = words, *word;

    snprintf(words, sizeof(words), "%s", a);
    while ((word = strsep(&at, "+"))) {
        const size_t n = strlen(word);
        const char *p = b;

        while ((p = strstr(p, word)) &&
               !((p == b || p[-1] == '+') && (!p[n] || p[n] == '+')))
            p++;
        if (!p)
            return false;
    }
    return true;
}

bool sample_same_words(const char *a, const char *b)
{
    return strlen(a) == strlen(b) && within(a, b) && within(b, a);
}

struct reap_params *sample_arrays(const char *name)
{
    struct reap_bytes b = sample_read(name);
    const char *at = (const char *)b.data, *end = at + b.len;
    struct reap_params *all;
    struct reap_param *p;
    size_t rank, dim[REAP_PARAM_DIMS];
    char word[100];
    int n;

    if (reap_params_new(&all, NULL))
        die("no memory", name);
    while (at < end) {
        if (sscanf(at, "%99s %zu%n", word, &rank, &n) != 2 ||
            rank > REAP_PARAM_DIMS)
            die("is not arrays by name", name);
        at += n;
        for (size_t i = 0; i < rank; i++) {
            if (sscanf(at, "%zu%n", &dim[i], &n) != 1)
                die("has a bad shape", name);
            at += n;
        }
        at++; /* the end of the line */
        if (reap_params_add(all, word, rank, dim, &p, NULL) ||
            (size_t)(end - at) < p->count * sizeof(float))
            die("ends early, or has no room", name);
        memcpy(p->data, at, p->count * sizeof(float));
        at += p->count * sizeof(float);
    }
    free((void *)(uintptr_t)b.data);
    return all;
}

const struct reap_param *sample_array(const struct reap_params *all,
                                      const char *name, size_t rank)
{
    const struct reap_param *p = reap_params_find(all, name);

    if (!p || p->rank != rank)
        die("is not in the sample", name);
    return p;
}

void sample_fill(float *to, size_t n, uint64_t seed, const char *name,
                 double lo, double hi)
{
    uint64_t s = reap_rng_stream(seed, name);

    for (size_t i = 0; i < n; i++)
        to[i] = (float)(lo + reap_rng_real(&s) * (hi - lo));
}

/* --- weights: the rule of made_weights.py --- */

static bool has(const char *name, const char *part)
{
    return strstr(name, part) != NULL;
}

static bool ends(const char *name, const char *part)
{
    const size_t n = strlen(name), m = strlen(part);

    return n >= m && !strcmp(name + n - m, part);
}

/* How far a kernel's numbers go, by the number of its inputs. */
static double kernel(const struct reap_model *m, const char *name,
                     const struct reap_param *p)
{
    const size_t outputs = p->dim[reap_model_keras(m) ? p->rank - 1 : 0];
    double gain = 1;

    if (p->rank == 2)
        gain = 3;
    else if (has(name, ".downsample.") || has(name, "_0_conv/"))
        gain = 0.75;
    else if (m->family == REAP_KERAS_V1 && has(name, "conv1_conv/"))
        gain = 1.0 / 64;
    else if (m->family == REAP_KERAS_V2 && has(name, "_3_conv/"))
        gain = 0.2;
    return gain * sqrt(6.0 / (double)(p->count / outputs));
}

/* A batch norm whose variances are of the size of epsilon: it shows there. */
static bool near_epsilon(const char *name)
{
    return !strncmp(name, "bn1.", 4) || !strncmp(name, "conv1_bn/", 9) ||
           !strncmp(name, "post_bn/", 8);
}

/* The last of a block, whose result is added to the shortcut. */
static bool last(const struct reap_model *m, const char *name)
{
    return has(name, m->family == REAP_TV_BASIC ? ".bn2." : ".bn3.") ||
           has(name, "_3_bn/");
}

static void weights_range(const struct reap_model *m,
                          const struct reap_param *p, double *lo, double *hi)
{
    const char *n = p->name;
    const bool bias = ends(n, "bias"),
               dense = !strncmp(n, "fc.", 3) || !strncmp(n, "predictions/", 12);
    const bool beta =
        ends(n, "/beta") || (bias && !dense && !reap_model_keras(m));

    if (p->rank > 1) {
        *hi = kernel(m, n, p);
        *lo = -*hi;
    } else if (ends(n, "mean")) {
        *lo = -0.15, *hi = 0.15;
    } else if (ends(n, "var") || ends(n, "variance")) {
        *lo = near_epsilon(n) ? 1e-4 : 0.5;
        *hi = near_epsilon(n) ? 3e-4 : 1.5;
    } else if (beta) {
        *lo = -0.2, *hi = 0.1;
    } else if (bias) {
        *hi = dense ? 0.5 : 0.1;
        *lo = -*hi;
    } else if (near_epsilon(n)) {
        *lo = 0.02, *hi = 0.06;
    } else {
        *lo = last(m, n) ? 0.1 : 0.5;
        *hi = last(m, n) ? 0.3 : 1.5;
    }
}

static void add(struct reap_params *all, const struct reap_model *m,
                const struct reap_tensor_spec *t, uint64_t seed)
{
    char stream[160];
    struct reap_param *p;
    double lo, hi;

    if (reap_params_add(all, t->name, t->rank, t->dim, &p, NULL))
        die("no memory", t->name);
    weights_range(m, p, &lo, &hi);
    snprintf(stream, sizeof(stream), "%s %s", m->name, t->name);
    sample_fill(p->data, p->count, seed, stream, lo, hi);
}

struct reap_params *sample_weights(const char *model, size_t classes,
                                   uint64_t seed)
{
    const struct reap_model *m = reap_model_find(model, NULL);
    struct reap_graph *g = m ? reap_graph_new(m, 224, 224) : NULL;
    struct reap_tensor_spec t;
    struct reap_params *all;
    size_t in;
    bool keras;

    if (!g || reap_params_new(&all, NULL))
        die("no such model, or no memory", model);
    for (size_t i = 0; i < g->n; i++)
        for (int kind = 0; kind < REAP_T_KINDS; kind++)
            if (reap_graph_tensor(g, i, kind, &t))
                add(all, m, &t, seed);
    in = g->node[g->n - 1].c;
    keras = reap_model_keras(m);
    if (classes) {
        t = (struct reap_tensor_spec){
            .rank = 2, .dim = { keras ? in : classes, keras ? classes : in }
        };
        strcpy(t.name, keras ? "predictions/kernel" : "fc.weight");
        add(all, m, &t, seed);
        t = (struct reap_tensor_spec){ .rank = 1, .dim = { classes } };
        strcpy(t.name, keras ? "predictions/bias" : "fc.bias");
        add(all, m, &t, seed);
    }
    reap_free(g);
    return all;
}
