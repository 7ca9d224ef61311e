/* What PyTorch's names mean. Source: torch/_utils.py, torch/serialization.py */
#include <string.h>

#include "engine/base/mem.h"
#include "io/weights/torch/pickle_impl.h"
#include "io/weights/weights_impl.h"

static const struct {
    const char *module, *name;
} globals[] = {
#define GLOBAL_NAME(tag, module, name) { module, name },
#include "io/weights/torch/pickle_globals.def"
#undef GLOBAL_NAME
};

static const struct {
    const char *name;
    size_t size;
    int dtype;
} storages[] = {
#define STORAGE_NAME(name, size, dtype) { name, size, dtype },
#include "io/weights/torch/pickle_globals.def"
#undef STORAGE_NAME
};

enum { N_STORAGES = sizeof(storages) / sizeof(*storages) };

static int reads(const char *text, size_t len, const char *s)
{
    return len == strlen(s) && !memcmp(text, s, len);
}

int reap_pk_global(struct reap_pickle *p, const char *module, size_t module_len,
                   const char *name, size_t name_len, struct reap_pk **out,
                   struct reap_err *err)
{
    const int torch = reads(module, module_len, "torch");

    for (int i = 0; i < REAP_PG_N; i++)
        if (reads(module, module_len, globals[i].module) &&
            reads(name, name_len, globals[i].name)) {
            *out = reap_pk_new(p, REAP_PK_GLOBAL, err);
            if (*out)
                (*out)->number = i;
            return *out ? REAP_OK : err->code;
        }
    for (int i = 0; torch && i < N_STORAGES; i++)
        if (reads(name, name_len, storages[i].name)) {
            *out = reap_pk_new(p, REAP_PK_STORE, err);
            if (*out) {
                (*out)->size = storages[i].size;
                (*out)->dtype = storages[i].dtype;
            }
            return *out ? REAP_OK : err->code;
        }
    return reap_pk_refuse(p, err,
                          "refused %.*s.%.*s: this file wants to run code; "
                          "save model.state_dict() alone",
                          (int)module_len, module, (int)name_len, name);
}

/* OrderedDict(), or of a list of pairs as Python 2 wrote it. */
static int ordered_dict(struct reap_pickle *p, const struct reap_pk *args,
                        struct reap_pk **out, struct reap_err *err)
{
    const struct reap_pk *list = args->n ? args->item[0] : NULL;
    int rc = REAP_OK;

    if (args->n > 1 || (list && list->kind != REAP_PK_LIST))
        return reap_pk_refuse(p, err, "OrderedDict of what is no list");
    *out = reap_pk_new(p, REAP_PK_DICT, err);
    if (!*out)
        return err->code;
    for (size_t i = 0; list && !rc && i < list->n; i++) {
        const struct reap_pk *pair = list->item[i];

        if ((pair->kind != REAP_PK_LIST && pair->kind != REAP_PK_TUPLE) ||
            pair->n != 2)
            return reap_pk_refuse(p, err, "OrderedDict of what are no pairs");
        rc = reap_pk_append(*out, pair->item[0], err);
        if (!rc)
            rc = reap_pk_append(*out, pair->item[1], err);
    }
    return rc;
}

static int of_kinds(const struct reap_pk *args, const enum reap_pk_kind *kind,
                    size_t n)
{
    if (args->n < n)
        return 0;
    for (size_t i = 0; i < n; i++)
        if (args->item[i]->kind != kind[i])
            return 0;
    return 1;
}

/* (storage, offset, size, stride, ...): what follows does not matter here. */
static int pickle_torch_tensor(struct reap_pickle *p,
                               const struct reap_pk *args, struct reap_pk **out,
                               struct reap_err *err)
{
    static const enum reap_pk_kind kind[] = { REAP_PK_STORAGE, REAP_PK_INT,
                                              REAP_PK_TUPLE, REAP_PK_TUPLE };
    int rc = REAP_OK;

    if (!of_kinds(args, kind, 4))
        return reap_pk_refuse(p, err,
                              "a tensor is (storage, offset, size, stride)");
    *out = reap_pk_new(p, REAP_PK_TENSOR, err);
    if (!*out)
        return err->code;
    (*out)->number = args->item[1]->number;
    for (size_t i = 0; !rc && i < 4; i++)
        if (i != 1)
            rc = reap_pk_append(*out, args->item[i], err);
    return rc;
}

