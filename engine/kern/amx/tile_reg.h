/*
 * engine/kern/amx/tile_reg.h - tile registers, one instruction each
 *
 * Registers 0 to 3 hold the sums of a pair of tiles by a pair of 16 channels,
 * 4 and 5 activations, 6 and 7 weights. All have 16 rows of 64 bytes.
 */
#ifndef REAP_ENGINE_KERN_AMX_TILE_REG_H
#define REAP_ENGINE_KERN_AMX_TILE_REG_H

#include <stdbool.h>

#include "engine/kern/bf16/vec_bf16.h"
#include "engine/kern/kernels.h"

/* What is loaded was written before the kernel was called, or is constant. */
#define TILE_LOAD(t, base, stride)                   \
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #t \
                     :                               \
                     : "r"(base), "r"((long)(stride)))
/* The same, without displacing what L1 holds. */
#define TILE_PASS(t, base, stride)                     \
    __asm__ volatile("tileloaddt1 (%0,%1,1), %%tmm" #t \
                     :                                 \
                     : "r"(base), "r"((long)(stride)))
#define TILE_STORE(t, base, stride)                      \
    __asm__ volatile("tilestored %%tmm" #t ", (%0,%1,1)" \
                     :                                   \
                     : "r"(base), "r"((long)(stride))    \
                     : "memory")
/* The form of all registers; see struct reap_tile_run. */
reap_tile_state_fn reap_tile_enter_amx, reap_tile_leave_amx;

#define TILE_DOT(op, sum, a, b) \
    __asm__ volatile(op " %%tmm" #b ", %%tmm" #a ", %%tmm" #sum ::)

/* A job whose sums wait in scratch memory. */
struct pending {
    const char *sums; /* (tile, half, 16, 16) float32 or int32 */
    char *to;         /* where those in the registers go when these turn */
    const int32_t *place, *res_place;
    char *out;
    const char *res;
    const float *scale;
    size_t row, rows;            /* finished, of how many */
    vec constant;                /* for all rows, by constant_of() */
    const char *next, *next_end; /* of weights to be asked for */
};

#endif /* REAP_ENGINE_KERN_AMX_TILE_REG_H */
