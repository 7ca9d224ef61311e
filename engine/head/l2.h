/* engine/head/l2.h - embeddings of length 1 */
#ifndef REAP_ENGINE_HEAD_L2_H
#define REAP_ENGINE_HEAD_L2_H

#include <stddef.h>

/* Scale x (n) to length 1; the sum runs in order, in double, so that the result
 * is the same everywhere. All zero stays so. */
void reap_l2(float *x, size_t n);

#endif /* REAP_ENGINE_HEAD_L2_H */
