/* Weights that do not fit: each way is told with the tensor's name. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/net/model.h"
#include "engine/net/net.h"
#include "engine/net/random.h"
#include "tests/tap.h"

/* Random weights of a model, but for what 'change' does to them. */
struct change {
    const char *drop;     /* leave this tensor out */
    const char *add;      /* and add this one, */
    size_t rank, dim[4];  /* of this shape */
    const char *value_of; /* set the first number of this one */
    float value;
    size_t classes; /* of the head; 0: none */
};

static struct reap_params *make(const char *model, struct change c)
{
    struct reap_graph *g = reap_graph_new(reap_model_find(model, NULL), 32, 32);
    struct reap_params *all = NULL, *some = NULL;
    struct reap_param *t;
    int rc = reap_random_params(&all, g, c.classes, 1, NULL);

    if (!rc)
        rc = reap_params_new(&some, NULL);
    for (size_t i = 0; !rc && i < reap_params_count(all); i++) {
        const struct reap_param *p = reap_params_at(all, i);

        if (c.drop && !strcmp(p->name, c.drop))
            continue;
        rc = reap_params_add(some, p->name, p->rank, p->dim, &t, NULL);
        if (!rc)
            memcpy(t->data, p->data, p->count * sizeof(float));
        if (!rc && c.value_of && !strcmp(p->name, c.value_of))
            t->data[0] = c.value;
    }
    if (!rc && c.add)
        rc = reap_params_add(some, c.add, c.rank, c.dim, &t, NULL);
    reap_params_free(&all);
    reap_free(g);
    return rc ? NULL : some;
}

static const struct reap_net_args usual = { .in_h = 32,
                                            .in_w = 32,
                                            .top_activation = -1 };

/* The net of these weights is refused and the message holds 'words'. */
static void refused(const char *model, struct change c,
                    struct reap_net_args args, const char *words)
{
    struct reap_params *p = make(model, c);
    struct reap_net *net;
    struct reap_err err = { 0 };
    int rc = reap_net_new(&net, &args, p, &err);

    ok(rc == REAP_EMISFIT && !net && strstr(err.msg, words), "%s", err.msg);
    reap_net_free(&net);
    reap_params_free(&p);
}

static void misfits(void)
{
    struct reap_net_args wrong = usual, seven = usual, head = usual;
    const enum reap_activation two[] = { REAP_RELU, REAP_SOFTMAX };

    refused("torchvision/resnet18",
            (struct change){ .drop = "layer3.1.bn2.running_var" }, usual,
            "layer3.1.bn2.running_var is missing: torchvision/resnet18 needs "
            "it as (256)");
    refused("torchvision/resnet18",
            (struct change){ .drop = "layer2.0.downsample.0.weight",
                             .add = "layer2.0.downsample.0.weight",
                             .rank = 4,
                             .dim = { 128, 64, 3, 3 } },
            usual, "has the shape (128, 64, 3, 3)");
    refused("torchvision/resnet18",
            (struct change){
                .add = "layer5.0.conv1.weight", .rank = 1, .dim = { 3 } },
            usual, "layer5.0.conv1.weight (3) is left over");
    refused("torchvision/resnet18",
            (struct change){ .value_of = "conv1.weight", .value = NAN }, usual,
            "conv1.weight: number 0 is nan");
    refused("torchvision/resnet18",
            (struct change){ .value_of = "bn1.bias", .value = INFINITY }, usual,
            "bn1.bias: number 0 is inf");
    refused("torchvision/resnet18",
            (struct change){ .value_of = "bn1.running_var", .value = -1 },
            usual, "bn1.running_var: number 0 is -1");
    refused("torchvision/resnet18", (struct change){ .drop = "conv1.weight" },
            usual, "neither conv1.weight");
    wrong.model = "torchvision/resnet34";
    refused("torchvision/resnet18", (struct change){ 0 }, wrong,
            "these are weights of torchvision/resnet18: layer1.2.conv1.weight "
            "is missing");
    seven.classes = 7;
    refused("torchvision/resnet18", (struct change){ .classes = 9 }, seven,
            "fc has 9 classes, but 7 were asked for");
    refused("torchvision/resnet18",
            (struct change){ .classes = 9, .drop = "fc.bias" }, usual,
            "fc.bias is missing");
    refused("torchvision/resnet18",
            (struct change){ .classes = 9, .drop = "fc.weight" }, usual,
            "fc.bias (9) is left over");
    refused("torchvision/resnet18",
            (struct change){ .add = "fc.weight", .rank = 2, .dim = { 9, 500 } },
            usual, "fc.weight has the shape (9, 500)");
    head.head = two;
    head.n_head = 2;
    refused("torchvision/resnet18", (struct change){ .classes = 9 }, head,
            "1 dense layers, but their config tells of 2");
}

