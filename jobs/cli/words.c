/* Values of options that several commands share. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/meant.h"
#include "jobs/cli/words.h"

bool reap_word_in(const char *list, const char *word)
{
    size_t n = strlen(word);

    if (!strcmp(list, "*"))
        return true;
    for (const char *p = list; (p = strstr(p, word)); p += n)
        if ((p == list || p[-1] == ' ') && (p[n] == ' ' || !p[n]))
            return true;
    return false;
}

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
    struct reap_meant g;

    *out = 0;
    if (!text)
        return REAP_OK;
    reap_meant_begin(&g, text);
    for (unsigned i = 0; words[i]; i++) {
        if (!strcmp(text, words[i])) {
            *out = i;
            return REAP_OK;
        }
        snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
                 i ? ", " : "", words[i]);
        reap_meant_try(&g, words[i]);
    }
    return reap_fail(err, REAP_EINVAL, "--%s %s: one of %s is needed%s%s%s",
                     option, text, list, g.best ? "; did you mean " : "",
                     g.best ? g.best : "", g.best ? "?" : "");
}

const char *reap_plural(uint64_t n, const char *one, const char *many)
{
    return n == 1 ? one : many;
}

int reap_max_bad(const char *text, uint64_t bad, uint64_t total, bool *yes,
                 struct reap_err *err)
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

int reap_parse_bad(const char *text, uint64_t *count, double *share,
                   struct reap_err *err)
{
    bool yes;
    int rc = text ? reap_max_bad(text, 0, 1, &yes, err) : REAP_OK;

    *count = 0;
    *share = 0;
    if (rc || !text)
        return rc;
    if (strchr(text, '%'))
        *share = strtod(text, NULL) / 100;
    else
        *count = strtoull(text, NULL, 10);
    return REAP_OK;
}

int reap_parse_bytes(const char *option, const char *text, uint64_t *bytes,
                     struct reap_err *err)
{
    static const char unit[] = "KMGT";
    const char *u;
    char *end;
    double n;

    *bytes = 0;
    if (!text)
        return REAP_OK;
    n = strtod(text, &end);
    u = *end ? strchr(unit, *end) : NULL;
    for (const char *p = unit; u && p <= u; p++)
        n *= 1024;
    if (end == text || (*end && (!u || end[1])) || !(n >= 1) || n > 1e18)
        return reap_fail(err, REAP_EINVAL,
                         "--%s %s: a size is needed, such as 500M or 2T",
                         option, text);
    *bytes = (uint64_t)n;
    return REAP_OK;
}
