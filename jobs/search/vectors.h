/*
 * jobs/search/vectors.h - the embeddings of a store with their keys and labels
 *
 * What questions about neighbours begin with. Vectors stay in the store's map;
 * keys and some 20 bytes a row are kept. Constant once it is open: any thread
 * may load.
 */
#ifndef REAP_JOBS_SEARCH_VECTORS_H
#define REAP_JOBS_SEARCH_VECTORS_H

#include "engine/near/near.h"
#include "io/file/string_set.h"
#include "io/labels/truth.h"
#include "io/store/embeddings.h"
#include "jobs/setup/store_view.h"

enum { REAP_VECTORS_DIGEST = 32 };

struct reap_vectors {
    const struct reap_options *o;
    struct reap_store_view view;
    struct reap_embeddings *from;
    struct reap_truth *truth;
    struct reap_string_set *labels; /* that rows have */
    size_t n, width, threads;
    struct reap_near *near; /* NULL until it is asked for */
    /* SHA-256 of what the vectors follow from: the store's fingerprint, the
     * column, and of each row its key and the checksum of its input. */
    uint8_t digest[REAP_VECTORS_DIGEST];
    struct reap_vectors_row *row; /* n */
    uint8_t *keys;
    size_t keys_len, keys_room, room;
    struct reap_progress *line;
    void *sha;
    int rc; /* of the walk over the rows */
    struct reap_err *err;
};

struct reap_vectors_row {
    size_t key; /* where it begins in 'keys' */
    uint16_t key_len, flags;
    int32_t label; /* in 'labels', -1: none */
    uint32_t crc;  /* of the input */
};

/*
 * Open the store at 'path'; o->features names the column, o->truth the files of
 * true labels. Remarks on rows that are left out, and on a store that is not
 * complete. Returns REAP_OK, REAP_ENOTFOUND (no row has an embedding), or what
 * the store, the embeddings and the truth return. To be closed in any case.
 */
int reap_vectors_open(struct reap_vectors *v, const char *path,
                      const struct reap_options *o,
                      struct reap_err *err) REAP_MUST_CHECK;

struct reap_bytes reap_vectors_key(const struct reap_vectors *v, size_t i);

/* As one line of text in 'buf', which is returned. */
const char *reap_vectors_key_text(const struct reap_vectors *v, size_t i,
                                  char *buf, size_t size);

/* The row of a key, SIZE_MAX if there is none. */
size_t reap_vectors_find(const struct reap_vectors *v, struct reap_bytes key);

/* Its true label, "" if it has none. */
const char *reap_vectors_label(const struct reap_vectors *v, size_t i);

/* Make v->near, if it is not there. */
int reap_vectors_measure(struct reap_vectors *v,
                         struct reap_err *err) REAP_MUST_CHECK;

/* For struct reap_near_rows, whose 'ctx' is the struct reap_vectors. */
void reap_vectors_load(void *vectors, size_t i, float *to);

/* Which rows --status, --label and --match leave, in '*take' (n), owned; NULL
 * if none of them is given. REAP_EINVAL, REAP_ENOTFOUND (none is left). */
int reap_vectors_filter(const struct reap_vectors *v, bool **take,
                        struct reap_err *err) REAP_MUST_CHECK;

/* -k as a number from 1 to 'most', 'otherwise' if it is not given. */
int reap_vectors_k(const struct reap_options *o, size_t otherwise, size_t most,
                   size_t *k, struct reap_err *err) REAP_MUST_CHECK;

void reap_vectors_close(struct reap_vectors *v);

#endif /* REAP_JOBS_SEARCH_VECTORS_H */
