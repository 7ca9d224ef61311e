/* Words for statuses and flags, from their tables. */
#include <stdio.h>

#include "io/file/status.h"

static const char *const status_name[] = {
#define STATUS(name, about) #name,
#include "io/file/status.def"
#undef STATUS
};

static const struct {
    const char *name;
    unsigned bit;
} flag[] = {
#define FLAG(name, bit, about) { #name, 1u << (bit) },
#include "io/file/flags.def"
#undef FLAG
};

const char *reap_status_name(unsigned status)
{
    return status < REAP_N_STATUS ? status_name[status] : "?";
}

const char *reap_flag_names(unsigned flags, char *buf, size_t size)
{
    size_t used = 0;

    if (size)
        buf[0] = '\0';
    for (size_t i = 0; i < sizeof(flag) / sizeof(flag[0]); i++) {
        if (!(flags & flag[i].bit) || used >= size)
            continue;
        used += (size_t)snprintf(buf + used, size - used, "%s%s",
                                 used ? "+" : "", flag[i].name);
    }
    return buf;
}
