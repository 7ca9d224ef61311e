/*
 * Networks in files of names and shapes alone: each project's spelling is found
 * under each project's prefix, the documented one of several is taken, and what
 * is left out is told.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/net/graph.h"
#include "io/weights/weights_impl.h"
#include "tests/tap.h"

enum { NAME = 200 };

static struct reap_weights_in *in;

static void begin(void)
{
    in = reap_calloc(1, sizeof(*in));
    in->out = reap_calloc(1, sizeof(*in->out));
    in->holds = (size_t)1 << 30; /* shapes are believed up to here */
    in->fd = -1;
}

static void end(void)
{
    struct reap_weights *w = in->out;

    reap_weights_in_free(&in);
    reap_weights_free(&w);
}

static void put(const char *name, size_t rank, size_t a, size_t b)
{
    const size_t dim[] = { a, b, 1, 1 };

    if (reap_weights_list(in, name, REAP_F32, rank, dim, NULL, NULL, NULL))
        abort();
}

static void as_is(const char *from, char *to)
{
    strcpy(to, from);
}

static bool counted; /* a counter of batch norm was among the tensors */

/* The trunk of a network, spelt by 'spell', under a prefix. */
static void trunk(const char *model, const char *prefix,
                  void (*spell)(const char *, char *))
{
    struct reap_graph *g = reap_graph_new(reap_model_find(model, NULL), 32, 32);
    struct reap_tensor_spec t;
    char name[NAME], spelt[NAME];

    for (size_t i = 0; i < g->n; i++)
        for (int k = 0; k < REAP_T_KINDS; k++) {
            if (!reap_graph_tensor(g, i, (enum reap_tensor)k, &t))
                continue;
            spell(t.name, spelt);
            snprintf(name, sizeof(name), "%s%s", prefix, spelt);
            if (reap_weights_list(in, name, REAP_F32, t.rank, t.dim, NULL, NULL,
                                  NULL))
                abort();
        }
    snprintf(name, sizeof(name), "%sbn1.num_batches_tracked", prefix);
    counted = spell == as_is;
    if (counted)
        put(name, 0, 0, 0);
    reap_free(g);
}

static bool has(const char *name)
{
    for (size_t i = 0; i < in->n; i++)
        if (!strcmp(in->raw[i].name, name))
            return true;
    return false;
}

/* The network of 'prefix' is taken, 'left' is told to be left out. */
static void takes(const char *what, const char *prefix, size_t networks,
                  bool head, const char *left)
{
    const struct reap_candidate *c;
    struct reap_err err = { 0 };
    bool found;
    int rc = reap_weights_choose(in, &found, &err);

    c = rc ? NULL : reap_weights_taken(in->out);
    ok(c && found && c->model && !strcmp(c->prefix, prefix) &&
           in->out->n_candidates == networks,
       "%s: '%s' of %zu (%s)", what, c ? c->prefix : "nothing",
       in->out->n_candidates, err.msg);
    ok(has("conv1.weight") && has("layer4.1.bn2.running_var") &&
           has("bn1.num_batches_tracked") == counted &&
           has("fc.weight") == head,
       "%s: its tensors have torchvision's names%s", what,
       head ? ", and its head" : "");
    ok(left ? in->out->left_out && !strcmp(in->out->left_out, left)
            : !in->out->left_out,
       "%s: left out is %s", what,
       in->out->left_out ? in->out->left_out : "nothing");
    end();
}

static void children(const char *from, char *to)
{
    static const char *const pair[][2] = {
        { "conv1.", "0." },  { "bn1.", "1." },    { "layer1.", "4." },
        { "layer2.", "5." }, { "layer3.", "6." }, { "layer4.", "7." },
    };

    for (size_t i = 0; i < 6; i++)
        if (!strncmp(from, pair[i][0], strlen(pair[i][0]))) {
            sprintf(to, "%s%s", pair[i][1], from + strlen(pair[i][0]));
            return;
        }
    strcpy(to, from);
}

