/* Image files given on the command line: one session, one image after the
 * other, printed and not stored. */
#define _GNU_SOURCE
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/mem.h"
#include "engine/head/l2.h"
#include "io/file/text.h"
#include "jobs/run/photos.h"

enum { MAX_FILE = 1 << 30, SHOWN = 4, NAME_WIDTH = 40 };

/* LMDB's magic number, after the header of its first page. */
static bool is_lmdb(FILE *f)
{
    uint8_t head[20];

    return fread(head, 1, sizeof(head), f) == sizeof(head) &&
           !memcmp(head + 16, "\xde\xc0\xef\xbe", 4);
}

bool reap_photos_given(const struct reap_options *o)
{
    struct stat st;
    FILE *f;
    bool photo;

    if (!o->n_args || stat(o->args[0], &st) || !S_ISREG(st.st_mode))
        return false;
    f = fopen(o->args[0], "rb");
    photo = !f || !is_lmdb(f);
    if (f)
        fclose(f);
    return photo;
}

static int photos_read_file(const char *path, uint8_t **out, size_t *len,
                            struct reap_err *err)
{
    FILE *f = fopen(path, "rb");
    struct stat st;
    int rc = REAP_OK;

    *out = NULL;
    if (!f || fstat(fileno(f), &st)) {
        rc = reap_fail(err, errno == EACCES ? REAP_EACCESS : REAP_ENOTFOUND,
                       "%s: %s", path, strerror(errno));
        goto out;
    }
    if (!S_ISREG(st.st_mode) || st.st_size > MAX_FILE) {
        rc = reap_fail(err, REAP_EFORMAT, "%s: not an image file", path);
        goto out;
    }
    *len = (size_t)st.st_size;
    *out = reap_calloc(*len + 1, 1);
    if (!*out)
        rc = reap_fail(err, REAP_ENOMEM, "%s: no memory", path);
    else if (fread(*out, 1, *len, f) != *len)
        rc = reap_fail(err, REAP_EIO, "%s: cannot be read", path);
out:
    if (f)
        fclose(f);
    return rc;
}

static void print_top(const struct reap_setup *s, const struct reap_top *top,
                      size_t k)
{
    for (size_t i = 0; i < k; i++) {
        const char *wnid = reap_labels_wnid(s->labels, (size_t)top[i].index);

        printf("  %7.4f  %4d  %s%s%s\n", (double)top[i].prob, top[i].index,
               wnid, *wnid ? "  " : "",
               reap_labels_name(s->labels, (size_t)top[i].index));
    }
}

static void print_values(const char *name, const float *x, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    printf("  %s: %zu values, length %.4f:", name, n, sqrt(sum));
    for (size_t i = 0; i < n && i < SHOWN; i++)
        printf(" %.5f", (double)x[i]);
    printf("%s\n", n > SHOWN ? " ..." : "");
}

static json_t *json_top(const struct reap_setup *s, const struct reap_top *top,
                        size_t k)
{
    json_t *list = json_array();

    for (size_t i = 0; i < k; i++) {
        size_t c = (size_t)top[i].index;
        json_t *one = json_pack("{si,ss,sf}", "index", (int)c, "name",
                                reap_labels_name(s->labels, c), "prob",
                                (double)top[i].prob);

        if (*reap_labels_wnid(s->labels, c))
            json_object_set_new(one, "wnid",
                                json_string(reap_labels_wnid(s->labels, c)));
        json_array_append_new(list, one);
    }
    return list;
}

static json_t *json_values(const float *x, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_real((double)x[i]));
    return list;
}

static void print_photo(const struct reap_setup *s, const char *path,
                        void *const *out)
{
    reap_text_line(stdout, path);
    for (size_t i = 0; i < s->schema.n; i++) {
        const struct reap_column *c = &s->schema.column[i];

        if (c->kind == REAP_COLUMN_TOP)
            print_top(s, out[i], c->c);
        else
            print_values(c->name, out[i], reap_column_count(c));
    }
}

