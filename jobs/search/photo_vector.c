#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/mem.h"
#include "engine/head/l2.h"
#include "jobs/search/photo_vector.h"
#include "jobs/setup/setup_again.h"

enum { MAX_FILE = 1 << 30 };

struct reap_photo_vector {
    struct reap_setup setup;
    bool opened;
    char *text; /* the setup's */
    struct reap_prepare *prepare;
    struct reap_session *session;
    void *pixels, *out[REAP_MAX_OUTPUTS];
    size_t room, column, width;
};

/* What to type where the store's weights are not where they were. */
static int photo_vector_hint(const struct reap_vectors *v, int rc,
                             struct reap_err *err)
{
    char hash[100];
    struct reap_err why = *err;

    reap_store_view_line(&v->view, "made_of", "weights", hash, sizeof(hash));
    return reap_fail(
        err, rc,
        "a photo needs the weights that made %s (%.20s...): %.180s; "
        "give them by --weights FILE",
        v->view.path, hash, why.msg);
}

static int photo_vector_setup(struct reap_photo_vector *p,
                              const struct reap_vectors *v,
                              struct reap_err *err)
{
    const char *weights = v->o->weights;
    const size_t size = weights ? strlen(weights) + 16 : 1;
    char *more = reap_calloc(size, 1);
    int rc;

    if (!more)
        return reap_fail(err, REAP_ENOMEM, "no memory");
    if (weights)
        snprintf(more, size, "weights %s\n", weights);
    rc = reap_setup_again(&p->setup, &v->view, more, &p->text, err);
    reap_free(more);
    p->opened = !rc;
    if (rc == REAP_ENOTFOUND || rc == REAP_EMISFIT || rc == REAP_EINVAL)
        return photo_vector_hint(v, rc, err);
    return rc;
}

static int photo_vector_room(struct reap_photo_vector *p,
                             const struct reap_vectors *v, struct reap_err *err)
{
    const char *name = reap_embeddings_column(v->from);
    const struct reap_schema *s = &p->setup.schema;
    size_t h, w;

    reap_preset_size(&p->setup.preset, &h, &w);
    p->room = h * w * 3 * (p->setup.preset.norm.float_in ? sizeof(float) : 1);
    p->pixels = reap_aligned(p->room);
    p->width = v->width;
    while (p->column < s->n && strcmp(s->column[p->column].name, name) != 0)
        p->column++;
    if (p->column == s->n ||
        reap_column_count(&s->column[p->column]) != v->width)
        return reap_fail(err, REAP_EBUG, "no column %s", name);
    for (size_t i = 0; i < s->n && p->pixels; i++) {
        p->out[i] = reap_aligned(reap_column_count(&s->column[i]) * 4);
        if (!p->out[i])
            return reap_fail(err, REAP_ENOMEM, "no memory");
    }
    return p->pixels ? REAP_OK : reap_fail(err, REAP_ENOMEM, "no memory");
}

int reap_photo_vector_open(struct reap_photo_vector **out,
                           const struct reap_vectors *v, struct reap_err *err)
{
    struct reap_photo_vector *p = *out = reap_calloc(1, sizeof(*p));
    int rc = p ? photo_vector_setup(p, v, err)
               : reap_fail(err, REAP_ENOMEM, "no memory");

    if (!rc)
        rc = photo_vector_room(p, v, err);
    if (!rc)
        rc = reap_prepare_new(&p->prepare, &p->setup.preset, &p->setup.limits,
                              err);
    if (!rc)
        rc = reap_session_new(&p->session, p->setup.engine, err);
    if (rc)
        reap_photo_vector_close(out);
    return rc;
}

static int photo_vector_read(const char *path, uint8_t **out, size_t *len,
                             struct reap_err *err)
{
    FILE *f = fopen(path, "rb");
    struct stat st;
    int rc = REAP_OK;

    *out = NULL;
    if (!f || fstat(fileno(f), &st))
        rc = reap_fail(err, errno == EACCES ? REAP_EACCESS : REAP_ENOTFOUND,
                       "%s: %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode) || st.st_size > MAX_FILE)
        rc = reap_fail(err, REAP_EFORMAT, "%s: not an image file", path);
    if (!rc) {
        *len = (size_t)st.st_size;
        *out = reap_calloc(*len + 1, 1);
        if (!*out)
            rc = reap_fail(err, REAP_ENOMEM, "%s: no memory", path);
        else if (fread(*out, 1, *len, f) != *len)
            rc = reap_fail(err, REAP_EIO, "%s: cannot be read", path);
    }
    if (f)
        fclose(f);
    return rc;
}

int reap_photo_vector_run(struct reap_photo_vector *p, const char *path,
                          float *to, struct reap_err *err)
{
    struct reap_image image = { .raw = false };
    const void *slot[1] = { p->pixels };
    struct reap_prepared done;
    uint8_t *bytes;
    size_t len = 0;
    int rc = photo_vector_read(path, &bytes, &len, err);

    if (!rc) {
        image.bytes = (struct reap_bytes){ bytes, len };
        reap_prepare_run(p->prepare, &image, p->pixels, p->room, &done);
        if (done.status != REAP_STATUS_ok)
            rc = reap_fail(err, REAP_EFORMAT, "%s: %s: %s", path,
                           reap_status_name(done.status), done.reason);
    }
    reap_free(bytes);
    if (rc)
        return rc;
    reap_session_run(p->session, 1, slot, p->out);
    if (p->setup.l2 & 1u << p->column)
        reap_l2(p->out[p->column], p->width);
    memcpy(to, p->out[p->column], p->width * sizeof(*to));
    return REAP_OK;
}

void reap_photo_vector_close(struct reap_photo_vector **photo)
{
    struct reap_photo_vector *p = *photo;

    if (!p)
        return;
    reap_session_free(&p->session);
    reap_prepare_free(&p->prepare);
    for (size_t i = 0; i < REAP_MAX_OUTPUTS; i++)
        reap_free(p->out[i]);
    reap_free(p->pixels);
    if (p->opened)
        reap_setup_close(&p->setup);
    reap_free(p->text);
    reap_free(p);
    *photo = NULL;
}
