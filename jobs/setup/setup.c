/* The order in which a run is set up, and the lines of text that decide its
 * rows. Each part is opened by its own file; which arithmetic is used may be
 * settled between the two steps. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/cpu.h"
#include "engine/base/mem.h"
#include "engine/net/model.h"
#include "engine/quant/quantize.h"
#include "io/file/status.h"
#include "jobs/cli/remark.h"
#include "jobs/cli/words.h"
#include "jobs/setup/imageset.h"
#include "jobs/setup/setup.h"

enum { BATCH = 16, BATCH_MAX = 1024, CALIBRATE = 16 };

int reap_parse_precision(const char *text, enum reap_precision *out,
                         struct reap_err *err)
{
    static const char *const words[] = { "fp32",   "bf16", "int8",
                                         "bf16x3", "auto", NULL };
    static const enum reap_precision value[] = { REAP_FP32, REAP_BF16,
                                                 REAP_INT8, REAP_BF16X3 };
    unsigned i, cpu;
    int rc = reap_parse_word("precision", text, words, &i, err);

    if (rc)
        return rc;
    if (i < 4) {
        *out = value[i];
        return REAP_OK;
    }
    rc = reap_cpu_detect(&cpu, err);
    *out = cpu & (REAP_CPU_BF16 | REAP_CPU_AMX) ? REAP_BF16 : REAP_FP32;
    return rc;
}

int reap_setup_check_size(const struct reap_preset *preset,
                          const struct reap_net *net, struct reap_err *err)
{
    size_t h, w;

    reap_preset_size(preset, &h, &w);
    if (h == net->in_h && w == net->in_w)
        return REAP_OK;
    return reap_fail(err, REAP_EINVAL,
                     "preset %s gives %zu x %zu, the network takes %zu x %zu: "
                     "set --input-shape %zu,%zu",
                     preset->name, h, w, net->in_h, net->in_w, h, w);
}

/* Without --input-shape the network takes the size the preset ends in. */
static int shape_from_preset(const struct reap_options *o, char *text,
                             size_t size, struct reap_options *with,
                             struct reap_err *err)
{
    struct reap_preset p;
    bool guessed;
    size_t h, w;
    int rc;

    *with = *o;
    if (o->input_shape || (!o->preset && !o->crop && !o->resize))
        return REAP_OK;
    rc = reap_preprocess_preset(o, NULL, NULL, &p, &guessed, err);
    if (rc)
        return rc;
    reap_preset_size(&p, &h, &w);
    if (!h || !w)
        return reap_fail(err, REAP_EINVAL,
                         "the preset's result has no fixed size: add --crop "
                         "HxW or --resize warp:HxW");
    snprintf(text, size, "%zu,%zu", h, w);
    with->input_shape = text;
    return REAP_OK;
}

/* Add the kinds of arithmetic of one precision to those on offer. */
static void add_ariths(struct reap_setup *s, enum reap_precision precision,
                       bool exact)
{
    const char *name[REAP_SETUP_ARITHS];
    size_t n = reap_engine_ariths(precision, exact, name, REAP_SETUP_ARITHS);

    for (size_t i = 0; i < n && s->n_ariths < REAP_SETUP_ARITHS; i++) {
        s->ariths[s->n_ariths].name = name[i];
        s->ariths[s->n_ariths++].precision = precision;
    }
}

/* What --precision allows here: "auto" is int8 for weights that have scales,
 * else bf16, else fp32. */
static int list_ariths(struct reap_setup *s, const struct reap_options *o,
                       struct reap_err *err)
{
    enum reap_precision precision;
    int rc = reap_parse_precision(o->precision, &precision, err);

    s->n_ariths = 0;
    if (rc)
        return rc;
    if (!o->precision || strcmp(o->precision, "auto") != 0) {
        add_ariths(s, precision, o->exact);
        return REAP_OK;
    }
    if (s->network.net->quantized && !s->preset.norm.float_in)
        add_ariths(s, REAP_INT8, o->exact);
    add_ariths(s, REAP_BF16, o->exact);
    add_ariths(s, REAP_FP32, o->exact);
    return REAP_OK;
}

/* Its place in the list, n_ariths if it has none. */
static size_t find_arith(const struct reap_setup *s, const char *arithmetic)
{
    const size_t n = strcspn(arithmetic, " ");
    size_t i = 0;

    while (i < s->n_ariths && (strlen(s->ariths[i].name) != n ||
                               strncmp(s->ariths[i].name, arithmetic, n)))
        i++;
    return i;
}

