/* What PyTorch's names mean. Source: torch/_utils.py, torch/serialization.py.
 * Those of numpy are pickle_torch_numpy.c's. */
#include <stdbool.h>
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

static int reads(const struct reap_pk *v, const char *s)
{
    return v->len == strlen(s) && !memcmp(v->text, s, v->len);
}

/* A new value of two members or four. */
static int pickle_torch_pair(struct reap_pickle *p, enum reap_pk_kind kind,
                             struct reap_pk *a, struct reap_pk *b,
                             struct reap_pk **out, struct reap_err *err)
{
    int rc;

    *out = reap_pk_new(p, kind, err);
    if (!*out)
        return err->code;
    rc = reap_pk_append(*out, a, err);
    return rc ? rc : reap_pk_append(*out, b, err);
}

/* What would have to be called stays what it is, and nothing is called. */
int reap_pk_inert(struct reap_pickle *p, struct reap_pk *maker,
                  struct reap_pk *args, struct reap_pk **out,
                  struct reap_err *err)
{
    struct reap_pk *state = reap_pk_new(p, REAP_PK_NONE, err);
    struct reap_pk *body = state ? reap_pk_new(p, REAP_PK_DICT, err) : NULL;
    int rc = body ? pickle_torch_pair(p, REAP_PK_OBJECT, maker, args, out, err)
                  : err->code;

    if (!rc)
        rc = reap_pk_append(*out, state, err);
    return rc ? rc : reap_pk_append(*out, body, err);
}

static struct reap_pk *store(struct reap_pickle *p, size_t size, int dtype,
                             struct reap_err *err)
{
    struct reap_pk *v = reap_pk_new(p, REAP_PK_STORE, err);

    if (v) {
        v->size = size;
        v->dtype = dtype;
    }
    return v;
}

int reap_pk_global(struct reap_pickle *p, struct reap_pk *module,
                   struct reap_pk *name, struct reap_pk **out,
                   struct reap_err *err)
{
    for (int i = 0; i < REAP_PG_N; i++)
        if (reads(module, globals[i].module) && reads(name, globals[i].name)) {
            *out = reap_pk_new(p, REAP_PK_GLOBAL, err);
            if (*out)
                (*out)->number = i;
            return *out ? REAP_OK : err->code;
        }
    for (int i = 0; reads(module, "torch") && i < N_STORAGES; i++)
        if (reads(name, storages[i].name)) {
            *out = store(p, storages[i].size, storages[i].dtype, err);
            return *out ? REAP_OK : err->code;
        }
    return pickle_torch_pair(p, REAP_PK_NAME, module, name, out, err);
}

/* OrderedDict(), or of a dict, or of a list of pairs as Python 2 wrote it. */
static int ordered_dict(struct reap_pickle *p, const struct reap_pk *args,
                        struct reap_pk **out, struct reap_err *err)
{
    const struct reap_pk *list = args->n ? args->item[0] : NULL;
    int rc = REAP_OK;

