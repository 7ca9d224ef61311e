/*
 * io/weights/torch/pickle.h - read the pickles of PyTorch without running them
 *
 * A pickle is a program for a small stack machine, and Python's can call
 * anything. This one knows the opcodes of protocols 2 to 5, builds plain
 * values, and never calls. A name that is no row of pickle_globals.def is kept
 * as a name, and what it would be called with as an inert object: what stands
 * beside the tensors of a checkpoint does no harm, and a tensor that would have
 * to be made so is refused by whoever needs it. Depth, memo and the number of
 * values are bounded. Values may refer to themselves in circles: code that
 * walks them bounds the depth.
 */
#ifndef REAP_IO_WEIGHTS_TORCH_PICKLE_H
#define REAP_IO_WEIGHTS_TORCH_PICKLE_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/bytes.h"
#include "engine/base/err.h"

enum reap_pk_kind {
    REAP_PK_NONE,
    REAP_PK_BOOL,    /* number */
    REAP_PK_INT,     /* number */
    REAP_PK_FLOAT,   /* real; NaN for a whole number over 64 bits */
    REAP_PK_TEXT,    /* text, len */
    REAP_PK_BYTES,   /* text, len; number: 1 if written as a text of code
                        points below 256, in UTF-8 */
    REAP_PK_TUPLE,   /* item[0 .. n) */
    REAP_PK_LIST,    /* item[0 .. n) */
    REAP_PK_DICT,    /* item: key, value, key, value ... */
    REAP_PK_GLOBAL,  /* number: enum reap_pk_global */
    REAP_PK_STORE,   /* a kind of storage; size and dtype of one element */
    REAP_PK_STORAGE, /* text, len: its key; number: elements; size, dtype */
    REAP_PK_TENSOR,  /* item: storage, tuple of sizes, of strides; number:
                        offset in elements, not checked yet */
    REAP_PK_DTYPE,   /* of numpy: size, dtype; number: 1 if big-endian */
    REAP_PK_ARRAY,   /* of numpy: item: sizes, dtype, bytes, none of them until
                        its state is known; number: 1 if in Fortran's order */
    REAP_PK_NAME,    /* one that we do not know; item: module, name */
    REAP_PK_OBJECT   /* inert; item: what would make it, its arguments, its
                        state, a dict of what it holds */
};

/* The members of an inert object. */
enum { REAP_PO_MAKER, REAP_PO_ARGS, REAP_PO_STATE, REAP_PO_BODY, REAP_PO_N };

enum reap_pk_global {
#define GLOBAL_NAME(tag, module, name) REAP_PG_##tag,
#include "io/weights/torch/pickle_globals.def"
#undef GLOBAL_NAME
    REAP_PG_N
};

struct reap_pk {
    enum reap_pk_kind kind;
    int dtype; /* enum reap_dtype, or -1 */
    int64_t number;
    double real;
    const char *text; /* inside the pickle's bytes, not terminated */
    size_t len, size;
    struct reap_pk **item;
    size_t n, room;
};

struct reap_pickle;

/*
 * Run the pickle that starts at bytes.data[at]. '*end' receives the place
 * after it. The bytes are borrowed until reap_pickle_free(). Returns REAP_OK,
 * REAP_EFORMAT (the message names opcode and place) or REAP_ENOMEM.
 */
int reap_pickle_load(struct reap_pickle **out, struct reap_bytes bytes,
                     size_t at, size_t *end,
                     struct reap_err *err) REAP_MUST_CHECK;

/* The value that the pickle stands for. Borrowed. */
const struct reap_pk *reap_pickle_top(const struct reap_pickle *p);

/* The storages that it speaks of, each key once. */
size_t reap_pickle_storages(const struct reap_pickle *p);
const struct reap_pk *reap_pickle_storage(const struct reap_pickle *p,
                                          size_t i);

/* Free '*p', which becomes NULL; NULL does nothing. */
void reap_pickle_free(struct reap_pickle **p);

/* Is 'v' a text that reads 's'? */
int reap_pk_is(const struct reap_pk *v, const char *s);

/* "module.name" of what a value is, or would be made by calling; 'to' is
 * returned. */
const char *reap_pk_maker(const struct reap_pk *v, char *to, size_t size);

/* The value of the last such key of a dict; NULL if there is none. */
const struct reap_pk *reap_pk_get(const struct reap_pk *dict, const char *key);

#endif /* REAP_IO_WEIGHTS_TORCH_PICKLE_H */
