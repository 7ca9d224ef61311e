/*
 * Many threads decode images and run the frozen part over a few at a time;
 * features go to the file of tune_cache.c, unless every epoch draws new views.
 */
#include <stdatomic.h>
#include <string.h>

#include "cluster/team_mpi.h"
#include "engine/base/mem.h"
#include "engine/train/loop.h"
#include "io/file/limits.h"
#include "io/file/text.h"
#include "jobs/tune/tune_cache.h"
#include "jobs/tune/tune_views.h"

enum { AT_ONCE = REAP_VIEWS_AT_ONCE };

/* What one thread needs to look at images. */
struct viewer {
    struct reap_cursor *cursor;
    struct reap_prepare *prepare;
    struct reap_session *session;
    uint8_t *pixels; /* (AT_ONCE, room) */
    float *features; /* (AT_ONCE, size) */
};

struct reap_views {
    struct reap_views_args a;
    size_t room, size;     /* bytes of pixels, floats of features */
    struct viewer *viewer; /* one for each thread */
    uint8_t *state;        /* enum reap_tune_state of each image */
    struct reap_tune_cache *cache;
    /* of the loop in hand */
    const size_t *item;
    const struct reap_augment *view;
    size_t n, first;
    float *to;
    atomic_int rc;
    atomic_size_t done;
    struct reap_err *err; /* by the first that fails */
};

static const struct reap_output *border(const struct reap_views_args *a)
{
    return reap_engine_output(a->engine, 0);
}

static size_t floats(const struct reap_views_args *a)
{
    const struct reap_output *o = border(a);

    return o->h * o->w * o->c;
}

uint64_t reap_views_bytes(const struct reap_views_args *a)
{
    return a->augment
               ? 0
               : reap_tune_cache_bytes(a->data->n, floats(a) * sizeof(float));
}

static void failed(struct reap_views *v, int rc, const struct reap_err *err)
{
    int none = REAP_OK;

    if (rc && atomic_compare_exchange_strong(&v->rc, &none, rc) && v->err)
        *v->err = *err;
}

/* ---- one image, by one thread ---- */

/* Its pixels in place 'at'; false if it is no good. */
static bool tune_views_prepare(struct reap_views *v, struct viewer *w, size_t i,
                               const struct reap_augment *view, size_t at,
                               struct reap_err *err, int *rc)
{
    const struct reap_bytes key = reap_tune_data_key(v->a.data, i);
    struct reap_prepared made = { .status = REAP_STATUS_ok };
    struct reap_image image;
    struct reap_record rec;
    char text[REAP_TEXT_ROOM(REAP_KEY_MAX)];
    uint32_t crc;

    *rc = reap_cursor_seek(w->cursor, key, &rec, err);
    if (!*rc && (rec.key.len != key.len ||
                 memcmp(rec.key.data, key.data, key.len) != 0))
        *rc = REAP_ENOTFOUND;
    if (*rc == REAP_ENOTFOUND)
        *rc = reap_fail(err, REAP_EIO,
                        "the dataset was changed during the run; run the same "
                        "command again");
    if (*rc)
        return false;
    made.status = reap_dataset_image(v->a.data->ds, w->cursor, &rec,
                                     REAP_LABEL_NONE, &image, &crc);
    if (made.status == REAP_STATUS_ok)
        reap_prepare_view(w->prepare, &image, view, w->pixels + at * v->room,
                          v->room, &made);
    reap_text_escape(text, sizeof(text), key);
    if (made.status != REAP_STATUS_ok)
        reap_fail(err, REAP_EFORMAT, "%.100s: %s", text, made.reason);
    return made.status == REAP_STATUS_ok;
}

static void tune_views_run(struct reap_views *v, struct viewer *w, size_t n,
                           float *to)
{
    const void *image[AT_ONCE];

    for (size_t i = 0; i < n; i++)
        image[i] = w->pixels + i * v->room;
    if (n)
        reap_session_run(w->session, n, image, (void *[]){ to });
}

