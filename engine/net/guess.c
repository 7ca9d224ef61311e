/* A row of models.def is sought whose names, blocks, groups and widths are
 * those of the tensors. */
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/net/graph.h"
#include "engine/net/guess.h"
#include "engine/net/take_tensors.h"

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

/* No row is like that: which is most like it, and what differs. */
static void tell_nearest(const struct reap_params *p, const struct traits *t,
                         bool keras, struct reap_err *err)
{
    const struct reap_model *near = err ? reap_model_nearest(p) : NULL;
    char differs[400];

    if (near)
        reap_fail(err, REAP_EMISFIT,
                  "no network that we know; the nearest is %s, but %s",
                  near->name,
                  reap_model_differs(near, p, 0, differs, sizeof(differs)));
    else
        reap_fail(err, REAP_EMISFIT,
                  "no network that we know has %s names and %zu, %zu, %zu, %zu "
                  "blocks, %zu groups of %zu channels",
                  keras ? "Keras's" : "torchvision's", t->blocks[0],
                  t->blocks[1], t->blocks[2], t->blocks[3], t->groups,
                  t->width);
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
    tell_nearest(p, &t, keras, err);
    return NULL;
}

enum { SIDE = 32, SHAPE = 96, NAMED = 3 };

struct tally {
    size_t same, wrong; /* of the network's tensors */
    size_t left;        /* of the others */
    char *to;           /* NULL: only count */
    size_t size, at, named;
    size_t skip; /* of those to name */
};

static bool has_shape(const struct reap_param *p,
                      const struct reap_tensor_spec *want)
{
    return p->rank == want->rank &&
           !memcmp(p->dim, want->dim, want->rank * sizeof(*want->dim));
}

/* Heads, counters of training and our own notes are no part of a trunk. */
static bool beside_trunk(const char *name)
{
    static const char *const begins[] = { "fc.", "reap.", "predictions/" };
    static const char counter[] = ".num_batches_tracked";
    const size_t n = strlen(name), m = sizeof(counter) - 1;

    for (size_t i = 0; i < sizeof(begins) / sizeof(*begins); i++)
        if (!strncmp(name, begins[i], strlen(begins[i])))
            return true;
    return n >= m && !strcmp(name + n - m, counter);
}

static void tell(struct tally *t, const char *name, const char *what)
{
    if (!t->to || t->named == NAMED || t->at >= t->size)
        return;
    if (t->skip) {
        t->skip--;
        return;
    }
    t->at += (size_t)snprintf(t->to + t->at, t->size - t->at, "%s%s %s",
                              t->named ? ", " : "", name, what);
    t->named++;
}

static void compare_one(struct tally *t, const struct reap_tensor_spec *want,
                        const struct reap_params *p)
{
    const struct reap_param *is = reap_params_find(p, want->name);
    char a[SHAPE], b[SHAPE], what[2 * SHAPE + 40];

    if (is && has_shape(is, want)) {
        t->same++;
        return;
    }
    t->wrong++;
    reap_shape_text(a, sizeof(a), want->rank, want->dim);
    if (is)
        snprintf(what, sizeof(what), "is %s and not %s",
                 reap_shape_text(b, sizeof(b), is->rank, is->dim), a);
    else
        snprintf(what, sizeof(what), "%s is missing", a);
    tell(t, want->name, what);
}

/* What the network does not have: what its own tensors leave. */
static void leftovers(struct tally *t, const struct reap_graph *g,
                      const struct reap_params *p, bool *seen)
{
    struct reap_tensor_spec want;
    char shape[SHAPE], what[SHAPE + 40];

    for (size_t i = 0; i < g->n; i++)
        for (int kind = 0; kind < REAP_T_KINDS; kind++) {
            const struct reap_param *is;

            if (!reap_graph_tensor(g, i, (enum reap_tensor)kind, &want))
                continue;
            is = reap_params_find(p, want.name);
            if (is)
                seen[is->index] = true;
        }
    for (size_t i = 0; i < reap_params_count(p); i++) {
        const struct reap_param *is = reap_params_at(p, i);

        if (seen[i] || beside_trunk(is->name))
            continue;
        t->left++;
        snprintf(what, sizeof(what), "%s is not in it",
                 reap_shape_text(shape, sizeof(shape), is->rank, is->dim));
        tell(t, is->name, what);
    }
}

static int tally(struct tally *t, const struct reap_model *m,
                 const struct reap_params *p)
{
    struct reap_graph *g = reap_graph_new(m, SIDE, SIDE);
    bool *seen = reap_calloc(reap_params_count(p) + 1, sizeof(*seen));
    struct reap_tensor_spec want;

    if (g && seen) {
        for (size_t i = 0; i < g->n; i++)
            for (int kind = 0; kind < REAP_T_KINDS; kind++)
                if (reap_graph_tensor(g, i, (enum reap_tensor)kind, &want))
                    compare_one(t, &want, p);
        leftovers(t, g, p, seen);
    }
    reap_free(seen);
    reap_free(g);
    return g && seen ? REAP_OK : REAP_ENOMEM;
}

bool reap_model_fits(const struct reap_model *m, const struct reap_params *p)
{
    struct tally t = { 0 };

    return !tally(&t, m, p) && !t.wrong && !t.left;
}

const char *reap_model_differs(const struct reap_model *m,
                               const struct reap_params *p, size_t skip,
                               char *to, size_t size)
{
    struct tally t = { .to = to, .size = size, .skip = skip };

    if (size)
        to[0] = '\0';
    if (tally(&t, m, p))
        return to;
    if (t.wrong + t.left > skip + t.named && t.named && t.at < size)
        snprintf(to + t.at, size - t.at, " and %zu more",
                 t.wrong + t.left - skip - t.named);
    return to;
}

const struct reap_model *reap_model_nearest(const struct reap_params *p)
{
    const struct reap_model *best = NULL, *m;
    double most = 0;

    for (size_t i = 0; (m = reap_model_at(i)); i++) {
        struct tally t = { 0 };
        double part;

        if (tally(&t, m, p) || !t.same)
            continue;
        part = (double)t.same / (double)(t.same + t.wrong + t.left);
        if (part > most) {
            most = part;
            best = m;
        }
    }
    return best;
}
