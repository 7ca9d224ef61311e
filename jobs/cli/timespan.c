/* Spans of time as people type them. */
#include <stdlib.h>

#include "jobs/cli/timespan.h"

int reap_timespan(const char *text, double *seconds, struct reap_err *err)
{
    const char *p = text;

    *seconds = 0;
    if (!text)
        return REAP_OK;
    for (int part = 0; part < 3; part++) {
        char *end;
        unsigned long n = strtoul(p, &end, 10);

        if (end == p || n > 100000000)
            break;
        *seconds = *seconds * 60 + (double)n;
        if (!*end && *seconds > 0)
            return REAP_OK;
        if (*end != ':')
            break;
        p = end + 1;
    }
    return reap_fail(err, REAP_EINVAL,
                     "--time-limit %s: seconds or HH:MM:SS are needed", text);
}
