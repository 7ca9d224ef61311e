/* Codes and messages; the table is codes.def. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/err.h"

int reap_fail(struct reap_err *err, int code, const char *fmt, ...)
{
    va_list ap;

    if (!err)
        return code;
    err->code = code;
    va_start(ap, fmt);
    vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
    va_end(ap);
    return code;
}

int reap_wrap(struct reap_err *err, int code, const char *fmt, ...)
{
    char old[sizeof(err->msg)];
    va_list ap;
    int n;

    if (!err)
        return code;
    memcpy(old, err->msg, sizeof(old));
    va_start(ap, fmt);
    n = vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof(err->msg))
        snprintf(err->msg + n, sizeof(err->msg) - (size_t)n, ": %s", old);
    return code;
}

int reap_exit_status(int code)
{
    switch (code) {
    case REAP_OK:
        return 0;
#define CODE(name, value, status, about) \
    case REAP_##name:                    \
        return status;
#include "engine/base/codes.def"
#undef CODE
    }
    return 70;
}
