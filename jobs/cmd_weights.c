#include <stdio.h>
#include <string.h>

#include "engine/model.h"
#include "io/preset.h"
#include "io/weights_write.h"
#include "jobs/cmd.h"
#include "jobs/info_weights.h"

enum { PATH = 4096 };

static int check(const struct reap_options *o, struct reap_err *err)
{
    struct reap_preset preset;

    if (o->n_args != 1)
        return reap_fail(err, REAP_EINVAL,
                         "one URL, NAME or FILE is needed, such as imagenet "
                         "with --model torchvision/resnet50");
    if (o->to && strcmp(o->to, "safetensors") != 0)
        return reap_fail(err, REAP_EINVAL,
                         "--to %s: weights are converted to safetensors",
                         o->to);
    if (o->to && !o->output)
        return reap_fail(err, REAP_EINVAL, "--to: where? -o FILE is needed");
    return o->preset ? reap_preset_find(o->preset, &preset, err) : REAP_OK;
}

int reap_cmd_weights(const struct reap_options *o, struct reap_err *err)
{
    struct reap_weights *w = NULL;
    struct reap_net *net = NULL;
    struct reap_err why = { 0 };
    char path[PATH];
    int rc = check(o, err), fit;

    if (!rc)
        rc =
            reap_weights_resolve(o->args[0], o->model, path, sizeof(path), err);
    if (!rc)
        rc = reap_weights_read(&w, path, err);
    if (rc)
        return rc;
    if (o->preset)
        snprintf(w->preset, sizeof(w->preset), "%s", o->preset);
    fit = reap_info_weights_net(&net, w, o->model, &why);
    if (fit == REAP_ENOMEM || (fit && (o->model || o->output)))
        rc = reap_fail(err, fit, "%s: %s", path, why.msg);
    if (!rc && o->output)
        rc = reap_weights_write(w, net->model->name,
                                reap_info_weights_preset(w, net), o->output,
                                err);
    if (!rc)
        reap_info_weights_print(path, w, net, why.msg, o);
    reap_net_free(&net);
    reap_weights_free(&w);
    return rc;
}