const char *reap_setup_arith(const struct reap_setup *s, const char *arithmetic)
{
    const size_t i = find_arith(s, arithmetic);

    return i < s->n_ariths ? s->ariths[i].name : NULL;
}

static int setup_check_head(const struct reap_setup *s,
                            const struct reap_options *o, struct reap_err *err)
{
    if (s->classify && o->no_top)
        return reap_fail(err, REAP_EINVAL,
                         "--no-top leaves no classes; use extract");
    if (s->classify && !s->head.own && !s->network.net->n_dense)
        return reap_fail(err, REAP_EMISFIT,
                         "the weights hold no classifier; use extract, or "
                         "weights with a head");
    return REAP_OK;
}

/* The head's classes, or the net's. */
static size_t classes_of(const struct reap_setup *s)
{
    return s->head.own ? s->head.by.classes : s->network.net->classes;
}

/* All that the engine is made from but its arithmetic. */
static struct reap_engine_args engine_args(const struct reap_setup *s,
                                           const struct reap_options *o)
{
    const size_t classes = s->groups ? s->groups->n : classes_of(s);

    return (struct reap_engine_args){
        .net = s->network.net,
        .norm = s->preset.norm,
        .exact = o->exact,
        .max_batch = s->batch,
        .threads = s->threads_per_image,
        .n_outputs = s->outputs.n,
        .outputs = s->outputs.name,
        .classifier = s->head.own ? &s->head.by : NULL,
        .group = s->groups ? s->groups->of : NULL,
        .n_groups = s->groups ? s->groups->n : 0,
        .k = classes && s->outputs.k > classes ? classes : s->outputs.k,
    };
}

static int open_engine(struct reap_setup *s, const struct reap_options *o,
                       const char *arithmetic, struct reap_err *err)
{
    const size_t i = arithmetic ? find_arith(s, arithmetic) : s->n_ariths;
    struct reap_engine_args a = engine_args(s, o);
    int rc = reap_parse_precision(o->precision, &a.precision, err);

    a.arithmetic = arithmetic;
    if (i < s->n_ariths)
        a.precision = s->ariths[i].precision;
    if (!rc && s->network.weights && !o->no_cache)
        rc = reap_blob_cache_new(&s->cache, REAP_BLOB_CACHE_MOST, err);
    a.blobs = reap_blob_cache_blobs(s->cache);
    a.id = s->network.id;
    if (!rc)
        rc = reap_engine_new(&s->engine, &a, err);
    if ((rc == REAP_EMISFIT || rc == REAP_EIO) && s->network.weights)
        rc = reap_wrap(err, rc, "%s", s->network.path);
    reap_network_settle(&s->network);
    if (!rc)
        rc = reap_outputs_schema(s->engine, o, &s->schema, &s->l2, err);
    return rc;
}

/* Names from --labels, else from the weights file, else ImageNet's. */
static int open_labels(struct reap_setup *s, const struct reap_options *o,
                       struct reap_err *err)
{
    const struct reap_weights *w = s->network.weights;
    const struct reap_net *net = s->network.net;

    if (!o->labels && s->head.own)
        return reap_labels_from(&s->labels, s->head.labels, classes_of(s),
                                classes_of(s), err);
    if (!o->labels && w && w->n_labels)
        return reap_labels_from(&s->labels, w->labels, w->n_labels,
                                net->classes, err);
    return reap_labels_open(&s->labels, o->labels, classes_of(s),
                            reap_model_keras(net->model), err);
}

static const char *wnid(const void *labels, size_t i)
{
    return reap_labels_wnid(labels, i);
}

/* Do the probabilities of all classes add up to 1? */
static bool adds_up(const struct reap_setup *s)
{
    const struct reap_net *net = s->network.net;

    return s->head.own ? !s->head.multi
                       : net->dense[net->n_dense - 1].act == REAP_SOFTMAX;
}

/* --groups: from here on the labels are those of groups. */
static int open_groups(struct reap_setup *s, const struct reap_options *o,
                       struct reap_err *err)
{
    const struct reap_groups_of of = { .classes = classes_of(s),
                                       .first =
                                           reap_labels_background(s->labels),
                                       .ctx = s->labels,
                                       .wnid = wnid };
    struct reap_labels *names;
    int rc;

