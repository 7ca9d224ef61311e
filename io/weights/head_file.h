/*
 * io/weights/head_file.h - heads as files: dense layers, classes, what they
 * were fitted on
 *
 * A safetensors file: per layer NAME/kernel (in, out) and NAME/bias (out) as
 * Keras has them, in order from the embedding to the classes. Its metadata, as
 * texts:
 *
 *   reap.head     "1", the version of this list
 *   head          activations of the layers, a JSON list; the last is softmax
 *                 (one class each) or sigmoid (several)
 *   labels        names of the classes, a JSON list
 *   temperature   what logits are divided by before the last activation
 *   feature       the store's column it was fitted on: avg, max, a layer
 *   embeddings    how these were computed, lines of reap_head_embeddings()
 *   fingerprint   sha256 of that text, hex
 *   preset        name of the preprocessing of their images
 *   fit           how it was fitted, for people
 *
 * One thread at a time per handle; reading runs nothing and trusts nothing.
 */
#ifndef REAP_IO_WEIGHTS_HEAD_FILE_H
#define REAP_IO_WEIGHTS_HEAD_FILE_H

#include <stdbool.h>

#include "engine/head/head_layers.h"

struct reap_head_file {
    struct reap_head *head;
    char **labels;   /* UTF-8, one line each */
    size_t n_labels; /* the head's classes */
    char feature[48];
    char *embeddings; /* never NULL */
    char fingerprint[65];
    char preset[512]; /* "" if not known */
    char *fit;        /* never NULL */
    char sha256[65];  /* of the file's bytes, once it was read */
};

/*
 * Read the head at 'path'. Returns REAP_OK, REAP_ENOTFOUND, REAP_EACCESS,
 * REAP_EFORMAT (no head: truncated, hostile, or the weights of a whole
 * network, which the message says), REAP_EIO or REAP_ENOMEM.
 */
int reap_head_file_read(struct reap_head_file **out, const char *path,
                        struct reap_err *err) REAP_MUST_CHECK;

/*
 * A file to be written: takes over the head ('*head' becomes NULL) on success.
 * 'labels' are copied, n of them. 'fingerprint_text' is the store's text of
 * that name (reap_store_meta()) or one of reap_setup_fingerprint_text();
 * 'feature' the column. 'preset' and 'fit' may be NULL. Returns REAP_OK,
 * REAP_EINVAL (labels and classes differ in number), REAP_EMISFIT (no such
 * column in 'fingerprint_text') or REAP_ENOMEM.
 */
int reap_head_file_new(struct reap_head_file **out, struct reap_head **head,
                       char *const *labels, size_t n,
                       const char *fingerprint_text, const char *feature,
                       const char *preset, const char *fit,
                       struct reap_err *err) REAP_MUST_CHECK;

/* Write it whole or not at all, as io/out/outfile.h does. The bytes depend on
 * the contents alone. */
int reap_head_file_write(const struct reap_head_file *f, const char *path,
                         struct reap_err *err) REAP_MUST_CHECK;

/*
 * The lines of 'fingerprint_text' (a store's meta text) that say which
 * embeddings the column 'feature' holds: weights, model, input, preset, and the
 * column with its shape and l2. Arithmetic and what decides a status are left
 * out, as is how numbers are stored. NULL: no such column, or no memory. Owned:
 * reap_free().
 */
char *reap_head_embeddings(const char *fingerprint_text, const char *feature);

/*
 * May the head be used on embeddings 'fingerprint_text' these lines? REAP_OK,
 * or REAP_EMISFIT: the message names the first line that differs, both ways.
 * Weights that were quantised from those it was fitted on pass if
 * 'quantized_from' (their "sha256:HEX", or NULL) names these.
 */
int reap_head_file_fits(const struct reap_head_file *f,
                        const char *fingerprint_text,
                        const char *quantized_from,
                        struct reap_err *err) REAP_MUST_CHECK;

/* May a row have several classes at once (sigmoid)? */
bool reap_head_file_multi(const struct reap_head_file *f);

/* Is the column scaled to length 1? */
bool reap_head_file_l2(const struct reap_head_file *f);

/* Free '*f', which becomes NULL; NULL does nothing. */
void reap_head_file_free(struct reap_head_file **f);

#endif /* REAP_IO_WEIGHTS_HEAD_FILE_H */
