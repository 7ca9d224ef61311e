/* reap quantize WEIGHTS --calibrate DATASET -o FILE: scales for int8. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/quant/quantize.h"
#include "io/dataset/dataset.h"
#include "io/weights/weights_write.h"
#include "jobs/cli/cmd.h"
#include "jobs/cli/remark.h"
#include "jobs/setup/imageset.h"
#include "jobs/setup/network.h"
#include "jobs/setup/preprocess.h"
#include "jobs/setup/setup.h"

enum { IMAGES = 200, FEW = 100, MOST = 1000 };

struct job {
    struct reap_options o; /* as given, but WEIGHTS is --weights */
    struct reap_network network;
    struct reap_preset preset;
    struct reap_limits limits;
    struct reap_imageset images;
    struct reap_quantized about;
    struct reap_weights *weights; /* what is written */
};

static int cmd_quantize_check(const struct reap_options *o,
                              struct reap_err *err)
{
    if (o->n_args != 1 || !strcmp(o->args[0], "none"))
        return reap_fail(err, REAP_EINVAL, "one WEIGHTS file is needed");
    if (!o->calibrate)
        return reap_fail(err, REAP_EINVAL,
                         "--calibrate DATASET is needed: 100 to 500 images "
                         "such as the network is for");
    if (!o->output)
        return reap_fail(err, REAP_EINVAL, "-o FILE.safetensors is needed");
    if (o->limit > MOST)
        return reap_fail(err, REAP_EINVAL,
                         "--limit %llu: at most %d images are used, and 100 "
                         "to 500 do",
                         (unsigned long long)o->limit, MOST);
    return REAP_OK;
}

static int cmd_quantize_open_all(struct job *j, const struct reap_options *o,
                                 struct reap_err *err)
{
    bool guessed;
    int rc = cmd_quantize_check(o, err);

    j->o = *o;
    if (rc)
        return rc;
    j->o.weights = o->args[0];
    rc = reap_network_open(&j->network, &j->o, false, err);
    if (!rc)
        rc = reap_preprocess_limits(&j->o, &j->limits, err);
    if (!rc)
        rc = reap_preprocess_preset(&j->o, j->network.weights->preset,
                                    j->network.net->model, &j->preset, &guessed,
                                    err);
    if (!rc)
        rc = reap_setup_check_size(&j->preset, j->network.net, err);
    if (!rc && j->preset.norm.float_in)
        rc = reap_fail(err, REAP_EINVAL,
                       "preset %s gives floats, but int8 takes bytes",
                       j->preset.name);
    return rc ? rc
              : reap_imageset_open(&j->images, o->calibrate, &j->preset,
                                   &j->limits, o->limit ? o->limit : IMAGES,
                                   o->limit ? o->limit : IMAGES, err);
}

static int calibrate(struct job *j, struct reap_err *err)
{
    int rc = reap_imageset_next(&j->images, err);

    if (rc)
        return rc;
    if (!j->images.n)
        return reap_fail(err, REAP_ENOTFOUND,
                         "%s: none of its %llu records is an image",
                         j->o.calibrate, (unsigned long long)j->images.done);
    if (j->images.n < FEW)
        reap_remark(&j->o,
                    "calibrated on %zu images only; 100 to 500 are better",
                    j->images.n);
    return reap_quantize(j->network.net, &j->preset.norm, j->images.n,
                         j->images.images, &j->about, err);
}

/* A tensor of n numbers, in place of one that an earlier run has left. */
static int cmd_quantize_put(struct job *j, const char *name, const float *data,
                            size_t n, struct reap_err *err)
{
    const struct reap_param *old = reap_params_find(j->weights->params, name);
    struct reap_param *p;
    int rc;

    if (old) { /* its shape was checked when the net was built */
        memcpy(old->data, data, n * sizeof(*data));
        return REAP_OK;
    }
    rc = reap_params_add(j->weights->params, name, 1, &n, &p, err);
    if (!rc)
        memcpy(p->data, data, n * sizeof(*data));
    return rc;
}

/* What the scales were computed from. */
static int note(struct job *j, struct reap_err *err)
{
    struct reap_dataset *ds = NULL;
    int rc = reap_dataset_open(&ds, j->o.calibrate, err);

    if (!rc)
        snprintf(j->weights->calibration, sizeof(j->weights->calibration),
                 "%s images=%zu weights=%.70s preset=%.30s range=%s rounds=%u",
                 reap_dataset_id(ds), j->images.n, j->network.id,
                 j->preset.name, j->about.range, j->about.rounds);
    reap_dataset_close(&ds);
    return rc;
}

static int cmd_quantize_save(struct job *j, struct reap_err *err)
{
    const struct reap_net *net = j->network.net;
    int rc = reap_weights_read(&j->weights, j->network.path, err);

    if (!rc)
        rc = cmd_quantize_put(j, REAP_INT8_SCALE, net->quantized, net->n_nodes,
                              err);
    if (!rc)
        rc = cmd_quantize_put(j, REAP_INT8_SHIFT, net->quantized + net->n_nodes,
                              reap_net_shifts(net), err);
    if (!rc)
        rc = note(j, err);
    return rc ? rc
              : reap_weights_write(j->weights, net->model->name, j->preset.name,
                                   j->o.output, err);
}

static void cmd_quantize_print(const struct job *j)
{
    json_t *line;

    if (!j->o.json) {
        printf("%s: scales from %zu images, range: %s; mean cosine to fp32 on "
               "them %.6f, with corrected biases %.6f\n",
               j->o.output, j->images.n, j->about.range, j->about.plain,
               j->about.corrected);
        return;
    }
    line = json_pack("{ss,sI,sI,ss,sf,sf,sI,ss}", "path", j->o.output, "images",
                     (json_int_t)j->images.n, "bad", (json_int_t)j->images.bad,
                     "range", j->about.range, "cosine", j->about.plain,
                     "cosine_corrected", j->about.corrected, "rounds",
                     (json_int_t)j->about.rounds, "calibration",
                     j->weights->calibration);
    json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(line);
}

int reap_cmd_quantize(const struct reap_options *o, struct reap_err *err)
{
    struct job j = { .weights = NULL };
    int rc = cmd_quantize_open_all(&j, o, err);

    if (!rc)
        rc = calibrate(&j, err);
    if (!rc)
        rc = cmd_quantize_save(&j, err);
    if (!rc)
        cmd_quantize_print(&j);
    reap_weights_free(&j.weights);
    reap_imageset_close(&j.images);
    reap_network_close(&j.network);
    return rc;
}