static void hugging_face(const char *from, char *to)
{
    unsigned s, b, k;
    char kind[16], var[32];

    if (!strncmp(from, "conv1.", 6))
        sprintf(to, "embedder.embedder.convolution.%s", from + 6);
    else if (!strncmp(from, "bn1.", 4))
        sprintf(to, "embedder.embedder.normalization.%s", from + 4);
    else if (sscanf(from, "layer%u.%u.downsample.%u.%31s", &s, &b, &k, var) ==
             4)
        sprintf(to, "encoder.stages.%u.layers.%u.shortcut.%s.%s", s - 1, b,
                k ? "normalization" : "convolution", var);
    else if (sscanf(from, "layer%u.%u.%15[a-z]%u.%31s", &s, &b, kind, &k,
                    var) == 5)
        sprintf(to, "encoder.stages.%u.layers.%u.layer.%u.%s.%s", s - 1, b,
                k - 1, *kind == 'b' ? "normalization" : "convolution", var);
}

static void layer0(const char *from, char *to)
{
    if (!strncmp(from, "conv1.", 6))
        sprintf(to, "layer0.0.%s", from + 6);
    else if (!strncmp(from, "bn1.", 4))
        sprintf(to, "layer0.1.%s", from + 4);
    else
        strcpy(to, from);
}

static void dense(const char *name, size_t out, size_t ins)
{
    char bias[NAME];

    put(name, 2, out, ins);
    snprintf(bias, sizeof(bias), "%s", name);
    strcpy(strrchr(bias, '.'), ".bias");
    put(bias, 1, out, 0);
}

static const char r18[] = "torchvision/resnet18";

static void supervised(void)
{
    begin();
    trunk(r18, "", as_is);
    dense("fc.weight", 10, 512);
    takes("torchvision", "", 1, true, NULL);
    begin();
    trunk(r18, "model.net._orig_mod.module.", as_is);
    dense("model.net._orig_mod.module.fc.1.weight", 10, 512);
    put("criterion.weight", 1, 10, 0);
    takes("wrapped four times", "model.net._orig_mod.module", 1, true,
          "criterion");
    begin();
    trunk(r18, "state_dict.backbone.", as_is);
    dense("state_dict.head.fc.weight", 10, 512);
    takes("mmpretrain", "state_dict.backbone", 1, true, NULL);
    begin();
    trunk(r18, "resnet.", hugging_face);
    dense("classifier.1.weight", 10, 512);
    takes("transformers", "resnet", 1, true, NULL);
    begin();
    trunk(r18, "model.0.", children);
    put("model.1.4.weight", 2, 16, 1024);
    takes("fastai", "model.0", 1, false, "model.1");
    begin();
    trunk(r18, "features.", children);
    dense("classifier.weight", 3, 512);
    takes("a Sequential and its classifier", "features", 1, true, NULL);
    begin();
    trunk(r18, "encoder.", layer0);
    put("decoder.weight", 4, 2, 2);
    takes("a stem in layer0", "encoder", 1, false, "decoder");
    begin();
    trunk(r18, "", as_is);
    dense("fc.0.weight", 64, 512);
    dense("fc.3.weight", 10, 64);
    ok(!reap_weights_choose(in, &(bool){ false }, NULL) && has("fc.0.weight") &&
           has("fc.3.weight"),
       "two dense layers stay two");
    end();
}

static void detectors(void)
{
    begin();
    trunk(r18, "backbone.body.", as_is);
    put("backbone.fpn.inner_blocks.0.0.weight", 4, 16, 16);
    put("rpn.head.cls_logits.weight", 4, 3, 16);
    takes("a detector", "backbone.body", 1, false, "backbone.fpn and rpn");
    begin();
    trunk(r18, "backbone.", as_is);
    put("classifier.0.weight", 4, 128, 512);
    put("classifier.4.weight", 4, 21, 128);
    put("aux_classifier.4.weight", 4, 21, 64);
    takes("segmentation", "backbone", 1, false,
          "classifier and aux_classifier");
}

