/* Which of a group of near duplicates to keep. Images are decoded as for a
 * network, in the sandbox: that tells their size, and how sharp they are. */
#include <string.h>

#include "engine/base/mem.h"
#include "jobs/cli/progress.h"
#include "jobs/cli/remark.h"
#include "jobs/search/copies.h"
#include "jobs/setup/preprocess.h"

struct choosing {
    struct reap_vectors *v;
    struct reap_prepare *prepare;
    uint8_t *pixels;
    size_t room;
    float *a, *b; /* vectors */
    struct reap_progress line;
};

static double copies_grey(const uint8_t *p)
{
    return 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2];
}

/* Variance of the Laplacian of (h, w, 3) pixels. */
static double copies_sharp(const uint8_t *p, size_t h, size_t w)
{
    const size_t row = 3 * w;
    double sum = 0, squares = 0, n = 0;

    for (size_t y = 1; y + 1 < h; y++)
        for (size_t x = 1; x + 1 < w; x++) {
            const uint8_t *at = p + y * row + 3 * x;
            const double l = copies_grey(at - row) + copies_grey(at + row) +
                             copies_grey(at - 3) + copies_grey(at + 3) -
                             4 * copies_grey(at);

            sum += l;
            squares += l * l;
            n++;
        }
    return n > 0 ? squares / n - sum / n * (sum / n) : 0;
}

static int copies_look(struct choosing *c, struct reap_copy *copy,
                       struct reap_err *err)
{
    struct reap_store_view *view = &c->v->view;
    const struct reap_bytes key = reap_vectors_key(c->v, copy->row);
    struct reap_prepared done;
    struct reap_record rec;
    struct reap_image image;
    uint32_t crc;
    int rc = reap_cursor_seek(view->cursor, key, &rec, err);

    if (rc == REAP_ENOTFOUND || (!rc && reap_bytes_compare(rec.key, key)))
        return REAP_OK; /* it has left the dataset */
    if (rc || reap_dataset_image(view->dataset, view->cursor, &rec,
                                 REAP_LABEL_NONE, &image, &crc))
        return rc;
    reap_prepare_run(c->prepare, &image, c->pixels, c->room, &done);
    if (done.status != REAP_STATUS_ok)
        return REAP_OK;
    copy->h = done.src_h;
    copy->w = done.src_w;
    copy->sharp = copies_sharp(c->pixels, done.h, done.w);
    return REAP_OK;
}

static bool copies_better(const struct reap_copy *a, const struct reap_copy *b)
{
    const size_t x = a->h * a->w, y = b->h * b->w;

    return x != y ? x > y : a->sharp > b->sharp;
}

static void copies_choose_group(const struct reap_copies *c, size_t g,
                                struct choosing *by)
{
    const size_t width = by->v->width;
    struct reap_copy *best = &c->copy[c->first[g]];

    for (size_t i = c->first[g] + 1; i < c->first[g + 1]; i++)
        if (copies_better(&c->copy[i], best))
            best = &c->copy[i];
    best->keep = true;
    reap_near_unit(by->v->near, best->row, by->a);
    for (size_t i = c->first[g]; i < c->first[g + 1]; i++) {
        double sum = 0;

        reap_near_unit(by->v->near, c->copy[i].row, by->b);
        for (size_t k = 0; k < width; k++)
            sum += (double)by->a[k] * (double)by->b[k];
        c->copy[i].cosine = sum > 1 ? 1 : (float)sum;
    }
}

/* The dataset, and what decodes its images; without it there are no sizes. */
static int choosing_open(struct choosing *c, struct reap_err *err)
{
    struct reap_limits limits;
    struct reap_preset preset;
    size_t h, w;
    bool guessed;
    int rc;

    reap_store_view_dataset(&c->v->view, c->v->o->dataset);
    if (!c->v->view.dataset) {
        reap_remark(c->v->o,
                    "the first key of each group is kept, as sizes are not "
                    "known: %s",
                    c->v->view.why);
        return REAP_OK;
    }
    rc = reap_preprocess_preset(c->v->o, "torchvision-v1", NULL, &preset,
                                &guessed, err);
    if (!rc)
        rc = reap_preprocess_limits(c->v->o, &limits, err);
    if (rc)
        return rc;
    limits.formats = ~0u;
    reap_preset_size(&preset, &h, &w);
    c->room = h * w * 3;
    c->pixels = reap_aligned(c->room);
    return c->pixels ? reap_prepare_new(&c->prepare, &preset, &limits, err)
                     : reap_fail(err, REAP_ENOMEM, "no memory for pixels");
}

int reap_copies_choose(struct reap_copies *c, struct reap_vectors *v,
                       struct reap_err *err)
{
    struct choosing by = { .v = v };
    int rc = reap_vectors_measure(v, err);

    if (!c->n || rc)
        return rc;
    by.a = reap_calloc(v->width, 2 * sizeof(float));
    by.b = by.a ? by.a + v->width : NULL;
    rc = by.a ? choosing_open(&by, err)
              : reap_fail(err, REAP_ENOMEM, "no memory for vectors");
    reap_progress_start(&by.line, v->o, "duplicates looked at", 0);
    for (size_t i = 0; i < c->n && by.prepare && !rc; i++) {
        rc = copies_look(&by, &c->copy[i], err);
        reap_progress_show(&by.line, i + 1, c->n, "");
    }
    reap_progress_stop(&by.line);
    for (size_t g = 0; g < c->n_groups && !rc; g++)
        copies_choose_group(c, g, &by);
    reap_prepare_free(&by.prepare);
    reap_free(by.pixels);
    reap_free(by.a);
    return rc;
}
