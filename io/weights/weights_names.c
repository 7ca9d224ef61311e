/* Tables of prefixes and spellings, tried from the first again after each hit
 * because wrappers nest. Whether the names then fit a network is engine/net's
 * to say. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/weights/weights_names.h"

enum { NAME = 256 };

struct pair {
    const char *from, *to;
};

/* What wrappers put before every name. Source: DataParallel, Lightning,
 * torch.compile, timm and detection code bases, transformers. */
static const char *const prefixes[] = {
    "module.",  "model.",  "_orig_mod.", "backbone.",
    "encoder.", "resnet.", "net.",       "features.",
};

/* nn.Sequential(*resnet.children()) names its parts by their place. */
static const struct pair children[] = {
    { "0.", "conv1." },  { "1.", "bn1." },    { "4.", "layer1." },
    { "5.", "layer2." }, { "6.", "layer3." }, { "7.", "layer4." },
};

/* Heads that stand for 'fc': a Dropout before it, transformers, Cadene. */
static const struct pair heads[] = {
    { "fc.0.", "fc." },
    { "fc.1.", "fc." },
    { "classifier.1.", "fc." },
    { "last_linear.", "fc." },
};

/* transformers' ResNet, "resnet." stripped where all names had it. */
static const struct pair hf_stem[] = {
    { "embedder.embedder.convolution.", "conv1." },
    { "embedder.embedder.normalization.", "bn1." },
};

/* Variables as Keras 1 spelled them. running_std held the variance. */
static const struct pair old_variables[] = {
    { "W", "kernel" },
    { "b", "bias" },
    { "running_mean", "moving_mean" },
    { "running_std", "moving_variance" },
};

static const struct pair old_layers[] = {
    { "conv1", "conv1_conv" },
    { "bn_conv1", "conv1_bn" },
    { "fc1000", "predictions" },
    { "probs", "predictions" },
};

enum {
    N_PREFIXES = sizeof(prefixes) / sizeof(*prefixes),
    N_CHILDREN = sizeof(children) / sizeof(*children),
    N_HEADS = sizeof(heads) / sizeof(*heads),
    N_HF_STEM = sizeof(hf_stem) / sizeof(*hf_stem),
    N_OLD_VARIABLES = sizeof(old_variables) / sizeof(*old_variables),
    N_OLD_LAYERS = sizeof(old_layers) / sizeof(*old_layers),
};

static bool weights_names_starts(const char *s, const char *with)
{
    return !strncmp(s, with, strlen(with));
}

static bool all_start(char *const *name, size_t n, const char *with)
{
    bool any = false;

    for (size_t i = 0; i < n; i++) {
        if (*name[i] && !weights_names_starts(name[i], with))
            return false;
        any = any || *name[i];
    }
    return any;
}

static bool any_starts(char *const *name, size_t n, const char *with)
{
    for (size_t i = 0; i < n; i++)
        if (weights_names_starts(name[i], with))
            return true;
    return false;
}

/* Put 'to' in the place of the name; false if there is no memory. */
static bool rename_to(char **name, const char *to)
{
    char *copy = reap_strdup(to);

    if (!copy)
        return false;
    reap_free(*name);
    *name = copy;
    return true;
}

/* A ResNet whose children are a Sequential inside a larger network. What
 * stands around it is no part of it: its names become empty. */
static void take_out(char **name, size_t n)
{
    static const char within[] = "features.";

    if (!any_starts(name, n, "features.0.weight") ||
        !any_starts(name, n, "features.4.0.conv1."))
        return;
    for (size_t i = 0; i < n; i++)
        if (weights_names_starts(name[i], within))
            memmove(name[i], name[i] + strlen(within),
                    strlen(name[i] + strlen(within)) + 1);
        else
            name[i][0] = '\0';
}

/* Put to + rest in the place of the name, if it begins with 'from'. */
static bool exchange(char **name, const struct pair *p, size_t n)
{
    char text[NAME];

    for (size_t i = 0; i < n; i++) {
        if (!weights_names_starts(*name, p[i].from))
            continue;
        snprintf(text, sizeof(text), "%s%s", p[i].to,
                 *name + strlen(p[i].from));
        return rename_to(name, text);
    }
    return true;
}

/* Where the tensors of a network lie in a checkpoint; what lies elsewhere is no
 * part of it, and its name becomes empty. */
static void unpack(char **name, size_t n)
{
    static const char *const places[] = {
        "state_dict.", "state_dict_ema.",   "model.",
        "model_ema.",  "model_state_dict.", "net.",
        "network.",    "module.",
    };
    bool more = true;

    for (int depth = 0; more && depth < 4; depth++) {
        more = false;
        for (size_t p = 0; !more && p < sizeof(places) / sizeof(*places); p++) {
            const size_t skip = strlen(places[p]);

            more = any_starts(name, n, places[p]);
            for (size_t i = 0; more && i < n; i++)
                if (weights_names_starts(name[i], places[p]))
                    memmove(name[i], name[i] + skip,
                            strlen(name[i] + skip) + 1);
                else
                    name[i][0] = '\0';
        }
    }
}

static void strip(char **name, size_t n)
{
    for (size_t p = 0; p < N_PREFIXES; p++) {
        const size_t skip = strlen(prefixes[p]);

        if (!all_start(name, n, prefixes[p]))
            continue;
        for (size_t i = 0; i < n; i++)
            if (*name[i])
                memmove(name[i], name[i] + skip, strlen(name[i] + skip) + 1);
        p = (size_t)-1; /* from the first again: prefixes pile up */
    }
}

/*
 * "encoder.stages.2.layers.0.layer.1.normalization.bias" becomes
 * "layer3.0.bn2.bias", "...shortcut.convolution.weight" becomes
 * "...downsample.0.weight". Others stay.
 */
