/* tests/forward.h - a net's forward pass in double, to compare with */
#ifndef REAP_TESTS_FORWARD_H
#define REAP_TESTS_FORWARD_H

#include <stdint.h>

#include "engine/plan/backend.h"

/* What node 'node' gives for one image of bytes: (h, w, c). Straight from the
 * definitions in engine/net/net.h. Owned: reap_free(). Aborts without memory.
 */
double *forward(const struct reap_net *net, const struct reap_norm *norm,
                const uint8_t *image, size_t node);

#endif /* REAP_TESTS_FORWARD_H */
