/* The packed weights of all layers: one block of memory, in huge pages. */
#include "engine/base/mem.h"
#include "engine/blocked/blocked.h"

/* Give out 'bytes' of the block from '*at' on; NULL for none. */
static void *part(const struct reap_program *p, size_t bytes, size_t *at)
{
    char *to = bytes && p->weights ? p->weights + *at : NULL;

    *at += (bytes + REAP_PIXEL - 1) / REAP_PIXEL * REAP_PIXEL;
    return to;
}

/* Point the layers at their places in the block, if it is there; returns how
 * many bytes it has. */
static size_t places(struct reap_program *p)
{
    size_t at = 0;

    for (size_t i = 0; i < p->n_layers; i++) {
        struct reap_layer *l = &p->layer[i];

        l->w = part(p, l->w_bytes, &at);
        l->bias = part(p, l->bias_bytes, &at);
        l->scale = part(p, l->scale_bytes, &at);
    }
    return at;
}

int reap_blocked_weights(struct reap_program *p, struct reap_err *err)
{
    const size_t bytes = places(p);
    int rc = REAP_OK;

    p->weights = reap_aligned(bytes);
    if (!p->weights)
        return reap_fail(err, REAP_ENOMEM, "no memory for packed weights");
    places(p);
    for (size_t i = 0; i < p->n_layers && !rc; i++)
        if (p->layer[i].pack)
            rc = p->layer[i].pack(p, &p->layer[i], err);
    return rc;
}
