#include "engine/kern/amx/tile_reg.h"

#define NAME reap_tile_bf16_amx
#define DOT_OP "tdpbf16ps"
#define PANEL_BYTES 64
#define AT_ONCE 1
#define HALVES 0
reap_tile_fn NAME;

#include "engine/kern/amx/finish_tile_bf16.inc"
#include "engine/kern/amx/tile_run.inc"
