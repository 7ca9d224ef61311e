/* From the values of a pickle to a list of tensors, each under the path of keys
 * that leads to it, and whether it lies inside its storage. Which of them are a
 * network is for others to find (io/weights/find/). Numbers are read by
 * weights_pth.c and weights_pth_legacy.c. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/weights/torch/torch_state.h"

/* A module inside a module is four values further in. */
enum { PATH = 512, NESTED = 96, VISITS = 1 << 20 };

struct walk {
    struct reap_weights_in *in;
    const struct reap_pickle *p;
    size_t visits; /* values may be shared, even in circles */
    size_t len;
    char path[PATH];
};

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

static int torch_state_tensor(struct walk *w, const struct reap_pk *t,
                              struct reap_err *err)
{
    const struct reap_pk *storage = t->item[0];
    size_t dim[REAP_PARAM_DIMS], stride[REAP_PARAM_DIMS], last;
    struct reap_raw *r = NULL;
    int rc;

    if (storage->dtype < 0)
        return reap_weights_list_closed(
            w->in, w->path, 0, NULL, err,
            "numbers of %zu bytes that are not floats; float32, half, bfloat16 "
            "or double is expected",
            storage->size);
    if (extent(t, dim, stride, &last))
        return reap_fail(err, REAP_EFORMAT,
                         "%s: impossible sizes, strides or offset", w->path);
    rc = reap_weights_list(w->in, w->path, (enum reap_dtype)storage->dtype,
                           t->item[1]->n, dim, NULL, &r, err);
    if (rc)
        return rc;
    if (r->count &&
        (last >= (size_t)storage->number || r->count > (size_t)storage->number))
        return reap_fail(err, REAP_EFORMAT,
                         "%s: reaches number %zu of a storage that has %lld",
                         w->path, last, (long long)storage->number);
    memcpy(r->stride, stride, sizeof(*stride) * r->rank);
    r->where = index_of(w->p, storage);
    r->offset = r->count ? (size_t)t->number * storage->size : 0;
    return REAP_OK;
}

/* Bytes that a run of bytes or a text holds once it is decoded. */
static size_t decoded_len(const struct reap_pk *b)
{
    size_t n = b->len;

    for (size_t i = 0; b->number && i < b->len; i++)
        n -= ((unsigned char)b->text[i] & 0xc0) == 0x80;
    return n;
}

static int array_shape(const struct reap_pk *a, size_t *dim, size_t *count)
{
    const struct reap_pk *sizes = a->item[0];

    *count = 1;
    if (sizes->n > REAP_PARAM_DIMS)
        return -1;
    for (size_t i = 0; i < sizes->n; i++) {
        const struct reap_pk *n = sizes->item[i];

        if (n->kind != REAP_PK_INT || n->number < 0 ||
            __builtin_mul_overflow(*count, (size_t)n->number, count))
            return -1;
        dim[i] = (size_t)n->number;
    }
    return 0;
}

/* An array of numpy in the place of a tensor. */
static int torch_state_array(struct walk *w, const struct reap_pk *a,
                             struct reap_err *err)
{
    const struct reap_pk *type = a->n ? a->item[1] : NULL;
    size_t dim[REAP_PARAM_DIMS], count, bytes, step = 1;
    struct reap_raw *r = NULL;
    int rc;

    if (!type || type->dtype < 0 || type->number)
        return reap_weights_list_closed(
            w->in, w->path, 0, NULL, err,
            "an array of numpy, but not of little-endian floats");
    if (array_shape(a, dim, &count) ||
        __builtin_mul_overflow(count, type->size, &bytes) ||
        bytes != decoded_len(a->item[2]))
        return reap_fail(err, REAP_EFORMAT,
                         "%s: an array whose bytes do not fit its shape",
                         w->path);
    rc = reap_weights_list(w->in, w->path, (enum reap_dtype)type->dtype,
                           a->item[0]->n, dim, NULL, &r, err);
    if (rc)
        return rc;
    r->from = a->item[2];
    for (size_t i = 0; a->number && i < r->rank; step *= dim[i++])
        r->stride[i] = step;
    return REAP_OK;
}

/* Does something of that name belong to a network? */
static bool like_weight(const char *path)
{
    static const char *const ends[] = { "weight", "bias", "running_mean",
                                        "running_var" };
    const char *last = strrchr(path, '.');

    last = last ? last + 1 : path;
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
        if (!strcmp(last, ends[i]))
            return true;
    return false;
}

/* What PyTorch itself writes, and what to do about it. */
static const struct {
    const char *maker, *about;
} harmless[] = {
    { "_rebuild_qtensor",
      "quantised by PyTorch; save the float model's state_dict()" },
    { "_load_from_bytes",
      "a tensor written by pickle.dump(); save it with torch.save()" },
    { "_rebuild_sparse", "a sparse tensor; save its to_dense()" },
    { "_rebuild_nested", "a nested tensor" },
    { "_rebuild_meta", "a tensor on the device 'meta', which has no numbers" },
    { "Storage", "numbers of a kind that reap does not read; save them as "
                 "float32" },
};

static int torch_state_object(struct walk *w, const struct reap_pk *v,
                              struct reap_err *err)
{
    char maker[160];

    if (!like_weight(w->path))
        return REAP_OK;
    reap_pk_maker(v, maker, sizeof(maker));
    for (size_t i = 0; i < sizeof(harmless) / sizeof(*harmless); i++)
        if (strstr(maker, harmless[i].maker))
            return reap_weights_list_closed(w->in, w->path, 0, NULL, err,
                                            "%s (%s)", harmless[i].about,
                                            maker);
    return reap_weights_list_closed(
        w->in, w->path, 0, NULL, err,
        "it would have to be made by calling %s: this file wants to run code, "
        "and reap runs none; save model.state_dict() alone",
        maker);
}

