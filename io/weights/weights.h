/*
 * io/weights/weights.h - weights files in, named tensors out
 *
 * Formats are told by content: safetensors, PyTorch .pth (zip and legacy, no
 * pickle is ever executed), Keras .h5 (weights or whole model), .weights.h5,
 * .keras. Of what a file holds, the network is found and taken, and named is
 * what was left out. Names come out as engine/net/params.h wants them: prefixes
 * stripped, other spellings translated. Whether they fit a network is
 * engine/net/net.h's to say.
 */
#ifndef REAP_IO_WEIGHTS_WEIGHTS_H
#define REAP_IO_WEIGHTS_WEIGHTS_H

#include "engine/base/bytes.h"
#include "engine/base/err.h"
#include "engine/net/net.h"
#include "engine/net/params.h"

/* One of the file's own notes about itself. */
struct reap_about {
    char *name, *text;
};

/* A network that stands in the file, under a prefix of names. */
struct reap_candidate {
    char *prefix;      /* without its last dot; "" for the whole file */
    const char *model; /* its row's name; NULL: not one that we know */
    const char *role;  /* "the teacher", or "" */
    size_t tensors;
    bool taken;
};

struct reap_weights {
    struct reap_params *params;
    char format[24];       /* "safetensors", "pth", "pth-legacy", "h5", ... */
    char sha256[65];       /* of the file's bytes, hex */
    char preset[512];      /* as reap_preset_read() takes it, "" if neither the
                              file nor what lies beside it tells */
    char preset_from[80];  /* what told it: "preprocessor_config.json" */
    char preset_note[160]; /* what it tells, but reap does not do; or "" */
    char model[40];        /* likewise */
    char calibration[320]; /* what scales for int8 were made from, or "" */
    size_t n_head; /* dense layers after a base, if a config names them */
    enum reap_activation head[8];
    char **labels; /* class names in the file's metadata; NULL if none */
    size_t n_labels;
    struct reap_about *about; /* all metadata of a safetensors file */
    size_t n_about;
    struct reap_candidate *candidate; /* what could be taken; may be NULL */
    size_t n_candidates;
    char *left_out; /* what else is in the file, "a, b and c", or NULL */
};

/*
 * Read the file at 'path', or of several networks in it the one that
 * "FILE:PREFIX" names, or the weights in a folder. Configs of Hugging Face and
 * timm beside them are read as well. Returns REAP_OK, REAP_ENOTFOUND,
 * REAP_EACCESS, REAP_EFORMAT (unknown, truncated or hostile: the message names
 * the tensor or opcode and offset), REAP_EIO or REAP_ENOMEM.
 */
int reap_weights_read(struct reap_weights **out, const char *path,
                      struct reap_err *err) REAP_MUST_CHECK;

/*
 * The same, but the numbers of the tensors are read when they are needed: see
 * reap_params_need(). If 'lasting', the file's hash is remembered from one
 * start to the next (io/cache/hash_memo.h); then little is read of a
 * safetensors file whose numbers nobody needs. What is wrong with numbers shows
 * when they are read.
 */
int reap_weights_open(struct reap_weights **out, const char *path, bool lasting,
                      struct reap_err *err) REAP_MUST_CHECK;

/* The same from a file's bytes in memory, which stay the caller's and have to
 * last until the weights are freed. */
int reap_weights_parse(struct reap_weights **out, struct reap_bytes file,
                       struct reap_err *err) REAP_MUST_CHECK;

/*
 * Split "FILE:PREFIX": 'path' receives FILE, '*prefix' what follows, borrowed
 * from 'arg', or NULL where 'arg' is a file itself. REAP_EINVAL if it is too
 * long.
 */
int reap_weights_split(const char *arg, char *path, size_t size,
                       const char **prefix,
                       struct reap_err *err) REAP_MUST_CHECK;

/* Is it a folder with weights, or with what people take for them? */
bool reap_weights_folder(const char *path);

/* The candidate that was taken; NULL if the file had none to choose from. */
const struct reap_candidate *reap_weights_taken(const struct reap_weights *w);

/* Free '*w', which becomes NULL; NULL does nothing. */
void reap_weights_free(struct reap_weights **w);

/* The note of that name in the file's metadata, NULL if there is none. */
const char *reap_weights_about(const struct reap_weights *w, const char *name);

/* Set such a note, to be written (io/weights/weights_write.h); copied.
 * REAP_ENOMEM. */
int reap_weights_note(struct reap_weights *w, const char *name,
                      const char *text, struct reap_err *err) REAP_MUST_CHECK;

/*
 * The file that a --weights argument means: a path as it is; "imagenet" the
 * published file of 'model' (io/weights/published.def; "imagenet-v2",
 * "imagenet-notop" its other ones), as does a model's or a published file's own
 * name; a URL, perhaps ending in "#sha256=HEX"; "hf:OWNER/NAME[@REV]" and
 * "timm:NAME" a folder of Hugging Face's hub. What is fetched goes to
 * $REAP_CACHE, or reap's folder in $XDG_CACHE_HOME or ~/.cache, and is checked
 * by its hash there; PyTorch's and Keras's own caches are looked into as well.
 * 'path' receives at most 'size' bytes. Returns REAP_OK, REAP_EINVAL,
 * REAP_ENOTFOUND (offline: the message says which file to put where),
 * REAP_EFORMAT (another hash), REAP_ECREATE, REAP_EIO or REAP_ENOMEM.
 */
int reap_weights_resolve(const char *arg, const char *model, char *path,
                         size_t size, struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_IO_WEIGHTS_WEIGHTS_H */
