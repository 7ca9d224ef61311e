#include <stdint.h>
#include <string.h>

#include "engine/base/cpu.h"
#include "tests/kern_help.h"

#define OP(op, type) enum { OP_##op = KIND_##type };
#define KERNEL(op, var, needs, ...) void reap_##op##_##var(void);
#include "engine/kern/kernels.def"
#undef OP
#undef KERNEL

/* A tile without 'chains' does not name it. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
const struct kern kern[] = {
#define OP(op, type)
#define KERNEL(op, var, bits, ...)                                      \
    { #op "_" #var, (enum kern_kind)OP_##op, reap_##op##_##var, (bits), \
      __VA_ARGS__ },
#include "engine/kern/kernels.def"
#undef OP
#undef KERNEL
};
const size_t kern_n = sizeof(kern) / sizeof(kern[0]);

struct form form_of(const char *name)
{
    struct form f = { 4, 4, 1, false, false };

    if (strstr(name, "bf16")) {
        f = (struct form){ 2, 2, 2, strstr(name, "bf16x3") != NULL, false };
        if (!strncmp(name, "gemm", 4))
            f.out_elem = 4;
    }
    if (strstr(name, "int8"))
        f = (struct form){ 1, 1, 4, false, false };
    if (strstr(name, "gemm_int8"))
        f = (struct form){ 2, 4, 2, false, true };
    return f;
}

float kern_half(float x)
{
    uint32_t u;

    memcpy(&u, &x, sizeof(u));
    u += 0x7fff + (u >> 16 & 1);
    u &= 0xffff0000;
    memcpy(&x, &u, sizeof(x));
    return x;
}

void kern_put(char *to, size_t i, size_t elem, float x)
{
    uint32_t u;

    if (elem == 2)
        x = kern_half(x);
    memcpy(&u, &x, sizeof(u));
    if (elem == 2)
        u >>= 16;
    if (elem == 1)
        u = (uint32_t)(int32_t)x;
    memcpy(to + i * elem, &u, elem);
}

float kern_get(const char *from, size_t i, size_t elem)
{
    uint32_t u = 0;
    float x;

    memcpy(&u, from + i * elem, elem);
    if (elem == 1)
        return (float)u;
    if (elem == 2)
        u <<= 16;
    memcpy(&x, &u, sizeof(x));
    return x;
}
