/*
 * Three questions, each answered by running the network on the images: how far
 * the numbers of each map reach, which share of that range bytes should cover
 * (the one with the best mean cosine wins), and how much the mean of each
 * channel moved, which goes into its bias.
 */
#include <math.h>
#include <string.h>

#include "engine/base/cpu.h"
#include "engine/base/mem.h"
#include "engine/quant/histogram.h"
#include "engine/quant/quantize.h"

enum { ROUNDS = 6 };

/* The part of a channel's error that a round of correction removes: later
 * layers see the errors of earlier ones, which are corrected as well. All of it
 * at once overshoots and makes embeddings worse. */
static const double part = .3;

/* A tensor that becomes bytes. */
struct map {
    size_t node, size, at; /* at: its first channel among all */
    struct reap_histogram spread;
};

struct work {
    struct reap_net *net;
    const struct reap_norm *norm;
    size_t n;
    const void *const *images;
    unsigned cpu;
    struct map *map;
    size_t n_maps, channels;
    float *was;                /* (n, features) of fp32 */
    double *mean, *now;        /* (channels) of fp32, of int8 */
    float *scale;              /* (n_nodes), what is being tried */
    float *shift, *best_shift; /* (channels) */
};

/* One image after the other through a program with probes. */
struct pass {
    const struct reap_backend *backend;
    void *prog, *arena;
    struct reap_probe *probe;
    size_t n_probes;
    float **out, *room;
};

static int quantize_no_memory(struct reap_err *err)
{
    return reap_fail(err, REAP_ENOMEM, "no memory for a calibration");
}

static void pass_close(struct pass *p)
{
    if (p->prog)
        p->backend->free(&p->prog);
    reap_free(p->arena);
    reap_free(p->probe);
    reap_free(p->out);
    reap_free(p->room);
    memset(p, 0, sizeof(*p));
}

static const struct reap_backend *backend_for(unsigned cpu,
                                              enum reap_precision precision)
{
    const struct reap_backend *best = NULL;

    for (size_t b = 0; reap_backends[b]; b++)
        if ((cpu & reap_backends[b]->needs) == reap_backends[b]->needs &&
            (reap_backends[b]->precisions & precision))
            best = reap_backends[b];
    return best;
}

/* Probes: the embedding, and 'kind' of every map unless only it is wanted. */
static int pass_probes(struct pass *p, const struct work *w, bool all,
                       enum reap_probe_kind kind, struct reap_err *err)
{
    size_t total = w->net->features;
    float *to;

    p->n_probes = all ? w->n_maps + 1 : 1;
    p->probe = reap_calloc(p->n_probes, sizeof(*p->probe));
    p->out = reap_calloc(p->n_probes, sizeof(*p->out));
    for (size_t m = 0; all && m < w->n_maps; m++)
        total += w->map[m].size;
    p->room = reap_calloc(total, sizeof(*p->room));
    if (!p->probe || !p->out || !p->room)
        return quantize_no_memory(err);
    p->probe[0] =
        (struct reap_probe){ (int)w->net->n_nodes - 1, REAP_PROBE_AVG };
    p->out[0] = to = p->room;
    to += w->net->features;
    for (size_t m = 0; all && m < w->n_maps; m++) {
        p->probe[m + 1] = (struct reap_probe){ (int)w->map[m].node, kind };
        p->out[m + 1] = to;
        to += w->map[m].size;
    }
    return REAP_OK;
}

static int pass_open(struct pass *p, const struct work *w,
                     enum reap_precision precision, bool all,
                     enum reap_probe_kind kind, struct reap_err *err)
{
    struct reap_plan_args a = { .net = w->net,
                                .norm = *w->norm,
                                .precision = precision,
                                .cpu = w->cpu,
                                .max_batch = 1 };
    int rc;

