/* --head as a function from embeddings to scores: a fitted head here,
 * neighbours in predictor_knn.c. */
#include <stdio.h>
#include <string.h>

#include "io/weights/head_file.h"
#include "jobs/setup/predictor.h"

static int head_fits(const void *ctx, const char *fingerprint_text,
                     const char *quantized_from, struct reap_err *err)
{
    return reap_head_file_fits(ctx, fingerprint_text, quantized_from, err);
}

static size_t head_scratch(const void *ctx, size_t n)
{
    const struct reap_head_file *f = ctx;

    return reap_head_scratch(f->head, n);
}

static void head_run(const void *ctx, size_t n, const float *x, float *logits,
                     float *probs, float *scratch)
{
    const struct reap_head_file *f = ctx;

    reap_head_run(f->head, n, x, logits, probs, scratch);
}

static void head_close(void *ctx)
{
    struct reap_head_file *f = ctx;

    reap_head_file_free(&f);
}

static int open_head(struct reap_predictor *p, const char *path,
                     const char *truth, struct reap_err *err)
{
    struct reap_head_file *f;
    int rc = truth ? reap_fail(err, REAP_EINVAL,
                               "--truth: a head that was fitted needs no "
                               "labels; it is for --head knn:STORE:K")
                   : reap_head_file_read(&f, path, err);

    if (rc)
        return rc;
    *p = (struct reap_predictor){ .by = { .feature = f->feature,
                                          .l2 = reap_head_file_l2(f),
                                          .in = reap_head_in(f->head),
                                          .classes = f->n_labels,
                                          .ctx = f,
                                          .scratch = head_scratch,
                                          .run = head_run },
                                  .labels = f->labels,
                                  .preset = f->preset,
                                  .multi = reap_head_file_multi(f),
                                  .own = f,
                                  .fits = head_fits,
                                  .close = head_close };
    snprintf(p->id, sizeof(p->id), "head=sha256:%s", f->sha256);
    return REAP_OK;
}

/* Kinds of --head by how the text begins; the last takes what is left. */
static const struct {
    const char *prefix;
    int (*open)(struct reap_predictor *p, const char *text, const char *truth,
                struct reap_err *err);
} kinds[] = {
    { "knn:", reap_predictor_knn },
    { "", open_head },
};

int reap_predictor_open(struct reap_predictor *p, const char *text,
                        const char *truth, struct reap_err *err)
{
    size_t i = 0;

    memset(p, 0, sizeof(*p));
    while (strncmp(text, kinds[i].prefix, strlen(kinds[i].prefix)) != 0)
        i++;
    return kinds[i].open(p, text + strlen(kinds[i].prefix), truth, err);
}

void reap_predictor_close(struct reap_predictor *p)
{
    if (p->close)
        p->close(p->own);
    memset(p, 0, sizeof(*p));
}
