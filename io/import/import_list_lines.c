/*
 * Lists of files: lines to jobs, and what a line may mean. People and programs
 * write lists in many ways, and names hold blanks and commas; so a line is read
 * in each way that it may be meant, and the first that names a file is right.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/base/mem.h"
#include "io/import/import_list.h"

/* ---- columns ---- */

enum { CELLS = 64 };

static char *trim(char *s)
{
    size_t n;

    s += strspn(s, " \t");
    n = strlen(s);
    while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
        s[--n] = '\0';
    return s;
}

/* What stands in quotes at 's', where a doubled one is one; '*rest' is what
 * follows. NULL: no closing quote. */
static char *unquote(char *s, char **rest)
{
    char *to = s, *from = s + 1;

    for (;; from++) {
        if (!*from)
            return NULL;
        if (*from == '"' && *++from != '"')
            break;
        *to++ = *from;
    }
    *rest = from;
    *to = '\0';
    return s;
}

/* Cells of a line, which is changed; 0 if its quotes do not match. */
static size_t split(char *line, char delimiter, char **cell)
{
    size_t n = 0;

    for (char *p = line; p && n < CELLS;) {
        char *rest = p + strspn(p, " ");

        if (*rest == '"') {
            cell[n] = unquote(rest, &rest);
            if (!cell[n++])
                return 0;
            rest += strspn(rest, " ");
            if (*rest && *rest != delimiter)
                return 0;
            p = *rest ? rest + 1 : NULL;
        } else {
            rest = strchr(p, delimiter);
            if (rest)
                *rest++ = '\0';
            cell[n++] = trim(p);
            p = rest;
        }
    }
    return n;
}

static size_t find_cell(char *const *cell, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcasecmp(cell[i], name))
            return i;
    return SIZE_MAX;
}

static size_t find_known(char *const *cell, size_t n, const char *const *name,
                         size_t names)
{
    for (size_t i = 0; i < names; i++) {
        const size_t at = find_cell(cell, n, name[i]);

        if (at != SIZE_MAX)
            return at;
    }
    return SIZE_MAX;
}

static const char *const path_names[] = {
#define PATH_COLUMN(name) name,
#include "io/import/names.def"
};
static const char *const label_names[] = {
#define LABEL_COLUMN(name) name,
#include "io/import/names.def"
};

/* --columns, taken apart. */
struct wanted {
    char text[256], *cell[CELLS];
    size_t n;
};

/* Are the names of the columns in this line, split by this? Sets them. */
static bool is_header(struct reap_list *l, const struct wanted *w,
                      const char *line, char delimiter)
{
    char *cell[CELLS], *copy = reap_strdup(line);
    const size_t n = copy ? split(copy, delimiter, cell) : 0;
    size_t path = SIZE_MAX, label = SIZE_MAX;

    if (w->n) {
        path = find_cell(cell, n, w->cell[0]);
        label = w->n > 1 ? find_cell(cell, n, w->cell[1]) : SIZE_MAX;
        if (w->n > 1 && label == SIZE_MAX)
            path = SIZE_MAX;
    } else {
        path = find_known(cell, n, path_names,
                          sizeof(path_names) / sizeof(path_names[0]));
        label = find_known(cell, n, label_names,
                           sizeof(label_names) / sizeof(label_names[0]));
    }
    reap_free(copy);
    if (path == SIZE_MAX || path == label)
        return false;
    l->delimiter = delimiter;
    l->header = l->by_columns = l->strict = true;
    l->path_column = path;
    l->label_column = label;
    return true;
}

static bool ends_in(const char *path, const char *ending)
{
    const size_t n = strlen(path), m = strlen(ending);

    return n > m && !strcasecmp(path + n - m, ending);
}

/* What separates the columns of a line without names. */
static char separator(const char *line)
{
    return strchr(line, '\t')  ? '\t'
           : strchr(line, ',') ? ','
           : strchr(line, ';') ? ';'
                               : ' ';
}

