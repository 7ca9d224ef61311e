/* Keras's ResNet and ResNetV2. Source: keras/src/applications/resnet.py. */
#include <stdio.h>

#include "engine/net/graph.h"

static void block_name(char to[REAP_NAME], size_t stage, size_t block)
{
    snprintf(to, REAP_NAME, "conv%zu_block%zu", stage + 2, block + 1);
}

/* The stride stands in the first 1x1 and in the projection. */
static int block_v1(struct reap_graph *g, int x, const char *name, size_t f,
                    size_t stride, bool project)
{
    struct reap_graph_conv c = { .prefix = name, .bias = true, .groups = 1 };
    int skip = x;

    c.in = x;
    c.in2 = -1;
    c.k = 1;
    c.stride = stride;
    if (project) {
        c.c = 4 * f;
        c.role = REAP_ROLE_SKIP;
        c.conv = "_0_conv";
        c.norm = c.out = "_0_bn";
        skip = reap_graph_conv(g, c);
    }
    c.c = f;
    c.relu = true;
    c.role = REAP_ROLE_PLAIN;
    c.conv = "_1_conv", c.norm = "_1_bn", c.out = "_1_relu";
    c.in = reap_graph_conv(g, c);
    c.k = 3;
    c.stride = 1;
    c.conv = "_2_conv", c.norm = "_2_bn", c.out = "_2_relu";
    c.in = reap_graph_conv(g, c);
    c.k = 1;
    c.c = 4 * f;
    c.in2 = skip;
    c.role = REAP_ROLE_LAST;
    c.conv = "_3_conv", c.norm = "_3_bn", c.out = "_out";
    return reap_graph_conv(g, c);
}

static int stem(struct reap_graph *g, int in, bool v2)
{
    return reap_graph_conv(g, (struct reap_graph_conv){
                                  .in = in,
                                  .in2 = -1,
                                  .k = 7,
                                  .stride = 2,
                                  .groups = 1,
                                  .c = 64,
                                  .relu = !v2,
                                  .bias = true,
                                  .role = REAP_ROLE_STEM,
                                  .prefix = "conv1",
                                  .conv = "_conv",
                                  .norm = v2 ? NULL : "_bn",
                                  .out = v2 ? "_conv" : "_relu",
                              });
}

void reap_graph_keras_v1(struct reap_graph *g, int in)
{
    int x = reap_graph_maxpool(g, stem(g, in, false), true, "pool1_pool");
    char name[REAP_NAME];

    for (size_t s = 0; s < REAP_STAGES; s++)
        for (size_t b = 0; b < g->model->blocks[s]; b++) {
            block_name(name, s, b);
            x = block_v1(g, x, name, g->model->width << s,
                         b == 0 && s > 0 ? 2 : 1, b == 0);
        }
}

/* Keras numbers the layers that it has to name itself. */
static int thin_out(struct reap_graph *g, int x, size_t stride)
{
    char name[REAP_NAME] = "max_pooling2d";
    size_t before = 0;

    for (size_t i = 0; i < g->n; i++)
        before += g->node[i].op == REAP_OP_SUBSAMPLE;
    if (before)
        snprintf(name, sizeof(name), "max_pooling2d_%zu", before);
    return reap_graph_subsample(g, x, stride, name);
}

/* The shortcut is what comes in, not its normalised form, unless it is
 * projected; where the 3x3 strides, the shortcut is thinned out. */
static int block_v2(struct reap_graph *g, int x, const char *name, size_t f,
                    size_t stride, bool project)
{
    struct reap_graph_conv c = { .prefix = name, .groups = 1, .in2 = -1 };
    int skip = x;

    c.in = reap_graph_affine(g, x, name, "_preact_bn", "_preact_relu");
    c.k = c.stride = 1;
    if (project) {
        c.c = 4 * f;
        c.bias = true;
        c.role = REAP_ROLE_SKIP;
        c.conv = c.out = "_0_conv";
        skip = reap_graph_conv(g, c);
    } else if (stride > 1) {
        skip = thin_out(g, x, stride);
    }
    c.c = f;
    c.bias = false;
    c.relu = true;
    c.role = REAP_ROLE_PLAIN;
    c.conv = "_1_conv", c.norm = "_1_bn", c.out = "_1_relu";
    c.in = reap_graph_conv(g, c);
    c.k = 3;
    c.stride = stride;
    c.conv = "_2_conv", c.norm = "_2_bn", c.out = "_2_relu";
    c.in = reap_graph_conv(g, c);
    c.k = c.stride = 1;
    c.c = 4 * f;
    c.in2 = skip;
    c.bias = true;
    c.relu = false;
    c.role = REAP_ROLE_LAST;
    c.conv = "_3_conv", c.norm = NULL, c.out = "_out";
    return reap_graph_conv(g, c);
}

void reap_graph_keras_v2(struct reap_graph *g, int in)
{
    int x = reap_graph_maxpool(g, stem(g, in, true), true, "pool1_pool");
    char name[REAP_NAME];

    for (size_t s = 0; s < REAP_STAGES; s++) {
        const size_t blocks = g->model->blocks[s];

        for (size_t b = 0; b < blocks; b++) {
            block_name(name, s, b);
            x = block_v2(g, x, name, g->model->width << s,
                         b + 1 == blocks && s + 1 < REAP_STAGES ? 2 : 1,
                         b == 0);
        }
    }
    reap_graph_affine(g, x, "post", "_bn", "_relu");
}