    memset(p, 0, sizeof(*p));
    p->backend = backend_for(w->cpu, precision);
    if (!p->backend)
        return reap_fail(err, REAP_EINVAL,
                         "int8 needs a CPU with AVX-512 and VNNI (and REAP_CPU "
                         "to allow them)");
    rc = pass_probes(p, w, all, kind, err);
    a.n_probes = p->n_probes;
    a.probes = p->probe;
    if (!rc)
        rc = p->backend->compile(&p->prog, &a, err);
    if (rc)
        return rc;
    p->arena = reap_aligned(p->backend->arena(p->prog));
    return p->arena ? REAP_OK : quantize_no_memory(err);
}

/* fp32: embeddings, how numbers are spread, means of channels. */
static int quantize_look(struct work *w, struct reap_err *err)
{
    struct pass p;
    int rc = pass_open(&p, w, REAP_FP32, true, REAP_PROBE_MAP, err);

    for (size_t i = 0; !rc && i < w->n; i++) {
        p.backend->run(p.prog, p.arena, NULL, 1, w->images + i, p.out);
        memcpy(w->was + i * w->net->features, p.out[0],
               w->net->features * sizeof(float));
        for (size_t m = 0; m < w->n_maps; m++) {
            struct map *map = &w->map[m];
            const size_t c = w->net->node[map->node].c;
            double *mean = w->mean + map->at;

            reap_histogram_add(&map->spread, p.out[m + 1], map->size);
            for (size_t k = 0; k < map->size; k++)
                mean[k % c] += (double)p.out[m + 1][k];
        }
    }
    for (size_t m = 0; !rc && m < w->n_maps; m++) {
        const struct map *map = &w->map[m];
        const size_t c = w->net->node[map->node].c;

        for (size_t k = 0; k < c; k++)
            w->mean[map->at + k] /= (double)(map->size / c * w->n);
    }
    pass_close(&p);
    return rc;
}

