#include "engine/kern/amx/tile_reg.h"

#define NAME reap_tile_int8_amx
#define DOT_OP "tdpbusd"
#define PANEL_BYTES 32
#define AT_ONCE 2
#define HALVES 0
reap_tile_fn NAME;

#include "engine/kern/amx/finish_tile_int8.inc"
#include "engine/kern/amx/tile_run.inc"
