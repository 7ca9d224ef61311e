/* The file is read into one buffer and cut in place, a line and a column at a
 * time, so that columns are pointers into it. Headings and meanings are left to
 * callers (io/labels/truth.c). */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/file/table.h"

struct reap_table {
    char *text, *at;
    char between;
    size_t line, next; /* of the line last read; of the one at 'at' */
};

static int table_cannot_open(const char *path, struct reap_err *err)
{
    return reap_fail(err, errno == EACCES ? REAP_EACCESS : REAP_ENOTFOUND,
                     "%s: %s", path, strerror(errno));
}

/* Read to the end, which is not known before if it is a pipe. */
static int table_read_all(FILE *f, const char *path, char **text, size_t *len,
                          struct reap_err *err)
{
    size_t room = 1 << 16, got;

    for (*len = 0; room < SIZE_MAX / 2; room *= 2) {
        char *more = reap_realloc(*text, room);

        if (!more)
            return reap_fail(err, REAP_ENOMEM, "%s: no memory for its text",
                             path);
        *text = more;
        got = fread(more + *len, 1, room - *len - 1, f);
        *len += got;
        if (ferror(f))
            return reap_fail(err, errno == EISDIR ? REAP_EFORMAT : REAP_EIO,
                             "%s: %s", path, strerror(errno));
        if (*len < room - 1)
            break;
    }
    (*text)[*len] = '\0';
    if (memchr(*text, '\0', *len))
        return reap_fail(err, REAP_EFORMAT,
                         "%s: not text: there is a zero byte in it", path);
    return REAP_OK;
}

/* What stands between columns, by the first line that is no comment. */
static char table_between(const char *text)
{
    size_t n = strcspn(text, "\r\n");

    while (*text == '#') {
        text += n;
        text += strspn(text, "\r\n");
        n = strcspn(text, "\r\n");
    }

    return memchr(text, ',', n) && !memchr(text, '\t', n) ? ',' : '\t';
}

int reap_table_open(struct reap_table **out, const char *path,
                    struct reap_err *err)
{
    struct reap_table *t = reap_calloc(1, sizeof(*t));
    FILE *f = NULL;
    size_t len;
    int rc;

    *out = t;
    if (!t)
        return reap_fail(err, REAP_ENOMEM, "%s: no memory", path);
    f = fopen(path, "rb");
    rc = f ? table_read_all(f, path, &t->text, &len, err)
           : table_cannot_open(path, err);
    if (f)
        fclose(f);
    if (rc) {
        reap_table_close(out);
        return rc;
    }
    t->at = t->text + (strncmp(t->text, "\xef\xbb\xbf", 3) ? 0 : 3);
    t->at += strspn(t->at, "\r\n");
    t->between = table_between(t->at);
    t->next = 1;
    for (const char *p = t->text; p < t->at; p++)
        t->next += *p == '\n';
    return REAP_OK;
}

/* What is between quotes, put where it began; returns what follows them. */
static char *unquote(struct reap_table *t, char *from)
{
    char *to = from++;

    for (; *from; from++) {
        if (*from == '"' && *++from != '"')
            break;
        t->next += *from == '\n';
        *to++ = *from;
    }
    while (*from && *from != t->between && *from != '\r' && *from != '\n')
        *to++ = *from++;
    *to = '\0'; /* a quote was left out: 'from' is further */
    return from;
}

/* The end of the column at 'at'; a quoted one is unquoted. */
static char *column_end(struct reap_table *t, char *at)
{
    const char stop[] = { t->between, '\r', '\n', '\0' };

    if (t->between == ',' && *at == '"')
        return unquote(t, at);
    return at + strcspn(at, stop);
}

size_t reap_table_next(struct reap_table *t, char **column, size_t room)
{
    size_t n = 0;
    char *at = t->at, *end;
    char stop;

    if (!*at)
        return 0;
    t->line = t->next;
    do {
        end = column_end(t, at);
        stop = *end;
        if (n < room)
            column[n] = at;
        n++;
        *end = '\0';
        at = end + (stop != '\0');
    } while (stop == t->between);
    t->next += stop == '\n';
    for (; stop && (*at == '\r' || *at == '\n'); at++)
        t->next += *at == '\n';
    t->at = at;
    return n;
}

size_t reap_table_line(const struct reap_table *t)
{
    return t->line;
}

void reap_table_close(struct reap_table **t)
{
    if (!*t)
        return;
    reap_free((*t)->text);
    reap_free(*t);
    *t = NULL;
}
