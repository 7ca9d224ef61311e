/*
 * .pth as torch.save() wrote before 1.6: pickles of a magic number, a protocol
 * version, facts about the system, the object and the list of storage keys;
 * then for each key a count and the numbers. Source: torch/serialization.py.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/file/le.h"
#include "io/weights/torch/torch_state.h"

/* The pickle of 0x1950a86a20f9469cfc6c, which told the file's kind already. */
enum { MAGIC = 15, VERSION = 1001 };

struct legacy {
    struct reap_pickle *object, *keys;
    size_t *at;       /* of each storage: where its numbers are, 0: nowhere */
    uint8_t *decoded; /* of the array of numpy read last */
};

static void close_legacy(void *own)
{
    struct legacy *l = own;

    reap_pickle_free(&l->object);
    reap_pickle_free(&l->keys);
    reap_free(l->at);
    reap_free(l->decoded);
    reap_free(l);
}

/* A small pickle whose value is not kept: check the protocol's version, or the
 * order of bytes in what is told of the system. */
static int preface(struct reap_weights_in *in, size_t *at, bool system,
                   struct reap_err *err)
{
    struct reap_pickle *p = NULL;
    const struct reap_pk *top, *little;
    int rc = reap_pickle_load(&p, in->file, *at, at, err);

    if (rc)
        return rc;
    top = reap_pickle_top(p);
    little = system && top->kind == REAP_PK_DICT
                 ? reap_pk_get(top, "little_endian")
                 : NULL;
    if (!system && (top->kind != REAP_PK_INT || top->number != VERSION))
        rc = reap_fail(err, REAP_EFORMAT,
                       "protocol version %d is expected in a .pth file of "
                       "this kind",
                       VERSION);
    if (system && (!little || little->kind != REAP_PK_BOOL || !little->number))
        rc =
            reap_fail(err, REAP_EFORMAT,
                      "not written on a little-endian machine; save it on one");
    reap_pickle_free(&p);
    return rc;
}

static size_t weights_pth_legacy_find(const struct reap_pickle *p,
                                      const struct reap_pk *key)
{
    size_t i;

    for (i = 0; i < reap_pickle_storages(p); i++) {
        const struct reap_pk *s = reap_pickle_storage(p, i);

        if (s->len == key->len && !memcmp(s->text, key->text, key->len))
            break;
    }
    return i;
}

/* The numbers of one storage, which start at '*at' with their count. */
static int storage(struct reap_weights_in *in, const struct reap_pk *key,
                   size_t *at, struct reap_err *err)
{
    struct legacy *l = in->own;
    const size_t left = in->file.len - *at;
    const struct reap_pk *s;
    size_t i, bytes;
    uint64_t numel;

    if (key->kind != REAP_PK_TEXT)
        return reap_fail(err, REAP_EFORMAT, "a storage's key is no text");
    i = weights_pth_legacy_find(l->object, key);
    if (i == reap_pickle_storages(l->object) || l->at[i])
        return reap_fail(err, REAP_EFORMAT,
                         "storage %.*s is there twice, or nothing uses it",
                         (int)key->len, key->text);
    s = reap_pickle_storage(l->object, i);
    if (left < 8)
        return reap_fail(err, REAP_EFORMAT,
                         "storage %.*s is missing at byte %zu (cut off?)",
                         (int)key->len, key->text, *at);
    numel = reap_le_get64(in->file.data + *at);
    if (numel != (uint64_t)s->number ||
        __builtin_mul_overflow((size_t)numel, s->size, &bytes) ||
        bytes > left - 8)
        return reap_fail(
            err, REAP_EFORMAT,
            "storage %.*s at byte %zu has %" PRIu64 " numbers; %" PRId64
            " of %zu bytes are expected, and %zu bytes are left "
            "(cut off?)",
            (int)key->len, key->text, *at, numel, s->number, s->size, left - 8);
    l->at[i] = *at + 8;
    *at += 8 + bytes;
    return REAP_OK;
}

static int storages(struct reap_weights_in *in, size_t at, struct reap_err *err)
{
    struct legacy *l = in->own;
    const struct reap_pk *keys = reap_pickle_top(l->keys);
    int rc = REAP_OK;

    if (keys->kind != REAP_PK_LIST)
        return reap_fail(err, REAP_EFORMAT,
                         "a list of storage keys is expected");
    l->at = reap_calloc(reap_pickle_storages(l->object) + 1, sizeof(*l->at));
    if (!l->at)
        return reap_fail(err, REAP_ENOMEM, "no memory");
    for (size_t i = 0; !rc && i < keys->n; i++)
        rc = storage(in, keys->item[i], &at, err);
    if (!rc && at != in->file.len)
        rc = reap_fail(err, REAP_EFORMAT,
                       "%zu bytes after the last storage; none are expected",
                       in->file.len - at);
    return rc;
}

static int bind(struct reap_weights_in *in, struct reap_err *err)
{
    const struct legacy *l = in->own;

    for (size_t i = 0; i < in->n; i++) {
        struct reap_raw *r = &in->raw[i];

        if (r->from || r->why)
            continue;
        if (!l->at[r->where])
            return reap_fail(err, REAP_EFORMAT,
                             "%s: its storage is not in the file", r->name);
        r->data = in->file.data + l->at[r->where] + r->offset;
    }
    return REAP_OK;
}

/* Numbers of tensors are in the file as they are. */
static int weights_pth_legacy_load(struct reap_weights_in *in,
                                   struct reap_raw *r, struct reap_err *err)
{
    struct legacy *l = in->own;

    return r->from ? reap_torch_decode(r, &l->decoded, &r->data, err) : REAP_OK;
}

int reap_weights_pth_legacy(struct reap_weights_in *in, struct reap_err *err)
{
    struct legacy *l = reap_calloc(1, sizeof(*l));
    size_t at = MAGIC;
    int rc;

    strcpy(in->out->format, "pth-legacy");
    if (!l)
        return reap_fail(err, REAP_ENOMEM, "no memory");
    in->own = l;
    in->close = close_legacy;
    in->load = weights_pth_legacy_load;
    rc = preface(in, &at, false, err);
    if (!rc)
        rc = preface(in, &at, true, err);
    if (!rc)
        rc = reap_pickle_load(&l->object, in->file, at, &at, err);
    if (!rc)
        rc = reap_pickle_load(&l->keys, in->file, at, &at, err);
    if (!rc)
        rc = reap_torch_list(in, l->object, err);
    if (!rc)
        rc = storages(in, at, err);
    return rc ? rc : bind(in, err);
}