static double cosine(const float *a, const float *b, size_t n)
{
    double aa = 0, bb = 0, ab = 0;

    for (size_t i = 0; i < n; i++) {
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
        ab += (double)a[i] * (double)b[i];
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : aa == bb;
}

/* int8 with the scales and shifts at hand: the mean cosine, and the means of
 * channels if 'all'. */
static int try(struct work *w, bool all, double *like, struct reap_err *err)
{
    struct pass p = { .n_probes = 0 };
    int rc = reap_net_quantized(w->net, w->scale, w->shift, err);

    *like = 0;
    if (!rc)
        rc = pass_open(&p, w, REAP_INT8, all, REAP_PROBE_AVG, err);
    memset(w->now, 0, w->channels * sizeof(*w->now));
    for (size_t i = 0; !rc && i < w->n; i++) {
        p.backend->run(p.prog, p.arena, NULL, 1, w->images + i, p.out);
        *like +=
            cosine(w->was + i * w->net->features, p.out[0], w->net->features) /
            (double)w->n;
        for (size_t m = 0; all && m < w->n_maps; m++)
            for (size_t k = 0; k < w->net->node[w->map[m].node].c; k++)
                w->now[w->map[m].at + k] +=
                    (double)p.out[m + 1][k] / (double)w->n;
    }
    pass_close(&p);
    return rc;
}

/* What a map's bytes may cover. */
static double range_max(const struct reap_histogram *h)
{
    return (double)h->most;
}
static double range_5(const struct reap_histogram *h)
{
    return reap_histogram_share(h, .99999);
}
static double range_4(const struct reap_histogram *h)
{
    return reap_histogram_share(h, .9999);
}

static const struct {
    const char *name;
    double (*of)(const struct reap_histogram *h);
} ranges[] = {
    { "max", range_max },
    { "99.999 %", range_5 },
    { "99.99 %", range_4 },
    { "least squares", reap_histogram_best },
};

enum { N_RANGES = sizeof(ranges) / sizeof(ranges[0]) };

static void set_scales(struct work *w, size_t range)
{
    for (size_t m = 0; m < w->n_maps; m++) {
        const double r = ranges[range].of(&w->map[m].spread);

        /* A map that was never above zero: any scale will do. */
        w->scale[w->map[m].node] = r > 0 ? (float)(r / 255) : 1;
    }
}

static int choose_range(struct work *w, struct reap_quantized *about,
                        struct reap_err *err)
{
    double like;
    int rc = REAP_OK;
    size_t best = 0;

    about->plain = -2;
    for (size_t r = 0; !rc && r < N_RANGES; r++) {
        set_scales(w, r);
        rc = try(w, false, &like, err);
        if (!rc && like > about->plain) {
            about->plain = like;
            best = r;
        }
    }
    about->range = ranges[best].name;
    set_scales(w, best);
    return rc;
}

/* Add to each bias a part of what the mean of its channel lacks, while that
 * helps. */
static int correct(struct work *w, struct reap_quantized *about,
                   struct reap_err *err)
{
    double like;
    int rc = try(w, true, &like, err);

    about->corrected = like;
    for (about->rounds = 0; !rc && about->rounds < ROUNDS; about->rounds++) {
        memcpy(w->best_shift, w->shift, w->channels * sizeof(*w->shift));
        for (size_t k = 0; k < w->channels; k++)
            w->shift[k] += (float)(part * (w->mean[k] - w->now[k]));
        rc = try(w, true, &like, err);
        if (rc || like <= about->corrected)
            break;
        about->corrected = like;
    }
    if (!rc && about->rounds < ROUNDS)
        memcpy(w->shift, w->best_shift, w->channels * sizeof(*w->shift));
    return rc ? rc : reap_net_quantized(w->net, w->scale, w->shift, err);
}

static int find_maps(struct work *w, struct reap_err *err)
{
    const struct reap_net *net = w->net;

    w->map = reap_calloc(net->n_nodes, sizeof(*w->map));
    if (!w->map)
        return quantize_no_memory(err);
    for (size_t i = 0; i < net->n_nodes; i++) {
        const struct reap_node *n = &net->node[i];

        if (n->op != REAP_OP_CONV || !n->relu)
            continue;
        w->map[w->n_maps].node = i;
        w->map[w->n_maps].size = n->h * n->w * n->c;
        w->map[w->n_maps++].at = w->channels;
        w->channels += n->c;
    }
    w->was = reap_calloc(w->n * net->features, sizeof(*w->was));
    w->mean = reap_calloc(w->channels, sizeof(*w->mean));
    w->now = reap_calloc(w->channels, sizeof(*w->now));
    w->scale = reap_calloc(net->n_nodes, sizeof(*w->scale));
    w->shift = reap_calloc(w->channels, sizeof(*w->shift));
    w->best_shift = reap_calloc(w->channels, sizeof(*w->best_shift));
    return w->was && w->mean && w->now && w->scale && w->shift && w->best_shift
               ? REAP_OK
               : quantize_no_memory(err);
}

/* Would the network be refused? Asked before any image is looked at. */
static int quantize_check(struct work *w, struct reap_err *err)
{
    struct pass p = { .n_probes = 0 };
    int rc;

    for (size_t m = 0; m < w->n_maps; m++)
        w->scale[w->map[m].node] = 1;
    rc = reap_net_quantized(w->net, w->scale, w->shift, err);
    if (!rc)
        rc = pass_open(&p, w, REAP_INT8, false, REAP_PROBE_AVG, err);
    pass_close(&p);
    return rc;
}

int reap_quantize(struct reap_net *net, const struct reap_norm *norm, size_t n,
                  const void *const *images, struct reap_quantized *about,
                  struct reap_err *err)
{
    struct work w = { .net = net, .norm = norm, .n = n, .images = images };
    struct reap_quantized own;
    int rc = reap_cpu_detect(&w.cpu, err);

    if (!about)
        about = &own;
    if (!rc)
        rc = find_maps(&w, err);
    if (!rc)
        rc = quantize_check(&w, err);
    if (!rc)
        rc = quantize_look(&w, err);
    if (!rc)
        rc = choose_range(&w, about, err);
    if (!rc)
        rc = correct(&w, about, err);
    reap_free(w.map);
    reap_free(w.was);
    reap_free(w.mean);
    reap_free(w.now);
    reap_free(w.scale);
    reap_free(w.shift);
    reap_free(w.best_shift);
    return rc;
}
