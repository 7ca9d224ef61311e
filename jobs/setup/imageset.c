/* Batches of decoded images by the same steps as pipeline/prepare.h, in one
 * thread. */
#include <string.h>

#include "engine/base/mem.h"
#include "io/dataset/dataset.h"
#include "io/file/limits.h"
#include "io/file/text.h"
#include "jobs/setup/imageset.h"

struct source {
    struct reap_dataset *ds;
    struct reap_cursor *cursor;
    struct reap_prepare *prepare;
    uint64_t limit;
    size_t batch, room; /* room: bytes of an image */
    bool begun;
    uint8_t *pixels;
    const void **images;
    char **keys, *text;
};

enum { KEY_ROOM = REAP_TEXT_ROOM(REAP_KEY_MAX) };

static int imageset_make_room(struct source *s, struct reap_err *err)
{
    s->images = reap_calloc(s->batch, sizeof(*s->images));
    s->keys = reap_calloc(s->batch, sizeof(*s->keys));
    s->text = reap_calloc(s->batch, KEY_ROOM);
    s->pixels = reap_calloc(s->batch, s->room);
    if (!s->images || !s->keys || !s->text || !s->pixels)
        return reap_fail(err, REAP_ENOMEM, "no memory for %zu images",
                         s->batch);
    for (size_t i = 0; i < s->batch; i++) {
        s->images[i] = s->pixels + i * s->room;
        s->keys[i] = s->text + i * KEY_ROOM;
    }
    return REAP_OK;
}

int reap_imageset_open(struct reap_imageset *p, const char *path,
                       const struct reap_preset *preset,
                       const struct reap_limits *limits, size_t batch,
                       uint64_t limit, struct reap_err *err)
{
    struct source *s = reap_calloc(1, sizeof(*s));
    size_t h, w;
    int rc;

    memset(p, 0, sizeof(*p));
    p->own = s;
    if (!s)
        return reap_fail(err, REAP_ENOMEM, "no memory for images");
    reap_preset_size(preset, &h, &w);
    s->limit = limit;
    s->batch = batch;
    s->room = h * w * 3 * (preset->norm.float_in ? sizeof(float) : 1);
    rc = reap_dataset_open(&s->ds, path, err);
    if (!rc)
        rc = reap_cursor_open(&s->cursor, s->ds, err);
    if (!rc)
        rc = reap_prepare_new(&s->prepare, preset, limits, err);
    if (!rc)
        rc = imageset_make_room(s, err);
    if (rc)
        reap_imageset_close(p);
    p->images = rc ? NULL : s->images;
    p->keys = rc ? NULL : s->keys;
    return rc;
}

/* Is the record an image? Then it is the next of the batch. */
static void imageset_take(struct reap_imageset *p,
                          const struct reap_record *rec)
{
    struct source *s = p->own;
    struct reap_image image;
    struct reap_prepared made;
    uint32_t crc;

    p->done++;
    made.status = reap_dataset_image(s->ds, s->cursor, rec, REAP_LABEL_NONE,
                                     &image, &crc);
    if (made.status == REAP_STATUS_ok)
        reap_prepare_run(s->prepare, &image, s->pixels + p->n * s->room,
                         s->room, &made);
    if (made.status != REAP_STATUS_ok) {
        p->bad++;
        return;
    }
    reap_text_escape(s->keys[p->n], KEY_ROOM, rec->key);
    p->n++;
}

int reap_imageset_next(struct reap_imageset *p, struct reap_err *err)
{
    struct source *s = p->own;
    struct reap_record rec;
    int rc = REAP_OK;

    p->n = 0;
    while (!rc && p->n < s->batch && (!s->limit || p->done < s->limit)) {
        if (s->begun)
            rc = reap_cursor_next(s->cursor, &rec, err);
        else
            rc = reap_cursor_seek(s->cursor, (struct reap_bytes){ NULL, 0 },
                                  &rec, err);
        s->begun = true;
        if (!rc)
            imageset_take(p, &rec);
    }
    return rc == REAP_ENOTFOUND ? REAP_OK : rc;
}

void reap_imageset_close(struct reap_imageset *p)
{
    struct source *s = p->own;

    p->own = NULL;
    if (!s)
        return;
    reap_prepare_free(&s->prepare);
    reap_cursor_close(&s->cursor);
    reap_dataset_close(&s->ds);
    reap_free(s->images);
    reap_free(s->keys);
    reap_free(s->text);
    reap_free(s->pixels);
    reap_free(s);
}
