#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/cli/words.h"

int reap_parse_size(const char *option, const char *text, size_t *h, size_t *w,
                    struct reap_err *err)
{
    char *end;

    *h = strtoul(text, &end, 10);
    *w = *h;
    if (end > text && (*end == ',' || *end == 'x')) {
        const char *second = end + 1;

        *w = strtoul(second, &end, 10);
        if (end == second)
            end = (char *)(size_t)text;
    }
    if (end == text || *end || !*h || !*w || *h > 16384 || *w > 16384)
        return reap_fail(err, REAP_EINVAL,
                         "--%s %s: height,width in pixels is needed, such as "
                         "224,224",
                         option, text);
    return REAP_OK;
}

int reap_parse_word(const char *option, const char *text,
                    const char *const *words, unsigned *out,
                    struct reap_err *err)
{
    char list[200] = "";

    *out = 0;
    if (!text)
        return REAP_OK;
    for (unsigned i = 0; words[i]; i++) {
        if (!strcmp(text, words[i])) {
            *out = i;
            return REAP_OK;
        }
        snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
                 i ? ", " : "", words[i]);
    }
    return reap_fail(err, REAP_EINVAL, "--%s %s: one of %s is needed", option,
                     text, list);
}

int reap_max_bad(const char *text, uint64_t bad, uint64_t total,
                        bool *yes, struct reap_err *err)
{
    char *end = NULL;
    double n = text ? strtod(text, &end) : 5;
    bool percent = !text || *end == '%';

    *yes = false;
    if (text && (end == text || end[percent] || !(n >= 0) ||
                 (!percent && n != floor(n)) || (percent && n > 100)))
        return reap_fail(err, REAP_EINVAL,
                         "--max-bad %s: a count or a percentage is needed, "
                         "such as 100 or 5%%",
                         text);
    if (percent)
        n = n / 100 * (double)total;
    *yes = (double)bad <= n && (bad < total || !bad);
    return REAP_OK;
}
