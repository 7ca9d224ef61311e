#include <string.h>

#include "engine/kern/amx/tile_reg.h"
#include "engine/kern/kernels.h"

void reap_tile_enter_amx(void)
{
    struct {
        uint8_t palette, start, none[14];
        uint16_t bytes[16]; /* of a row */
        uint8_t rows[16];
    } form = { .palette = 1 };

    for (int i = 0; i < 8; i++) {
        form.bytes[i] = REAP_PIXEL;
        form.rows[i] = REAP_TILE_ROWS;
    }
    /* GCC 12's intrinsic tells the compiler of the first 8 bytes alone. */
    __asm__ volatile("ldtilecfg %0" ::"m"(form) : "memory");
}

void reap_tile_leave_amx(void)
{
    __asm__ volatile("tilerelease" ::: "memory");
}