    if (!adds_up(s))
        return reap_fail(err, REAP_EINVAL,
                         "--groups: probabilities are summed, and this head "
                         "does not end in softmax");
    rc = reap_groups_open(&s->groups, o->groups, &of, err);
    if (!rc)
        rc = reap_labels_from(&names, (char *const *)s->groups->name,
                              s->groups->n, s->groups->n, err);
    if (rc)
        return rc;
    reap_labels_close(&s->labels);
    s->labels = names;
    return REAP_OK;
}

/* Scales from a few images: enough to measure the speed of int8. */
static int quantize(struct reap_setup *s, const char *dataset,
                    struct reap_err *err)
{
    struct reap_imageset set;
    int rc = reap_imageset_open(&set, dataset, &s->preset, &s->limits,
                                CALIBRATE, CALIBRATE, err);

    if (rc)
        return rc;
    rc = reap_imageset_next(&set, err);
    if (!rc && !set.n)
        rc = reap_fail(err, REAP_ENOTFOUND, "%s: no image to calibrate on",
                       dataset);
    if (!rc)
        rc = reap_quantize(s->network.net, &s->preset.norm, set.n, set.images,
                           NULL, err);
    reap_imageset_close(&set);
    return rc;
}

/* "weights=sha256:..." of the weights that int8's were made from, or "". */
static void quantized_from(const struct reap_weights *w, char *to, size_t size)
{
    const char *from = w ? strstr(w->calibration, "weights=") : NULL;

    snprintf(to, size, "%.*s", from ? (int)strcspn(from + 8, " ") : 0,
             from ? from + 8 : "");
}

/* Is --head for the embeddings that this run would make? The lines are those
 * of the run, and the head's own column as it wants it. */
static int fit_head(const struct reap_setup *s, const struct reap_options *o,
                    struct reap_err *err)
{
    const struct reap_classifier *c = &s->head.by;
    char *lines = reap_setup_fingerprint_text(s, o), *text = NULL, from[80];
    size_t shape[3] = { 0 }, size;
    FILE *f = lines ? open_memstream(&text, &size) : NULL;
    int rc;

    reap_engine_feature(s->network.net, c->feature, shape);
    if (f)
        fprintf(f, "%soutput=%s %zux%zux%zu%s\n", lines, c->feature, shape[0],
                shape[1], shape[2], c->l2 ? " l2" : "");
    rc = f && !fclose(f) ? REAP_OK : reap_fail(err, REAP_ENOMEM, "no memory");
    quantized_from(s->network.weights, from, sizeof(from));
    if (!rc)
        rc = s->head.fits(s->head.own, text, from, err);
    free(text);
    free(lines);
    return rc ? reap_wrap(err, rc, "--head %s", o->head) : REAP_OK;
}

/* Everything that can fail, before other ranks wait for this one. */
static int check_rest(struct reap_setup *s, const struct reap_options *o,
                      struct reap_err *err)
{
    struct reap_engine_args a;
    int rc = setup_check_head(s, o, err);

    if (!rc && s->head.own)
        rc = fit_head(s, o, err);
    if (!rc && s->classify)
        rc = open_labels(s, o, err);
    if (!rc && s->classify && o->groups)
        rc = open_groups(s, o, err);
    if (rc)
        return rc;
    a = engine_args(s, o);
    rc = reap_engine_check(&a, err);
    return rc ? rc : list_ariths(s, o, err);
}

int reap_setup_begin(struct reap_setup *s, const struct reap_options *o,
                     bool classify, const char *calibrate, struct reap_err *err)
{
    struct reap_options with;
    const struct reap_weights *w;
    const char *preset;
    char shape[48];
    int rc;

    memset(s, 0, sizeof(*s));
    s->classify = classify;
    s->batch = o->batch_given ? o->batch : BATCH;
    if (!s->batch || s->batch > BATCH_MAX)
        return reap_fail(err, REAP_EINVAL, "--batch %zu: 1 to %d is accepted",
                         s->batch, BATCH_MAX);
    rc = reap_outputs_parse(&s->outputs, o, classify, err);
    if (!rc)
        rc = reap_preprocess_limits(o, &s->limits, err);
    if (!rc)
        rc = shape_from_preset(o, shape, sizeof(shape), &with, err);
    if (!rc && classify && o->head)
        rc = reap_predictor_open(&s->head, o->head, o->truth, err);
    if (!rc)
        rc = reap_network_open_later(&s->network, &with, !with.no_cache, err);
    if (rc) {
        reap_predictor_close(&s->head);
        return rc;
    }
    w = s->network.weights;
    preset = s->head.own && *s->head.preset ? s->head.preset
             : w                            ? w->preset
                                            : NULL;
    rc = reap_preprocess_preset(&with, preset, s->network.net->model,
                                &s->preset, &s->preset_guessed, err);
    if (!rc && !o->preset && w && preset == w->preset && *w->preset_from)
        s->preset_from = w->preset_from;
    if (!rc)
        rc = reap_setup_check_size(&s->preset, s->network.net, err);
    if (!rc && calibrate && !s->network.net->quantized && o->precision &&
        !strcmp(o->precision, "int8"))
        rc = quantize(s, calibrate, err);
    if (!rc)
        rc = check_rest(s, o, err);
    if (rc)
        reap_setup_close(s);
    return rc;
}

