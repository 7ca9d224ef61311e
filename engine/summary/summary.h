/*
 * engine/summary/summary.h - the layers of a network, as its framework lists
 * them
 *
 * Made from a row of models.def; no weights are needed. One form is a table in
 * the order of Keras's model.summary(), the other the tree of modules that
 * PyTorch prints.
 */
#ifndef REAP_ENGINE_SUMMARY_SUMMARY_H
#define REAP_ENGINE_SUMMARY_SUMMARY_H

#include <stddef.h>

#include "engine/base/err.h"
#include "engine/net/model.h"
#include "engine/net/net.h"

struct reap_summary_args {
    const struct reap_model *model;
    size_t in_h, in_w; /* 0: 224 */
    /* The head: only name, in and out are read; in 0: the features. */
    size_t n_dense;
    const struct reap_dense *dense;
    const char *pooling; /* without a head: "avg", "max", or NULL for none */
};

struct reap_summary_layer {
    char name[64], kind[32]; /* conv1_conv, Conv2D */
    size_t h, w, c;          /* of what it gives; h is 0 for a vector */
    size_t params;
    int in[2]; /* rows that it reads, -1: none */
};

struct reap_summary {
    size_t n, trained, fixed; /* rows; parameters */
    struct reap_summary_layer *layer;
};

/* Returns REAP_OK, or REAP_ENOMEM. '*out' is owned. */
int reap_summary_new(struct reap_summary **out,
                     const struct reap_summary_args *a,
                     struct reap_err *err) REAP_MUST_CHECK;

/* Free '*s', which becomes NULL; NULL does nothing. */
void reap_summary_free(struct reap_summary **s);

/* One module of the tree, in the order of printing. */
struct reap_module {
    char path[48];  /* "layer1.0.conv1", "" for the whole */
    char text[256]; /* "Conv2d(...)", or "Sequential" for one that holds others
                     */
    int depth;
    bool holds;
};

struct reap_tree {
    size_t n;
    struct reap_module *module;
};

/* The tree of a torchvision network. REAP_OK, or REAP_ENOMEM. */
int reap_tree_new(struct reap_tree **out, const struct reap_summary_args *a,
                  struct reap_err *err) REAP_MUST_CHECK;

/* Free '*t', which becomes NULL; NULL does nothing. */
void reap_tree_free(struct reap_tree **t);

#endif /* REAP_ENGINE_SUMMARY_SUMMARY_H */
