/*
 * All lines of all files as entries, sorted by key and then by age, and united
 * so that the last file that mentions a key decides. Looking a key up is a
 * binary search. Lines and columns are io/file/table.h's, the store's own
 * labels its rows'.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "io/file/table.h"
#include "io/file/text.h"
#include "io/labels/truth.h"

enum { COLUMNS = 64 };

/* One line, and after opening one label of one key. */
struct entry {
    struct reap_bytes key;
    const char *label;
    size_t file, line;
};

struct reap_truth {
    struct reap_table **table; /* their text is what entries point into */
    size_t n_tables;
    struct entry *entry; /* by key, then the latest first */
    size_t n, room;
    bool stored;
    struct reap_truth_counts counts;
};

/* ---- lines ---- */

/* The column that bears the first of 'words' that any of them bears, else n. */
static size_t column_of(char *const *column, size_t n, const char *const *words)
{
    for (; *words; words++)
        for (size_t i = 0; i < n; i++)
            if (!strcasecmp(column[i], *words))
                return i;
    return n;
}

/* Which columns are key and label; true if the line is one of headings. */
static bool headings(char *const *column, size_t n, size_t *key, size_t *label)
{
    static const char *const keys[] = { "key",      "image", "file",
                                        "filename", "path",  NULL };
    static const char *const labels[] = { "label", "true_label", "choice",
                                          "class", NULL };
    const size_t k = column_of(column, n, keys);
    const size_t l = column_of(column, n, labels);

    *key = 0;
    *label = 1;
    if (k == n || (k && l == n))
        return false;
    *key = k;
    *label = l < n ? l : 1;
    return true;
}

/* Blanks at both ends are of the typing, not of the label. */
static char *trim(char *s)
{
    size_t n;

    s += strspn(s, " ");
    for (n = strlen(s); n && s[n - 1] == ' '; n--)
        s[n - 1] = '\0';
    return s;
}

static int truth_add(struct reap_truth *t, char *key, char *label, size_t line,
                     struct reap_err *err)
{
    struct entry *e;

    if (t->n == t->room) {
        size_t room = t->room ? 2 * t->room : 1024;

        e = room > SIZE_MAX / sizeof(*e)
                ? NULL
                : reap_realloc(t->entry, room * sizeof(*e));
        if (!e)
            return reap_fail(err, REAP_ENOMEM, "no memory for true labels");
        t->entry = e;
        t->room = room;
    }
    e = &t->entry[t->n++];
    e->key.data = (const uint8_t *)key;
    e->key.len = strchr(key, '\\')
                     ? reap_text_unescape(key, (unsigned char *)key)
                     : strlen(key);
    /* a zero byte ends a label, as it does in a store */
    if (strchr(label, '\\'))
        label[reap_text_unescape(label, (unsigned char *)label)] = '\0';
    e->label = trim(label);
    e->file = t->n_tables;
    e->line = line;
    return REAP_OK;
}

static int truth_read_file(struct reap_truth *t, const char *path,
                           struct reap_err *err)
{
    struct reap_table *table;
    char *column[COLUMNS];
    size_t n, key = 0, label = 1, named = 0;
    bool named_columns = false;
    int rc = reap_table_open(&table, path, err);

    if (rc)
        return rc;
    t->table[t->n_tables++] = table;
    for (size_t i = 0; !rc && (n = reap_table_next(table, column, COLUMNS));
         i++) {
        const size_t have = n < COLUMNS ? n : COLUMNS;
        char *none;

        if (i == 0 && headings(column, have, &key, &label)) {
            named_columns = true;
            continue;
        }
        t->counts.further += n > 2 && !named_columns;
        if (key >= have)
            continue;
        none = column[key] + strlen(column[key]);
        rc = truth_add(t, column[key], label < have ? column[label] : none,
                       reap_table_line(table), err);
        named += !rc && *t->entry[t->n - 1].label;
    }
    if (!rc && !named)
        rc = reap_fail(err, REAP_EFORMAT,
                       "%s: no line has a label; lines of key, tab, label are "
                       "needed",
                       path);
    return rc;
}

/* ---- order ---- */

static int by_key(const struct entry *a, const struct entry *b)
{
    const int order = reap_bytes_compare(a->key, b->key);

    if (order)
        return order;
    return (a->file < b->file) - (a->file > b->file);
}

static int by_line(const struct entry *a, const struct entry *b)
{
    return (a->line < b->line) - (a->line > b->line);
}

static int to_unite(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = by_key(x, y);

    if (!order)
        order = strcmp(x->label, y->label);
    return order ? order : by_line(x, y);
}

static int to_find(const void *a, const void *b)
{
    const int order = by_key(a, b);

    return order ? order : by_line(a, b);
}

