/* Where projects put their heads. Source: torchvision, timm (fc), Cadene
 * (last_linear), transformers (classifier.1), mmpretrain (head.fc), and what
 * fine-tuning scripts write. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/weights/find/find_head.h"

enum { LAYERS = 16 };

/* Under the network's own prefix, by dialect; -1: any. */
static const struct {
    int dialect;
    const char *name;
} own[] = {
    { -1, "fc." },
    { -1, "last_linear." },
    { REAP_DIALECT_CHILDREN, "9." },
    { REAP_DIALECT_CHILDREN, "10." },
};

/* Beside it, or anywhere above. */
static const char *const beside[] = {
    "head.fc.",      "classifier.", "head.",   "cls_head.fc.", "fc.",
    "last_linear.",  "linear.",     "logits.", "cls_head.",    "fc_layer.",
    "linear_layer.", "output.",     "out.",
};

static const char *const projecting[] = {
#define PROJECTS(word) word,
#include "io/weights/find/roles.def"
#undef PROJECTS
};

enum {
    N_OWN = sizeof(own) / sizeof(*own),
    N_BESIDE = sizeof(beside) / sizeof(*beside),
    N_PROJECTING = sizeof(projecting) / sizeof(*projecting),
};

/* What stands under one root: dense layers by number. */
struct layers {
    size_t n;
    unsigned number[LAYERS]; /* 0 for one without a number */
    size_t in[LAYERS], out[LAYERS];
    bool strange; /* something that is no dense layer */
};

/* "weight", "3.weight", "linear.weight": the number before it, and where the
 * variable's name begins; NULL if there is more. */
static const char *variable(const char *rest, unsigned *number)
{
    static const char *const words[] = { "linear.", "fc.", "dense." };
    char *end;

    *number = 0;
    if (*rest >= '0' && *rest <= '9') {
        *number = (unsigned)strtoul(rest, &end, 10);
        if (*end != '.')
            return NULL;
        rest = end + 1;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (reap_find_starts(rest, words[i]))
            rest += strlen(words[i]);
    return strchr(rest, '.') ? NULL : rest;
}

static void look(const struct reap_weights_in *in, const char *root,
                 struct layers *l)
{
    const size_t skip = strlen(root);
    const char *var;
    unsigned number;

    memset(l, 0, sizeof(*l));
    for (size_t i = 0; i < in->n; i++) {
        const struct reap_raw *r = &in->raw[i];

        if (strncmp(r->name, root, skip) != 0)
            continue;
        var = variable(r->name + skip, &number);
        if (var && !strcmp(var, "bias"))
            continue;
        if (!var || strcmp(var, "weight") != 0 || r->rank != 2 ||
            l->n == LAYERS) {
            l->strange = true;
            continue;
        }
        l->number[l->n] = number;
        l->out[l->n] = r->dim[0];
        l->in[l->n++] = r->dim[1];
    }
}

/* Does each layer take what the one before it gives? */
static bool leads_on(const struct layers *l, size_t features)
{
    if (!l->n || l->strange || l->in[0] != features)
        return false;
    for (size_t i = 1; i < l->n; i++)
        if (l->in[i] != l->out[i - 1] || l->number[i] <= l->number[i - 1])
            return false;
    return true;
}

/* SimCLR and MoCo v2 project by two layers, the first as wide as the features
 * and followed by its ReLU alone. */
static bool projects(const struct layers *l, size_t features)
{
    return l->n == 2 && l->number[0] == 0 && l->number[1] == 2 &&
           l->out[0] == features;
}

static bool part_of(const char *name, const char *word)
{
    const size_t n = strlen(word);

    for (const char *at = name; at; at = strchr(at, '.')) {
        at += *at == '.';
        if (!strncmp(at, word, n) && (!at[n] || at[n] == '.' || at[n] == '_'))
            return true;
    }
    return false;
}

/* Was the file written by training without labels? */
static bool unlabelled(const struct reap_weights_in *in)
{
    for (size_t i = 0; i < in->n; i++)
        for (size_t k = 0; k < N_PROJECTING; k++)
            if (part_of(in->raw[i].name, projecting[k]))
                return true;
    return false;
}

static bool take(const struct reap_weights_in *in, const char *prefix,
                 size_t len, const char *name, size_t features,
                 struct reap_find_head *out)
{
    struct layers l;

    if (snprintf(out->root, sizeof(out->root), "%.*s%s", (int)len, prefix,
                 name) < (int)sizeof(out->root)) {
        look(in, out->root, &l);
        out->stacked = l.n > 1;
        /* what a file of ours or of Keras's says of its head is believed */
        if (leads_on(&l, features) &&
            (in->out->n_head || !projects(&l, features)))
            return true;
    }
    out->root[0] = '\0';
    return false;
}

void reap_find_head(const struct reap_weights_in *in, enum reap_dialect d,
                    const char *prefix, size_t features,
                    struct reap_find_head *out)
{
    const bool training = unlabelled(in);
    size_t len = strlen(prefix);

    memset(out, 0, sizeof(*out));
    for (size_t i = 0; !training && i < N_OWN; i++)
        if ((own[i].dialect < 0 || own[i].dialect == (int)d) &&
            take(in, prefix, len, own[i].name, features, out))
            return;
    for (;;) {
        for (size_t i = 0; i < N_BESIDE; i++)
            if (!(training && len == strlen(prefix)) &&
                take(in, prefix, len, beside[i], features, out))
                return;
        if (!len)
            return;
        for (len--; len && prefix[len - 1] != '.';)
            len--;
    }
}

bool reap_find_head_name(const struct reap_find_head *h, const char *name,
                         char to[REAP_FIND_NAME])
{
    const char *var;
    unsigned number;

    if (!*h->root || !reap_find_starts(name, h->root))
        return false;
    var = variable(name + strlen(h->root), &number);
    if (!var)
        return false;
    if (h->stacked)
        snprintf(to, REAP_FIND_NAME, "fc.%u.%s", number, var);
    else
        snprintf(to, REAP_FIND_NAME, "fc.%s", var);
    return true;
}