/* Append ".key" to the path; false if the key is none that a name has. */
static bool enter(struct walk *w, const struct reap_pk *key)
{
    const char *dot = w->len ? "." : "";
    const size_t room = PATH - w->len;
    int n;

    if (key->kind == REAP_PK_INT)
        n = snprintf(w->path + w->len, room, "%s%lld", dot,
                     (long long)key->number);
    else if (key->kind != REAP_PK_TEXT || key->len >= PATH || !key->len ||
             memchr(key->text, '\0', key->len))
        return false;
    else
        n = snprintf(w->path + w->len, room, "%s%.*s", dot, (int)key->len,
                     key->text);
    if (n < 0 || (size_t)n >= room) {
        w->path[w->len] = '\0';
        return false;
    }
    w->len += (size_t)n;
    return true;
}

static void leave(struct walk *w, size_t len)
{
    w->len = len;
    w->path[len] = '\0';
}

/* Where a torch.nn.Module keeps its parts, which bear their keys alone. */
static bool transparent(const struct reap_pk *key)
{
    return reap_pk_is(key, "_modules") || reap_pk_is(key, "_parameters") ||
           reap_pk_is(key, "_buffers");
}

static int visit(struct walk *w, const struct reap_pk *v, int depth,
                 struct reap_err *err);

static int pairs(struct walk *w, const struct reap_pk *d, bool object,
                 int depth, struct reap_err *err)
{
    const size_t len = w->len;
    int rc = REAP_OK;

    for (size_t i = 0; !rc && i + 1 < d->n; i += 2) {
        if (object && transparent(d->item[i]))
            rc = visit(w, d->item[i + 1], depth + 1, err);
        else if (enter(w, d->item[i]))
            rc = visit(w, d->item[i + 1], depth + 1, err);
        leave(w, len);
    }
    return rc;
}

static int members(struct walk *w, const struct reap_pk *list, int depth,
                   struct reap_err *err)
{
    struct reap_pk key = { .kind = REAP_PK_INT };
    const size_t len = w->len;
    int rc = REAP_OK;

    for (size_t i = 0; !rc && i < list->n; i++) {
        key.number = (int64_t)i;
        if (enter(w, &key))
            rc = visit(w, list->item[i], depth + 1, err);
        leave(w, len);
    }
    return rc;
}

/* What an inert object holds: a module its parts, a dict of a class of its own
 * what is in it. Nothing is called for that. */
static int inside(struct walk *w, const struct reap_pk *v, int depth,
                  struct reap_err *err)
{
    const struct reap_pk *state = v->item[REAP_PO_STATE];
    int rc = torch_state_object(w, v, err);

    if (!rc && state->kind == REAP_PK_DICT)
        rc = pairs(w, state, true, depth, err);
    if (!rc && state->kind == REAP_PK_TUPLE)
        for (size_t i = 0; !rc && i < state->n; i++)
            if (state->item[i]->kind == REAP_PK_DICT)
                rc = pairs(w, state->item[i], true, depth, err);
    return rc ? rc : pairs(w, v->item[REAP_PO_BODY], false, depth, err);
}

static int visit(struct walk *w, const struct reap_pk *v, int depth,
                 struct reap_err *err)
{
    if (depth > NESTED || w->visits == VISITS)
        return REAP_OK;
    w->visits++;
    switch (v->kind) {
    case REAP_PK_DICT:
        return pairs(w, v, false, depth, err);
    case REAP_PK_LIST:
    case REAP_PK_TUPLE:
        return members(w, v, depth, err);
    case REAP_PK_OBJECT:
        return inside(w, v, depth, err);
    case REAP_PK_TENSOR:
        return w->len ? torch_state_tensor(w, v, err) : REAP_OK;
    case REAP_PK_ARRAY:
        return w->len ? torch_state_array(w, v, err) : REAP_OK;
    default:
        return REAP_OK;
    }
}

static int no_state(const struct reap_pk *d, struct reap_err *err)
{
    char keys[160] = "";
    size_t at = 0;

    if (d->kind != REAP_PK_DICT)
        return reap_fail(err, REAP_EFORMAT,
                         "no tensors in it, and the object in it is not a "
                         "dict; save model.state_dict()");
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
    struct walk *w = reap_calloc(1, sizeof(*w));
    int rc;

    if (!w)
        return reap_fail(err, REAP_ENOMEM, "no memory");
    w->in = in;
    w->p = p;
    rc = visit(w, reap_pickle_top(p), 0, err);
    reap_free(w);
    return rc || in->n ? rc : no_state(reap_pickle_top(p), err);
}

int reap_torch_decode(const struct reap_raw *r, uint8_t **buffer,
                      const uint8_t **data, struct reap_err *err)
{
    const struct reap_pk *b = r->from;
    uint8_t *to;

    if (!b->number) {
        *data = (const uint8_t *)b->text;
        return REAP_OK;
    }
    reap_free(*buffer);
    to = *buffer = reap_calloc(1, b->len + 1);
    if (!to)
        return reap_fail(err, REAP_ENOMEM, "%s: no memory", r->name);
    *data = to;
    for (size_t i = 0; i < b->len; i++) {
        const unsigned char c = (unsigned char)b->text[i];
        const bool two = c >= 0xc0 && i + 1 < b->len;

        if ((c & 0xc0) == 0x80 || c > 0xc3 ||
            (two && ((unsigned char)b->text[i + 1] & 0xc0) != 0x80))
            return reap_fail(err, REAP_EFORMAT,
                             "%s: bytes in a text that has others", r->name);
        *to++ =
            two ? (uint8_t)(c << 6 | ((unsigned char)b->text[++i] & 0x3f)) : c;
    }
    return REAP_OK;
}
