/* --model, --weights and their relatives to a network; the numbers may be read
 * later, while an engine packs them. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "io/preset/preset.h"
#include "jobs/cli/remark.h"
#include "jobs/cli/words.h"
#include "io/file/redact.h"
#include "jobs/setup/network.h"

static int net_args(const struct reap_options *o, struct reap_net_args *a,
                    struct reap_err *err)
{
    static const char *const acts[] = { "softmax", "none", NULL };
    unsigned act;
    int rc;

    memset(a, 0, sizeof(*a));
    a->model = o->model;
    a->no_top = o->no_top;
    a->classes = o->classes;
    a->seed = o->seed;
    a->top_activation = -1;
    if (o->no_top && o->include_top)
        return reap_fail(err, REAP_EINVAL,
                         "--include-top and --no-top contradict each other");
    rc = reap_parse_word("classifier-activation", o->classifier_activation,
                         acts, &act, err);
    if (rc)
        return rc;
    if (o->classifier_activation)
        a->top_activation = act ? REAP_LINEAR : REAP_SOFTMAX;
    if (o->input_shape)
        return reap_parse_size("input-shape", o->input_shape, &a->in_h,
                               &a->in_w, err);
    return REAP_OK;
}

/* What the rows depend on: the file, and of several networks in it which. */
static void identify(struct reap_network *n)
{
    const struct reap_weights *w = n->weights;
    const struct reap_candidate *c = reap_weights_taken(w);

    if (c && w->n_candidates > 1)
        snprintf(n->id, sizeof(n->id), "sha256:%s:%s", w->sha256, c->prefix);
    else
        snprintf(n->id, sizeof(n->id), "sha256:%s", w->sha256);
}

/* The size that the file's own preset ends in, if nothing else was asked. */
static int size_of_preset(const struct reap_weights *w,
                          const struct reap_options *o, struct reap_net_args *a,
                          struct reap_err *err)
{
    struct reap_preset p;
    int rc;

    if (!*w->preset || a->in_h || o->preset || o->crop || o->resize)
        return REAP_OK;
    rc = reap_preset_read(w->preset, &p, err);
    if (!rc)
        reap_preset_size(&p, &a->in_h, &a->in_w);
    return rc;
}

int reap_network_resolve(const struct reap_options *o, const char *arg,
                         const char *model, char *path, size_t size,
                         struct reap_err *err)
{
    char shown[300];

    if (!strncasecmp(arg, "http:", 5) && !strstr(arg, "#sha256=") &&
        !o->insecure)
        return reap_fail(err, REAP_EINVAL,
                         "%s: over http anybody on the way can change the "
                         "weights; give the file's hash (#sha256=HEX), use "
                         "https, or say --insecure",
                         reap_redact_text(shown, sizeof(shown), arg));
    return reap_weights_resolve(arg, model, path, size, err);
}

static int read_weights(struct reap_network *n, const struct reap_options *o,
                        bool lasting, struct reap_net_args *a,
                        struct reap_err *err)
{
    int rc = reap_network_resolve(o, o->weights, o->model, n->path,
                                  sizeof(n->path), err);

    if (!rc)
        rc = reap_weights_open(&n->weights, n->path, lasting, err);
    if (rc)
        return rc;
    a->head = n->weights->head;
    a->n_head = n->weights->n_head;
    identify(n);
    return size_of_preset(n->weights, o, a, err);
}

static int open_net(struct reap_network *n, const struct reap_options *o,
                    bool random, bool lasting, struct reap_err *err)
{
    struct reap_net_args a;
    int rc;

    memset(n, 0, sizeof(*n));
    rc = net_args(o, &a, err);
    if (rc)
        return rc;
    if (!o->weights && !random)
        return reap_fail(
            err, REAP_EINVAL,
            "--weights is needed: a file, or the name of a network "
            "for its published weights, such as "
            "torchvision/resnet50");
    if (o->weights && strcmp(o->weights, "none") != 0) {
        rc = read_weights(n, o, lasting, &a, err);
        a.later = true;
    } else {
        if (!a.model)
            a.model = "resnet50";
        snprintf(n->id, sizeof(n->id), "seed:%llu",
                 (unsigned long long)o->seed);
    }
    if (!rc)
        rc = reap_net_new(&n->net, &a, n->weights ? n->weights->params : NULL,
                          err);
    if (rc && n->weights)
        rc = reap_wrap(err, rc, "%s", n->path);
    if (rc)
        reap_network_close(n);
    return rc;
}

int reap_network_open_later(struct reap_network *n,
                            const struct reap_options *o, bool lasting,
                            struct reap_err *err)
{
    return open_net(n, o, false, lasting, err);
}

void reap_network_settle(struct reap_network *n)
{
    if (n->weights)
        reap_params_free(&n->weights->params);
}

int reap_network_open(struct reap_network *n, const struct reap_options *o,
                      bool random, struct reap_err *err)
{
    int rc = open_net(n, o, random, false, err);

    if (rc)
        return rc;
    rc = reap_net_fold(n->net, err);
    if (rc && n->weights)
        rc = reap_wrap(err, rc, "%s", n->path);
    reap_network_settle(n);
    if (rc)
        reap_network_close(n);
    return rc;
}

static void tell_others(const struct reap_weights *w, const char *path,
                        const struct reap_candidate *taken,
                        const struct reap_options *o)
{
    char others[400];
    size_t at = 0;

    others[0] = '\0';
    for (size_t i = 0; i < w->n_candidates && at < sizeof(others); i++)
        if (!w->candidate[i].taken)
            at += (size_t)snprintf(others + at, sizeof(others) - at, "%s%s:%s",
                                   at ? " or " : "", path,
                                   w->candidate[i].prefix);
    reap_remark(o,
                "%zu networks in the weights file: '%s'%s%s%s is taken; "
                "--weights %s takes another",
                w->n_candidates, taken->prefix, *taken->role ? " (" : "",
                taken->role, *taken->role ? ")" : "", others);
}

void reap_network_remarks(const struct reap_network *n,
                          const struct reap_options *o)
{
    const struct reap_weights *w = n->weights;
    const struct reap_candidate *taken = w ? reap_weights_taken(w) : NULL;
    const char *prefix;
    char path[4096];
    struct reap_err none;

    if (!taken ||
        reap_weights_split(n->path, path, sizeof(path), &prefix, &none))
        return;
    if (w->n_candidates > 1 && !prefix)
        tell_others(w, path, taken, o);
    if (w->left_out)
        reap_remark(o, "left out of the weights file: %s", w->left_out);
}

void reap_network_close(struct reap_network *n)
{
    reap_net_free(&n->net);
    reap_weights_free(&n->weights);
}
