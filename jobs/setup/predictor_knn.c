/*
 * --head knn:STORE:K: each class has the share of the K nearest labelled rows
 * of STORE, by cosine, that bear it. Of classes with equal shares the lower one
 * comes first, as in scikit-learn's KNeighborsClassifier.
 */
#include <math.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/head/knn.h"
#include "io/weights/head_file.h"
#include "jobs/setup/examples.h"
#include "jobs/setup/predictor.h"

enum { NEIGHBOURS = 10, MOST = 10000 };

struct near {
    struct reap_knn *knn;
    size_t k, classes;
    int32_t *label; /* of each row */
    char **name;    /* (classes) */
    char preset[32], *path;
    struct reap_head_file like; /* what its embeddings are */
};

/* STORE, which is copied, and K. */
static int predictor_knn_parse(struct near *n, const char *text,
                               struct reap_err *err)
{
    char *colon, *end;

    n->k = NEIGHBOURS;
    n->path = reap_strdup(text);
    if (!n->path)
        return reap_fail(err, REAP_ENOMEM, "no memory for neighbours");
    colon = strrchr(n->path, ':');
    if (colon && colon[1] &&
        strspn(colon + 1, "0123456789") == strlen(colon + 1)) {
        n->k = strtoul(colon + 1, &end, 10);
        *colon = '\0';
    }
    if (!*n->path || !n->k || n->k > MOST)
        return reap_fail(err, REAP_EINVAL,
                         "--head knn:%s: a store and 1 to %d neighbours are "
                         "needed, as in knn:store:10",
                         text, MOST);
    return REAP_OK;
}

/* Name, preset and fingerprint_text of the embeddings, for
 * reap_head_file_fits(). */
static int predictor_knn_describe(struct near *n, const struct reap_examples *d,
                                  struct reap_err *err)
{
    const char *made = reap_store_meta(d->store, "made_of");
    const char *preset = reap_store_meta(d->store, "preset");

    snprintf(n->like.feature, sizeof(n->like.feature), "%s",
             reap_embeddings_column(d->embeddings));
    n->like.embeddings =
        made ? reap_head_embeddings(made, n->like.feature) : NULL;
    if (!n->like.embeddings)
        return reap_fail(err, REAP_EMISFIT,
                         "%s: how its embeddings were computed is not known",
                         n->path);
    if (preset)
        snprintf(n->preset, sizeof(n->preset), "%.*s",
                 (int)strcspn(preset, " "), preset);
    return REAP_OK;
}

static int copy_names(struct near *n, const struct reap_examples *d,
                      struct reap_err *err)
{
    n->classes = reap_string_set_count(d->classes);
    n->name = reap_calloc(n->classes, sizeof(*n->name));
    for (size_t i = 0; n->name && i < n->classes; i++) {
        n->name[i] = reap_strdup(reap_string_set_text(d->classes, i));
        if (!n->name[i])
            return reap_fail(err, REAP_ENOMEM, "no memory for classes");
    }
    return n->name ? REAP_OK
                   : reap_fail(err, REAP_ENOMEM, "no memory for classes");
}

/* Rows and labels, and a digest of both. */
static int predictor_knn_fill(struct near *n, const struct reap_examples *d,
                              EVP_MD_CTX *sha, struct reap_err *err)
{
    const size_t width = reap_embeddings_width(d->embeddings);
    float *x = reap_calloc(width, sizeof(*x));
    bool good = true;

    n->label = reap_calloc(d->n, sizeof(*n->label));
    if (!x || !n->label) {
        reap_free(x);
        return reap_fail(err, REAP_ENOMEM, "no memory for neighbours");
    }
    for (size_t i = 0; i < d->n; i++) {
        const char *name = n->name[d->label[d->at[i]]];

        n->label[i] = (int32_t)d->label[d->at[i]];
        reap_embeddings_load(d->embeddings, i, x);
        reap_knn_set(n->knn, i, x);
        good = good && EVP_DigestUpdate(sha, x, width * sizeof(*x)) &&
               EVP_DigestUpdate(sha, name, strlen(name) + 1);
    }
    reap_free(x);
    return good ? REAP_OK : reap_fail(err, REAP_ENOMEM, "sha256 failed");
}

