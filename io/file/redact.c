#define _GNU_SOURCE
#include "io/file/redact.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool begins_address(const char *p, size_t *scheme)
{
    *scheme = !strncasecmp(p, "https://", 8)  ? 8
              : !strncasecmp(p, "http://", 7) ? 7
                                              : 0;
    return *scheme > 0;
}

/* One address; returns what follows it. */
static const char *put_address(FILE *to, const char *p, size_t scheme)
{
    static const char end[] = " \t\r\n\"'<>";
    const char *host = p + scheme;
    const size_t authority = strcspn(host, "/?# \t\r\n\"'<>");
    const char *at = memrchr(host, '@', authority);

    fwrite(p, 1, scheme, to);
    p = at ? at + 1 : host;
    while (*p && !strchr(end, *p) && *p != '?' && *p != '#')
        putc(*p++, to);
    if (*p == '?') {
        fputs("?...", to);
        p += strcspn(p, "# \t\r\n\"'<>");
    }
    while (*p && !strchr(end, *p))
        putc(*p++, to);
    return p;
}

void reap_redact(FILE *to, const char *text)
{
    size_t scheme;

    while (*text)
        if (begins_address(text, &scheme))
            text = put_address(to, text, scheme);
        else
            putc(*text++, to);
}

const char *reap_redact_text(char *out, size_t size, const char *text)
{
    char *made = NULL;
    size_t n;
    FILE *f = open_memstream(&made, &n);

    out[0] = '\0';
    if (f)
        reap_redact(f, text);
    if (f && !fclose(f))
        snprintf(out, size, "%s", made);
    free(made);
    return out;
}
