/* The table of layouts, and which of them a dataset's samples have. What a
 * value of a layout holds is read by layout_<name>.c. */
#include <stdio.h>
#include <string.h>

#include "io/dataset/layout.h"

static const struct reap_layout row[] = {
#define LAYOUT(name, about) \
    { #name, about, reap_layout_##name##_knows, reap_layout_##name##_image },
#include "io/dataset/layouts.def"
#undef LAYOUT
};

static const struct {
    size_t at, len;
    const char *bytes;
    bool image;
    const char *name;
} magic[] = {
#define MAGIC(at, bytes, image, name) \
    { at, sizeof(bytes) - 1, bytes, image, name },
#include "io/dataset/magics.def"
#undef MAGIC
};

enum {
    N_ROWS = sizeof(row) / sizeof(row[0]),
    N_MAGICS = sizeof(magic) / sizeof(magic[0])
};

const struct reap_layout *reap_layout_at(size_t i)
{
    return i < N_ROWS ? &row[i] : NULL;
}

const struct reap_layout *reap_layout_of(struct reap_bytes value)
{
    for (size_t i = 0; i < N_ROWS; i++)
        if (row[i].knows(value))
            return &row[i];
    return NULL;
}

/* The first of the samples that has the layout (not 'not' if it is NULL). */
static const struct reap_record *first_of(const struct reap_record *rec,
                                          size_t n, const struct reap_layout *l,
                                          const struct reap_layout * not )
{
    for (size_t i = 0; i < n; i++) {
        const struct reap_layout *has = reap_layout_of(rec[i].value);

        if (l ? has == l : has && has != not )
            return &rec[i];
    }
    return NULL;
}

/* A stray record of another layout is that record's misfortune; as many as
 * that are a mix of two datasets. */
static bool is_mix(size_t most, size_t others)
{
    return others > 1 && 4 * others > most + others;
}

int reap_layout_find(const struct reap_layout **out,
                     const struct reap_record *rec, size_t n,
                     struct reap_err *err)
{
    size_t count[N_ROWS] = { 0 }, all = 0, best = 0;
    const struct reap_record *a, *b;

    *out = NULL;
    for (size_t i = 0; i < n; i++) {
        const struct reap_layout *l = reap_layout_of(rec[i].value);

        if (l) {
            count[l - row]++;
            all++;
        }
    }
    for (size_t i = 1; i < N_ROWS; i++)
        if (count[i] > count[best])
            best = i;
    if (all)
        *out = &row[best];
    if (!all || !is_mix(count[best], all - count[best]))
        return REAP_OK;
    a = first_of(rec, n, *out, NULL);
    b = first_of(rec, n, NULL, *out);
    return reap_fail(err, REAP_EFORMAT,
                     "records of two layouts: '%.*s' is %s, '%.*s' is %s; make "
                     "a dataset of each",
                     (int)a->key.len, (const char *)a->key.data, (*out)->about,
                     (int)b->key.len, (const char *)b->key.data,
                     reap_layout_of(b->value)->about);
}

static size_t find_magic(struct reap_bytes b)
{
    for (size_t i = 0; i < N_MAGICS; i++)
        if (b.len >= magic[i].at + magic[i].len &&
            !memcmp(b.data + magic[i].at, magic[i].bytes, magic[i].len))
            return i;
    return N_MAGICS;
}

const char *reap_layout_magic(struct reap_bytes b)
{
    const size_t i = find_magic(b);

    return i < N_MAGICS ? magic[i].name : NULL;
}

bool reap_layout_is_image(struct reap_bytes b)
{
    const size_t i = find_magic(b);

    return i < N_MAGICS && magic[i].image;
}