    *out = reap_pk_new(p, REAP_PK_DICT, err);
    if (!*out)
        return err->code;
    for (size_t i = 0; list && list->kind == REAP_PK_DICT && !rc && i < list->n;
         i++)
        rc = reap_pk_append(*out, list->item[i], err);
    if (rc || !list || list->kind == REAP_PK_DICT)
        return rc;
    if (args->n > 1 || list->kind != REAP_PK_LIST)
        return reap_pk_refuse(p, err, "OrderedDict of what is no list");
    for (size_t i = 0; !rc && i < list->n; i++) {
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
static int pickle_torch_tensor(struct reap_pickle *p, struct reap_pk *what,
                               struct reap_pk *args, struct reap_pk **out,
                               struct reap_err *err)
{
    static const enum reap_pk_kind kind[] = { REAP_PK_STORAGE, REAP_PK_INT,
                                              REAP_PK_TUPLE, REAP_PK_TUPLE };
    int rc = REAP_OK;

    if (args->n && args->item[0]->kind == REAP_PK_OBJECT)
        return reap_pk_inert(p, args->item[0], args, out, err);
    (void)what;
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

/* What stands first among the arguments, if it is a tensor or an array. */
static int first(struct reap_pickle *p, struct reap_pk *what,
                 struct reap_pk *args, struct reap_pk **out,
                 struct reap_err *err)
{
    if (!args->n || (args->item[0]->kind != REAP_PK_TENSOR &&
                     args->item[0]->kind != REAP_PK_ARRAY &&
                     args->item[0]->kind != REAP_PK_OBJECT))
        return reap_pk_inert(p, what, args, out, err);
    *out = args->item[0];
    return REAP_OK;
}

/* (function, class, arguments of the function, state): a tensor of a class of
 * its own. */
static int typed(struct reap_pickle *p, struct reap_pk *what,
                 struct reap_pk *args, struct reap_pk **out,
                 struct reap_err *err)
{
    static const enum reap_pk_kind kind[] = { REAP_PK_GLOBAL, REAP_PK_NAME,
                                              REAP_PK_TUPLE };

    if (!of_kinds(args, kind, 3) ||
        (args->item[0]->number != REAP_PG_TENSOR_V2 &&
         args->item[0]->number != REAP_PG_PARAMETER))
        return reap_pk_inert(p, what, args, out, err);
    return reap_pk_reduce(p, args->item[0], args->item[2], out, err);
}

static int pickle_torch_size(struct reap_pickle *p, struct reap_pk *what,
                             struct reap_pk *args, struct reap_pk **out,
                             struct reap_err *err)
{
    (void)what;
    if (args->n != 1 || (args->item[0]->kind != REAP_PK_TUPLE &&
                         args->item[0]->kind != REAP_PK_LIST))
        return reap_pk_refuse(p, err, "torch.Size of what is no tuple");
    *out = args->item[0];
    return REAP_OK;
}

static int dict_of(struct reap_pickle *p, struct reap_pk *what,
                   struct reap_pk *args, struct reap_pk **out,
                   struct reap_err *err)
{
    (void)what;
    return ordered_dict(p, args, out, err);
}

/* (what makes the missing ones, ...): empty until it is filled. */
static int default_dict(struct reap_pickle *p, struct reap_pk *what,
                        struct reap_pk *args, struct reap_pk **out,
                        struct reap_err *err)
{
    (void)what;
    (void)args;
    *out = reap_pk_new(p, REAP_PK_DICT, err);
    return *out ? REAP_OK : err->code;
}

static int (*const meaning[REAP_PG_N])(struct reap_pickle *p,
                                       struct reap_pk *what,
                                       struct reap_pk *args,
                                       struct reap_pk **out,
                                       struct reap_err *err) = {
    [REAP_PG_ORDERED_DICT] = dict_of,
    [REAP_PG_DEFAULT_DICT] = default_dict,
    [REAP_PG_TENSOR_V2] = pickle_torch_tensor,
    [REAP_PG_TENSOR] = pickle_torch_tensor,
    [REAP_PG_PARAMETER] = first,
    [REAP_PG_PARAMETER_STATE] = first,
    [REAP_PG_DEVICE_TENSOR] = first,
    [REAP_PG_XLA_TENSOR] = first,
    [REAP_PG_TYPED_TENSOR] = typed,
    [REAP_PG_SIZE] = pickle_torch_size,
    [REAP_PG_ARRAY] = reap_pk_array,
    [REAP_PG_ARRAY_2] = reap_pk_array,
    [REAP_PG_BUFFER] = reap_pk_buffer,
    [REAP_PG_BUFFER_2] = reap_pk_buffer,
    [REAP_PG_DTYPE] = reap_pk_dtype,
    [REAP_PG_ENCODE] = reap_pk_encode,
};

int reap_pk_reduce(struct reap_pickle *p, struct reap_pk *what,
                   struct reap_pk *args, struct reap_pk **out,
                   struct reap_err *err)
{
    if (args->kind != REAP_PK_TUPLE)
        return reap_pk_refuse(p, err, "arguments that are no tuple");
    if (what->kind != REAP_PK_GLOBAL)
        return reap_pk_inert(p, what, args, out, err);
    return meaning[what->number](p, what, args, out, err);
}

/* An object keeps its state, an array is one from then on; a dict's attributes
 * (_metadata) and all others are dropped. */
int reap_pk_build(struct reap_pickle *p, struct reap_pk *what,
                  struct reap_pk *state, struct reap_err *err)
{
    if (what->kind == REAP_PK_OBJECT)
        what->item[REAP_PO_STATE] = state;
    if (what->kind == REAP_PK_DTYPE)
        return reap_pk_dtype_state(p, what, state, err);
    if (what->kind == REAP_PK_ARRAY)
        return reap_pk_array_state(p, what, state, err);
    return REAP_OK;
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

/* A class stands for itself; the source kept beside it is not needed. */
static int pickle_torch_module(struct reap_pickle *p, struct reap_pk *id,
                               struct reap_pk **out, struct reap_err *err)
{
    if (id->n < 2 || id->item[1]->kind != REAP_PK_NAME)
        return reap_pk_refuse(p, err, "('module', class, ...) is expected");
    *out = id->item[1];
    return REAP_OK;
}

static int pickle_torch_storage(struct reap_pickle *p, const struct reap_pk *id,
                                const struct reap_pk *type,
                                struct reap_pk **out, struct reap_err *err)
{
    const struct reap_pk *key = id->item[2];
    const int64_t numel = id->item[4]->number;
    int rc;

    if (id->n > 6 || (id->n == 6 && id->item[5]->kind != REAP_PK_NONE))
        return reap_pk_refuse(p, err,
                              "a view of a storage, as PyTorch before 0.4 "
                              "wrote it; load and save it again");
    if (numel < 0)
        return reap_pk_refuse(p, err, "a storage of negative size");
    rc = known(p, key, type, numel, out, err);
    if (rc || *out)
        return rc;
    *out = reap_pk_new(p, REAP_PK_STORAGE, err);
    if (!*out)
        return err->code;
    (*out)->text = key->text;
    (*out)->len = key->len;
    (*out)->number = numel;
    (*out)->size = type->size;
    (*out)->dtype = type->dtype;
    return add_storage(p, *out, err);
}

/* Anything may be a persistent id; PyTorch's are storages, and classes. */
int reap_pk_persistent(struct reap_pickle *p, struct reap_pk *id,
                       struct reap_pk **out, struct reap_err *err)
{
    static const enum reap_pk_kind kind[] = { REAP_PK_TEXT, REAP_PK_STORE,
                                              REAP_PK_TEXT, REAP_PK_TEXT,
                                              REAP_PK_INT };
    const bool tuple = id->kind == REAP_PK_TUPLE && id->n;

    if (tuple && reap_pk_is(id->item[0], "module"))
        return pickle_torch_module(p, id, out, err);
    if (tuple && of_kinds(id, kind, 5) && reap_pk_is(id->item[0], "storage"))
        return pickle_torch_storage(p, id, id->item[1], out, err);
    if (tuple && id->n > 1 && reap_pk_is(id->item[0], "storage") &&
        id->item[1]->kind != REAP_PK_NAME)
        return reap_pk_refuse(
            p, err, "('storage', type, key, place, size) is expected");
    return reap_pk_inert(p, tuple && id->n > 1 ? id->item[1] : id, id, out,
                         err);
}
