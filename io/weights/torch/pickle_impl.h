/*
 * io/weights/torch/pickle_impl.h - the machine of io/weights/torch/pickle.c,
 * shared with io/weights/torch/pickle_torch.c
 */
#ifndef REAP_IO_WEIGHTS_TORCH_PICKLE_IMPL_H
#define REAP_IO_WEIGHTS_TORCH_PICKLE_IMPL_H

#include "io/weights/torch/pickle.h"

enum {
    REAP_PK_VALUES = 1 << 20, /* of all kinds, in one pickle */
    REAP_PK_STACK = 1 << 16,  /* Python writes batches of 1000 */
    REAP_PK_MARKS = 200,      /* open brackets */
    REAP_PK_MEMO = 1 << 20,
    REAP_PK_TEXT_LEN = 1 << 16,
    REAP_PK_STORAGES = 20000
};

struct reap_pk_chunk;

struct reap_pickle {
    struct reap_bytes bytes;
    size_t at, op_at; /* next byte; the opcode that runs */
    struct reap_pk **stack, **memo, **storage;
    size_t n, room, n_memo, n_storage, storage_room;
    size_t mark[REAP_PK_MARKS], n_marks;
    struct reap_pk_chunk *chunk; /* all values, the newest first */
    size_t n_values;
    int stopped;
};

/* A new value, none of its members set but 'kind'; NULL after a message. */
struct reap_pk *reap_pk_new(struct reap_pickle *p, enum reap_pk_kind kind,
                            struct reap_err *err);

/* Append to item[]. */
int reap_pk_append(struct reap_pk *to, struct reap_pk *item,
                   struct reap_err *err) REAP_MUST_CHECK;

/* "opcode 0x63 at byte 4: ", then what is wrong with it. */
int reap_pk_refuse(const struct reap_pickle *p, struct reap_err *err,
                   const char *fmt, ...) REAP_PRINTF(3, 4);

/* What GLOBAL, REDUCE and BINPERSID mean. Each returns the new value in
 * '*out'. REAP_EFORMAT or REAP_ENOMEM. */
int reap_pk_global(struct reap_pickle *p, const char *module, size_t module_len,
                   const char *name, size_t name_len, struct reap_pk **out,
                   struct reap_err *err) REAP_MUST_CHECK;
int reap_pk_reduce(struct reap_pickle *p, const struct reap_pk *what,
                   struct reap_pk *args, struct reap_pk **out,
                   struct reap_err *err) REAP_MUST_CHECK;
int reap_pk_persistent(struct reap_pickle *p, const struct reap_pk *id,
                       struct reap_pk **out,
                       struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_IO_WEIGHTS_TORCH_PICKLE_IMPL_H */
