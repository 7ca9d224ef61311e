/* torchvision's ResNet, ResNeXt and Wide ResNet. Source:
 * torchvision/models/resnet.py; names of inner nodes are those of
 * torchvision's feature extraction. */
#include <stdio.h>

#include "engine/net/graph.h"

static int project(struct reap_graph *g, int x, const char *name, size_t c,
                   size_t stride)
{
    return reap_graph_conv(g, (struct reap_graph_conv){
                                  .in = x,
                                  .in2 = -1,
                                  .k = 1,
                                  .stride = stride,
                                  .groups = 1,
                                  .c = c,
                                  .role = REAP_ROLE_SKIP,
                                  .prefix = name,
                                  .conv = ".downsample.0",
                                  .norm = ".downsample.1",
                                  .out = ".downsample",
                              });
}

/* Two 3x3; the first has the stride. */
static int basic(struct reap_graph *g, int x, int skip, const char *name,
                 size_t planes, size_t stride)
{
    struct reap_graph_conv c = { .prefix = name, .relu = true, .groups = 1 };

    c.in = x;
    c.in2 = -1;
    c.k = 3;
    c.c = planes;
    c.stride = stride;
    c.role = REAP_ROLE_PLAIN;
    c.conv = ".conv1", c.norm = ".bn1", c.out = ".relu";
    c.in = reap_graph_conv(g, c);
    c.in2 = skip;
    c.stride = 1;
    c.role = REAP_ROLE_LAST;
    c.conv = ".conv2", c.norm = ".bn2", c.out = "";
    return reap_graph_conv(g, c);
}

/* 1x1, 3x3 with the stride and the groups, 1x1. */
static int bottleneck(struct reap_graph *g, int x, int skip, const char *name,
                      size_t planes, size_t stride)
{
    struct reap_graph_conv c = { .prefix = name, .relu = true, .groups = 1 };

    c.in = x;
    c.in2 = -1;
    c.k = c.stride = 1;
    c.c = planes * g->model->width / 64 * g->model->groups;
    c.role = REAP_ROLE_PLAIN;
    c.conv = ".conv1", c.norm = ".bn1", c.out = ".relu";
    c.in = reap_graph_conv(g, c);
    c.k = 3;
    c.stride = stride;
    c.groups = g->model->groups;
    c.conv = ".conv2", c.norm = ".bn2", c.out = ".relu_1";
    c.in = reap_graph_conv(g, c);
    c.k = c.stride = c.groups = 1;
    c.c = planes * 4;
    c.in2 = skip;
    c.role = REAP_ROLE_LAST;
    c.conv = ".conv3", c.norm = ".bn3", c.out = "";
    return reap_graph_conv(g, c);
}

void reap_graph_torchvision(struct reap_graph *g, int in)
{
    const bool two = g->model->family == REAP_TV_BASIC;
    char name[REAP_NAME];
    int x, skip;

    x = reap_graph_conv(g, (struct reap_graph_conv){
                               .in = in,
                               .in2 = -1,
                               .k = 7,
                               .stride = 2,
                               .groups = 1,
                               .c = 64,
                               .relu = true,
                               .role = REAP_ROLE_STEM,
                               .prefix = "",
                               .conv = "conv1",
                               .norm = "bn1",
                               .out = "relu",
                           });
    x = reap_graph_maxpool(g, x, false, "maxpool");
    for (size_t s = 0; s < REAP_STAGES; s++)
        for (size_t b = 0; b < g->model->blocks[s]; b++) {
            const size_t planes = (size_t)64 << s,
                         c = two ? planes : planes * 4;
            const size_t stride = b == 0 && s > 0 ? 2 : 1;

            snprintf(name, sizeof(name), "layer%zu.%zu", s + 1, b);
            skip = x;
            if (stride > 1 || g->node[x].c != c)
                skip = project(g, x, name, c, stride);
            x = (two ? basic : bottleneck)(g, x, skip, name, planes, stride);
        }
}
