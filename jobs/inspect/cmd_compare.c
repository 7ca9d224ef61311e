/* reap compare WEIGHTS DATASET: the accuracy that a lower precision costs. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/engine.h"
#include "jobs/cli/cmd.h"
#include "jobs/cli/remark.h"
#include "jobs/cli/words.h"
#include "jobs/inspect/precision_report.h"
#include "jobs/setup/imageset.h"
#include "jobs/setup/network.h"
#include "jobs/setup/preprocess.h"
#include "jobs/setup/setup.h"

enum { BATCH = 16, MOST = 4, WORST = 5 };

/* One arithmetic at work. */
struct side {
    char word[16];
    struct reap_engine *engine;
    struct reap_session *session;
    float *embedding, *logits; /* (BATCH, ...) */
    struct reap_precision_report like;
};

struct compare {
    struct reap_options o; /* as given, but WEIGHTS is --weights */
    struct reap_network network;
    struct reap_preset preset;
    struct reap_limits limits;
    struct side side[MOST + 1]; /* [0] is the reference */
    size_t n;                   /* without the reference */
    struct reap_imageset pixels;
};

static int open_side(struct compare *c, struct side *s, struct reap_err *err)
{
    static const char *const outputs[] = { "avg", "logits" };
    const struct reap_net *net = c->network.net;
    struct reap_engine_args a = { .net = net,
                                  .norm = c->preset.norm,
                                  .exact = c->o.exact,
                                  .max_batch = BATCH,
                                  .n_outputs = net->n_dense ? 2 : 1,
                                  .outputs = outputs };
    int rc = reap_parse_precision(s->word, &a.precision, err);

    if (!rc)
        rc = reap_engine_new(&s->engine, &a, err);
    if (!rc)
        rc = reap_session_new(&s->session, s->engine, err);
    if (rc)
        return rc;
    s->embedding = reap_calloc(BATCH * net->features, sizeof(float));
    s->logits = reap_calloc(BATCH * (net->classes + 1), sizeof(float));
    return s->embedding && s->logits
               ? REAP_OK
               : reap_fail(err, REAP_ENOMEM, "no memory for results");
}

/* What is compared where --precision does not say: bf16, else int8. */
static const char *usual(const struct compare *c, struct reap_err *err)
{
    const char *name[2];

    if (reap_engine_ariths(REAP_BF16, c->o.exact, name, 2))
        return "bf16";
    if (c->network.net->quantized &&
        reap_engine_ariths(REAP_INT8, c->o.exact, name, 2))
        return "int8";
    reap_fail(err, REAP_EINVAL,
              "this CPU has no bf16 (AVX512-BF16 or AMX) to compare; for int8 "
              "make weights first: reap quantize WEIGHTS --calibrate DATASET "
              "-o FILE.safetensors");
    return NULL;
}

/* The words of --precision, a side each. */
static int parse_sides(struct compare *c, struct reap_err *err)
{
    const char *at = c->o.precision ? c->o.precision : usual(c, err);

    strcpy(c->side[0].word, "fp32");
    if (!at)
        return REAP_EINVAL;
    for (; *at; at += strcspn(at, ","), at += *at == ',') {
        size_t len = strcspn(at, ",");
        struct side *s = &c->side[c->n + 1];

        if (c->n == MOST || len >= sizeof(s->word))
            return reap_fail(err, REAP_EINVAL,
                             "--precision %s: at most %d of bf16, int8, "
                             "bf16x3, with commas between them",
                             c->o.precision, MOST);
        memcpy(s->word, at, len);
        c->n++;
    }
    return c->n ? REAP_OK
                : reap_fail(err, REAP_EINVAL, "--precision: none is given");
}

static int cmd_compare_open_all(struct compare *c, const struct reap_options *o,
                                struct reap_err *err)
{
    bool guessed;
    int rc;

    c->o = *o;
    if (o->n_args != 2)
        return reap_fail(err, REAP_EINVAL, "WEIGHTS and a DATASET are needed");
    c->o.weights = o->args[0];
    rc = reap_network_open(&c->network, &c->o, false, err);
    if (!rc)
        rc = parse_sides(c, err);
    if (!rc)
        rc = reap_preprocess_limits(&c->o, &c->limits, err);
    if (!rc)
        rc = reap_preprocess_preset(
            &c->o, c->network.weights ? c->network.weights->preset : NULL,
            c->network.net->model, &c->preset, &guessed, err);
    if (!rc)
        rc = reap_setup_check_size(&c->preset, c->network.net, err);
    for (size_t i = 0; !rc && i <= c->n; i++)
        rc = open_side(c, &c->side[i], err);
    return rc ? rc
              : reap_imageset_open(&c->pixels, o->args[1], &c->preset,
                                   &c->limits, BATCH, o->limit, err);
}

