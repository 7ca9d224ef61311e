/*
 * Sources of a dataset, of this import and of those before. Where a file really
 * is decides which source owns it, and with that its key: so a file that is
 * reached twice, by a folder and by a list, or by a folder in a folder, is one
 * record, and keys stay as they are when a command names more.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/file/string_set.h"
#include "io/import/import_impl.h"

struct reap_sources {
    pthread_mutex_t mutex;
    struct reap_string_set *known; /* kind and path */
    struct reap_source **all;
    reap_sources_has *has; /* asked for records of named files */
    void *ctx;
    size_t n, room;
};

int reap_sources_new(struct reap_sources **out, struct reap_err *err)
{
    struct reap_sources *s = reap_calloc(1, sizeof(*s));

    *out = s;
    if (!s)
        return reap_fail(err, REAP_ENOMEM, "no memory for sources");
    pthread_mutex_init(&s->mutex, NULL);
    if (!reap_string_set_new(&s->known, err))
        return REAP_OK;
    reap_sources_free(out);
    return REAP_ENOMEM;
}

void reap_sources_free(struct reap_sources **s)
{
    struct reap_sources *old = *s;

    if (!old)
        return;
    *s = NULL;
    for (size_t i = 0; i < old->n; i++)
        reap_free(old->all[i]);
    reap_free(old->all);
    reap_string_set_free(&old->known);
    pthread_mutex_destroy(&old->mutex);
    reap_free(old);
}

size_t reap_sources_count(struct reap_sources *s)
{
    size_t n;

    pthread_mutex_lock(&s->mutex);
    n = s->n;
    pthread_mutex_unlock(&s->mutex);
    return n;
}

const struct reap_source *reap_sources_at(struct reap_sources *s, size_t i)
{
    const struct reap_source *at;

    pthread_mutex_lock(&s->mutex);
    at = i < s->n ? s->all[i] : NULL;
    pthread_mutex_unlock(&s->mutex);
    return at;
}

/* A source in one piece of memory, at the end of the array. */
static bool append(struct reap_sources *s, enum reap_source_kind kind,
                   const char *path, const char *prefix)
{
    const size_t n = strlen(path) + 1, m = strlen(prefix) + 1;
    struct reap_source *new;

    if (s->n == s->room) {
        const size_t room = s->room ? 2 * s->room : 16;
        struct reap_source **p = reap_realloc(s->all, room * sizeof(*p));

        if (!p)
            return false;
        s->all = p;
        s->room = room;
    }
    new = reap_calloc(1, sizeof(*new) + n + m);
    if (!new)
        return false;
    new->kind = kind;
    new->path = (char *)(new + 1);
    new->prefix = new->path + n;
    memcpy(new->path, path, n);
    memcpy(new->prefix, prefix, m);
    s->all[s->n++] = new;
    return true;
}

int reap_sources_add(struct reap_sources *s, enum reap_source_kind kind,
                     const char *path, const char *prefix, bool now,
                     uint32_t *number, struct reap_err *err)
{
    char name[PATH_MAX + 2];
    int rc = REAP_OK;

    if (snprintf(name, sizeof(name), "%c%s", (char)kind, path) >=
        (int)sizeof(name))
        return reap_fail(err, REAP_ENOTFOUND, "%.80s...: the path is too long",
                         path);
    pthread_mutex_lock(&s->mutex);
    *number = reap_string_set_find(s->known, name);
    if (*number == UINT32_MAX) {
        if (!append(s, kind, path, prefix))
            rc = reap_fail(err, REAP_ENOMEM, "no memory for sources");
        if (!rc)
            rc = reap_string_set_add(s->known, name, number, err);
    }
    if (!rc && now)
        s->all[*number]->now = true;
    pthread_mutex_unlock(&s->mutex);
    return rc;
}

/* ---- who owns a file ---- */

/* What is known of a path's owner while its folders are gone through. */
struct search {
    struct reap_sources *s;
    const char *path;
    uint32_t folder, files, recorded; /* UINT32_MAX: none */
};

static uint32_t find(struct reap_sources *s, enum reap_source_kind kind,
                     char *name)
{
    name[0] = (char)kind;
    return reap_string_set_find(s->known, name);
}

/* The key that the file has by a source. Owned. */
static char *key_by(const struct reap_source *src, const char *path)
{
    const size_t n = strlen(src->path);

    return reap_import_path(src->prefix, path + (n > 1 ? n : 0));
}

static void look(struct search *f, char *name, bool whole)
{
    uint32_t n = find(f->s, REAP_SOURCE_FOLDER, name);

    if (n < f->folder && !whole)
        f->folder = n;
    n = whole ? find(f->s, REAP_SOURCE_ARCHIVE, name) : UINT32_MAX;
    if (n < f->folder)
        f->folder = n;
    n = whole ? UINT32_MAX : find(f->s, REAP_SOURCE_FILES, name);
    if (n == UINT32_MAX)
        return;
    if (f->s->all[n]->now && n < f->files)
        f->files = n;
    if (n < f->recorded) {
        char *key = key_by(f->s->all[n], f->path);

        if (key && f->s->has && f->s->has(f->s->ctx, key, n))
            f->recorded = n;
        reap_free(key);
    }
}

void reap_sources_ask(struct reap_sources *s, reap_sources_has *has, void *ctx)
{
    s->has = has;
    s->ctx = ctx;
}

bool reap_sources_owner(struct reap_sources *s, const char *path,
                        uint32_t *number, char **key)
{
    struct search f = { s, path, UINT32_MAX, UINT32_MAX, UINT32_MAX };
    char name[PATH_MAX + 2];
    size_t n = strlen(path);

    *key = NULL;
    if (n >= PATH_MAX)
        return false;
    memcpy(name + 1, path, n + 1);
    pthread_mutex_lock(&s->mutex);
    look(&f, name, true);
    while (n) {
        while (n && name[n] != '/')
            n--;
        name[n > 1 ? n : 2] = '\0';
        look(&f, name, false);
        n = n > 1 ? n - 1 : 0;
    }
    *number = f.recorded != UINT32_MAX ? f.recorded
              : f.folder != UINT32_MAX ? f.folder
                                       : f.files;
    if (*number != UINT32_MAX)
        *key = key_by(s->all[*number], path);
    pthread_mutex_unlock(&s->mutex);
    return *number != UINT32_MAX;
}