/* One output is a probability of its own: sigmoid, and never softmax. */
static void one_output(void)
{
    struct reap_net_args soft = usual;
    struct reap_params *p =
        make("torchvision/resnet18", (struct change){ .classes = 1 });
    struct reap_net *net;

    ok(!reap_net_new(&net, &usual, p, NULL) &&
           net->dense[0].act == REAP_SIGMOID,
       "a head of one output ends in sigmoid");
    reap_net_free(&net);
    reap_params_free(&p);
    soft.top_activation = REAP_SOFTMAX;
    refused("torchvision/resnet18", (struct change){ .classes = 1 }, soft,
            "whose softmax is always 1");
}

static void keras_misfits(void)
{
    refused("resnet50", (struct change){ .drop = "conv3_block1_0_conv/bias" },
            usual,
            "conv3_block1_0_conv/bias is missing: resnet50 needs it as (512)");
    refused("resnet50",
            (struct change){ .classes = 3, .drop = "predictions/bias" }, usual,
            "predictions/bias is missing");
    refused("resnet50",
            (struct change){ .classes = 3,
                             .add = "dense/kernel",
                             .rank = 2,
                             .dim = { 2048, 5 } },
            usual, "both take the 2048 features");
    refused(
        "resnet50",
        (struct change){ .add = "dense/kernel", .rank = 2, .dim = { 512, 5 } },
        usual, "dense/kernel has the shape (512, 5)");
    refused(
        "resnet50v2",
        (struct change){ .value_of = "post_bn/moving_variance", .value = -2 },
        usual, "post_bn/moving_variance: number 0 is -2");
}

/* The model is told from names and shapes alone, and nothing is asked of a
 * counter of training. */
static void told(const char *model)
{
    struct reap_params *p =
        make(model,
             (struct change){ .classes = 3, .add = "bn1.num_batches_tracked" });
    struct reap_net *net;
    struct reap_err err = { 0 };
    int rc = reap_net_new(&net, &usual, p, &err);

    ok(!rc && !strcmp(net->model->name, model), "%s is known by its tensors%s",
       model, err.msg);
    ok(!rc && net->classes == 3 && net->dense[0].act == REAP_SOFTMAX,
       "with its three classes");
    reap_net_free(&net);
    reap_params_free(&p);
}

/* A head trained on a base: layers in any order of names, one without bias. */
static void grown_head(void)
{
    static const struct {
        const char *name;
        size_t rank, dim[2];
    } head[] = {
        { "a_last/kernel", 2, { 64, 10 } },
        { "a_last/bias", 1, { 10 } },
        { "same_1/kernel", 2, { 64, 64 } },
        { "z_first/kernel", 2, { 2048, 64 } },
        { "z_first/bias", 1, { 64 } },
    };
    struct reap_params *p = make("resnet50", (struct change){ 0 });
    struct reap_net_args args = usual;
    struct reap_net *net;
    struct reap_param *t;
    struct reap_err err = { 0 };
    int rc = 0;

    for (size_t i = 0; i < 5 && !rc; i++)
        rc = reap_params_add(p, head[i].name, head[i].rank, head[i].dim, &t,
                             &err);
    t->data[5] = 0.25f;
    rc = reap_net_new(&net, &args, p, &err);
    ok(!rc && net->n_dense == 3 && net->classes == 10, "three layers %s",
       err.msg);
    ok(!rc && !strcmp(net->dense[0].name, "z_first") &&
           !strcmp(net->dense[1].name, "same_1") &&
           !strcmp(net->dense[2].name, "a_last"),
       "follow as their shapes say");
    ok(!rc && net->dense[0].act == REAP_RELU &&
           net->dense[2].act == REAP_SOFTMAX &&
           net->dense[0].bias[5] == 0.25f && net->dense[1].bias[5] == 0,
       "with ReLU between, softmax behind, and zero for no bias");
    reap_net_free(&net);
    args.no_top = true;
    rc = reap_net_new(&net, &args, p, &err);
    ok(!rc && !net->n_dense && !net->classes, "or stay away on request %s",
       err.msg);
    reap_net_free(&net);
    reap_params_free(&p);
}

