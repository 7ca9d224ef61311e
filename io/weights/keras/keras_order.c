/* Names from numbers alone: how many layers of a class come before the one
 * asked for, by the depths of the networks of keras.applications. */
#include <stdio.h>

#include "engine/net/model.h"
#include "io/weights/keras/keras_order.h"

static size_t keras_order_blocks_of(const struct reap_model *m)
{
    size_t n = 0;

    for (size_t s = 0; s < REAP_STAGES; s++)
        n += m->blocks[s];
    return n;
}

/* Layers of the class in all, in the first block of a stage, and in others. */
struct census {
    size_t stem, first, other, tail;
};

static struct census keras_order_count(const struct reap_model *m, bool conv)
{
    const bool v2 = m->family == REAP_KERAS_V2;

    if (conv)
        return (struct census){ 1, 4, 3, 0 };
    return v2 ? (struct census){ 0, 3, 3, 1 } : (struct census){ 1, 4, 3, 0 };
}

static size_t total(const struct reap_model *m, bool conv)
{
    const struct census c = keras_order_count(m, conv);

    return c.stem + c.tail + keras_order_blocks_of(m) * c.other +
           REAP_STAGES * (c.first - c.other);
}

static const struct reap_model *keras_order_find(size_t convs, size_t norms)
{
    const struct reap_model *m;

    for (size_t i = 0; (m = reap_model_at(i)); i++)
        if (reap_model_keras(m) && total(m, true) == convs &&
            total(m, false) == norms)
            return m;
    return NULL;
}

/* Which part of its block layer i is: in a block with a projection, that one
 * follows the second convolution. */
static const char *keras_order_part(bool v2, bool conv, bool first, size_t i)
{
    static const char *const projected[] = { "1", "2", "0", "3" };
    static const char *const straight[] = { "1", "2", "3" };
    static const char *const norms_v2[] = { "preact", "1", "2" };

    if (v2 && !conv)
        return norms_v2[i];
    return first ? projected[i] : straight[i];
}

bool reap_keras_order(size_t convs, size_t norms, bool conv, size_t i,
                      char *name, size_t size)
{
    const struct reap_model *m = keras_order_find(convs, norms);
    const char *kind = conv ? "conv" : "bn";
    struct census c;

    if (!m)
        return false;
    c = keras_order_count(m, conv);
    if (i < c.stem) {
        snprintf(name, size, "conv1_%s", kind);
        return true;
    }
    i -= c.stem;
    for (size_t s = 0; s < REAP_STAGES; s++)
        for (size_t b = 0; b < m->blocks[s]; b++) {
            const size_t n = b ? c.other : c.first;

            if (i < n) {
                snprintf(
                    name, size, "conv%zu_block%zu_%s_%s", s + 2, b + 1,
                    keras_order_part(m->family == REAP_KERAS_V2, conv, !b, i),
                    kind);
                return true;
            }
            i -= n;
        }
    snprintf(name, size, "post_bn");
    return i < c.tail;
}
