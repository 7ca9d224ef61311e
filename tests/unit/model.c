/* Every row of models.def has the published number of parameters. */
#include <string.h>

#include "engine/base/mem.h"
#include "engine/net/graph.h"
#include "tests/tap.h"

static void count(const struct reap_model *m)
{
    struct reap_graph *g = reap_graph_new(m, 224, 224);
    const struct reap_node *last = &g->node[g->n - 1];
    size_t fixed, all = reap_graph_params(g, &fixed) + last->c * 1000 + 1000;

    if (!reap_model_keras(m)) { /* counted as PyTorch does: buffers are none */
        all -= fixed;
        fixed = 0;
    }
    ok(all == m->params, "%s has %zu parameters (%zu published)", m->name, all,
       m->params);
    ok(fixed == m->fixed, "%s: %zu of them are not trained (%zu published)",
       m->name, fixed, m->fixed);
    ok(last->h == 7 && last->w == 7, "%s ends in 7 x 7", m->name);
    reap_free(g);
}

static void sizes(const struct reap_model *m, size_t h, size_t w, size_t oh,
                  size_t ow)
{
    struct reap_graph *g = reap_graph_new(m, h, w);
    const struct reap_node *last = &g->node[g->n - 1];

    ok(last->h == oh && last->w == ow, "%s: %zux%zu becomes %zux%zu", m->name,
       h, w, last->h, last->w);
    for (size_t i = 1; i < g->n; i++) {
        const struct reap_node *n = &g->node[i];

        if (n->in2 >= 0 &&
            (g->node[n->in2].h != n->h || g->node[n->in2].w != n->w ||
             g->node[n->in2].c != n->c))
            ok(false, "%s: both sides of the sum %s are alike", m->name,
               n->name);
    }
    reap_free(g);
}

int main(void)
{
    struct reap_err err;

    for (size_t i = 0; reap_model_at(i); i++) {
        count(reap_model_at(i));
        sizes(reap_model_at(i), 32, 32, 1, 1);
        sizes(reap_model_at(i), 33, 97, 2, 4);
        sizes(reap_model_at(i), 160, 192, 5, 6);
    }
    ok(reap_model_find("keras/resnet50", NULL) == reap_model_at(0),
       "keras/resnet50 is resnet50");
    ok(!reap_model_find("resnet51", &err) && err.code == REAP_EINVAL &&
           strstr(err.msg, "did you mean resnet50?"),
       "a mistyped name is guessed: %s", err.msg);
    ok(!reap_model_find("efficientnet_b7", &err) && err.code == REAP_EINVAL &&
           strstr(err.msg, "torchvision/wide_resnet101_2"),
       "an unknown name lists all: %s", err.msg);
    return done();
}
