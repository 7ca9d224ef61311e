/* Names of stages and blocks compared with those of a graph's nodes. */
#include <stdio.h>
#include <string.h>

#include "engine/train/unfreeze.h"

/* Names of stage s (from 0), and of its block b. */
static void stage_name(const struct reap_graph *g, size_t s, char to[REAP_NAME])
{
    if (reap_model_keras(g->model))
        snprintf(to, REAP_NAME, "conv%zu", s + 2);
    else
        snprintf(to, REAP_NAME, "layer%zu", s + 1);
}

static void block_name(const struct reap_graph *g, size_t s, size_t b,
                       char to[REAP_NAME])
{
    if (reap_model_keras(g->model))
        snprintf(to, REAP_NAME, "conv%zu_block%zu", s + 2, b + 1);
    else
        snprintf(to, REAP_NAME, "layer%zu.%zu", s + 1, b);
}

/* Does node i belong to that block? Its layer is named after it. */
static bool within(const struct reap_graph *g, size_t i, const char *block)
{
    const size_t n = strlen(block);
    const char *layer = g->node[i].layer;

    return !strncmp(layer, block, n) && (layer[n] == '_' || layer[n] == '.');
}

static int no_such(const struct reap_graph *g, const char *name,
                   struct reap_err *err)
{
    char stages[120] = "", stage[REAP_NAME], block[REAP_NAME], last[REAP_NAME];
    size_t at = 0;

    for (size_t s = REAP_STAGES; s--;) {
        stage_name(g, s, stage);
        at += (size_t)snprintf(stages + at, sizeof(stages) - at, "%s%s",
                               at ? ", " : "", stage);
    }
    block_name(g, REAP_STAGES - 1, g->model->blocks[REAP_STAGES - 1] - 1, last);
    block_name(g, 0, 0, block);
    return reap_fail(err, REAP_EINVAL,
                     "--unfreeze %.40s: %s has %s, and the blocks of these, %s "
                     "to %s",
                     name, g->model->name, stages, last, block);
}

int reap_unfreeze_find(const struct reap_graph *g, const char *name,
                       struct reap_unfreeze *out, struct reap_err *err)
{
    char stage[REAP_NAME], block[REAP_NAME];

    for (size_t s = 0; s < REAP_STAGES; s++)
        for (size_t b = 0; b < g->model->blocks[s]; b++) {
            stage_name(g, s, stage);
            block_name(g, s, b, block);
            if (strcmp(name, block) != 0 && strcmp(name, stage) != 0)
                continue;
            for (size_t i = 1; i < g->n; i++)
                if (within(g, i, block)) {
                    out->first = i;
                    out->border = (size_t)g->node[i].in;
                    return REAP_OK;
                }
        }
    return no_such(g, name, err);
}
