#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/mem.h"
#include "io/file/npy_read.h"
#include "io/file/text.h"
#include "jobs/search/photo_vector.h"
#include "jobs/search/queries.h"

/* Room for one more, whose vector is returned; NULL: no memory. */
static float *queries_more(struct reap_queries *q, const char *name)
{
    if (q->n == q->room) {
        const size_t room = q->room ? 2 * q->room : 16;
        float *x = reap_realloc(q->x, room * q->width * sizeof(*x));
        int32_t *self;
        char **names;

        q->x = x ? x : q->x;
        self = x ? reap_realloc(q->self, room * sizeof(*self)) : NULL;
        q->self = self ? self : q->self;
        names = self ? reap_realloc(q->name, room * sizeof(*names)) : NULL;
        q->name = names ? names : q->name;
        if (!names)
            return NULL;
        q->room = room;
    }
    q->name[q->n] = reap_strdup(name);
    if (!q->name[q->n])
        return NULL;
    q->self[q->n] = -1;
    return q->x + q->n++ * q->width;
}

static int queries_no_memory(struct reap_err *err)
{
    return reap_fail(err, REAP_ENOMEM, "no memory for what is looked for");
}

static int queries_key(struct reap_queries *q, const struct reap_vectors *v,
                       const char *word, size_t row, struct reap_err *err)
{
    float *x = queries_more(q, word);

    if (!x)
        return queries_no_memory(err);
    q->self[q->n - 1] = (int32_t)row;
    reap_embeddings_load(v->from, row, x);
    return REAP_OK;
}

static bool all_finite(const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return false;
    return true;
}

static int queries_npy(struct reap_queries *q, const struct reap_vectors *v,
                       const char *path, struct reap_err *err)
{
    float *x = NULL;
    size_t n, width;
    int rc = reap_npy_read(path, &x, &n, &width, err);

    q->all_keys = false;
    if (!rc && width != v->width)
        rc = reap_fail(err, REAP_EMISFIT,
                       "%s holds vectors of %zu numbers, %s of %zu: were they "
                       "made by another network?",
                       path, width, v->view.path, v->width);
    for (size_t i = 0; i < n && !rc; i++) {
        char name[4200];
        float *to = NULL;

        snprintf(name, sizeof(name), "%s[%zu]", path, i);
        if (!all_finite(x + i * width, width))
            rc = reap_fail(err, REAP_EFORMAT,
                           "%s: there is NaN or infinity in it", name);
        else if (!(to = queries_more(q, name)))
            rc = queries_no_memory(err);
        else
            memcpy(to, x + i * width, width * sizeof(*to));
    }
    reap_free(x);
    return rc;
}

static int queries_photo(struct reap_queries *q, const struct reap_vectors *v,
                         const char *path, struct reap_err *err)
{
    struct reap_photo_vector *photos = q->photos;
    float *x;
    int rc = REAP_OK;

    q->all_keys = false;
    if (!photos)
        rc = reap_photo_vector_open(&photos, v, err);
    q->photos = photos;
    if (rc)
        return rc;
    x = queries_more(q, path);
    return x ? reap_photo_vector_run(photos, path, x, err)
             : queries_no_memory(err);
}

static bool ends_in(const char *word, const char *ending)
{
    const size_t n = strlen(word), m = strlen(ending);

    return n > m && !strcmp(word + n - m, ending);
}

static int queries_word(struct reap_queries *q, const struct reap_vectors *v,
                        const char *word, struct reap_err *err)
{
    struct reap_bytes key = { NULL, 0 };
    uint8_t *bytes = reap_calloc(strlen(word) + 1, 1);
    struct stat st;
    size_t row;

    if (!bytes)
        return queries_no_memory(err);
    key.len = reap_text_unescape(word, bytes);
    key.data = bytes;
    row = reap_vectors_find(v, key);
    reap_free(bytes);
    if (row != SIZE_MAX)
        return queries_key(q, v, word, row, err);
    if (stat(word, &st) || S_ISDIR(st.st_mode))
        return reap_fail(err, REAP_ENOTFOUND,
                         "%s is neither a key of %s with an embedding nor a "
                         "file; reap export %s -o keys.csv lists its keys",
                         word, v->view.path, v->view.path);
    return ends_in(word, ".npy") ? queries_npy(q, v, word, err)
                                 : queries_photo(q, v, word, err);
}

int reap_queries_open(struct reap_queries *q, const struct reap_vectors *v,
                      struct reap_err *err)
{
    int rc = REAP_OK;

    memset(q, 0, sizeof(*q));
    q->width = v->width;
    q->all_keys = true;
    for (int i = 1; i < v->o->n_args && !rc; i++)
        rc = queries_word(q, v, v->o->args[i], err);
    return rc;
}

void reap_queries_close(struct reap_queries *q)
{
    struct reap_photo_vector *photos = q->photos;

    reap_photo_vector_close(&photos);
    for (size_t i = 0; i < q->n; i++)
        reap_free(q->name[i]);
    reap_free(q->name);
    reap_free(q->self);
    reap_free(q->x);
    memset(q, 0, sizeof(*q));
}