int reap_setup_finish(struct reap_setup *s, const struct reap_options *o,
                      const char *arithmetic, struct reap_err *err)
{
    if (!arithmetic && s->n_ariths)
        arithmetic = s->ariths[0].name;
    return open_engine(s, o, arithmetic, err);
}

int reap_setup_open(struct reap_setup *s, const struct reap_options *o,
                    bool classify, const char *calibrate, struct reap_err *err)
{
    int rc = reap_setup_begin(s, o, classify, calibrate, err);

    if (rc)
        return rc;
    rc = reap_setup_finish(s, o, NULL, err);
    if (rc)
        reap_setup_close(s);
    return rc;
}

char *reap_setup_fingerprint_text(const struct reap_setup *s,
                                  const struct reap_options *o)
{
    const struct reap_net *net = s->network.net;
    const struct reap_limits *l = &s->limits;
    char *text = NULL, preset[512];
    size_t size;
    FILE *f = open_memstream(&text, &size);

    if (!f)
        return NULL;
    reap_preset_print(&s->preset, preset, sizeof(preset));
    fprintf(f, "weights=%s\n", s->network.id);
    fprintf(f, "model=%s\n", net->model->name);
    fprintf(f, "input=%zux%zu\n", net->in_h, net->in_w);
    if (s->head.own)
        fprintf(f, "%s\n", s->head.id);
    fprintf(f, "classes=%zu\n", s->groups ? s->groups->n : classes_of(s));
    if (s->groups)
        fprintf(f, "groups=sha256:%s\n", s->groups->sha256);
    fprintf(f, "activation=%s\n",
            o->classifier_activation ? o->classifier_activation : "model");
    fprintf(f, "preset=%s\n", preset);
    fprintf(f, "class=%s\n", s->engine ? reap_engine_arith(s->engine) : "none");
    for (size_t i = 0; i < s->schema.n; i++) {
        const struct reap_column *c = &s->schema.column[i];

        fprintf(f, "output=%s %ux%ux%u%s%s\n", c->name, c->h, c->w, c->c,
                c->kind == REAP_COLUMN_F16 ? " f16" : "",
                s->l2 & 1u << i ? " l2" : "");
    }
    fprintf(f, "max_pixels=%llu\n", (unsigned long long)l->max_pixels);
    fprintf(f, "on_truncated=%s\n", l->keep_truncated ? "keep" : "fail");
    fprintf(f, "formats=%x\n", l->formats);
    if (l->formats & ~reap_formats_exact())
        fprintf(f, "inexact=%s\n", reap_decode_version());
    fprintf(f, "orient=%s\n", l->orient ? "apply" : "ignore");
    fprintf(f, "depth16=%s\n", l->depth16_scale ? "scale" : "clip");
    fprintf(f, "alpha=%s\n", l->alpha == REAP_ALPHA_WHITE ? "white" : "drop");
    fprintf(f, "label_from=%s\n", o->label_from ? o->label_from : "datum");
    return fclose(f) ? NULL : text;
}

void reap_setup_remarks(const struct reap_setup *s,
                        const struct reap_options *o)
{
    const struct reap_weights *w = s->network.weights;

    reap_network_remarks(&s->network, o);
    if (w && *w->preset_note && !o->preset)
        reap_remark(o, "%s", w->preset_note);
    if (s->preset_guessed)
        reap_remark(
            o, "preset %s (default for this model; change it with --preset)",
            s->preset.name);
    else if (s->preset_from)
        reap_remark(o, "preset %s, told by %s", s->preset.name, s->preset_from);
}

void reap_setup_close(struct reap_setup *s)
{
    reap_engine_free(&s->engine);
    reap_groups_close(&s->groups);
    reap_labels_close(&s->labels);
    reap_predictor_close(&s->head);
    reap_blob_cache_free(&s->cache);
    reap_network_close(&s->network);
}
