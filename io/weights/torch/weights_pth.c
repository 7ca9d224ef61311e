/*
 * .pth as torch.save() writes since 1.6: a zip of ROOT/data.pkl and a record
 * ROOT/data/KEY for each storage. Source: torch/serialization.py, and
 * caffe2/serialize/inline_container.cc.
 */
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/weights/torch/torch_state.h"
#include "io/weights/unzip.h"

enum { ROOT = 200, NAME = 320 };

struct pth {
    struct reap_unzip *zip;
    uint8_t *pkl;
    struct reap_pickle *pickle;
    char root[ROOT];
    uint8_t *storage; /* the one read last, and its index */
    size_t index;
    uint8_t *decoded; /* of the array read last */
};

static void close_pth(void *own)
{
    struct pth *p = own;

    reap_free(p->storage);
    reap_free(p->decoded);
    reap_pickle_free(&p->pickle);
    reap_free(p->pkl);
    reap_unzip_close(&p->zip);
    reap_free(p);
}

static int read_storage(struct pth *p, size_t index, struct reap_err *err)
{
    const struct reap_pk *s = reap_pickle_storage(p->pickle, index);
    size_t len = 0, want;
    char name[NAME];
    int rc;

    reap_free(p->storage);
    p->storage = NULL;
    if (snprintf(name, sizeof(name), "%s/data/%.*s", p->root, (int)s->len,
                 s->text) >= (int)sizeof(name))
        return reap_fail(err, REAP_EFORMAT, "a storage's key of %zu bytes",
                         s->len);
    rc = reap_unzip_read(p->zip, name, &p->storage, &len, err);
    if (rc)
        return rc;
    if (__builtin_mul_overflow((size_t)s->number, s->size, &want) ||
        want != len)
        return reap_fail(err, REAP_EFORMAT,
                         "%s has %zu bytes; %lld numbers of %zu are expected",
                         name, len, (long long)s->number, s->size);
    p->index = index;
    return REAP_OK;
}

static int weights_pth_load(struct reap_weights_in *in, struct reap_raw *r,
                            struct reap_err *err)
{
    struct pth *p = in->own;
    int rc = REAP_OK;

    if (r->from)
        return reap_torch_decode(r, &p->decoded, &r->data, err);
    if (!p->storage || p->index != r->where)
        rc = read_storage(p, r->where, err);
    if (rc)
        return reap_wrap(err, rc, "%s", r->name);
    r->data = p->storage + r->offset;
    return REAP_OK;
}

/* The folder of data.pkl: the name of the file when it was saved. */
static int find_root(struct pth *p, struct reap_err *err)
{
    const char *name, *tail;
    char script[NAME];

    for (size_t i = 0; (name = reap_unzip_name(p->zip, i)); i++) {
        tail = strrchr(name, '/');
        if (!tail || strcmp(tail, "/data.pkl") != 0)
            continue;
        if (tail - name >= ROOT)
            return reap_fail(err, REAP_EFORMAT, "a folder's name of %td bytes",
                             tail - name);
        snprintf(p->root, sizeof(p->root), "%.*s", (int)(tail - name), name);
        snprintf(script, sizeof(script), "%s/constants.pkl", p->root);
        if (reap_unzip_has(p->zip, script))
            return reap_fail(err, REAP_EFORMAT,
                             "a TorchScript program, which would have to be "
                             "run; save model.state_dict() with torch.save()");
        return REAP_OK;
    }
    return reap_fail(err, REAP_EFORMAT, "no data.pkl in the zip archive");
}

static int check_order(struct pth *p, struct reap_err *err)
{
    uint8_t *text;
    size_t len;
    char name[NAME];
    int rc;

    snprintf(name, sizeof(name), "%s/byteorder", p->root);
    if (!reap_unzip_has(p->zip, name))
        return REAP_OK;
    rc = reap_unzip_read(p->zip, name, &text, &len, err);
    if (!rc && (len != 6 || memcmp(text, "little", 6) != 0))
        rc = reap_fail(err, REAP_EFORMAT,
                       "%s is not 'little'; save it on a little-endian machine",
                       name);
    reap_free(text);
    return rc;
}

int reap_weights_pth(struct reap_weights_in *in, struct reap_err *err)
{
    struct pth *p = reap_calloc(1, sizeof(*p));
    struct reap_bytes pkl = { 0 };
    char name[NAME];
    size_t end;
    int rc;

    strcpy(in->out->format, "pth");
    if (!p)
        return reap_fail(err, REAP_ENOMEM, "no memory");
    in->own = p;
    in->close = close_pth;
    in->load = weights_pth_load;
    rc = reap_unzip_open(&p->zip, in->file, err);
    if (!rc)
        rc = find_root(p, err);
    if (!rc)
        rc = check_order(p, err);
    if (rc)
        return rc;
    snprintf(name, sizeof(name), "%s/data.pkl", p->root);
    rc = reap_unzip_read(p->zip, name, &p->pkl, &pkl.len, err);
    pkl.data = p->pkl;
    if (!rc)
        rc = reap_pickle_load(&p->pickle, pkl, 0, &end, err);
    return rc ? rc : reap_torch_list(in, p->pickle, err);
}