static void unsupervised(void)
{
    begin();
    trunk(r18, "state_dict.module.encoder_k.", as_is);
    trunk(r18, "state_dict.module.encoder_q.", as_is);
    dense("state_dict.module.encoder_q.fc.weight", 128, 512);
    put("state_dict.module.queue", 2, 128, 8);
    takes("MoCo v1", "state_dict.module.encoder_q", 2, false,
          "state_dict.module.encoder_k, state_dict.module.encoder_q.fc and "
          "state_dict.module.queue");
    begin();
    trunk(r18, "module.base_encoder.", as_is);
    trunk(r18, "module.momentum_encoder.", as_is);
    takes("MoCo v3", "module.base_encoder", 2, false,
          "module.momentum_encoder");
    begin();
    trunk(r18, "student.module.backbone.", as_is);
    trunk(r18, "teacher.backbone.", as_is);
    takes("DINO", "teacher.backbone", 2, false, "student");
    begin();
    trunk(r18, "target_encoder.net.", as_is);
    trunk(r18, "online_encoder.net.", as_is);
    takes("BYOL", "online_encoder.net", 2, false, "target_encoder");
    begin();
    trunk(r18, "backbone.", as_is);
    dense("backbone.fc.0.weight", 512, 512);
    dense("backbone.fc.2.weight", 128, 512);
    takes("SimCLR", "backbone", 1, false, "backbone.fc");
    begin();
    trunk(r18, "backbone.", children);
    trunk(r18, "backbone_momentum.", children);
    put("projection_head.layers.0.weight", 2, 512, 512);
    takes("lightly", "backbone", 2, false,
          "backbone_momentum and projection_head");
    begin();
    trunk(r18, "a.trunk.base_model._feature_blocks.", as_is);
    takes("VISSL", "a.trunk.base_model._feature_blocks", 1, false, NULL);
    begin();
    trunk(r18, "state_dict.", as_is);
    dense("state_dict.fc.weight", 5, 512);
    trunk(r18, "state_dict_ema.", as_is);
    dense("state_dict_ema.fc.weight", 5, 512);
    takes("timm's average", "state_dict_ema", 2, true, "state_dict");
}

/* The network that a word names is taken; NULL: none is. */
static void wanted(const char *word, const char *prefix)
{
    const struct reap_candidate *c;
    struct reap_err err = { 0 };
    bool found;
    int rc;

    begin();
    trunk(r18, "student.module.backbone.", as_is);
    trunk(r18, "teacher.backbone.", as_is);
    in->want = word;
    rc = reap_weights_choose(in, &found, &err);
    c = reap_weights_taken(in->out);
    ok(prefix ? !rc && c && !strcmp(c->prefix, prefix)
              : rc && !c && strstr(err.msg, "student.module.backbone"),
       "':%s' takes %s", word, c ? c->prefix : err.msg);
    in->want = NULL;
    end();
}

/* Tensors that a ResNet has not, or that have no numbers. */
static void misfits(void)
{
    struct reap_err err = { 0 };
    bool found;

    begin();
    trunk(r18, "m.", as_is);
    put("m.layer1.0.se.fc1.weight", 2, 4, 64);
    ok(!reap_weights_choose(in, &found, &err) && found &&
           !in->out->candidate[0].model && has("layer1.0.se.fc1.weight"),
       "a network that only resembles one is not called complete");
    end();
    begin();
    trunk(r18, "m.", as_is);
    if (reap_weights_list_closed(in, "m.fc.weight", 0, NULL, NULL, "closed"))
        abort();
    ok(!reap_weights_choose(in, &found, &err) && found &&
           in->out->candidate[0].model,
       "a closed tensor that no trunk needs does no harm");
    end();
    begin();
    trunk(r18, "m.", as_is);
    reap_free(in->raw[3].name);
    in->raw[3].name = reap_strdup("m.bn1.other");
    if (reap_weights_list_closed(in, "m.bn1.bias", 0, NULL, NULL, "closed"))
        abort();
    ok(reap_weights_choose(in, &found, &err) == REAP_EFORMAT &&
           !strcmp(err.msg, "m.bn1.bias: closed"),
       "one that it needs is refused: %s", err.msg);
    end();
    begin();
    put("fc.weight", 2, 3, 4);
    ok(!reap_weights_choose(in, &found, &err) && !found && has("fc.weight"),
       "without a network names stay");
    end();
}

static void no_memory(void)
{
    bool found = false;
    int rc = REAP_ENOMEM;
    long i;

    for (i = 1; rc == REAP_ENOMEM && i < 5000; i++) {
        begin();
        trunk(r18, "module.", as_is);
        put("queue", 1, 3, 0);
        reap_mem_fail_at(i);
        rc = reap_weights_choose(in, &found, NULL);
        reap_mem_fail_at(0);
        end();
    }
    ok(!rc && found, "each of %ld allocations may fail", i - 2);
}

int main(void)
{
    supervised();
    detectors();
    unsupervised();
    wanted("student", "student.module.backbone");
    wanted("student.module.backbone", "student.module.backbone");
    wanted("teacher.backbone", "teacher.backbone");
    wanted("module", "student.module.backbone");
    wanted("stud", NULL);
    wanted("", NULL);
    misfits();
    no_memory();
    return done();
}