static bool from_hf(char **name)
{
    unsigned stage, block, part;
    char text[NAME], kind[16], var[32];
    int at = 0;

    if (!exchange(name, hf_stem, N_HF_STEM))
        return false;
    if (sscanf(*name, "encoder.stages.%3u.layers.%3u.%n", &stage, &block,
               &at) != 2 ||
        !at)
        return true;
    if (sscanf(*name + at, "shortcut.%15[a-z].%31s", kind, var) == 2)
        snprintf(text, sizeof(text), "layer%u.%u.downsample.%d.%s", stage + 1,
                 block, kind[0] == 'n', var);
    else if (sscanf(*name + at, "layer.%3u.%15[a-z].%31s", &part, kind, var) ==
             3)
        snprintf(text, sizeof(text), "layer%u.%u.%s%u.%s", stage + 1, block,
                 kind[0] == 'n' ? "bn" : "conv", part + 1, var);
    else
        return true;
    return rename_to(name, text);
}

/* Does a torch.nn.Sequential of several dense layers stand for 'fc'? Its parts
 * keep their numbers. */
static bool stacked(char *const *name, size_t n)
{
    unsigned first = 0, part;
    size_t found = 0;
    int at;

    for (size_t i = 0; i < n; i++) {
        at = 0;
        if (sscanf(name[i], "fc.%3u.weight%n", &part, &at) != 1 || !at ||
            name[i][at])
            continue;
        if (found++ && part != first)
            return true;
        first = part;
    }
    return false;
}

static bool from_torch(char **name, size_t n)
{
    const bool fc = !stacked(name, n);
    const bool hf = any_starts(name, n, "embedder.") ||
                    any_starts(name, n, "resnet.embedder.");
    const bool numbered =
        any_starts(name, n, "0.weight") && any_starts(name, n, "4.0.conv1.");

    for (size_t i = 0; i < n; i++) {
        if (hf && weights_names_starts(name[i], "resnet."))
            memmove(name[i], name[i] + 7, strlen(name[i] + 7) + 1);
        if ((hf && !from_hf(&name[i])) ||
            (numbered && !exchange(&name[i], children, N_CHILDREN)) ||
            (fc && !exchange(&name[i], heads, N_HEADS)))
            return false;
    }
    return true;
}

/* "res4b22_branch2a", "bn2a_branch1": stage and block as Caffe counts them
 * (a, b, c ... or a, b1, b2 ...), branch 1 is the projection. */
static bool old_block(const char *layer, char *to, size_t size)
{
    const bool norm = weights_names_starts(layer, "bn");
    unsigned stage, block, number = 0;
    char letter, part = '1', *end;
    const char *p = layer + (norm ? 2 : 3);

    if (!norm && !weights_names_starts(layer, "res"))
        return false;
    if (sscanf(p, "%1u%c", &stage, &letter) != 2 || !islower(letter))
        return false;
    block = (unsigned)(letter - 'a') + 1;
    p += 2;
    if (letter == 'b' && isdigit((unsigned char)*p)) {
        number = (unsigned)strtoul(p, &end, 10);
        block = number + 1;
        p = end;
    }
    if (sscanf(p, "_branch%1u%c", &number, &part) < 1)
        return false;
    snprintf(to, size, "conv%u_block%u_%d_%s", stage, block,
             number == 1 ? 0 : part - 'a' + 1, norm ? "bn" : "conv");
    return true;
}

static bool old_layer(const char *layer, char *to, size_t size)
{
    for (size_t i = 0; i < N_OLD_LAYERS; i++)
        if (!strcmp(layer, old_layers[i].from)) {
            snprintf(to, size, "%s", old_layers[i].to);
            return true;
        }
    return old_block(layer, to, size);
}

/* Keras 1 repeats the layer and may number the variable: conv1_W_1. */
static const char *variable(const char *layer, char *var)
{
    const size_t n = strlen(layer);
    char *tail;

    if (weights_names_starts(var, layer) && var[n] == '_')
        var += n + 1;
    tail = strrchr(var, '_');
    if (tail && tail[1] && strspn(tail + 1, "0123456789") == strlen(tail + 1))
        *tail = '\0';
    for (size_t i = 0; i < N_OLD_VARIABLES; i++)
        if (!strcmp(var, old_variables[i].from))
            return old_variables[i].to;
    return var;
}

/* Keep "layer/variable" of a path: what stands before are groups of the file
 * and models that the layer was nested in. */
static bool from_keras(char **name, bool *old)
{
    char text[NAME], path[NAME], layer[NAME / 2];
    char *var, *from;

    if (strlen(*name) >= sizeof(path))
        return true;
    strcpy(path, *name);
    path[strcspn(path, ":")] = '\0';
    var = strrchr(path, '/');
    *var++ = '\0';
    from = strrchr(path, '/');
    from = from ? from + 1 : path;
    if (old_layer(from, layer, sizeof(layer)))
        *old = *old || weights_names_starts(layer, "conv");
    else
        snprintf(layer, sizeof(layer), "%s", from);
    snprintf(text, sizeof(text), "%s/%s", layer, variable(from, var));
    return rename_to(name, text);
}

int reap_weights_names(char **name, size_t n, bool *old_keras,
                       struct reap_err *err)
{
    bool done = true;

    *old_keras = false;
    unpack(name, n);
    strip(name, n);
    for (size_t i = 0; done && i < n; i++)
        if (strchr(name[i], '/'))
            done = from_keras(&name[i], old_keras);
    take_out(name, n);
    if (done)
        done = from_torch(name, n);
    return done ? REAP_OK : reap_fail(err, REAP_ENOMEM, "no memory for names");
}