static void photos_print_json(const struct reap_setup *s, const char *path,
                              void *const *out)
{
    json_t *o = json_pack("{ss,ss}", "key", path, "status", "ok");

    for (size_t i = 0; i < s->schema.n; i++) {
        const struct reap_column *c = &s->schema.column[i];

        json_object_set_new(o, c->name,
                            c->kind == REAP_COLUMN_TOP
                                ? json_top(s, out[i], c->c)
                                : json_values(out[i], reap_column_count(c)));
    }
    json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(o);
}

/* A photo that cannot be used is reported in its place among the others. */
static void print_bad(const struct reap_options *o, const char *path,
                      const struct reap_prepared *p)
{
    json_t *line;

    if (!o->json) {
        {
            reap_text_line(stdout, path);
            printf("  %s: %s\n", reap_status_name(p->status), p->reason);
        }
        return;
    }
    line = json_pack("{ss,ss,ss}", "key", path, "status",
                     reap_status_name(p->status), "reason", p->reason);
    json_dumpf(line, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(line);
}

static int one_photo(struct reap_setup *s, const struct reap_options *o,
                     const char *path, struct reap_prepare *prepare,
                     struct reap_session *session, void *pixels, size_t room,
                     void *const *out, struct reap_err *err)
{
    struct reap_image image = { .raw = false };
    struct reap_prepared p;
    const void *slot[1] = { pixels };
    uint8_t *bytes;
    size_t len = 0;
    int rc = photos_read_file(path, &bytes, &len, err);

    if (rc)
        return rc;
    image.bytes = (struct reap_bytes){ bytes, len };
    reap_prepare_run(prepare, &image, pixels, room, &p);
    reap_free(bytes);
    if (p.status != REAP_STATUS_ok)
        print_bad(o, path, &p);
    if (p.status != REAP_STATUS_ok)
        return reap_fail(err, REAP_EFORMAT, "%s: %s: %s", path,
                         reap_status_name(p.status), p.reason);
    reap_session_run(session, 1, slot, out);
    for (size_t i = 0; i < s->schema.n; i++)
        if (s->l2 & 1u << i)
            reap_l2(out[i], reap_column_count(&s->schema.column[i]));
    if (o->json)
        photos_print_json(s, path, out);
    else
        print_photo(s, path, out);
    return REAP_OK;
}

int reap_photos_run(struct reap_setup *s, const struct reap_options *o,
                    struct reap_err *err)
{
    void *out[REAP_MAX_OUTPUTS] = { 0 }, *pixels = NULL;
    struct reap_prepare *prepare = NULL;
    struct reap_session *session = NULL;
    struct reap_err first;
    size_t h, w, room;
    int rc, one;

    reap_preset_size(&s->preset, &h, &w);
    room = h * w * 3 * (s->preset.norm.float_in ? sizeof(float) : 1);
    pixels = reap_aligned(room);
    rc = pixels ? REAP_OK : reap_fail(err, REAP_ENOMEM, "no memory");
    for (size_t i = 0; i < s->schema.n && !rc; i++) {
        out[i] = reap_aligned(reap_column_count(&s->schema.column[i]) * 4);
        if (!out[i])
            rc = reap_fail(err, REAP_ENOMEM, "no memory");
    }
    if (!rc)
        rc = reap_prepare_new(&prepare, &s->preset, &s->limits, err);
    if (!rc)
        rc = reap_session_new(&session, s->engine, err);
    for (int i = 0; i < o->n_args && prepare && session; i++) {
        one = one_photo(s, o, o->args[i], prepare, session, pixels, room, out,
                        &first);
        if (one && !rc)
            rc = reap_fail(err, one, "%s", first.msg);
    }
    reap_session_free(&session);
    reap_prepare_free(&prepare);
    for (size_t i = 0; i < s->schema.n; i++)
        reap_free(out[i]);
    reap_free(pixels);
    return rc;
}
