#include "engine/kern/amx/tile_reg.h"

reap_peak_fn reap_peak_bf16_amx, reap_peak_int8_amx;

/* Four sums wait for nothing but each other. */
#define PEAK(name, op, k)                                   \
    double name(size_t n)                                   \
    {                                                       \
        reap_tile_enter_amx();                              \
        for (size_t i = 0; i < n; i++) {                    \
            TILE_DOT(op, 0, 4, 6);                          \
            TILE_DOT(op, 1, 4, 7);                          \
            TILE_DOT(op, 2, 5, 6);                          \
            TILE_DOT(op, 3, 5, 7);                          \
        }                                                   \
        reap_tile_leave_amx();                              \
        return (double)n * 4 * 2 * REAP_TILE_ROWS * (k)*16; \
    }
PEAK(reap_peak_bf16_amx, "tdpbf16ps", 32)
PEAK(reap_peak_int8_amx, "tdpbusd", 64)