/* --columns of a list without a header: numbers, or what each column is. */
static int by_place(struct reap_list *l, const struct wanted *w,
                    const char *columns, const char *line, struct reap_err *err)
{
    size_t at[2] = { SIZE_MAX, SIZE_MAX };
    char *end;

    for (size_t i = 0; i < w->n && i < 2; i++) {
        const unsigned long n = strtoul(w->cell[i], &end, 10);

        at[i] = n && !*end && n <= CELLS ? n - 1 : SIZE_MAX;
    }
    if (at[0] == SIZE_MAX || (w->n > 1 && at[1] == SIZE_MAX)) {
        at[0] = find_cell(w->cell, w->n, "path");
        at[1] = find_cell(w->cell, w->n, "label");
    }
    if (at[0] == SIZE_MAX)
        return reap_fail(err, REAP_EINVAL,
                         "--columns %s: %s has no such columns; it begins: "
                         "%.120s",
                         columns, l->path, line);
    if (!l->delimiter)
        l->delimiter = separator(line);
    l->by_columns = l->strict = true;
    l->path_column = at[0];
    l->label_column = at[1];
    return REAP_OK;
}

/* A .csv or .tsv without names of columns: the path, then the label. */
static void by_ending(struct reap_list *l, const char *line, char *say,
                      size_t size)
{
    char *cell[CELLS], *copy;
    size_t n;

    if (!ends_in(l->path, ".csv") && !ends_in(l->path, ".tsv"))
        return;
    if (!l->delimiter)
        l->delimiter = separator(line);
    if (l->delimiter == ' ') {
        l->delimiter = '\0';
        return;
    }
    copy = reap_strdup(line);
    n = copy ? split(copy, l->delimiter, cell) : 0;
    reap_free(copy);
    l->by_columns = true;
    l->label_column = n > 1 ? 1 : SIZE_MAX;
    if (n > 2)
        snprintf(say, size,
                 "its %zu columns have no names; the first is taken as the "
                 "path, the second as the label (--columns says otherwise)",
                 n);
}

int reap_list_look(struct reap_list *l, const char *columns, const char *line,
                   char *say, size_t size, struct reap_err *err)
{
    static const char delimiters[] = { '\t', ',', ';', '|' };
    struct wanted w = { .n = 0 };

    *say = '\0';
    if (columns) {
        snprintf(w.text, sizeof(w.text), "%s", columns);
        w.n = split(w.text, ',', w.cell);
    }
    for (size_t i = 0; i < sizeof(delimiters); i++)
        if ((!l->delimiter || l->delimiter == delimiters[i]) &&
            is_header(l, &w, line, delimiters[i])) {
            if (l->label_column == SIZE_MAX && !columns &&
                strchr(line, l->delimiter))
                snprintf(say, size,
                         "none of its columns is known to hold labels: "
                         "%.120s (--columns PATH,LABEL names them)",
                         line);
            return REAP_OK;
        }
    if (columns)
        return by_place(l, &w, columns, line, err);
    by_ending(l, line, say, size);
    return REAP_OK;
}

/* ---- what a line may mean ---- */

struct guesses {
    char *buf; /* room for what is copied */
    struct reap_list_guess *out;
    size_t n;
};

static char *copy_to(struct guesses *g, const char *from, size_t n)
{
    char *at = g->buf;

    memcpy(at, from, n);
    at[n] = '\0';
    g->buf += n + 1;
    return at;
}

static void guess(struct guesses *g, char *path, char *label)
{
    if (g->n == REAP_GUESSES || !*path)
        return;
    g->out[g->n].path = path;
    g->out[g->n].label = label ? label : "";
    g->out[g->n++].says = !label   ? REAP_SAYS_NOTHING
                          : *label ? REAP_SAYS_LABEL
                                   : REAP_SAYS_NONE;
}

