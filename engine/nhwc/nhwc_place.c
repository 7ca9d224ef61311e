/* First fit: the lowest place in the arena that meets no tensor still to be
 * read. */
#include "engine/nhwc/nhwc.h"

enum { ALIGN = 64 };

static size_t nhwc_place_bytes(const struct reap_node *n)
{
    return (n->h * n->w * n->c * sizeof(float) + ALIGN - 1) / ALIGN * ALIGN;
}

/* The last of the first 'n' nodes that reads node i; i if none does. */
static size_t last_reader(const struct reap_net *net, size_t n, size_t i)
{
    size_t last = i;

    for (size_t j = i + 1; j < n; j++)
        if (net->node[j].in == (int)i || net->node[j].in2 == (int)i)
            last = j;
    return last;
}

/* Lowest place at or after 'from' where node i meets no tensor still needed
 * when it runs. */
static size_t first_fit(const struct reap_net *net, size_t n, size_t i,
                        const size_t *offset)
{
    const size_t size = nhwc_place_bytes(&net->node[i]);
    size_t at = 0;

    for (size_t j = 0; j < i; j++) {
        const size_t end = offset[j] + nhwc_place_bytes(&net->node[j]);

        if (last_reader(net, n, j) < i || end <= at || offset[j] >= at + size)
            continue;
        at = end;
        j = (size_t)-1; /* from the start again: 'at' has moved */
    }
    return at;
}

size_t reap_nhwc_place(const struct reap_net *net, size_t n, size_t *offset)
{
    size_t most = 0;

    for (size_t i = 0; i < n; i++) {
        offset[i] = first_fit(net, n, i, offset);
        if (offset[i] + nhwc_place_bytes(&net->node[i]) > most)
            most = offset[i] + nhwc_place_bytes(&net->node[i]);
    }
    return most;
}
