/* reap weights NAME|URL|FILE: fetch, describe, convert. What is printed is
 * jobs/inspect's, what is written io/weights's. */
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/net/model.h"
#include "io/preset/preset.h"
#include "io/weights/keras/keras_write.h"
#include "io/weights/weights_write.h"
#include "jobs/cli/cmd.h"
#include "jobs/setup/network.h"
#include "jobs/inspect/info_weights.h"

enum { PATH = 4096 };

static int cmd_weights_check(const struct reap_options *o, struct reap_err *err)
{
    struct reap_preset preset;

    if (o->n_args != 1)
        return reap_fail(
            err, REAP_EINVAL,
            "one FILE, URL or NAME is needed, such as resnet50.pth "
            "or torchvision/resnet50 for the published weights "
            "(reap help models lists the names)");
    if (o->to && strcmp(o->to, "safetensors") && strcmp(o->to, "keras") &&
        strcmp(o->to, "torch"))
        return reap_fail(err, REAP_EINVAL,
                         "--to %s: weights are converted to safetensors, keras "
                         "(.weights.h5) or torch (safetensors)",
                         o->to);
    if (o->to && !o->output)
        return reap_fail(err, REAP_EINVAL, "--to needs -o FILE");
    return o->preset ? reap_preset_find(o->preset, &preset, err) : REAP_OK;
}

/* The network's own tensors alone, as load_state_dict() wants them. */
static int write_torch(struct reap_weights *w, const struct reap_net *net,
                       const char *preset, const char *path,
                       struct reap_err *err)
{
    struct reap_params *all = w->params;
    struct reap_param *p;
    int rc;

    if (reap_model_keras(net->model))
        return reap_fail(err, REAP_EINVAL,
                         "%s is Keras's: no network of torchvision's computes "
                         "it (other strides); --to keras writes it",
                         net->model->name);
    rc = reap_params_new(&w->params, err);
    for (size_t i = 0; !rc && i < reap_params_count(all); i++) {
        const struct reap_param *t = reap_params_at(all, i);

        if (!strncmp(t->name, "reap.", 5))
            continue;
        rc = reap_params_add(w->params, t->name, t->rank, t->dim, &p, err);
        if (!rc)
            memcpy(p->data, t->data, t->count * sizeof(*p->data));
    }
    reap_params_free(&all);
    return rc ? rc : reap_weights_write(w, net->model->name, preset, path, err);
}

static int write_as(struct reap_weights *w, const struct reap_net *net,
                    const struct reap_options *o, struct reap_err *err)
{
    const char *preset = reap_info_weights_preset(w, net);

    if (o->to && !strcmp(o->to, "keras"))
        return reap_keras_write(w, net, o->output, err);
    if (o->to && !strcmp(o->to, "torch"))
        return write_torch(w, net, preset, o->output, err);
    return reap_weights_write(w, net->model->name, preset, o->output, err);
}

int reap_cmd_weights(const struct reap_options *o, struct reap_err *err)
{
    struct reap_weights *w = NULL;
    struct reap_net *net = NULL;
    struct reap_err why = { 0 };
    char path[PATH];
    int rc = cmd_weights_check(o, err), fit;

    if (!rc)
        rc = reap_network_resolve(o, o->args[0], o->model, path, sizeof(path),
                                  err);
    if (!rc)
        rc = reap_weights_read(&w, path, err);
    if (rc)
        return rc;
    if (o->preset) {
        snprintf(w->preset, sizeof(w->preset), "%s", o->preset);
        strcpy(w->preset_from, "--preset");
    }
    fit = reap_info_weights_net(&net, w, o->model, &why);
    if (fit == REAP_ENOMEM || (fit && (o->model || o->output)))
        rc = reap_fail(err, fit, "%s: %s", path, why.msg);
    if (!rc && o->output)
        rc = write_as(w, net, o, err);
    if (!rc)
        reap_info_weights_print(path, w, net, why.msg, o);
    reap_net_free(&net);
    reap_weights_free(&w);
    return rc;
}