static void arguments(void)
{
    struct reap_net_args a = { .top_activation = -1 };
    struct reap_net *net;
    struct reap_err err;

    ok(reap_net_new(&net, &a, NULL, &err) == REAP_EINVAL, "%s", err.msg);
    a.model = "resnet51";
    ok(reap_net_new(&net, &a, NULL, &err) == REAP_EINVAL, "%s", err.msg);
    a.model = "torchvision/resnet18";
    a.in_h = 31;
    ok(reap_net_new(&net, &a, NULL, &err) == REAP_EINVAL, "%s", err.msg);
    a.in_h = 9000;
    ok(reap_net_new(&net, &a, NULL, &err) == REAP_EINVAL, "%s", err.msg);
    a.in_h = 32;
    a.classes = 7;
    ok(!reap_net_new(&net, &a, NULL, &err) && net->in_w == 224 &&
           net->classes == 7,
       "32 x 224 and seven classes are fine");
    ok(reap_net_find(net, "layer2") == reap_net_find(net, "layer2.1") &&
           reap_net_find(net, "layer2") > 0 &&
           reap_net_find(net, "layer") == -1 &&
           reap_net_find(net, "layer9") == -1 && reap_net_find(net, "") == -1,
       "a stage is its last block, and no other name is guessed");
    reap_net_free(&net);
}

static void same_seed(void)
{
    struct reap_net_args a = { .model = "torchvision/resnet18",
                               .seed = 5,
                               .top_activation = -1 };
    struct reap_net *one, *two, *other;
    int rc = reap_net_new(&one, &a, NULL, NULL) ||
             reap_net_new(&two, &a, NULL, NULL);
    const size_t bytes = 64 * 7 * 7 * 3 * sizeof(float);

    a.seed = 6;
    rc = rc || reap_net_new(&other, &a, NULL, NULL);
    ok(!rc && !memcmp(one->node[1].weight, two->node[1].weight, bytes),
       "a seed makes the same weights again");
    ok(!rc && memcmp(one->node[1].weight, other->node[1].weight, bytes),
       "another seed others");
    ok(fabs(reap_net_macs(one) / 1e9 - 1.814) < 0.001,
       "ResNet-18 multiplies %.3f thousand million times",
       reap_net_macs(one) / 1e9);
    reap_net_free(&one);
    reap_net_free(&two);
    reap_net_free(&other);
}

static void fail_each(void)
{
    struct reap_params *p = make("torchvision/resnet18", (struct change){ 0 });
    struct reap_net *net = NULL;
    int rc = REAP_ENOMEM;
    long i;

    for (i = 1; rc == REAP_ENOMEM && i < 50; i++) {
        reap_mem_fail_at(i);
        rc = reap_net_new(&net, &usual, p, NULL);
        if (rc && net)
            rc = REAP_EBUG;
    }
    reap_mem_fail_at(0);
    ok(!rc && i > 4, "each of %ld allocations may fail", i - 2);
    reap_net_free(&net);
    reap_params_free(&p);
}

int main(void)
{
    misfits();
    one_output();
    keras_misfits();
    told("torchvision/resnet18");
    told("torchvision/resnext50_32x4d");
    told("torchvision/resnet50");
    told("resnet50");
    told("resnet50v2");
    grown_head();
    arguments();
    same_seed();
    fail_each();
    return done();
}
