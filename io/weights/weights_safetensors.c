/*
 * safetensors: u64 length, JSON header, numbers. Source: the README of
 * huggingface/safetensors; like its reader this one refuses holes, overlaps
 * and trailing bytes, and unlike it duplicate names.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/file/le.h"
#include "io/weights/weights_impl.h"

/* A ResNet's header has some 100 KB; JSON of this size still fits in memory
 * after it was parsed. */
enum { MAX_HEADER = 16 << 20 };

static const struct {
    const char *name;
    enum reap_dtype dtype;
} dtypes[] = {
    { "F32", REAP_F32 }, { "F16", REAP_F16 }, { "BF16", REAP_BF16 },
    { "F64", REAP_F64 }, { "I64", REAP_I64 },
};

enum { N_DTYPES = sizeof(dtypes) / sizeof(dtypes[0]) };

struct span {
    size_t begin, end;
    const char *name;
};

static int dtype_of(const char *name, const json_t *text, enum reap_dtype *out,
                    struct reap_err *err)
{
    const char *s = json_string_value(text);

    for (size_t i = 0; s && i < N_DTYPES; i++)
        if (!strcmp(s, dtypes[i].name)) {
            *out = dtypes[i].dtype;
            return REAP_OK;
        }
    return reap_fail(err, REAP_EFORMAT,
                     "%s: dtype %s; F32, F16, BF16, F64 or I64 is expected",
                     name, s ? s : "is missing");
}

/* A list of whole numbers, none negative, at most 'max' of them. */
static int weights_safetensors_numbers(const json_t *list, size_t max,
                                       size_t *out, size_t *n)
{
    if (!json_is_array(list) || json_array_size(list) > max)
        return -1;
    *n = json_array_size(list);
    for (size_t i = 0; i < *n; i++) {
        const json_t *v = json_array_get(list, i);

        if (!json_is_integer(v) || json_integer_value(v) < 0)
            return -1;
        out[i] = (size_t)json_integer_value(v);
    }
    return 0;
}

/* One tensor of the header; 'body' is what follows the header. */
static int weights_safetensors_tensor(struct reap_weights_in *in,
                                      const char *name, const json_t *about,
                                      struct reap_bytes body, struct span *span,
                                      struct reap_err *err)
{
    size_t dim[REAP_PARAM_DIMS], rank, at[2], n;
    enum reap_dtype dtype = REAP_F32;
    struct reap_raw *r;
    int rc = dtype_of(name, json_object_get(about, "dtype"), &dtype, err);

    if (rc)
        return rc;
    if (weights_safetensors_numbers(json_object_get(about, "shape"),
                                    REAP_PARAM_DIMS, dim, &rank))
        return reap_fail(err, REAP_EFORMAT,
                         "%s: shape: a list of at most %d whole numbers is "
                         "expected",
                         name, REAP_PARAM_DIMS);
    if (weights_safetensors_numbers(json_object_get(about, "data_offsets"), 2,
                                    at, &n) ||
        n != 2)
        return reap_fail(err, REAP_EFORMAT,
                         "%s: data_offsets: [begin, end] is expected", name);
    if (at[0] > at[1] || at[1] > body.len)
        return reap_fail(err, REAP_EFORMAT,
                         "%s: its bytes %zu to %zu are not in the file, which "
                         "has %zu after the header (cut off?)",
                         name, at[0], at[1], body.len);
    rc = reap_weights_list(in, name, dtype, rank, dim, body.data + at[0], &r,
                           err);
    if (rc)
        return rc;
    if (r->count * reap_dtype_size(dtype) != at[1] - at[0])
        return reap_fail(err, REAP_EFORMAT,
                         "%s: %zu bytes for %zu numbers of %zu", name,
                         at[1] - at[0], r->count, reap_dtype_size(dtype));
    *span = (struct span){ at[0], at[1], r->name };
    return REAP_OK;
}

static int by_begin(const void *a, const void *b)
{
    const struct span *p = a, *q = b;

    if (p->begin != q->begin)
        return p->begin < q->begin ? -1 : 1;
    return (p->end > q->end) - (p->end < q->end);
}

/* Sorted, the tensors cover the body without hole or overlap. */
static int covered(struct span *span, size_t n, size_t len,
                   struct reap_err *err)
{
    size_t at = 0;

    qsort(span, n, sizeof(*span), by_begin);
    for (size_t i = 0; i < n; at = span[i++].end)
        if (span[i].begin != at)
            return reap_fail(err, REAP_EFORMAT,
                             "%s: begins at byte %zu of the numbers; %zu is "
                             "expected (%s)",
                             span[i].name, span[i].begin, at,
                             span[i].begin < at ? "tensors overlap"
                                                : "a hole before it");
    if (at != len)
        return reap_fail(err, REAP_EFORMAT,
                         "%zu bytes after the last tensor; none are expected",
                         len - at);
    return REAP_OK;
}

