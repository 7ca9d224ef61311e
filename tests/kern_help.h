/* tests/kern_help.h - the rows of kernels.def as a list, and numbers as kernels
 * keep them */
#ifndef REAP_TESTS_KERN_HELP_H
#define REAP_TESTS_KERN_HELP_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/kern/kernels.h"

/* What kernels take, by the type of their op in kernels.def. */
enum kern_kind {
    KIND_conv = 1,
    KIND_wino_in,
    KIND_wino_out,
    KIND_pool,
    KIND_affine,
    KIND_dense,
    KIND_update,
    KIND_tile,
    KIND_tile_state,
    KIND_sum,
    KIND_peak
};

struct kern {
    const char *name; /* op_variant */
    enum kern_kind kind;
    void (*fn)(void); /* of the type that 'kind' names */
    unsigned cpu;     /* levels it needs */
    struct reap_tile tile;
};

extern const struct kern kern[];
extern const size_t kern_n;

/* How the numbers of a kernel lie. */
struct form {
    size_t elem, out_elem; /* bytes of one, read and written */
    size_t pair;           /* of them in a dword */
    bool halves;           /* the sum of two bfloat16, see bf16x3 */
    bool whole;            /* 16 bits are whole numbers, 32 as well */
};
struct form form_of(const char *name);

/* Number i of an array of 4 bytes (float32), 2 (bfloat16, to nearest even) or
 * 1 (whole numbers, read as 0 to 255) each. */
void kern_put(char *to, size_t i, size_t elem, float x);
float kern_get(const char *from, size_t i, size_t elem);

/* x as the bfloat16 nearest to it, ties to even. */
float kern_half(float x);

#endif /* REAP_TESTS_KERN_HELP_H */
