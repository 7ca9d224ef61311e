/* A hash table of numbers over an array of texts: open addressing, twice as
 * many slots as room for texts. Texts are never removed. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/file/string_set.h"

struct reap_string_set {
    char **text;
    size_t n, room;
    uint32_t *slot; /* number + 1, or 0; twice as many slots as room */
};

static size_t string_set_hash(const char *text)
{
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */

    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 0x100000001b3u;
    return (size_t)(h ^ h >> 29);
}

/* The slot of 'text', or the empty one where it would go. */
static size_t string_set_look(const struct reap_string_set *n, const char *text)
{
    const size_t slots = 2 * n->room;
    size_t at = string_set_hash(text) & (slots - 1);

    while (n->slot[at] && strcmp(n->text[n->slot[at] - 1], text) != 0)
        at = (at + 1) & (slots - 1);
    return at;
}

static int string_set_no_memory(struct reap_err *err)
{
    return reap_fail(err, REAP_ENOMEM, "no memory for names");
}

/* Slots for the texts there are. */
static void string_set_fill(struct reap_string_set *n)
{
    memset(n->slot, 0, 2 * n->room * sizeof(*n->slot));
    for (size_t i = 0; i < n->n; i++)
        n->slot[string_set_look(n, n->text[i])] = (uint32_t)i + 1;
}

static int string_set_grow(struct reap_string_set *n, struct reap_err *err)
{
    const size_t room = n->room ? 2 * n->room : 16;
    char **text = reap_realloc(n->text, room * sizeof(*text));
    uint32_t *slot = reap_calloc(2 * room, sizeof(*slot));

    if (text)
        n->text = text;
    if (!text || !slot) {
        reap_free(slot);
        return string_set_no_memory(err);
    }
    reap_free(n->slot);
    n->slot = slot;
    n->room = room;
    string_set_fill(n);
    return REAP_OK;
}

int reap_string_set_new(struct reap_string_set **out, struct reap_err *err)
{
    *out = reap_calloc(1, sizeof(**out));
    if (!*out)
        return string_set_no_memory(err);
    if (string_set_grow(*out, err)) {
        reap_string_set_free(out);
        return REAP_ENOMEM;
    }
    return REAP_OK;
}

int reap_string_set_add(struct reap_string_set *n, const char *text,
                        uint32_t *number, struct reap_err *err)
{
    size_t at = string_set_look(n, text);

    if (n->slot[at]) {
        *number = n->slot[at] - 1;
        return REAP_OK;
    }
    if (n->n == n->room) {
        if (string_set_grow(n, err))
            return REAP_ENOMEM;
        at = string_set_look(n, text);
    }
    n->text[n->n] = reap_strdup(text);
    if (!n->text[n->n])
        return string_set_no_memory(err);
    *number = (uint32_t)n->n++;
    n->slot[at] = (uint32_t)n->n;
    return REAP_OK;
}

uint32_t reap_string_set_find(const struct reap_string_set *n, const char *text)
{
    return n->slot[string_set_look(n, text)] - 1;
}

size_t reap_string_set_count(const struct reap_string_set *n)
{
    return n->n;
}

const char *reap_string_set_text(const struct reap_string_set *n, size_t i)
{
    return n->text[i];
}

struct item {
    char *text;
    uint32_t was;
};

static int by_bytes(const void *a, const void *b)
{
    return strcmp(((const struct item *)a)->text,
                  ((const struct item *)b)->text);
}

/* As numbers without leading zeros, which would be other texts. */
static int by_value(const void *a, const void *b)
{
    const char *p = ((const struct item *)a)->text,
               *q = ((const struct item *)b)->text;
    const size_t n = strlen(p), m = strlen(q);

    return n != m ? (n > m) - (n < m) : strcmp(p, q);
}

static bool whole_numbers(const struct reap_string_set *n)
{
    for (size_t i = 0; i < n->n; i++) {
        const char *t = n->text[i];

        if (!*t || t[strspn(t, "0123456789")] || (*t == '0' && t[1]))
            return false;
    }
    return true;
}

int reap_string_set_sort(struct reap_string_set *n, uint32_t *to,
                         struct reap_err *err)
{
    struct item *item = reap_calloc(n->n + 1, sizeof(*item));

    if (!item)
        return string_set_no_memory(err);
    for (size_t i = 0; i < n->n; i++)
        item[i] = (struct item){ n->text[i], (uint32_t)i };
    qsort(item, n->n, sizeof(*item), whole_numbers(n) ? by_value : by_bytes);
    for (size_t i = 0; i < n->n; i++) {
        n->text[i] = item[i].text;
        if (to)
            to[item[i].was] = (uint32_t)i;
    }
    reap_free(item);
    string_set_fill(n);
    return REAP_OK;
}

void reap_string_set_free(struct reap_string_set **n)
{
    if (!*n)
        return;
    for (size_t i = 0; i < (*n)->n; i++)
        reap_free((*n)->text[i]);
    reap_free((*n)->text);
    reap_free((*n)->slot);
    reap_free(*n);
    *n = NULL;
}
