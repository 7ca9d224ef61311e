/* engine/base/cpu.h - what this CPU and this system let us run */
#ifndef REAP_ENGINE_BASE_CPU_H
#define REAP_ENGINE_BASE_CPU_H

#include "engine/base/err.h"

/* Each level is a bundle, and is there as a whole or not at all. */
enum {
    REAP_CPU_BLAS = 1 << 0,     /* OpenBLAS may be loaded */
    REAP_CPU_AVX2 = 1 << 1,     /* avx2, fma */
    REAP_CPU_AVX2VNNI = 1 << 2, /* avx-vnni, VEX encoded */
    REAP_CPU_AVX512 = 1 << 3,   /* avx512 f, bw, vl, dq */
    REAP_CPU_VNNI = 1 << 4,     /* avx512_vnni */
    REAP_CPU_BF16 = 1 << 5,     /* avx512_bf16 */
    REAP_CPU_AMX = 1 << 6       /* amx tile, int8, bf16, and Linux's leave */
};

/*
 * Store the levels that this CPU has and the REAP_CPU environment variable
 * allows (ref, blas, avx2, avx2vnni, avx512, vnni, bf16 or amx; each
 * contains those before it) in '*cpu'. Returns REAP_OK, or REAP_EINVAL if
 * REAP_CPU names no level.
 */
int reap_cpu_detect(unsigned *cpu, struct reap_err *err) REAP_MUST_CHECK;

/* The levels that this CPU has, whatever REAP_CPU says. */
unsigned reap_cpu_machine(void);

/*
 * Let this thread take numbers too small for a full mantissa for zero, which
 * costs nothing, while computing with them takes a hundred times as long: the
 * moments of a unit that has died fade through them for good. Returns what is
 * to be given back to reap_cpu_restore().
 */
unsigned reap_cpu_flush_tiny(void);

/* Undo reap_cpu_flush_tiny(): 'was' is what it returned. */
void reap_cpu_restore(unsigned was);

/*
 * Clear the upper halves of this thread's vector registers (vzeroupper), as
 * AVX code is to do before it returns. After a library that does not, each
 * change between SSE and AVX code, such as a call of fmaf(), can cost this
 * thread 500 cycles.
 */
void reap_cpu_clear_upper(void);

#endif /* REAP_ENGINE_BASE_CPU_H */