static void guess_columns(const struct reap_list *l, const char *line,
                          struct guesses *g)
{
    char *cell[CELLS];
    const size_t n = split(copy_to(g, line, strlen(line)), l->delimiter, cell);

    if (l->path_column < n)
        guess(g, cell[l->path_column],
              l->label_column == SIZE_MAX ? NULL
              : l->label_column < n       ? cell[l->label_column]
                                          : copy_to(g, "", 0));
}

/* "path" label, the path in quotes. */
static void guess_quoted(const char *line, struct guesses *g)
{
    char *rest, *label, *path = unquote(copy_to(g, line, strlen(line)), &rest);

    if (!path)
        return;
    rest += strspn(rest, " \t,;");
    label = trim(rest);
    if (*label == '"' && !(label = unquote(label, &rest)))
        return;
    guess(g, path, *label ? label : NULL);
}

/* im2rec writes whole numbers as "3.000000". */
static char *whole(char *number)
{
    char *dot = strchr(number, '.');

    if (dot && dot > number && dot[1] && !dot[1 + strspn(dot + 1, "0")] &&
        strspn(number, "0123456789") == (size_t)(dot - number))
        *dot = '\0';
    return number;
}

/* path, label; or MXNet's number, label, path. */
static void guess_tabs(const char *line, struct guesses *g)
{
    char *cell[CELLS], *copy = copy_to(g, line, strlen(line)), *p = copy;
    size_t n = 0;

    for (; p && n < CELLS; n++) {
        cell[n] = p;
        p = strchr(p, '\t');
        if (p)
            *p++ = '\0';
    }
    for (size_t i = 0; i < n; i++)
        cell[i] = trim(cell[i]);
    while (n > 2 && !cell[n - 1][0])
        n--;
    if (n >= 3 && cell[0][0] && !cell[0][strspn(cell[0], "0123456789")])
        guess(g, cell[n - 1], n == 3 ? whole(cell[1]) : NULL);
    if (g->n && n > 3)
        g->out[g->n - 1].says = REAP_SAYS_UNCLEAR;
    guess(g, cell[0], n == 2 ? cell[1] : NULL);
    if (g->n && n > 2)
        g->out[g->n - 1].says = REAP_SAYS_UNCLEAR;
}

/* The whole line; the line without blanks at its ends; or what precedes a
 * separator, whose other side is the label. */
static void guess_plain(const char *line, struct guesses *g)
{
    const size_t n = strlen(line);
    char *t = trim(copy_to(g, line, n));

    if (strlen(t) < n)
        guess(g, copy_to(g, line, n), NULL);
    guess(g, t, NULL);
    for (size_t i = strlen(t), tries = 0; i-- > 1 && tries < REAP_GUESSES;) {
        char *path, *label, *rest;

        if (!strchr(" ,;\t", t[i]))
            continue;
        tries++;
        path = trim(copy_to(g, t, i));
        label = trim(copy_to(g, t + i + 1, strlen(t + i + 1)));
        if (*label == '"' && !(label = unquote(label, &rest)))
            continue;
        guess(g, path, label);
        while (i > 1 && strchr(" ", t[i - 1]))
            i--;
    }
}

size_t reap_list_guess(const struct reap_list *l, const char *line, char *buf,
                       struct reap_list_guess *out)
{
    struct guesses g = { buf, out, 0 };
    const char *begin = line + strspn(line, " ");

    if (l->by_columns)
        guess_columns(l, line, &g);
    if (l->strict)
        return g.n;
    if (*begin == '"')
        guess_quoted(begin, &g);
    if (strchr(line, '\t') && !l->by_columns)
        guess_tabs(line, &g);
    guess_plain(line, &g);
    return g.n;
}