int reap_pk_reduce(struct reap_pickle *p, const struct reap_pk *what,
                   struct reap_pk *args, struct reap_pk **out,
                   struct reap_err *err)
{
    if (what->kind != REAP_PK_GLOBAL || args->kind != REAP_PK_TUPLE)
        return reap_pk_refuse(p, err, "a call of what is no name");
    switch ((enum reap_pk_global)what->number) {
    case REAP_PG_ORDERED_DICT:
        return ordered_dict(p, args, out, err);
    case REAP_PG_TENSOR_V2:
    case REAP_PG_TENSOR:
        return pickle_torch_tensor(p, args, out, err);
    case REAP_PG_PARAMETER:
        if (!args->n || args->item[0]->kind != REAP_PK_TENSOR)
            return reap_pk_refuse(p, err, "a parameter without a tensor");
        *out = args->item[0];
        return REAP_OK;
    case REAP_PG_SIZE:
        if (args->n != 1 || args->item[0]->kind != REAP_PK_TUPLE)
            return reap_pk_refuse(p, err, "torch.Size of what is no tuple");
        *out = args->item[0];
        return REAP_OK;
    case REAP_PG_N:
        break;
    }
    return reap_pk_refuse(p, err, "a name that cannot be called");
}

/* A storage is named again by each tensor in it: the same one then. */
static int known(struct reap_pickle *p, const struct reap_pk *key,
                 const struct reap_pk *store, int64_t numel,
                 struct reap_pk **out, struct reap_err *err)
{
    *out = NULL;
    for (size_t i = p->n_storage; i-- > 0;) {
        struct reap_pk *s = p->storage[i];

        if (s->len != key->len || memcmp(s->text, key->text, key->len) != 0)
            continue;
        if (s->number != numel || s->dtype != store->dtype ||
            s->size != store->size)
            return reap_pk_refuse(p, err,
                                  "storage %.*s is there with two sizes",
                                  (int)key->len, key->text);
        *out = s;
        return REAP_OK;
    }
    return REAP_OK;
}

static int add_storage(struct reap_pickle *p, struct reap_pk *s,
                       struct reap_err *err)
{
    if (p->n_storage == REAP_PK_STORAGES)
        return reap_pk_refuse(p, err, "more than %d storages",
                              REAP_PK_STORAGES);
    if (p->n_storage == p->storage_room) {
        const size_t room = p->storage_room * 2 + 64;
        struct reap_pk **wide = reap_realloc(p->storage, room * sizeof(*wide));

        if (!wide)
            return reap_fail(err, REAP_ENOMEM, "no memory for storages");
        p->storage = wide;
        p->storage_room = room;
    }
    p->storage[p->n_storage++] = s;
    return REAP_OK;
}

int reap_pk_persistent(struct reap_pickle *p, const struct reap_pk *id,
                       struct reap_pk **out, struct reap_err *err)
{
    static const enum reap_pk_kind kind[] = { REAP_PK_TEXT, REAP_PK_STORE,
                                              REAP_PK_TEXT, REAP_PK_TEXT,
                                              REAP_PK_INT };
    const struct reap_pk *key;
    int64_t numel;
    int rc;

    if (id->kind == REAP_PK_TUPLE && id->n && reap_pk_is(id->item[0], "module"))
        return reap_pk_refuse(p, err,
                              "a whole pickled module; save its state_dict()");
    if (id->kind != REAP_PK_TUPLE || !of_kinds(id, kind, 5) ||
        !reap_pk_is(id->item[0], "storage"))
        return reap_pk_refuse(
            p, err, "('storage', type, key, place, size) is expected");
    if (id->n > 6 || (id->n == 6 && id->item[5]->kind != REAP_PK_NONE))
        return reap_pk_refuse(p, err,
                              "a view of a storage, as PyTorch before 0.4 "
                              "wrote it; load and save it again");
    key = id->item[2];
    numel = id->item[4]->number;
    if (numel < 0)
        return reap_pk_refuse(p, err, "a storage of negative size");
    rc = known(p, key, id->item[1], numel, out, err);
    if (rc || *out)
        return rc;
    *out = reap_pk_new(p, REAP_PK_STORAGE, err);
    if (!*out)
        return err->code;
    (*out)->text = key->text;
    (*out)->len = key->len;
    (*out)->number = numel;
    (*out)->size = id->item[1]->size;
    (*out)->dtype = id->item[1]->dtype;
    return add_storage(p, *out, err);
}
