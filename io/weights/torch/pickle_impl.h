/*
 * io/weights/torch/pickle_impl.h - the machine of io/weights/torch/pickle.c,
 * shared with its opcodes and the meaning of names (pickle_*.c)
 */
#ifndef REAP_IO_WEIGHTS_TORCH_PICKLE_IMPL_H
#define REAP_IO_WEIGHTS_TORCH_PICKLE_IMPL_H

#include "io/weights/torch/pickle.h"

enum {
    REAP_PK_VALUES = 1 << 20, /* of all kinds, in one pickle */
    REAP_PK_STACK = 1 << 16,  /* Python writes batches of 1000 */
    REAP_PK_MARKS = 200,      /* open brackets */
    REAP_PK_MEMO = 1 << 20,
    REAP_PK_STORAGES = 20000
};

struct reap_pk_chunk;

struct reap_pickle {
    struct reap_bytes bytes;
    size_t at, op_at; /* next byte; the opcode that runs */
    struct reap_pk **stack, **memo, **storage;
    size_t n, room, n_memo, n_storage, storage_room;
    size_t memoized; /* entries of the memo that are set */
    size_t mark[REAP_PK_MARKS], n_marks;
    struct reap_pk_chunk *chunk; /* all values, the newest first */
    size_t n_values;
    int stopped;
};

/* Run one opcode, which reap_pickle_load() has just passed. */
int reap_pk_step(struct reap_pickle *p, uint8_t op,
                 struct reap_err *err) REAP_MUST_CHECK;

/* The next 'n' bytes. */
int reap_pk_take(struct reap_pickle *p, size_t n, const uint8_t **from,
                 struct reap_err *err) REAP_MUST_CHECK;

/* Put a value on the stack; NULL: there was none, after a message. */
int reap_pk_push(struct reap_pickle *p, struct reap_pk *v,
                 struct reap_err *err) REAP_MUST_CHECK;

/* A new value, none of its members set but 'kind'; NULL after a message. */
struct reap_pk *reap_pk_new(struct reap_pickle *p, enum reap_pk_kind kind,
                            struct reap_err *err);

/* Append to item[]. */
int reap_pk_append(struct reap_pk *to, struct reap_pk *item,
                   struct reap_err *err) REAP_MUST_CHECK;

/* "opcode 0x63 at byte 4: ", then what is wrong with it. */
int reap_pk_refuse(const struct reap_pickle *p, struct reap_err *err,
                   const char *fmt, ...) REAP_PRINTF(3, 4);

/* A text inside the pickle's bytes. NULL after a message. */
struct reap_pk *reap_pk_text(struct reap_pickle *p, enum reap_pk_kind kind,
                             const char *text, size_t len,
                             struct reap_err *err);

/* What GLOBAL, REDUCE, BUILD and BINPERSID mean, and an object that nothing is
 * called for. The new value is in '*out'. REAP_EFORMAT or REAP_ENOMEM. */
int reap_pk_global(struct reap_pickle *p, struct reap_pk *module,
                   struct reap_pk *name, struct reap_pk **out,
                   struct reap_err *err) REAP_MUST_CHECK;
int reap_pk_inert(struct reap_pickle *p, struct reap_pk *maker,
                  struct reap_pk *args, struct reap_pk **out,
                  struct reap_err *err) REAP_MUST_CHECK;
int reap_pk_build(struct reap_pickle *p, struct reap_pk *what,
                  struct reap_pk *state, struct reap_err *err) REAP_MUST_CHECK;
int reap_pk_reduce(struct reap_pickle *p, struct reap_pk *what,
                   struct reap_pk *args, struct reap_pk **out,
                   struct reap_err *err) REAP_MUST_CHECK;
int reap_pk_persistent(struct reap_pickle *p, struct reap_pk *id,
                       struct reap_pk **out,
                       struct reap_err *err) REAP_MUST_CHECK;

/* Names of numpy and what goes with it, as reap_pk_reduce() and build() want
 * them (pickle_torch_numpy.c). */
int reap_pk_array(struct reap_pickle *p, struct reap_pk *what,
                  struct reap_pk *args, struct reap_pk **out,
                  struct reap_err *err) REAP_MUST_CHECK;
int reap_pk_buffer(struct reap_pickle *p, struct reap_pk *what,
                   struct reap_pk *args, struct reap_pk **out,
                   struct reap_err *err) REAP_MUST_CHECK;
int reap_pk_dtype(struct reap_pickle *p, struct reap_pk *what,
                  struct reap_pk *args, struct reap_pk **out,
                  struct reap_err *err) REAP_MUST_CHECK;
int reap_pk_encode(struct reap_pickle *p, struct reap_pk *what,
                   struct reap_pk *args, struct reap_pk **out,
                   struct reap_err *err) REAP_MUST_CHECK;
int reap_pk_dtype_state(struct reap_pickle *p, struct reap_pk *dtype,
                        const struct reap_pk *state,
                        struct reap_err *err) REAP_MUST_CHECK;
int reap_pk_array_state(struct reap_pickle *p, struct reap_pk *array,
                        const struct reap_pk *state,
                        struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_IO_WEIGHTS_TORCH_PICKLE_IMPL_H */