const char *reap_list_refused(const uint8_t *head, size_t n)
{
    size_t zeros[2] = { 0 };

    if (n >= 4 &&
        (!memcmp(head, "\xff\xfe\0\0", 4) || !memcmp(head, "\0\0\xfe\xff", 4)))
        return "UTF-32 text; save it as UTF-8";
    if (n >= 2 &&
        (!memcmp(head, "\xff\xfe", 2) || !memcmp(head, "\xfe\xff", 2)))
        return "UTF-16 text; save it as UTF-8";
    for (size_t i = 0; i < n; i++)
        zeros[i % 2] += !head[i];
    if (zeros[0] + zeros[1] == 0)
        return NULL;
    if (n > 8 && (zeros[0] > n / 4) != (zeros[1] > n / 4))
        return "UTF-16 text; save it as UTF-8";
    return "a file of another kind";
}

void reap_lists_free(struct reap_list **l)
{
    struct reap_list *next;

    for (struct reap_list *p = *l; p; p = next) {
        next = p->next;
        reap_free(p->path);
        reap_free(p->dir);
        reap_free(p);
    }
    *l = NULL;
}

/* ---- the lines of a list ---- */
/* A line that was read, without its end. False: stop. */
static bool list_line(struct reap_listing *l, struct reap_list *of, char *line,
                      size_t n, size_t number)
{
    while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
        line[--n] = '\0';
    if (!line[strspn(line, " \t")])
        return true;
    reap_import_add(l->im, &l->im->sum.seen, 1);
    if (strlen(line) < n) {
        char name[300];

        snprintf(name, sizeof(name), "%s:%zu", of->path, number);
        reap_import_not_taken(l->im, name, "there is a zero byte in the line");
        return true;
    }
    return reap_list_job(l, &(struct reap_import_job){ .kind = REAP_IMPORT_LINE,
                                                       .path = line,
                                                       .key = "",
                                                       .list = of,
                                                       .line = number });
}

/* The first line that is not blank, without a mark before it: it may name the
 * columns. False: stop. */
static bool list_first(struct reap_listing *l, struct reap_list *of, char *line)
{
    char say[300], *end = line + strlen(line);
    struct reap_err err;
    int rc;

    while (end > line && (end[-1] == '\n' || end[-1] == '\r'))
        *--end = '\0';
    rc = reap_list_look(of, l->im->args->columns, line, say, sizeof(say), &err);
    if (rc)
        reap_import_fail(l->im, rc, &err);
    else if (*say)
        reap_import_say(l->im, of->path, say);
    return !rc;
}

/* Lines end in LF, CRLF or, in files of old Macs, CR. */
static int line_end(FILE *f)
{
    int c, end = '\n';

    while ((c = getc(f)) != EOF && c != '\n')
        if (c == '\r') {
            end = getc(f) == '\n' ? '\n' : '\r';
            break;
        }
    rewind(f);
    return end;
}

bool reap_list_lines(struct reap_listing *l, struct reap_list *of)
{
    static const char mark[] = "\xef\xbb\xbf";
    FILE *f = fopen(of->path, "re");
    char *line = NULL;
    size_t size = 0, number = 0;
    bool go_on = true, looked = false;
    ssize_t n;
    int end;

    if (!f) {
        reap_list_cannot(l, of->path, strerror(errno));
        return true;
    }
    end = line_end(f);
    while (go_on && (n = getdelim(&line, &size, end, f)) >= 0) {
        char *from = line;

        if (!number++ && !strncmp(line, mark, 3)) {
            from += 3;
            n -= 3;
        }
        if (!looked && !strncasecmp(from, "sep=", 4) && from[4] &&
            !from[5 + strspn(from + 5, "\r\n")]) {
            of->delimiter = from[4]; /* Excel reads this line */
            continue;
        }
        if (!looked && from[strspn(from, " \t\r\n")]) {
            looked = true;
            go_on = list_first(l, of, from);
            n = (ssize_t)strlen(from);
            if (of->header)
                continue;
        }
        go_on = go_on && list_line(l, of, from, (size_t)n, number);
    }
    if (ferror(f))
        reap_list_cannot(l, of->path, strerror(errno));
    fclose(f);
    free(line); /* getdelim()'s own */
    return go_on;
}
