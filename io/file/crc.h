/* io/file/crc.h - CRC-32C (Castagnoli), the checksum of records and results */
#ifndef REAP_IO_FILE_CRC_H
#define REAP_IO_FILE_CRC_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of 'len' bytes; of "123456789" it is e3069283 (RFC 3720). */
uint32_t reap_crc_32c(const void *data, size_t len);

#endif /* REAP_IO_FILE_CRC_H */
