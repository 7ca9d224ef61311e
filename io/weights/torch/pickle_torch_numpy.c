/* Arrays of numpy in a pickle. Source: what ndarray, dtype and bytes answer to
 * __reduce_ex__() (numpy/_core/src/multiarray/methods.c, descriptor.c). */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "io/weights/torch/pickle_impl.h"
#include "io/weights/weights_impl.h"

static const struct {
    const char *name;
    size_t size;
    int dtype;
} types[] = {
    { "f4", 4, REAP_F32 }, { "f2", 2, REAP_F16 }, { "f8", 8, REAP_F64 },
    { "i8", 8, REAP_I64 }, { "i4", 4, -1 },       { "i2", 2, -1 },
    { "i1", 1, -1 },       { "u8", 8, -1 },       { "u4", 4, -1 },
    { "u2", 2, -1 },       { "u1", 1, -1 },       { "b1", 1, -1 },
};

enum { N_TYPES = sizeof(types) / sizeof(*types) };

/* dtype(name, align, copy); the state tells the order of bytes. */
int reap_pk_dtype(struct reap_pickle *p, struct reap_pk *what,
                  struct reap_pk *args, struct reap_pk **out,
                  struct reap_err *err)
{
    (void)what;
    *out = reap_pk_new(p, REAP_PK_DTYPE, err);
    if (!*out)
        return err->code;
    (*out)->dtype = -1;
    for (size_t i = 0; args->n && i < N_TYPES; i++) {
        const struct reap_pk *name = args->item[0];
        const bool order = name->kind == REAP_PK_TEXT && name->len == 3 &&
                           strchr("<>=|", name->text[0]);

        if (name->kind != REAP_PK_TEXT || name->len - order != 2 ||
            memcmp(name->text + order, types[i].name, 2) != 0)
            continue;
        (*out)->size = types[i].size;
        (*out)->dtype = types[i].dtype;
        (*out)->number = name->text[0] == '>';
    }
    return REAP_OK;
}

/* (version, '<', ...) */
int reap_pk_dtype_state(struct reap_pickle *p, struct reap_pk *dtype,
                        const struct reap_pk *state, struct reap_err *err)
{
    (void)p;
    (void)err;
    if (state->kind == REAP_PK_TUPLE && state->n > 1)
        dtype->number = reap_pk_is(state->item[1], ">");
    return REAP_OK;
}

/* _reconstruct(ndarray, (0,), b'b'): empty until its state is known. */
int reap_pk_array(struct reap_pickle *p, struct reap_pk *what,
                  struct reap_pk *args, struct reap_pk **out,
                  struct reap_err *err)
{
    (void)what;
    (void)args;
    *out = reap_pk_new(p, REAP_PK_ARRAY, err);
    return *out ? REAP_OK : err->code;
}

static int pickle_numpy_fill(struct reap_pk *array, struct reap_pk *sizes,
                             struct reap_pk *dtype, struct reap_pk *bytes,
                             struct reap_err *err)
{
    int rc;

    array->n = 0;
    rc = reap_pk_append(array, sizes, err);
    if (!rc)
        rc = reap_pk_append(array, dtype, err);
    if (!rc)
        rc = reap_pk_append(array, bytes, err);
    return rc;
}

static bool whole(const struct reap_pk *sizes, const struct reap_pk *dtype,
                  const struct reap_pk *bytes)
{
    return sizes->kind == REAP_PK_TUPLE && dtype->kind == REAP_PK_DTYPE &&
           (bytes->kind == REAP_PK_BYTES || bytes->kind == REAP_PK_TEXT);
}

/* (version, sizes, dtype, Fortran's order?, bytes); of Python objects the last
 * is a list, and the array stays empty. Python 2's bytes are a text. */
int reap_pk_array_state(struct reap_pickle *p, struct reap_pk *array,
                        const struct reap_pk *state, struct reap_err *err)
{
    const size_t from = state->n == 4 ? 0 : 1; /* Python 2 has no version */
    struct reap_pk **v;

    if (state->kind != REAP_PK_TUPLE || state->n != from + 4)
        return reap_pk_refuse(p, err,
                              "an array is (version, shape, type, order, "
                              "bytes)");
    v = state->item + from;
    if (!whole(v[0], v[1], v[3]))
        return REAP_OK;
    array->number = v[2]->kind == REAP_PK_BOOL && v[2]->number;
    return pickle_numpy_fill(array, v[0], v[1], v[3], err);
}

/* _frombuffer(bytes, dtype, sizes, order) */
int reap_pk_buffer(struct reap_pickle *p, struct reap_pk *what,
                   struct reap_pk *args, struct reap_pk **out,
                   struct reap_err *err)
{
    int rc = reap_pk_array(p, what, args, out, err);

    if (rc || args->n != 4 ||
        !whole(args->item[2], args->item[1], args->item[0]))
        return rc;
    (*out)->number = reap_pk_is(args->item[3], "F");
    return pickle_numpy_fill(*out, args->item[2], args->item[1], args->item[0],
                             err);
}

/* encode(text, 'latin1'): how protocol 2 writes bytes. Only told here; they are
 * decoded if a weight needs them. */
int reap_pk_encode(struct reap_pickle *p, struct reap_pk *what,
                   struct reap_pk *args, struct reap_pk **out,
                   struct reap_err *err)
{
    if (args->n != 2 || args->item[0]->kind != REAP_PK_TEXT ||
        (!reap_pk_is(args->item[1], "latin1") &&
         !reap_pk_is(args->item[1], "latin-1")))
        return reap_pk_inert(p, what, args, out, err);
    *out = reap_pk_text(p, REAP_PK_BYTES, args->item[0]->text,
                        args->item[0]->len, err);
    if (!*out)
        return err->code;
    (*out)->number = 1;
    return REAP_OK;
}
