/*
 * jobs/setup/setup.h - all that extract and classify open before the first
 * record
 *
 * Network, preset, limits, outputs, engine and class names, from the options,
 * in the order in which mistakes are cheapest to find. The engine may have to
 * wait until ranks have agreed on its arithmetic: so there are two steps. One
 * thread at a time. The calls return REAP_OK, or the code and message of the
 * part that could not be opened.
 */
#ifndef REAP_JOBS_SETUP_SETUP_H
#define REAP_JOBS_SETUP_SETUP_H

#include "engine/engine.h"
#include "io/cache/blob_cache.h"
#include "io/labels/groups.h"
#include "io/labels/labels.h"
#include "jobs/setup/network.h"
#include "jobs/setup/outputs.h"
#include "jobs/setup/predictor.h"
#include "jobs/setup/preprocess.h"

enum { REAP_SETUP_ARITHS = 16 };

struct reap_setup {
    bool classify;
    struct reap_network network;
    struct reap_preset preset;
    bool preset_guessed;
    const char *preset_from; /* who told it, if it was neither the user nor
                                guessed; else NULL */
    struct reap_limits limits;
    struct reap_outputs outputs;
    struct reap_schema schema;
    unsigned l2;
    struct reap_blob_cache *cache; /* of packed weights, or NULL */
    struct reap_engine *engine;
    struct reap_predictor head; /* --head, or all zero */
    struct reap_labels *labels; /* classify alone */
    struct reap_groups *groups; /* of --groups, or NULL */
    size_t batch;
    /* Threads that do an image together, 0: one alone. May be set, as may
     * 'batch', between the two steps. */
    size_t threads_per_image;
    /* Kinds of arithmetic that fit --precision here, best first. */
    size_t n_ariths;
    struct {
        const char *name;
        enum reap_precision precision;
    } ariths[REAP_SETUP_ARITHS];
};

/*
 * All but the engine and what depends on it. 'calibrate': for --precision int8
 * and weights without scales, take these from the first images of this
 * dataset; NULL: such weights are refused.
 */
int reap_setup_begin(struct reap_setup *s, const struct reap_options *o,
                     bool classify, const char *calibrate,
                     struct reap_err *err) REAP_MUST_CHECK;

/* The kind of arithmetic among those that fit here that 'arithmetic', a store's
 * text, names; NULL if there is none. */
const char *reap_setup_arith(const struct reap_setup *s,
                             const char *arithmetic);

/* Engine and columns. 'arithmetic' is one of those kinds, by its name up to a
 * space; NULL: the first. REAP_EINVAL if there is none. */
int reap_setup_finish(struct reap_setup *s, const struct reap_options *o,
                      const char *arithmetic,
                      struct reap_err *err) REAP_MUST_CHECK;

/* Both steps, in the best arithmetic. */
int reap_setup_open(struct reap_setup *s, const struct reap_options *o,
                    bool classify, const char *calibrate,
                    struct reap_err *err) REAP_MUST_CHECK;

/* What decides a row's bytes, a line each; the fingerprint is its hash. Without
 * an engine the arithmetic is "none". Owned: reap_free(); NULL without memory.
 */
char *reap_setup_fingerprint_text(const struct reap_setup *s,
                                  const struct reap_options *o);

/* REAP_EINVAL, with the option to type, unless the preset ends in the size that
 * the net was built for. */
int reap_setup_check_size(const struct reap_preset *preset,
                          const struct reap_net *net,
                          struct reap_err *err) REAP_MUST_CHECK;

/* Lines for a person before the first image: what of the weights was taken,
 * and whose the preset is. */
void reap_setup_remarks(const struct reap_setup *s,
                        const struct reap_options *o);

/* Free all of it; a cleared struct stays so. */
void reap_setup_close(struct reap_setup *s);

/* --precision's word as a precision; NULL is fp32, "auto" bf16 where the CPU
 * has it, else fp32. REAP_EINVAL lists the words. */
int reap_parse_precision(const char *text, enum reap_precision *out,
                         struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_JOBS_SETUP_SETUP_H */
