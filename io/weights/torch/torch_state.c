/* From the values of a pickle to a list of tensors: which dict holds them, and
 * whether each lies inside its storage. Numbers are read by weights_pth.c and
 * weights_pth_legacy.c. */
#include <stdio.h>
#include <string.h>

#include "io/weights/torch/torch_state.h"

enum { NAME = 256, NESTED = 4 };

static const char *const places[] = { "state_dict", "model", "model_state_dict",
                                      "net" };

/* Down to the innermost of the places; the dict itself if there is none. */
static const struct reap_pk *inner(const struct reap_pk *d)
{
    for (int depth = 0; depth < NESTED; depth++) {
        const struct reap_pk *next = NULL;

        for (size_t i = 0; !next && i < sizeof(places) / sizeof(*places); i++)
            next = reap_pk_get(d, places[i]);
        if (!next || next->kind != REAP_PK_DICT)
            break;
        d = next;
    }
    return d;
}

static int torch_state_add(size_t *sum, int64_t n, int64_t step)
{
    size_t product;

    return n < 0 || step < 0 ||
           __builtin_mul_overflow((size_t)n, (size_t)step, &product) ||
           __builtin_add_overflow(*sum, product, sum);
}

/* Sizes and strides in 'dim' and 'stride', and the last element that the
 * tensor reaches in '*last'; -1 if that cannot be. */
static int extent(const struct reap_pk *t, size_t *dim, size_t *stride,
                  size_t *last)
{
    const struct reap_pk *sizes = t->item[1], *steps = t->item[2];

    *last = 0;
    if (sizes->n != steps->n || sizes->n > REAP_PARAM_DIMS ||
        torch_state_add(last, t->number, 1))
        return -1;
    for (size_t i = 0; i < sizes->n; i++) {
        const struct reap_pk *n = sizes->item[i], *step = steps->item[i];

        if (n->kind != REAP_PK_INT || step->kind != REAP_PK_INT ||
            n->number < 0 ||
            torch_state_add(last, n->number ? n->number - 1 : 0, step->number))
            return -1;
        dim[i] = (size_t)n->number;
        stride[i] = (size_t)step->number;
    }
    return 0;
}

static size_t index_of(const struct reap_pickle *p, const struct reap_pk *s)
{
    size_t i = 0;

    while (reap_pickle_storage(p, i) != s)
        i++;
    return i;
}

static int torch_state_list(struct reap_weights_in *in,
                            const struct reap_pickle *p, const char *name,
                            const struct reap_pk *t, struct reap_err *err)
{
    const struct reap_pk *storage = t->item[0];
    size_t dim[REAP_PARAM_DIMS], stride[REAP_PARAM_DIMS], last;
    struct reap_raw *r = NULL;
    int rc;

    if (storage->dtype < 0)
        return reap_fail(err, REAP_EFORMAT,
                         "%s: numbers of %zu bytes that are not floats; "
                         "float32, half, bfloat16 or double is expected",
                         name, storage->size);
    if (extent(t, dim, stride, &last))
        return reap_fail(err, REAP_EFORMAT,
                         "%s: impossible sizes, strides or offset", name);
    rc = reap_weights_list(in, name, (enum reap_dtype)storage->dtype,
                           t->item[1]->n, dim, NULL, &r, err);
    if (rc)
        return rc;
    if (r->count &&
        (last >= (size_t)storage->number || r->count > (size_t)storage->number))
        return reap_fail(err, REAP_EFORMAT,
                         "%s: reaches number %zu of a storage that has %lld",
                         name, last, (long long)storage->number);
    memcpy(r->stride, stride, sizeof(*stride) * r->rank);
    r->where = index_of(p, storage);
    r->offset = r->count ? (size_t)t->number * storage->size : 0;
    return REAP_OK;
}

static int no_state(const struct reap_pk *d, struct reap_err *err)
{
    char keys[160] = "";
    size_t at = 0;

    for (size_t i = 0; i < d->n && at < sizeof(keys); i += 2)
        if (d->item[i]->kind == REAP_PK_TEXT)
            at += (size_t)snprintf(keys + at, sizeof(keys) - at, " %.*s",
                                   (int)d->item[i]->len, d->item[i]->text);
    return reap_fail(err, REAP_EFORMAT,
                     "no tensors in its dict, whose keys are:%s; a state_dict "
                     "is expected",
                     keys);
}

int reap_torch_list(struct reap_weights_in *in, const struct reap_pickle *p,
                    struct reap_err *err)
{
    const struct reap_pk *d = reap_pickle_top(p);
    char name[NAME];
    int rc = REAP_OK;

    if (d->kind != REAP_PK_DICT)
        return reap_fail(err, REAP_EFORMAT,
                         "the object in it is not a dict; save "
                         "model.state_dict()");
    d = inner(d);
    for (size_t i = 0; !rc && i < d->n; i += 2) {
        const struct reap_pk *key = d->item[i], *value = d->item[i + 1];

        if (value->kind != REAP_PK_TENSOR)
            continue;
        if (key->kind != REAP_PK_TEXT || key->len >= NAME ||
            memchr(key->text, '\0', key->len))
            return reap_fail(err, REAP_EFORMAT,
                             "entry %zu of its dict: a name of under %d bytes "
                             "is expected",
                             i / 2, NAME);
        snprintf(name, sizeof(name), "%.*s", (int)key->len, key->text);
        rc = torch_state_list(in, p, name, value, err);
    }
    return rc || in->n ? rc : no_state(d, err);
}
