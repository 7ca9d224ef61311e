/*
 * engine/engine.h - images in, features, logits or labels out
 *
 * An engine is a net compiled for a precision, a preset's numbers and a list
 * of outputs. It is constant and shared by all threads; each thread opens a
 * session, which owns the arena and, in latency mode, further threads. The
 * forward pass allocates nothing.
 */
#ifndef REAP_ENGINE_ENGINE_H
#define REAP_ENGINE_ENGINE_H

#include "engine/base/err.h"
#include "engine/head/classifier.h"
#include "engine/head/head.h"
#include "engine/net/net.h"
#include "engine/plan/backend.h"

enum { REAP_MAX_OUTPUTS = 16 };

/* One output of an engine: float32 values, or top-k pairs. */
struct reap_output {
    char name[48];  /* avg, max, none, logits, probs, top, or a layer's name */
    bool topk;      /* c pairs of (index, probability), see reap_top */
    size_t h, w, c; /* (1, 1, c) for vectors */
};

struct reap_engine_args {
    const struct reap_net *net; /* borrowed until the engine is freed */
    struct reap_norm norm;
    enum reap_precision precision;
    /* The arithmetic class to compute in, by its name in arithmetic.def; what
     * follows a space in it does not count. NULL: the best there is. */
    const char *arithmetic;
    bool exact;
    size_t max_batch; /* >= 1 */
    /* Latency mode: threads of a session that together work on each image, its
     * caller's among them; results are the same bytes. 0 or 1: the caller's
     * alone, and as many sessions as there are threads to compute (throughput).
     * The levels ref and blas have no such mode: there it is one. */
    size_t threads;
    /* Names of outputs in the order wanted: "avg", "max" (also as Keras and
     * torchvision call them: avg_pool, avgpool, max_pool), "none" (last map),
     * "logits", "probs" (behind the last activation, whatever it is), "top",
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
 * The arithmetic classes of 'precision' that this CPU can compute in, as far
 * as REAP_CPU allows, best first: names that ranks and runs can agree on. At
 * most 'room' of them; returns how many. The reference is for reading: it is
 * offered only where there is nothing else.
 */
size_t reap_engine_ariths(enum reap_precision precision, bool exact,
                          const char **out, size_t room);

struct reap_engine;
struct reap_session;

/* Returns REAP_OK, REAP_EINVAL (no such output, no head, precision that this
 * CPU lacks: the message says what there is), REAP_EMISFIT (the classifier
 * takes another number of values), REAP_ENOMEM. */
int reap_engine_new(struct reap_engine **out, const struct reap_engine_args *a,
                    struct reap_err *err) REAP_MUST_CHECK;
/* Would the outputs of 'a' be had? Says what reap_engine_new() says of them,
 * without a CPU that can do the rest. */
int reap_engine_check(const struct reap_engine_args *a,
                      struct reap_err *err) REAP_MUST_CHECK;
/* The shape h, w, c of what 'name', a pooling or a layer, gives of 'net'; false
 * if it is neither. */
bool reap_engine_feature(const struct reap_net *net, const char *name,
                         size_t shape[3]);
size_t reap_engine_outputs(const struct reap_engine *e);
const struct reap_output *reap_engine_output(const struct reap_engine *e,
                                             size_t i);
const char *reap_engine_arith(const struct reap_engine *e);
const char *reap_engine_level(const struct reap_engine *e); /* avx512, ... */
/* Threads of a session that together work on each image, 1 or more. */
size_t reap_engine_threads(const struct reap_engine *e);
void reap_engine_free(struct reap_engine **e);

/* Returns REAP_OK or REAP_ENOMEM (also where no more threads can be started).
 */
int reap_session_new(struct reap_session **out, const struct reap_engine *e,
                     struct reap_err *err) REAP_MUST_CHECK;
/* Run n <= max_batch images; out[i] receives output i of all n images, one
 * after the other: n * h * w * c floats, or n * c struct reap_top. */
void reap_session_run(struct reap_session *s, size_t n,
                      const void *const *images, void *const *out);
void reap_session_free(struct reap_session **s);

#endif /* REAP_ENGINE_ENGINE_H */
