/* CPUID, what the system saves of registers, and what REAP_CPU leaves of both;
 * and two switches of a thread's vector unit. */
#define _GNU_SOURCE
#include <cpuid.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/cpu.h"

enum {
    ARCH_REQ_XCOMP_PERM = 0x1023,
    XFEATURE_XTILEDATA = 18,
    /* CPUID leaf 7, subleaf 0: edx */
    AMX_BF16 = 1 << 22,
    AMX_TILE = 1 << 24,
    AMX_INT8 = 1 << 25,
    /* subleaf 1: eax */
    AVX_VNNI = 1 << 4,
    AVX512_BF16 = 1 << 5
};

/* Levels a user can name in REAP_CPU; each one contains those above it. */
static const struct {
    const char *name;
    unsigned adds;
} level[] = {
    { "ref", 0 },
    { "blas", REAP_CPU_BLAS },
    { "avx2", REAP_CPU_AVX2 },
    { "avx2vnni", REAP_CPU_AVX2VNNI },
    { "avx512", REAP_CPU_AVX512 },
    { "vnni", REAP_CPU_VNNI },
    { "bf16", REAP_CPU_BF16 },
    { "amx", REAP_CPU_AMX },
};

/* Linux gives the tile registers only to a process that asks. */
static int amx_allowed(void)
{
    return !syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA);
}

unsigned reap_cpu_machine(void)
{
    unsigned cpu = REAP_CPU_BLAS, a, b, c, d;
    int avx512;

    __builtin_cpu_init(); /* asks CPUID, and XCR0 for what the system saves */
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        cpu |= REAP_CPU_AVX2;
    avx512 = __builtin_cpu_supports("avx512f") &&
             __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512vl") &&
             __builtin_cpu_supports("avx512dq");
    if (avx512)
        cpu |= REAP_CPU_AVX512;
    if (avx512 && __builtin_cpu_supports("avx512vnni"))
        cpu |= REAP_CPU_VNNI;
    if (__get_cpuid_count(7, 1, &a, &b, &c, &d)) {
        if (avx512 && (a & AVX512_BF16))
            cpu |= REAP_CPU_BF16;
        if ((cpu & REAP_CPU_AVX2) && (a & AVX_VNNI))
            cpu |= REAP_CPU_AVX2VNNI;
    }
    if (avx512 && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & AMX_TILE) &&
        (d & AMX_INT8) && (d & AMX_BF16) && amx_allowed())
        cpu |= REAP_CPU_AMX;
    return cpu;
}

int reap_cpu_detect(unsigned *cpu, struct reap_err *err)
{
    const char *cap = getenv("REAP_CPU");
    unsigned allowed = 0;

    *cpu = reap_cpu_machine();
    if (!cap)
        return REAP_OK;
    for (size_t i = 0; i < sizeof(level) / sizeof(level[0]); i++) {
        allowed |= level[i].adds;
        if (!strcmp(cap, level[i].name)) {
            *cpu &= allowed;
            return REAP_OK;
        }
    }
    *cpu = 0;
    return reap_fail(err, REAP_EINVAL,
                     "REAP_CPU=%s: no such level; try ref, blas, avx2, "
                     "avx2vnni, avx512, vnni, bf16 or amx",
                     cap);
}

unsigned reap_cpu_flush_tiny(void)
{
    unsigned was = 0;

#if defined(__x86_64__)
    const unsigned flush = 1 << 15, tiny_is_zero = 1 << 6; /* of MXCSR */
    unsigned now;

    __asm__ volatile("stmxcsr %0" : "=m"(was));
    now = was | flush | tiny_is_zero;
    __asm__ volatile("ldmxcsr %0" : : "m"(now));
#endif
    return was;
}

void reap_cpu_restore(unsigned was)
{
#if defined(__x86_64__)
    __asm__ volatile("ldmxcsr %0" : : "m"(was));
#else
    (void)was;
#endif
}

void reap_cpu_clear_upper(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx"))
        __asm__ volatile("vzeroupper");
#endif
}
