/*
 * io/weights/weights_impl.h - between io/weights/weights.c and the readers of
 * its formats
 *
 * Inside io/. A file's bytes are in memory as a whole, or the numbers of a
 * safetensors file are still to come. A reader lists the tensors that it finds,
 * under the names the file has; io/weights/weights.c then settles the names
 * (io/weights/weights_names.h) and turns the numbers into float32 as they are
 * needed.
 */
#ifndef REAP_IO_WEIGHTS_WEIGHTS_IMPL_H
#define REAP_IO_WEIGHTS_WEIGHTS_IMPL_H

#include <stdint.h>

#include "engine/base/bytes.h"
#include "io/weights/weights.h"

enum reap_dtype { REAP_F32, REAP_F16, REAP_BF16, REAP_F64, REAP_I64 };

/* One tensor as the file has it. Numbers are little-endian; strides count
 * elements. 'data' is borrowed from the reader: for good, or if the reader
 * has a 'load' until its next call. */
struct reap_raw {
    char *name; /* owned by the list */
    enum reap_dtype dtype;
    size_t rank, dim[REAP_PARAM_DIMS], stride[REAP_PARAM_DIMS];
    size_t count; /* product of dim */
    const uint8_t *data;
    size_t where, offset; /* the reader's own: which storage, byte in it */
    const void *from;     /* the reader's own */
    struct reap_weights_in *of; /* another reader that has it, or NULL */
    char *why; /* owned: why it has no numbers for us; NULL: it has some */
};

struct reap_weights_in {
    struct reap_bytes file;
    size_t
        holds; /* bytes that there are for numbers: of this and other files */
    const char *dir;          /* where other files of it lie, NULL: nowhere */
    struct reap_weights *out; /* format, preset, head and labels go here */
    struct reap_raw *raw;     /* a plain array */
    size_t n, room;
    double epsilon;   /* of Keras's batch norms, if the file tells; else 0 */
    const char *want; /* prefix of the network to take, or NULL */

    /* Set by a reader that keeps something; NULL if it does not. */
    int (*load)(struct reap_weights_in *in, struct reap_raw *r,
                struct reap_err *err);
    void (*close)(void *own);
    void *own;

    /* The file's bytes if they are ours; if 'fd' is not -1, those of a tensor
     * are still to be read from there. */
    uint8_t *bytes;
    int fd;
    size_t *raw_of; /* entry of 'raw' of each tensor in out->params */
};

/* A reader: list the tensors of in->file and set in->out->format. */
typedef int reap_weights_fn(struct reap_weights_in *in, struct reap_err *err);

reap_weights_fn reap_weights_safetensors;
reap_weights_fn reap_weights_pth;
reap_weights_fn reap_weights_pth_legacy;
reap_weights_fn reap_weights_pickle; /* a pickle alone */
reap_weights_fn reap_weights_h5;
reap_weights_fn reap_weights_zip;     /* .pth or .keras */
reap_weights_fn reap_weights_sharded; /* an index of several files */

/* Read another file of the same weights, and list its tensors. */
int reap_weights_part(struct reap_weights_in **out, const char *path,
                      struct reap_err *err) REAP_MUST_CHECK;

/* The file of weights in a folder: REAP_EFORMAT if there is none, or more than
 * one. */
int reap_weights_in_folder(const char *dir, char *path, size_t size,
                           struct reap_err *err) REAP_MUST_CHECK;

/*
 * "hf:OWNER/NAME[@REV]" or "timm:NAME" to a folder: in the caches of Hugging
 * Face's own programs, or fetched into ours. REAP_EINVAL (no such name can be),
 * REAP_ENOTFOUND (the message says what to put where), or what fetching
 * returns.
 */
int reap_weights_hub(const char *arg, char *path, size_t size,
                     struct reap_err *err) REAP_MUST_CHECK;

/* Take what configs beside the file at 'path' say, if it was found in a folder
 * or has a name that goes with configs. REAP_EFORMAT or REAP_ENOMEM. */
int reap_weights_beside(struct reap_weights *w, const char *path, bool folder,
                        struct reap_err *err) REAP_MUST_CHECK;

/*
 * List a tensor, contiguous, and return its entry in '*r' (borrowed until the
 * next call; may be NULL). Returns REAP_OK, REAP_EFORMAT (a shape that cannot
 * be, more numbers than the file has bytes, too many tensors) or REAP_ENOMEM.
 */
int reap_weights_list(struct reap_weights_in *in, const char *name,
                      enum reap_dtype dtype, size_t rank, const size_t *dim,
                      const uint8_t *data, struct reap_raw **r,
                      struct reap_err *err) REAP_MUST_CHECK;

/*
 * List a tensor whose numbers cannot be had, for the reason that 'fmt' says: it
 * does no harm unless a network needs it. 'dim' may be NULL for rank 0.
 */
int reap_weights_list_closed(struct reap_weights_in *in, const char *name,
                             size_t rank, const size_t *dim,
                             struct reap_err *err, const char *fmt, ...)
    REAP_PRINTF(6, 7) REAP_MUST_CHECK;

/* Bytes of one element. */
size_t reap_dtype_size(enum reap_dtype d);

/*
 * Find the networks among what is listed, take one, and give its tensors the
 * names that torchvision has; those of all else become empty. '*found' is false
 * if there is none, and names are as they were. Returns REAP_OK, REAP_EFORMAT
 * (no network of the prefix that is wanted, or one that would have to run
 * code), or REAP_ENOMEM.
 */
int reap_weights_choose(struct reap_weights_in *in, bool *found,
                        struct reap_err *err) REAP_MUST_CHECK;

/* Put all that is listed into in->out->params, under the names it has now; the
 * numbers are fetched when they are needed, and the params close 'in'. */
int reap_weights_settle(struct reap_weights_in *in,
                        struct reap_err *err) REAP_MUST_CHECK;

/* Free it with the list, the bytes and what the reader keeps. NULL does
 * nothing. */
void reap_weights_in_free(struct reap_weights_in **in);

#endif /* REAP_IO_WEIGHTS_WEIGHTS_IMPL_H */
