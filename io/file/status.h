/* io/file/status.h - what became of a record: the words of status.def,
 * flags.def */
#ifndef REAP_IO_FILE_STATUS_H
#define REAP_IO_FILE_STATUS_H

#include <stddef.h>

enum reap_status {
#define STATUS(name, about) REAP_STATUS_##name,
#include "io/file/status.def"
#undef STATUS
    REAP_N_STATUS
};

enum reap_flag {
#define FLAG(name, bit, about) REAP_FLAG_##name = 1 << (bit),
#include "io/file/flags.def"
#undef FLAG
    REAP_FLAG_NONE = 0
};

/* "ok", "truncated", ...; "?" for what is no status. */
const char *reap_status_name(unsigned status);

/* The names of the set bits joined by '+', in 'buf', which is returned. */
const char *reap_flag_names(unsigned flags, char *buf, size_t size);

#endif /* REAP_IO_FILE_STATUS_H */