static int digest_all(struct near *n, const struct reap_examples *d, char *id,
                      size_t size, struct reap_err *err)
{
    EVP_MD_CTX *sha = EVP_MD_CTX_new();
    uint8_t sum[EVP_MAX_MD_SIZE];
    size_t used = (size_t)snprintf(id, size, "head=knn:%zu:sha256:", n->k);
    int rc = sha && EVP_DigestInit_ex(sha, EVP_sha256(), NULL)
                 ? predictor_knn_fill(n, d, sha, err)
                 : reap_fail(err, REAP_ENOMEM, "sha256 failed");

    if (!rc && !EVP_DigestFinal_ex(sha, sum, NULL))
        rc = reap_fail(err, REAP_ENOMEM, "sha256 failed");
    EVP_MD_CTX_free(sha);
    for (size_t i = 0; i < 32 && !rc && used + 3 <= size; i++)
        used += (size_t)snprintf(id + used, size - used, "%02x", sum[i]);
    return rc;
}

static int near_fits(const void *ctx, const char *fingerprint_text,
                     const char *quantized_from, struct reap_err *err)
{
    const struct near *n = ctx;

    return reap_head_file_fits(&n->like, fingerprint_text, quantized_from, err);
}

enum { ALIGN = 64 };

/* The search's own scratch, which is to be aligned, then the neighbours. */
static size_t near_scratch(const void *ctx, size_t rows)
{
    const struct near *n = ctx;

    return ALIGN / sizeof(float) + reap_knn_scratch(n->knn) +
           rows * n->k * sizeof(struct reap_neighbour) / sizeof(float);
}

static void near_run(const void *ctx, size_t rows, const float *x,
                     float *logits, float *probs, float *scratch)
{
    const struct near *n = ctx;
    const size_t off = (uintptr_t)scratch % ALIGN;
    struct reap_neighbour *near;

    scratch += off ? (ALIGN - off) / sizeof(float) : 0;
    near =
        (struct reap_neighbour *)(void *)(scratch + reap_knn_scratch(n->knn));
    reap_knn_run(n->knn, rows, x, n->k, NULL, near, scratch);
    for (size_t i = 0; i < rows; i++)
        reap_knn_vote(near + i * n->k, n->k, n->label, n->classes,
                      probs + i * n->classes);
    /* a class without a vote is as good as excluded */
    for (size_t i = 0; logits && i < rows * n->classes; i++)
        logits[i] = logf(fmaxf(probs[i], 1e-37f));
}

static void near_close(void *ctx)
{
    struct near *n = ctx;

    if (!n)
        return;
    for (size_t i = 0; n->name && i < n->classes; i++)
        reap_free(n->name[i]);
    reap_free(n->name);
    reap_free(n->label);
    reap_free(n->path);
    reap_free(n->like.embeddings);
    reap_knn_free(&n->knn);
    reap_free(n);
}

static int open_near(struct near *n, const char *truth, char *id, size_t size,
                     struct reap_err *err)
{
    struct reap_examples d = { 0 };
    int rc = reap_examples_open(&d, n->path, truth, NULL, false, NULL, err);

    if (!rc)
        rc = predictor_knn_describe(n, &d, err);
    if (!rc)
        rc = copy_names(n, &d, err);
    if (!rc)
        rc = reap_knn_new(&n->knn, d.n, reap_embeddings_width(d.embeddings), 1,
                          err);
    if (!rc)
        rc = digest_all(n, &d, id, size, err);
    reap_examples_close(&d);
    return rc;
}

int reap_predictor_knn(struct reap_predictor *p, const char *text,
                       const char *truth, struct reap_err *err)
{
    struct near *n = reap_calloc(1, sizeof(*n));
    int rc = n ? predictor_knn_parse(n, text, err)
               : reap_fail(err, REAP_ENOMEM, "no memory for neighbours");

    if (!rc)
        rc = open_near(n, truth, p->id, sizeof(p->id), err);
    if (rc) {
        near_close(n);
        return rc;
    }
    p->by = (struct reap_classifier){ .feature = n->like.feature,
                                      .l2 = reap_head_file_l2(&n->like),
                                      .in = reap_knn_width(n->knn),
                                      .classes = n->classes,
                                      .ctx = n,
                                      .scratch = near_scratch,
                                      .run = near_run };
    p->labels = n->name;
    p->preset = n->preset;
    p->own = n;
    p->fits = near_fits;
    p->close = near_close;
    return REAP_OK;
}