static void show(struct reap_views *v, size_t n, size_t who)
{
    const size_t done = atomic_fetch_add(&v->done, n) + n;
    const int stopped = REAP_ESTOPPED;
    int none = REAP_OK;

    if (!who && !v->a.team.rank && v->a.progress)
        v->a.progress(v->a.ctx, done, v->n);
    if (v->a.stop && v->a.stop(v->a.ctx))
        atomic_compare_exchange_strong(&v->rc, &none, stopped);
}

/* Features of some images that are missing, to the file; or a look at them. */
static void first_look(void *ctx, size_t task, size_t who)
{
    struct reap_views *v = ctx;
    struct viewer *w = &v->viewer[who];
    const size_t from = v->first + task * AT_ONCE, last = v->first + v->n;
    size_t good[AT_ONCE], n = 0;
    struct reap_err err = { 0 };
    int rc = REAP_OK;

    for (size_t i = from; i < from + AT_ONCE && i < last && !v->rc; i++) {
        enum reap_tune_state state = REAP_TUNE_MISSING;

        if (v->cache)
            rc = reap_tune_cache_read(v->cache, i, w->features, &state, &err);
        v->state[i] = (uint8_t)state;
        if (rc || state != REAP_TUNE_MISSING)
            continue;
        if (tune_views_prepare(v, w, i, NULL, n, &err, &rc))
            good[n++] = i;
        else if (!rc && v->cache)
            rc = reap_tune_cache_write(v->cache, i, NULL, &err);
        v->state[i] = REAP_TUNE_BAD;
        failed(v, rc, &err);
    }
    if (v->cache && !v->rc)
        tune_views_run(v, w, n, w->features);
    for (size_t k = 0; k < n && !v->rc; k++) {
        v->state[good[k]] = REAP_TUNE_GOOD;
        if (v->cache)
            rc = reap_tune_cache_write(v->cache, good[k],
                                       w->features + k * v->size, &err);
        failed(v, rc, &err);
    }
    failed(v, rc, &err);
    show(v, from + AT_ONCE < last ? AT_ONCE : last - from, who);
}

/* Views of some images, or their features from the file. */
static void tune_views_load(void *ctx, size_t task, size_t who)
{
    struct reap_views *v = ctx;
    struct viewer *w = &v->viewer[who];
    const size_t from = task * AT_ONCE;
    const size_t n = v->n - from < AT_ONCE ? v->n - from : AT_ONCE;
    const bool stored = v->cache && !v->view;
    float *to = v->to + from * v->size;
    struct reap_err err = { 0 };
    int rc = REAP_OK;

    for (size_t k = 0; k < n && !rc; k++) {
        enum reap_tune_state state = REAP_TUNE_GOOD;

        if (stored)
            rc = reap_tune_cache_read(v->cache, v->item[from + k],
                                      to + k * v->size, &state, &err);
        else if (!tune_views_prepare(v, w, v->item[from + k],
                                     v->view ? &v->view[from + k] : NULL, k,
                                     &err, &rc))
            state = REAP_TUNE_BAD;
        if (!rc && state != REAP_TUNE_GOOD)
            rc = reap_wrap(&err, REAP_EFORMAT,
                           "an image or its features were good before and "
                           "are not now");
    }
    failed(v, rc, &err);
    if (!rc && !stored)
        tune_views_run(v, w, n, to);
}

/* ---- all of them ---- */

static int one_viewer(struct reap_views *v, struct viewer *w,
                      struct reap_err *err)
{
    int rc = reap_cursor_open(&w->cursor, v->a.data->ds, err);

    if (!rc)
        rc = reap_prepare_new(&w->prepare, v->a.preset, v->a.limits, err);
    if (!rc)
        rc = reap_session_new(&w->session, v->a.engine, err);
    w->pixels = rc ? NULL : reap_aligned(AT_ONCE * v->room);
    w->features =
        rc ? NULL : reap_aligned(AT_ONCE * v->size * sizeof(*w->features));
    if (!rc && (!w->pixels || !w->features))
        rc = reap_fail(err, REAP_ENOMEM, "no memory for images");
    return rc;
}

