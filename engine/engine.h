/*
 * engine/engine.h - images in, features, logits or labels out
 *
 * An engine is a net compiled for a precision, a preset's numbers and a list
 * of outputs. It is constant and shared by all threads; each thread opens a
 * session, which owns the arena and, in latency mode, further threads. The
 * forward pass allocates nothing and cannot fail.
 *
 * An image is (in_h, in_w, 3) pixels of the net's input size, row by row from
 * the top left corner, without padding: byte 3 * (y * in_w + x) + c is channel
 * c of pixel (x, y), and the channels are red, green, blue in that order,
 * whatever the network was trained on ('bgr' in struct reap_norm swaps them).
 * Pixels are bytes, or float32 in the same order if norm.float_in; the engine
 * subtracts means and divides. It does not decode, resize or crop: io/image and
 * io/preset do. Images are borrowed for the call, need no alignment, and may be
 * the same one several times.
 *
 * A program opens, in this order, and frees in the opposite one:
 *
 *   reap_weights_read()   io/weights/weights.h: named tensors from a file
 *   reap_net_new()        engine/net/net.h: the network that they belong to
 *   reap_engine_new()     for all threads
 *   reap_session_new()    one for each thread
 *   reap_session_run()    as often as there are images
 *
 * tests/tools/classify_raw.c is such a program.
 */
#ifndef REAP_ENGINE_ENGINE_H
#define REAP_ENGINE_ENGINE_H

#include "engine/base/err.h"
#include "engine/head/classifier.h"
#include "engine/head/head.h"
#include "engine/net/net.h"
#include "engine/plan/backend.h"

enum { REAP_MAX_OUTPUTS = 16 };

/* One output of an engine. Of each image it has h * w * c float32 in the order
 * (h, w, c), or, if 'topk', c struct reap_top, the most probable first. */
struct reap_output {
    char name[48]; /* as it was asked for: avg, logits, top, layer3.5, ... */
    bool topk;
    size_t h, w, c; /* (1, 1, c) for vectors */
};

/* Cleared members are defaults unless said otherwise. Strings and lists are
 * borrowed for the call, other pointers as they say. */
struct reap_engine_args {
    const struct reap_net *net;    /* borrowed until the engine is freed */
    struct reap_norm norm;         /* of the preset, io/preset/preset.h */
    enum reap_precision precision; /* one of them; 0 is not allowed */
    /* The arithmetic to compute in, by its name in arithmetic.def; what follows
     * a space in it does not count. NULL: the best there is. */
    const char *arithmetic;
    bool exact;       /* no Winograd, whose sums are rounded differently */
    size_t max_batch; /* most images of a call, >= 1: memory grows with it */
    /* Latency mode: threads of a session that together work on each image, its
     * caller's among them; results are the same bytes. 0 or 1: the caller's
     * alone, and as many sessions as there are threads to compute (throughput).
     * The levels ref and blas have no such mode: there it is one. */
    size_t threads;
    /* Names of outputs in the order wanted: "avg", "max" (also as Keras and
     * torchvision call them: avg_pool, avgpool, max_pool), "none" (last map),
     * "logits", "probs" (after the last activation, whatever it is), "top",
     * a layer of the net, or a dense layer of its head. */
    size_t n_outputs;
    const char *const *outputs;
    /* Coarse groups: the group, below n_groups, of each class. With them "top"
     * and "probs" are about groups, whose probabilities are sums. NULL: none;
     * borrowed until the engine is freed. */
    const int32_t *group;
    size_t n_groups;
    size_t k; /* for "top": 1 or more; more than there are classes is all */
    /* What gives "logits", "probs" and "top" instead of the net's own head;
     * borrowed until the engine is freed, or NULL. */
    const struct reap_classifier *classifier;
    /* Where packed weights are kept, or NULL; borrowed until the engine is
     * freed. 'id' tells the weights of the net: a hash, or a seed. */
    const struct reap_blobs *blobs;
    const char *id;
};

/*
 * The kinds of arithmetic in which this CPU can compute 'precision', as far as
 * REAP_CPU allows, best first: names that ranks and runs can agree on, lent for
 * good. At most 'room' of them; returns how many. The reference is for reading:
 * it is offered only where there is nothing else. Any thread.
 */
size_t reap_engine_ariths(enum reap_precision precision, bool exact,
                          const char **out, size_t room);

struct reap_engine;
struct reap_session;

/*
 * Compile an engine; it takes the net's weights (reap_net_fold()). '*out' is
 * owned, NULL on failure. Returns REAP_OK, REAP_EINVAL (no such output, no
 * head, a precision that this CPU lacks: the message says what there is),
 * REAP_EMISFIT (the classifier takes another number of values, a weight is not
 * finite), REAP_ENOMEM, REAP_ENOTFOUND (there is no OpenBLAS) or what reading
 * the weights returns. One thread at a time per net.
 */
int reap_engine_new(struct reap_engine **out, const struct reap_engine_args *a,
                    struct reap_err *err) REAP_MUST_CHECK;

/* Check that the outputs in 'a' are available, with the errors of
 * reap_engine_new(), without compiling anything. */
int reap_engine_check(const struct reap_engine_args *a,
                      struct reap_err *err) REAP_MUST_CHECK;

/* The shape h, w, c of what 'name', a pooling or a layer, gives of 'net'; false
 * if it is neither. */
bool reap_engine_feature(const struct reap_net *net, const char *name,
                         size_t shape[3]);

/* How many outputs there are: n_outputs. This and what follows may be asked
 * from any thread until the engine is freed. */
size_t reap_engine_outputs(const struct reap_engine *e);

/* Name and shape of output i < n_outputs, in the order asked for. Borrowed. */
const struct reap_output *reap_engine_output(const struct reap_engine *e,
                                             size_t i);

/* The arithmetic it computes in, such as "fp32", "int8" or "fp32-blas OpenBLAS
 * 0.3.21 SkylakeX": engines of one name give the same bytes. Borrowed. */
const char *reap_engine_arith(const struct reap_engine *e);

/* The level of the CPU that it was compiled for: "avx512", "ref", ...
 * Borrowed. */
const char *reap_engine_level(const struct reap_engine *e);

/* Threads of a session that together work on each image, 1 or more. */
size_t reap_engine_threads(const struct reap_engine *e);

/* Free '*e', which becomes NULL, after its sessions. NULL does nothing. */
void reap_engine_free(struct reap_engine **e);

/* Open a session: the arena for max_batch images, and the threads of latency
 * mode. One thread at a time per session; any number of sessions. '*out' is
 * owned. Returns REAP_OK or REAP_ENOMEM (also where no more threads can be
 * started). */
int reap_session_new(struct reap_session **out, const struct reap_engine *e,
                     struct reap_err *err) REAP_MUST_CHECK;

/*
 * Run n images, 1 <= n <= max_batch.
 *
 *   images  n pointers to images as described above
 *   out     a pointer for each output: out[i] receives output i of all n
 * images, one after the other: n * h * w * c floats, or n * c struct reap_top
 *
 * An image's results are the same bytes for any n, place in the batch, number
 * of threads and session.
 */
void reap_session_run(struct reap_session *s, size_t n,
                      const void *const *images, void *const *out);

/* Free '*s', which becomes NULL. NULL does nothing. */
void reap_session_free(struct reap_session **s);

#endif /* REAP_ENGINE_ENGINE_H */