static int compare_batch(struct compare *c, struct reap_err *err)
{
    const size_t features = c->network.net->features;
    const size_t classes = c->network.net->classes;
    const struct side *ref = &c->side[0];
    int rc = REAP_OK;

    for (size_t s = 0; !rc && s <= c->n; s++) {
        struct side *is = &c->side[s];
        void *out[] = { is->embedding, is->logits };

        reap_session_run(is->session, c->pixels.n, c->pixels.images, out);
        for (size_t i = 0; s && !rc && i < c->pixels.n; i++)
            rc = reap_precision_report_add(
                &is->like, c->pixels.keys[i], features,
                ref->embedding + i * features, is->embedding + i * features,
                classes, ref->logits + i * classes, is->logits + i * classes,
                err);
    }
    return rc;
}

static json_t *spread_json(const struct reap_spread *s)
{
    return json_pack("{sf,sf,sf,sf}", "p1", s->p1, "p5", s->p5, "p50", s->p50,
                     "mean", s->mean);
}

static void cmd_compare_print_json(const struct compare *c,
                                   const struct side *s,
                                   const struct reap_spread *cosine,
                                   const struct reap_spread *error)
{
    json_t *worst = json_array(), *line;

    for (size_t i = 0; i < s->like.n && i < WORST; i++)
        json_array_append_new(
            worst, json_pack("{ss,sf,sf}", "key", s->like.row[i].key, "cosine",
                             s->like.row[i].cosine, "relative_error",
                             s->like.row[i].error));
    line = json_pack("{ss,ss,sI,sI,so,so,so}", "precision", s->word, "class",
                     reap_engine_arith(s->engine), "images",
                     (json_int_t)s->like.n, "bad", (json_int_t)c->pixels.bad,
                     "cosine", spread_json(cosine), "relative_error",
                     spread_json(error), "worst", worst);
    if (c->network.net->classes) {
        json_object_set_new(line, "top1",
                            json_real(reap_precision_report_top1(&s->like)));
        json_object_set_new(line, "top5",
                            json_real(reap_precision_report_top5(&s->like)));
    }
    json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(line);
}

static void cmd_compare_print_text(const struct compare *c,
                                   const struct side *s,
                                   const struct reap_spread *cosine,
                                   const struct reap_spread *error)
{
    printf("%s (%s) compared with fp32 (%s), %zu %s\n", s->word,
           reap_engine_arith(s->engine), reap_engine_arith(c->side[0].engine),
           s->like.n, reap_plural(s->like.n, "image", "images"));
    printf("  %-16s %10s %10s %10s %10s\n", "", "worst 1 %", "worst 5 %",
           "median", "mean");
    printf("  %-16s %10.6f %10.6f %10.6f %10.6f\n", "cosine", cosine->p1,
           cosine->p5, cosine->p50, cosine->mean);
    printf("  %-16s %10.6f %10.6f %10.6f %10.6f\n", "relative error", error->p1,
           error->p5, error->p50, error->mean);
    if (c->network.net->classes)
        printf("  agreement: top-1 %.2f %%, top-5 %.2f %%\n",
               100 * reap_precision_report_top1(&s->like),
               100 * reap_precision_report_top5(&s->like));
    for (size_t i = 0; i < s->like.n && i < WORST; i++)
        printf("  %s %s: cosine %.6f, relative error %.6f\n",
               i ? "     " : "worst", s->like.row[i].key, s->like.row[i].cosine,
               s->like.row[i].error);
}

static int report(struct compare *c, struct side *s, struct reap_err *err)
{
    struct reap_spread cosine, error;
    int rc;

    if (!s->like.n)
        return reap_fail(err, REAP_ENOTFOUND,
                         "%s: none of its %llu records is an image",
                         c->o.args[1], (unsigned long long)c->pixels.done);
    reap_precision_report_sort(&s->like);
    rc = reap_precision_report_spread(&s->like, false, &cosine, err);
    if (!rc)
        rc = reap_precision_report_spread(&s->like, true, &error, err);
    if (!rc)
        (c->o.json ? cmd_compare_print_json
                   : cmd_compare_print_text)(c, s, &cosine, &error);
    return rc;
}

static void cmd_compare_close_all(struct compare *c)
{
    for (size_t i = 0; i <= MOST; i++) {
        reap_session_free(&c->side[i].session);
        reap_engine_free(&c->side[i].engine);
        reap_free(c->side[i].embedding);
        reap_free(c->side[i].logits);
        reap_precision_report_clear(&c->side[i].like);
    }
    reap_imageset_close(&c->pixels);
    reap_network_close(&c->network);
}

int reap_cmd_compare(const struct reap_options *o, struct reap_err *err)
{
    struct compare c = { .n = 0 };
    int rc = cmd_compare_open_all(&c, o, err);

    while (!rc) {
        rc = reap_imageset_next(&c.pixels, err);
        if (rc || !c.pixels.n)
            break;
        rc = compare_batch(&c, err);
    }
    if (!rc && c.pixels.bad)
        reap_remark(o, "%llu %s not an image and %s skipped",
                    (unsigned long long)c.pixels.bad,
                    reap_plural(c.pixels.bad, "record is", "records are"),
                    reap_plural(c.pixels.bad, "was", "were"));
    for (size_t i = 1; !rc && i <= c.n; i++)
        rc = report(&c, &c.side[i], err);
    cmd_compare_close_all(&c);
    return rc;
}