/* One entry for each label of a key in the last file that has the key. */
static void unite(struct reap_truth *t)
{
    size_t kept = 0;

    if (t->n)
        qsort(t->entry, t->n, sizeof(*t->entry), to_unite);
    for (size_t i = 0; i < t->n; i++) {
        const struct entry *e = &t->entry[i], *last = &t->entry[kept - 1];
        const bool same = kept && !reap_bytes_compare(last->key, e->key);

        if (same && last->file == e->file && !strcmp(last->label, e->label))
            t->counts.again++;
        else if (!same || last->file == e->file)
            t->entry[kept++] = *e;
    }
    t->n = kept;
    if (t->n)
        qsort(t->entry, t->n, sizeof(*t->entry), to_find);
}

static void truth_count(struct reap_truth *t)
{
    for (size_t i = 0, end; i < t->n; i = end) {
        size_t labels = 0;

        for (end = i; end < t->n &&
                      !reap_bytes_compare(t->entry[i].key, t->entry[end].key);
             end++)
            labels += *t->entry[end].label != '\0';
        t->counts.keys += labels > 0;
        t->counts.blank += !labels;
        t->counts.several += labels > 1;
    }
}

/* ---- the interface ---- */

/* Names with 'between' between them; those between line ends may be lists with
 * commas, if they are not the name of a file. */
static int read_list(struct reap_truth *t, char *list, char between,
                     struct reap_err *err)
{
    int rc = REAP_OK;

    for (char *end; list && !rc; list = end) {
        end = strchr(list, between);
        if (end)
            *end++ = '\0';
        if (!strcmp(list, "stored"))
            t->stored = true;
        else if (between == '\n' && access(list, F_OK) != 0)
            rc = read_list(t, list, ',', err);
        else
            rc = truth_read_file(t, list, err);
    }
    return rc;
}

int reap_truth_open(struct reap_truth **out, const char *list,
                    struct reap_err *err)
{
    struct reap_truth *t = *out = reap_calloc(1, sizeof(*t));
    char *own = NULL;
    size_t files = 1;
    int rc = REAP_OK;

    for (const char *p = list; p && *p; p++)
        files += *p == ',' || *p == '\n';
    if (t)
        t->table = reap_calloc(files, sizeof(struct reap_table *));
    if (t && t->table)
        own = reap_strdup(list ? list : "stored");
    if (!own)
        rc = reap_fail(err, REAP_ENOMEM, "no memory for true labels");
    else
        rc = read_list(t, own, '\n', err);
    reap_free(own);
    if (rc) {
        reap_truth_close(out);
        return rc;
    }
    unite(t);
    truth_count(t);
    return REAP_OK;
}

/* The first entry of a key; n if there is none. */
static size_t truth_find(const struct reap_truth *t, struct reap_bytes key)
{
    size_t from = 0, to = t->n;

    while (from < to) {
        const size_t mid = from + (to - from) / 2;

        if (reap_bytes_compare(t->entry[mid].key, key) < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return from < t->n && !reap_bytes_compare(t->entry[from].key, key) ? from
                                                                       : t->n;
}

bool reap_truth_has(const struct reap_truth *t, struct reap_bytes key)
{
    return truth_find(t, key) < t->n;
}

const char *reap_truth_label(const struct reap_truth *t,
                             const struct reap_row *row, size_t i)
{
    size_t at = truth_find(t, row->key);

    if (at == t->n)
        return t->stored && i == 0 && *row->label ? row->label : NULL;
    for (; at < t->n && !reap_bytes_compare(t->entry[at].key, row->key); at++)
        if (*t->entry[at].label && i-- == 0)
            return t->entry[at].label;
    return NULL;
}

const struct reap_truth_counts *reap_truth_counts(const struct reap_truth *t)
{
    return &t->counts;
}

static size_t truth_say(char *buf, size_t size, size_t at, size_t n,
                        const char *one, const char *many)
{
    if (n && at < size)
        at += (size_t)snprintf(buf + at, size - at, "%s%zu %s", at ? "; " : "",
                               n, n == 1 ? one : many);
    return at;
}

const char *reap_truth_remark(const struct reap_truth *t, bool many, char *buf,
                              size_t size)
{
    const struct reap_truth_counts *c = &t->counts;
    size_t at = 0;

    buf[0] = '\0';
    at = truth_say(buf, size, at, c->blank, "key has an empty label",
                   "keys have an empty label");
    if (!many)
        at = truth_say(buf, size, at, c->several,
                       "key has several labels, of which the last counts",
                       "keys have several labels, of which the last counts");
    at = truth_say(buf, size, at, c->again, "line only repeats another",
                   "lines only repeat others");
    truth_say(buf, size, at, c->further, "line has further columns, ignored",
              "lines have further columns, ignored");
    return buf;
}

void reap_truth_close(struct reap_truth **t)
{
    if (!*t)
        return;
    for (size_t i = 0; i < (*t)->n_tables; i++)
        reap_table_close(&(*t)->table[i]);
    reap_free((*t)->table);
    reap_free((*t)->entry);
    reap_free(*t);
    *t = NULL;
}
