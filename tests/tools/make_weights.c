/*
 * make_weights MODEL SEED FILE - seeded random weights as safetensors
 *
 * For tests that need a weights file as a user has one and no network to fetch
 * it from: the tensors of MODEL by their framework's names, with a head of the
 * 1000 classes of ImageNet. The file says nothing about itself, so that its
 * network is told from its tensors.
 */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/mem.h"
#include "engine/net/model.h"
#include "engine/net/random.h"
#include "io/weights/weights_write.h"

enum { SIDE = 224, CLASSES = 1000 };

int main(int argc, char **argv)
{
    struct reap_weights w = { 0 };
    struct reap_err err = { 0 };
    const struct reap_model *model;
    struct reap_graph *graph;
    int rc = REAP_ENOMEM;

    if (argc != 4) {
        fprintf(stderr, "make_weights MODEL SEED FILE\n");
        return 64;
    }
    model = reap_model_find(argv[1], &err);
    graph = model ? reap_graph_new(model, SIDE, SIDE) : NULL;
    if (graph)
        rc = reap_random_params(&w.params, graph, CLASSES,
                                strtoul(argv[2], NULL, 10), &err);
    if (!rc)
        rc = reap_weights_write(&w, NULL, NULL, argv[3], &err);
    if (rc)
        fprintf(stderr, "make_weights: %s\n", err.msg);
    reap_params_free(&w.params);
    reap_free(graph);
    return reap_exit_status(rc);
}
