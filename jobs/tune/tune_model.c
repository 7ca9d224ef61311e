/* The tuned tensors in the places of the old ones, the head by its framework's
 * names, everything else as it was. */
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/weights/weights_write.h"
#include "jobs/tune/tune_model.h"

static const char tuned[] = "reap.tuned";

static size_t count_of(const struct reap_tensor_spec *s)
{
    size_t n = 1;

    for (size_t d = 0; d < s->rank; d++)
        n *= s->dim[d];
    return n;
}

/* The network's own tensors; the old head and what is not its own stay
 * out. */
static int trunk(const struct reap_tune_model *m,
                 const struct reap_params *from, struct reap_params *to,
                 struct reap_err *err)
{
    struct reap_tensor_spec spec;
    struct reap_param *p;
    int rc = REAP_OK;

    for (size_t i = 0; i < m->graph->n && !rc; i++)
        for (int kind = 0; kind < REAP_T_KINDS && !rc; kind++) {
            const struct reap_param *old;

            if (!reap_graph_tensor(m->graph, i, kind, &spec))
                continue;
            old = reap_params_find(from, spec.name);
            if (!old || old->count != count_of(&spec))
                return reap_fail(err, REAP_EIO,
                                 "%s: its %s is another than before",
                                 m->weights, spec.name);
            rc = reap_params_add(to, spec.name, spec.rank, spec.dim, &p, err);
            if (!rc)
                memcpy(p->data, old->data, old->count * sizeof(*p->data));
        }
    return rc;
}

static void head_name(const struct reap_tune_model *m, size_t i, bool bias,
                      char *to, size_t size)
{
    if (reap_model_keras(m->graph->model))
        snprintf(to, size, "%s/%s", m->head->dense[i].name,
                 bias ? "bias" : "kernel");
    else if (m->head->n == 1)
        snprintf(to, size, "fc.%s", bias ? "bias" : "weight");
    else
        snprintf(to, size, "fc.%zu.%s", 3 * i, bias ? "bias" : "weight");
}

/* (out, in) to (in, out) */
static void transpose(size_t out, size_t in, const float *from, float *to)
{
    for (size_t o = 0; o < out; o++)
        for (size_t i = 0; i < in; i++)
            to[i * out + o] = from[o * in + i];
}

/* Tensor i of the tail, which is one of dense layer 'layer'. */
static int tune_model_dense(const struct reap_tune_model *m,
                            struct reap_tail *t, size_t i, size_t layer,
                            struct reap_params *to, struct reap_err *err)
{
    const bool keras = reap_model_keras(m->graph->model);
    struct reap_tensor_spec spec;
    struct reap_param *p;
    float *copy;
    size_t dim[2];
    char name[80];
    int rc;

    reap_tail_tensor(t, i, &spec);
    head_name(m, layer, spec.rank == 1, name, sizeof(name));
    dim[0] = spec.dim[keras && spec.rank == 2];
    dim[1] = spec.dim[!keras];
    rc = reap_params_add(to, name, spec.rank, dim, &p, err);
    if (rc || spec.rank == 1 || !keras) {
        if (!rc)
            reap_tail_get(t, i, REAP_TAIL_WEIGHT, p->data);
        return rc;
    }
    copy = reap_calloc(p->count, sizeof(*copy));
    if (!copy)
        return reap_fail(err, REAP_ENOMEM, "no memory for the head");
    reap_tail_get(t, i, REAP_TAIL_WEIGHT, copy);
    transpose(spec.dim[0], spec.dim[1], copy, p->data);
    reap_free(copy);
    return REAP_OK;
}

static int trained(const struct reap_tune_model *m, struct reap_tail *t,
                   struct reap_params *to, struct reap_err *err)
{
    const size_t n = reap_tail_tensors(t), first = n - 2 * m->head->n;
    struct reap_tensor_spec spec;
    int rc = REAP_OK;

    for (size_t i = 0; i < first; i++) {
        reap_tail_tensor(t, i, &spec);
        reap_tail_get(t, i, REAP_TAIL_WEIGHT,
                      reap_params_find(to, spec.name)->data);
    }
    for (size_t i = first; i < n && !rc; i++)
        rc = tune_model_dense(m, t, i, (i - first) / 2, to, err);
    return rc;
}

static int notes(const struct reap_tune_model *m, struct reap_weights *w,
                 struct reap_err *err)
{
    const size_t classes = reap_head_classes(m->head);
    unsigned char sum[32];
    char hex[65];
    int rc;

    w->n_head = m->head->n;
    for (size_t i = 0; i < w->n_head; i++)
        w->head[i] = m->head->dense[i].act;
    w->labels = reap_calloc(classes, sizeof(*w->labels));
    for (size_t i = 0; w->labels && i < classes; i++, w->n_labels++)
        if (!(w->labels[i] = reap_strdup(m->labels[i])))
            break;
    if (w->n_labels != classes)
        return reap_fail(err, REAP_ENOMEM, "no memory for labels");
    if (EVP_Digest(m->fingerprint_text, strlen(m->fingerprint_text), sum, NULL,
                   EVP_sha256(), NULL) != 1)
        return reap_fail(err, REAP_EBUG, "no sha256 in libcrypto");
    for (size_t i = 0; i < sizeof(sum); i++)
        snprintf(hex + 2 * i, 3, "%02x", sum[i]);
    rc = reap_weights_note(w, tuned, m->fingerprint_text, err);
    return rc ? rc : reap_weights_note(w, "fingerprint", hex, err);
}

int reap_tune_model_write(const struct reap_tune_model *m, struct reap_tail *t,
                          const char *path, struct reap_err *err)
{
    struct reap_weights *old = NULL, *w = reap_calloc(1, sizeof(*w));
    int rc = w ? reap_params_new(&w->params, err)
               : reap_fail(err, REAP_ENOMEM, "no memory for the model");

    if (!rc)
        rc = reap_weights_read(&old, m->weights, err);
    if (!rc)
        rc = trunk(m, old->params, w->params, err);
    reap_weights_free(&old);
    if (!rc)
        rc = trained(m, t, w->params, err);
    if (!rc)
        rc = notes(m, w, err);
    if (!rc)
        rc = reap_weights_write(w, m->graph->model->name, m->preset, path, err);
    if (w)
        reap_weights_free(&w);
    return rc;
}

bool reap_tune_model_is(const char *path, const char *fingerprint_text)
{
    struct reap_weights *w = NULL;
    const char *is = NULL;
    bool same;

    if (!reap_weights_read(&w, path, NULL))
        is = reap_weights_about(w, tuned);
    same = is && !strcmp(is, fingerprint_text);
    reap_weights_free(&w);
    return same;
}
