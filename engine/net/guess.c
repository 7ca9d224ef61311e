#include <stdio.h>
#include <string.h>

#include "engine/net/guess.h"

/* What the tensors say; a row of models.def has to say the same. */
struct traits {
    enum reap_family family;
    size_t blocks[REAP_STAGES], groups, width;
};

static bool guess_has(const struct reap_params *p, const char *name)
{
    return reap_params_find(p, name) != NULL;
}

/* Blocks of each stage: as many as there are first convolutions in a row. */
static void count_blocks(const struct reap_params *p, bool keras,
                         size_t blocks[REAP_STAGES])
{
    char name[80];

    for (size_t s = 0; s < REAP_STAGES; s++)
        for (blocks[s] = 0;; blocks[s]++) {
            if (keras)
                snprintf(name, sizeof(name), "conv%zu_block%zu_1_conv/kernel",
                         s + 2, blocks[s] + 1);
            else
                snprintf(name, sizeof(name), "layer%zu.%zu.conv1.weight", s + 1,
                         blocks[s]);
            if (!guess_has(p, name))
                break;
        }
}

static void look_keras(const struct reap_params *p, struct traits *t)
{
    t->family = guess_has(p, "post_bn/gamma") ||
                        guess_has(p, "conv2_block1_preact_bn/gamma")
                    ? REAP_KERAS_V2
                    : REAP_KERAS_V1;
    t->groups = 1;
    t->width = 64;
}

static void look_torchvision(const struct reap_params *p, struct traits *t)
{
    const struct reap_param *k = reap_params_find(p, "layer1.0.conv2.weight");

    t->family = guess_has(p, "layer1.0.conv3.weight") ? REAP_TV_BOTTLENECK
                                                      : REAP_TV_BASIC;
    t->groups = 1;
    t->width = 64;
    if (k && k->rank == 4 && k->dim[0] && k->dim[1] &&
        k->dim[0] % k->dim[1] == 0) {
        t->groups = k->dim[0] / k->dim[1];
        t->width = k->dim[1];
    }
}

static bool guess_same(const struct reap_model *m, const struct traits *t)
{
    return m->family == t->family && m->groups == t->groups &&
           m->width == t->width &&
           !memcmp(m->blocks, t->blocks, sizeof(t->blocks));
}

const struct reap_model *reap_model_guess(const struct reap_params *p,
                                          struct reap_err *err)
{
    const bool keras = guess_has(p, "conv1_conv/kernel");
    struct traits t = { 0 };

    if (!keras && !guess_has(p, "conv1.weight")) {
        reap_fail(err, REAP_EMISFIT,
                  "no ResNet that we know: neither conv1.weight (torchvision) "
                  "nor conv1_conv/kernel (Keras) is among its %zu tensors%s%s",
                  reap_params_count(p),
                  reap_params_count(p) ? ", such as " : "",
                  reap_params_count(p) ? reap_params_at(p, 0)->name : "");
        return NULL;
    }
    (keras ? look_keras : look_torchvision)(p, &t);
    count_blocks(p, keras, t.blocks);
    for (size_t i = 0; reap_model_at(i); i++)
        if (guess_same(reap_model_at(i), &t))
            return reap_model_at(i);
    reap_fail(err, REAP_EMISFIT,
              "no network that we know has %s names and %zu, %zu, %zu, %zu "
              "blocks, %zu groups of %zu channels; name the nearest with "
              "--model to hear what differs",
              keras ? "Keras's" : "torchvision's", t.blocks[0], t.blocks[1],
              t.blocks[2], t.blocks[3], t.groups, t.width);
    return NULL;
}
