/* CRC-32C by ISA-L, in pieces that its int can count. */
#include <isa-l/crc.h>

#include "engine/base/cpu.h"
#include "io/file/crc.h"

uint32_t reap_crc_32c(const void *data, size_t len)
{
    enum { PIECE = 1 << 30 }; /* the library counts in int */
    /* It only reads, though its prototype lacks the const. */
    union {
        const void *in;
        unsigned char *out;
    } p = { data };
    uint32_t crc = UINT32_MAX;

    while (len) {
        size_t n = len < PIECE ? len : PIECE;

        crc = crc32_iscsi(p.out, (int)n, crc);
        p.out += n;
        len -= n;
    }
    reap_cpu_clear_upper(); /* its AVX-512 code does not */
    return ~crc;
}
