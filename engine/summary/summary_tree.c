/* The tree of modules, as print(model) shows it. Source: torch 2.14. */
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/net/graph.h"
#include "engine/summary/summary.h"

enum { SIDE = 224, MODULES_OF_NODE = 3, OTHERS = 100 };

static struct reap_module *summary_tree_add(struct reap_tree *t,
                                            const char *path, const char *text)
{
    struct reap_module *m = &t->module[t->n++];

    snprintf(m->path, sizeof(m->path), "%s", path);
    snprintf(m->text, sizeof(m->text), "%s", text);
    m->depth = *path != '\0';
    for (const char *p = path; *p; p++)
        m->depth += *p == '.';
    return m;
}

static void add_holder(struct reap_tree *t, const char *path, const char *text)
{
    summary_tree_add(t, path, text)->holds = true;
}

static void conv_text(char *to, size_t size, const struct reap_node *n,
                      size_t cin)
{
    char pad[64] = "", groups[40] = "";

    if (n->pad)
        snprintf(pad, sizeof(pad), ", padding=(%zu, %zu)", n->pad, n->pad);
    if (n->groups > 1)
        snprintf(groups, sizeof(groups), ", groups=%zu", n->groups);
    snprintf(to, size,
             "Conv2d(%zu, %zu, kernel_size=(%zu, %zu), stride=(%zu, %zu)%s%s, "
             "bias=False)",
             cin, n->c, n->kh, n->kw, n->stride, n->stride, pad, groups);
}

static void add_conv(struct reap_tree *t, const struct reap_graph *g, size_t i)
{
    const struct reap_node *n = &g->node[i];
    char text[256];

    conv_text(text, sizeof(text), n, g->node[n->in].c);
    summary_tree_add(t, g->source[i].conv, text);
    snprintf(text, sizeof(text),
             "BatchNorm2d(%zu, eps=1e-05, momentum=0.1, affine=True, "
             "bias=True, track_running_stats=True)",
             n->c);
    summary_tree_add(t, g->source[i].norm, text);
}

/* The convolutions of one block, from node i on; returns the node after it.
 * The projection comes first among the nodes and last in the tree; the only
 * ReLU follows the first norm of two, or the last of three. */
static size_t add_block(struct reap_tree *t, const struct reap_graph *g,
                        size_t i, const char *path)
{
    const bool two = g->model->family == REAP_TV_BASIC;
    const size_t convs = two ? 2 : 3, len = strlen(path);
    const size_t skip = g->source[i].role == REAP_ROLE_SKIP ? i++ : 0;
    char name[48];

    add_holder(t, path, two ? "BasicBlock" : "Bottleneck");
    for (size_t c = 0; c < convs; c++) {
        add_conv(t, g, i + c);
        snprintf(name, sizeof(name), "%.*s.relu", (int)len, path);
        if (c == (two ? 0 : 2))
            summary_tree_add(t, name, "ReLU(inplace=True)");
    }
    if (skip) {
        snprintf(name, sizeof(name), "%.*s.downsample", (int)len, path);
        add_holder(t, name, "Sequential");
        add_conv(t, g, skip);
    }
    return i + convs;
}

static void add_all(struct reap_tree *t, const struct reap_graph *g,
                    const struct reap_summary_args *a)
{
    size_t node = 3; /* after the input, conv1 and maxpool */
    char text[128];

    add_holder(t, "", "ResNet");
    add_conv(t, g, 1);
    summary_tree_add(t, "relu", "ReLU(inplace=True)");
    summary_tree_add(t, "maxpool",
                     "MaxPool2d(kernel_size=3, stride=2, padding=1, "
                     "dilation=1, ceil_mode=False)");
    for (size_t s = 0; s < REAP_STAGES; s++) {
        snprintf(text, sizeof(text), "layer%zu", s + 1);
        add_holder(t, text, "Sequential");
        for (size_t b = 0; b < g->model->blocks[s]; b++) {
            snprintf(text, sizeof(text), "layer%zu.%zu", s + 1, b);
            node = add_block(t, g, node, text);
        }
    }
    summary_tree_add(t, "avgpool", "AdaptiveAvgPool2d(output_size=(1, 1))");
    for (size_t d = 0; d < a->n_dense; d++) {
        snprintf(text, sizeof(text),
                 "Linear(in_features=%zu, out_features=%zu, bias=True)",
                 a->dense[d].in ? a->dense[d].in : g->node[g->n - 1].c,
                 a->dense[d].out);
        summary_tree_add(t, a->dense[d].name, text);
    }
}

int reap_tree_new(struct reap_tree **out, const struct reap_summary_args *a,
                  struct reap_err *err)
{
    struct reap_graph *g = reap_graph_new(a->model, SIDE, SIDE);
    struct reap_tree *t = reap_calloc(1, sizeof(*t));

    *out = NULL;
    if (g && t)
        t->module = reap_calloc(g->n * MODULES_OF_NODE + OTHERS + a->n_dense,
                                sizeof(*t->module));
    if (!g || !t || !t->module) {
        reap_free(g);
        reap_tree_free(&t);
        return reap_fail(err, REAP_ENOMEM, "no memory for a summary");
    }
    add_all(t, g, a);
    reap_free(g);
    *out = t;
    return REAP_OK;
}

void reap_tree_free(struct reap_tree **t)
{
    if (!*t)
        return;
    reap_free((*t)->module);
    reap_free(*t);
    *t = NULL;
}