/* The file, by the first rank and then by the others. */
static int open_file(struct reap_views *v, struct reap_err *err)
{
    const struct reap_views_args *a = &v->a;
    const size_t bytes = v->size * sizeof(float);
    bool found;
    int rc = REAP_OK;

    if (!a->team.rank)
        rc = reap_tune_cache_open(&v->cache, a->path, a->fingerprint_text,
                                  a->data->n, bytes, true, &found, err);
    rc = reap_team_agree(&a->team, rc, err);
    if (!rc && a->team.rank)
        rc = reap_tune_cache_open(&v->cache, a->path, a->fingerprint_text,
                                  a->data->n, bytes, false, &found, err);
    return reap_team_agree(&a->team, rc, err);
}

static int look_at_all(struct reap_views *v, struct reap_err *err)
{
    const struct reap_team *team = &v->a.team;
    size_t *first = reap_calloc(team->ranks + 1, sizeof(*first));
    int rc = first ? REAP_OK : reap_fail(err, REAP_ENOMEM, "no memory");

    for (size_t r = 0; first && r <= team->ranks; r++)
        first[r] = v->a.data->n * r / team->ranks;
    if (!rc) {
        v->first = first[team->rank];
        v->n = first[team->rank + 1] - v->first;
        v->err = err;
        reap_loop_run(v->a.crew, (v->n + AT_ONCE - 1) / AT_ONCE, first_look, v);
        rc = v->rc;
    }
    if (rc == REAP_ESTOPPED)
        reap_fail(err, rc,
                  "stopped early; run the same command again to "
                  "resume");
    if (v->cache && (!rc || rc == REAP_ESTOPPED)) {
        const int synced = reap_tune_cache_sync(v->cache, err);

        rc = synced ? synced : rc;
    }
    rc = reap_team_agree(team, rc, err);
    if (!rc && team->share)
        rc = team->share(team->ctx, v->state, 1, first, err);
    reap_free(first);
    return rc;
}

int reap_views_open(struct reap_views **out, const struct reap_views_args *a,
                    struct reap_err *err)
{
    struct reap_views *v = reap_calloc(1, sizeof(*v));
    const size_t threads = reap_crew_size(a->crew);
    size_t h, w;
    int rc = REAP_OK;

    *out = NULL;
    if (v) {
        v->a = *a;
        v->size = floats(a);
        reap_preset_size(a->preset, &h, &w);
        v->room = h * w * 3 * (a->preset->norm.float_in ? sizeof(float) : 1);
        v->viewer = reap_calloc(threads, sizeof(*v->viewer));
        v->state = reap_calloc(a->data->n, 1);
    }
    if (!v || !v->viewer || !v->state)
        rc = reap_fail(err, REAP_ENOMEM, "no memory for images");
    for (size_t t = 0; t < threads && !rc; t++)
        rc = one_viewer(v, &v->viewer[t], err);
    rc = reap_team_agree(&a->team, rc, err);
    if (!rc && !a->augment)
        rc = open_file(v, err);
    if (!rc)
        rc = look_at_all(v, err);
    if (rc)
        reap_views_close(&v);
    *out = v;
    return rc;
}

bool reap_views_good(const struct reap_views *v, size_t i)
{
    return v->state[i] == REAP_TUNE_GOOD;
}

int reap_views_load(struct reap_views *v, const size_t *item, size_t n,
                    const struct reap_augment *view, float *to,
                    struct reap_err *err)
{
    v->item = item;
    v->n = n;
    v->view = view;
    v->to = to;
    v->err = err;
    atomic_store(&v->rc, REAP_OK);
    reap_loop_run(v->a.crew, (n + AT_ONCE - 1) / AT_ONCE, tune_views_load, v);
    return v->rc;
}

void reap_views_close(struct reap_views **vp)
{
    struct reap_views *v = *vp;

    if (!v)
        return;
    for (size_t t = 0; v->viewer && t < reap_crew_size(v->a.crew); t++) {
        struct viewer *w = &v->viewer[t];

        reap_cursor_close(&w->cursor);
        reap_prepare_free(&w->prepare);
        reap_session_free(&w->session);
        reap_free(w->pixels);
        reap_free(w->features);
    }
    reap_tune_cache_close(&v->cache);
    reap_free(v->viewer);
    reap_free(v->state);
    reap_free(v);
    *vp = NULL;
}
