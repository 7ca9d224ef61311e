/* Names in a plain form (small letters, blanks), sorted for a binary search;
 * the text's own spelling decides between two classes of one name. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "jobs/judge/classes.h"

struct entry {
    char *text;
    size_t class;
};

struct reap_classes {
    struct entry *entry;
    size_t n, classes;
};

/* Small letters, blanks for underscores. */
static unsigned char classes_plain(char c)
{
    return c == '_' ? ' ' : (unsigned char)tolower((unsigned char)c);
}

/* As strcmp(), of plain forms. */
static int classes_compare(const char *a, const char *b)
{
    for (; *a && classes_plain(*a) == classes_plain(*b); a++)
        b++;
    return (int)classes_plain(*a) - (int)classes_plain(*b);
}

static int classes_add(struct reap_classes *c, size_t class, const char *text)
{
    struct entry *e = &c->entry[c->n];

    if (!text || !*text)
        return REAP_OK;
    e->class = class;
    e->text = reap_strdup(text);
    c->n++;
    return e->text ? REAP_OK : REAP_ENOMEM;
}

static int in_order(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    const int order = classes_compare(x->text, y->text);

    return order ? order : (x->class > y->class) - (x->class < y->class);
}

int reap_classes_new(struct reap_classes **out, size_t n, const void *ctx,
                     const char *(*name)(const void *ctx, size_t i),
                     const char *(*wnid)(const void *ctx, size_t i),
                     struct reap_err *err)
{
    struct reap_classes *c = *out = reap_calloc(1, sizeof(*c));
    int rc = REAP_OK;

    if (c)
        c->entry = reap_calloc(n + 1, 2 * sizeof(*c->entry));
    if (!c || !c->entry)
        rc = REAP_ENOMEM;
    for (size_t i = 0; i < n && !rc; i++) {
        rc = classes_add(c, i, name(ctx, i));
        if (!rc && wnid)
            rc = classes_add(c, i, wnid(ctx, i));
    }
    if (rc) {
        reap_classes_free(out);
        return reap_fail(err, rc, "no memory for names of classes");
    }
    c->classes = n;
    qsort(c->entry, c->n, sizeof(*c->entry), in_order);
    return REAP_OK;
}

/* The first entry that is not before 'text'. */
static size_t first_at(const struct reap_classes *c, const char *text)
{
    size_t from = 0, to = c->n;

    while (from < to) {
        const size_t mid = from + (to - from) / 2;

        if (classes_compare(c->entry[mid].text, text) < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

/* Among the entries of one plain form: all of one class, or one of the text's
 * own spelling. */
static long classes_choose(const struct reap_classes *c, size_t at,
                           const char *text)
{
    long own = REAP_NO_CLASS, any = REAP_NO_CLASS;

    for (; at < c->n && !classes_compare(c->entry[at].text, text); at++) {
        const long class = (long)c->entry[at].class;

        if (any != REAP_NO_CLASS && any != class)
            any = REAP_TWO_CLASSES;
        else
            any = class;
        if (strcmp(c->entry[at].text, text) != 0)
            continue;
        own = own == REAP_NO_CLASS || own == class ? class : REAP_TWO_CLASSES;
    }
    return own >= 0 ? own : any;
}

static long index_of(const struct reap_classes *c, const char *text)
{
    const size_t n = strlen(text);
    unsigned long i;

    if (!n || n > 9 || strspn(text, "0123456789") != n)
        return REAP_NO_CLASS;
    i = strtoul(text, NULL, 10);
    return i < c->classes ? (long)i : REAP_NO_CLASS;
}

long reap_classes_find(const struct reap_classes *c, const char *text)
{
    const long found = classes_choose(c, first_at(c, text), text);

    return found == REAP_NO_CLASS ? index_of(c, text) : found;
}

void reap_classes_free(struct reap_classes **c)
{
    if (!*c)
        return;
    for (size_t i = 0; i < (*c)->n; i++)
        reap_free((*c)->entry[i].text);
    reap_free((*c)->entry);
    reap_free(*c);
    *c = NULL;
}