/* "labels" of our own metadata: a list of names, as JSON in a string. */
static int take_labels(struct reap_weights *out, const char *text,
                       struct reap_err *err)
{
    json_t *list = json_loads(text, 0, NULL);
    size_t n = json_array_size(list); /* 0 for what is no list */
    int rc = REAP_OK;

    if (n && !out->labels)
        out->labels = reap_calloc(n, sizeof(*out->labels));
    for (size_t i = 0; out->labels && i < n; i++) {
        const char *s = json_string_value(json_array_get(list, i));

        out->labels[i] = reap_strdup(s ? s : "");
        if (!out->labels[i])
            break;
        out->n_labels++;
    }
    if (out->n_labels < n)
        rc = reap_fail(err, REAP_ENOMEM, "no memory for labels");
    json_decref(list);
    return rc;
}

/* "head" likewise: activations of the dense layers, in order. */
static void take_head(struct reap_weights *out, const char *text)
{
    static const char *const names[] = { [REAP_LINEAR] = "linear",
                                         [REAP_RELU] = "relu",
                                         [REAP_SOFTMAX] = "softmax",
                                         [REAP_SIGMOID] = "sigmoid" };
    json_t *list = json_loads(text, 0, NULL);
    const size_t max = sizeof(out->head) / sizeof(*out->head);

    for (size_t i = 0; i < json_array_size(list) && i < max; i++) {
        const char *s = json_string_value(json_array_get(list, i));

        for (size_t a = 0; s && a < sizeof(names) / sizeof(*names); a++)
            if (!strcmp(s, names[a]))
                out->head[out->n_head++] = (enum reap_activation)a;
    }
    json_decref(list);
}

static int metadata(struct reap_weights *out, const json_t *about,
                    struct reap_err *err)
{
    const char *key, *preset, *model, *made, *labels, *head;
    const json_t *value;
    int rc;

    if (!json_is_object(about))
        return reap_fail(err, REAP_EFORMAT,
                         "__metadata__: an object is expected");
    json_object_foreach((json_t *)(uintptr_t)about, key, value)
    {
        if (!json_is_string(value))
            return reap_fail(err, REAP_EFORMAT,
                             "__metadata__: %s: a string is expected", key);
        rc = reap_weights_note(out, key, json_string_value(value), err);
        if (rc)
            return rc;
    }
    preset = json_string_value(json_object_get(about, "preset"));
    model = json_string_value(json_object_get(about, "model"));
    made = json_string_value(json_object_get(about, "calibration"));
    head = json_string_value(json_object_get(about, "head"));
    labels = json_string_value(json_object_get(about, "labels"));
    if (preset && strlen(preset) < sizeof(out->preset)) {
        strcpy(out->preset, preset);
        strcpy(out->preset_from, "the file");
    }
    if (model && strlen(model) < sizeof(out->model))
        strcpy(out->model, model);
    if (made && strlen(made) < sizeof(out->calibration))
        strcpy(out->calibration, made);
    if (head && !out->n_head)
        take_head(out, head);
    return labels ? take_labels(out, labels, err) : REAP_OK;
}

static int weights_safetensors_header(struct reap_weights_in *in, json_t *root,
                                      struct reap_bytes body,
                                      struct reap_err *err)
{
    struct span *span = reap_calloc(json_object_size(root) + 1, sizeof(*span));
    const char *name;
    json_t *about;
    size_t n = 0;
    int rc = span ? REAP_OK : reap_fail(err, REAP_ENOMEM, "no memory");

    json_object_foreach(root, name, about)
    {
        if (rc)
            break;
        if (!strcmp(name, "__metadata__"))
            rc = metadata(in->out, about, err);
        else
            rc = weights_safetensors_tensor(in, name, about, body, &span[n++],
                                            err);
    }
    if (!rc)
        rc = covered(span, n, body.len, err);
    reap_free(span);
    return rc;
}

int reap_weights_safetensors(struct reap_weights_in *in, struct reap_err *err)
{
    const uint64_t n = reap_le_get64(in->file.data);
    const char *text = (const char *)in->file.data + 8;
    struct reap_bytes body;
    json_error_t why;
    json_t *root;
    int rc;

    strcpy(in->out->format, "safetensors");
    if (n > MAX_HEADER || n > in->file.len - 8)
        return reap_fail(err, REAP_EFORMAT,
                         "a safetensors header of %" PRIu64
                         " bytes in a file of %zu (cut off?)",
                         n, in->file.len);
    root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &why);
    if (!root)
        return reap_fail(err, REAP_EFORMAT, "safetensors header, byte %d: %s",
                         why.position, why.text);
    body.data = in->file.data + 8 + n;
    body.len = in->file.len - 8 - n;
    rc = json_is_object(root) ? weights_safetensors_header(in, root, body, err)
                              : reap_fail(err, REAP_EFORMAT,
                                          "safetensors header: an object is "
                                          "expected");
    json_decref(root);
    return rc;
}
