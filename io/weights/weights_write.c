/*
 * A safetensors file: header as JSON, padded, then the numbers of all tensors
 * in order. Which metadata go in is for callers to note (reap_weights_note()).
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/file/le.h"
#include "io/out/outfile.h"
#include "io/weights/weights_write.h"

enum { ALIGN = 8, CHUNK = 4096 };

static const char *const activations[] = {
    [REAP_LINEAR] = "linear",
    [REAP_RELU] = "relu",
    [REAP_SOFTMAX] = "softmax",
    [REAP_SIGMOID] = "sigmoid",
};

/* A list as text: metadata of safetensors are texts alone. */
static void set_list(json_t *to, const char *key, json_t *list)
{
    char *text = json_dumps(list, JSON_COMPACT);

    if (text && json_array_size(list))
        json_object_set_new(to, key, json_string(text));
    free(text);
    json_decref(list);
}

static json_t *metadata(const struct reap_weights *w, const char *model,
                        const char *preset)
{
    json_t *m = json_object(), *head = json_array(), *labels = json_array();

    for (size_t i = 0; i < w->n_about; i++)
        json_object_set_new(m, w->about[i].name, json_string(w->about[i].text));
    json_object_set_new(m, "format", json_string("pt"));
    if (model && *model)
        json_object_set_new(m, "model", json_string(model));
    if (preset && *preset)
        json_object_set_new(m, "preset", json_string(preset));
    if (w->calibration[0])
        json_object_set_new(m, "calibration", json_string(w->calibration));
    for (size_t i = 0; i < w->n_head; i++)
        json_array_append_new(head, json_string(activations[w->head[i]]));
    for (size_t i = 0; i < w->n_labels; i++)
        json_array_append_new(labels, json_string(w->labels[i]));
    set_list(m, "head", head);
    set_list(m, "labels", labels);
    return m;
}

static char *weights_write_header(const struct reap_weights *w,
                                  const char *model, const char *preset)
{
    json_t *all = json_object();
    size_t at = 0;
    char *text;

    json_object_set_new(all, "__metadata__", metadata(w, model, preset));
    for (size_t i = 0; i < reap_params_count(w->params); i++) {
        const struct reap_param *p = reap_params_at(w->params, i);
        const size_t end = at + p->count * sizeof(float);
        json_t *shape = json_array();

        for (size_t d = 0; d < p->rank; d++)
            json_array_append_new(shape, json_integer((json_int_t)p->dim[d]));
        json_object_set_new(all, p->name,
                            json_pack("{ss,so,s[II]}", "dtype", "F32", "shape",
                                      shape, "data_offsets", (json_int_t)at,
                                      (json_int_t)end));
        at = end;
    }
    text = json_dumps(all, JSON_COMPACT);
    json_decref(all);
    return text;
}

static int put_header(struct reap_outfile *f, const char *text,
                      struct reap_err *err)
{
    static const char spaces[ALIGN] = "        ";
    const size_t len = strlen(text), pad = (ALIGN - len % ALIGN) % ALIGN;
    uint8_t size[8];
    int rc;

    reap_le_put64(size, len + pad);
    rc = reap_outfile_write(f, size, sizeof(size), err);
    if (!rc)
        rc = reap_outfile_write(f, text, len, err);
    return rc ? rc : reap_outfile_write(f, spaces, pad, err);
}

static int put_numbers(struct reap_outfile *f, const struct reap_param *p,
                       struct reap_err *err)
{
    uint8_t bytes[CHUNK * sizeof(float)];
    int rc = REAP_OK;

    for (size_t at = 0; !rc && at < p->count; at += CHUNK) {
        const size_t left = p->count - at, n = left < CHUNK ? left : CHUNK;
        uint32_t bits;

        for (size_t i = 0; i < n; i++) {
            memcpy(&bits, &p->data[at + i], sizeof(bits));
            reap_le_put32(bytes + i * sizeof(bits), bits);
        }
        rc = reap_outfile_write(f, bytes, n * sizeof(bits), err);
    }
    return rc;
}

static int write_file(const struct reap_weights *w, const char *model,
                      const char *preset, const char *path, bool own,
                      struct reap_err *err)
{
    struct reap_outfile *f = NULL;
    char *text = weights_write_header(w, model, preset);
    int rc = text ? REAP_OK : reap_fail(err, REAP_ENOMEM, "no memory");

    if (!rc)
        rc = own ? reap_outfile_open_own(&f, path, err)
                 : reap_outfile_open(&f, path, err);
    if (!rc)
        rc = put_header(f, text, err);
    for (size_t i = 0; !rc && i < reap_params_count(w->params); i++)
        rc = put_numbers(f, reap_params_at(w->params, i), err);
    if (!rc) {
        reap_outfile_count(f, "tensors", reap_params_count(w->params));
        rc = reap_outfile_commit(&f, err);
    }
    reap_outfile_abort(&f);
    free(text);
    return rc;
}

int reap_weights_write(const struct reap_weights *w, const char *model,
                       const char *preset, const char *path,
                       struct reap_err *err)
{
    return write_file(w, model, preset, path, false, err);
}

int reap_weights_write_own(const struct reap_weights *w, const char *path,
                           struct reap_err *err)
{
    return write_file(w, NULL, NULL, path, true, err);
}
