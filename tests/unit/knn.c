/* Nearest neighbours beside a plain search; ties, levels of the CPU, threads.
 */
#define _DEFAULT_SOURCE
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/head/knn.h"
#include "tests/fill.h"
#include "tests/tap.h"

enum { ROWS = 333, QUERIES = 70, WIDTH = 37, K = 9 };

static float row[ROWS][WIDTH], query[QUERIES][WIDTH];
static struct reap_neighbour first[QUERIES][K];

static double cosine(const float *a, const float *b)
{
    double aa = 0, bb = 0, ab = 0;

    for (int i = 0; i < WIDTH; i++) {
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
        ab += (double)a[i] * (double)b[i];
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

static struct reap_knn *make(size_t threads)
{
    struct reap_knn *k = NULL;
    struct reap_err err = { 0 };

    if (reap_knn_new(&k, ROWS, WIDTH, threads, &err))
        printf("# %s\n", err.msg);
    for (size_t i = 0; k && i < ROWS; i++)
        reap_knn_set(k, i, row[i]);
    return k;
}

/* No row that is not among them is nearer than the last of them. */
static void nearest(void)
{
    struct reap_knn *k = make(1);
    struct reap_err err = { 0 };
    size_t close = 0, sorted = 0, missed = 0;

    ok(k && !reap_knn_search(k, QUERIES, query[0], K, NULL, first[0], &err),
       "%d queries among %d rows", QUERIES, ROWS);
    for (int q = 0; q < QUERIES; q++) {
        const struct reap_neighbour *is = first[q];

        for (int i = 0; i < K; i++) {
            close += fabs((double)is[i].cosine -
                          cosine(query[q], row[is[i].index])) < 1e-6;
            sorted += i == 0 || is[i - 1].cosine > is[i].cosine ||
                      (is[i - 1].cosine == is[i].cosine &&
                       is[i - 1].index < is[i].index);
        }
        for (int r = 0; r < ROWS; r++) {
            int in = 0;

            for (int i = 0; i < K; i++)
                in |= is[i].index == r;
            missed += !in && cosine(query[q], row[r]) >
                                 (double)is[K - 1].cosine + 1e-6;
        }
    }
    ok(close == QUERIES * K, "cosines are right");
    ok(sorted == QUERIES * K, "the nearest first, the lower index among equal");
    ok(!missed, "none is missed");
    reap_knn_free(&k);
}

static void same(const char *what, struct reap_knn *k, size_t from, size_t n)
{
    static struct reap_neighbour again[QUERIES][K];
    struct reap_err err = { 0 };

    ok(k && !reap_knn_search(k, n, query[from], K, NULL, again[0], &err) &&
           !memcmp(again, first[from], n * sizeof(again[0])),
       "%s: the same bytes", what);
}

/* The calling thread alone. */
static void alone(void)
{
    static struct reap_neighbour again[QUERIES][K];
    struct reap_knn *k = make(2);
    float *scratch = reap_aligned(reap_knn_scratch(k) * sizeof(float));

    reap_knn_run(k, QUERIES, query[0], K, NULL, again[0], scratch);
    ok(!memcmp(again, first, sizeof(again)), "without other threads");
    reap_free(scratch);
    reap_knn_free(&k);
}

static void levels(void)
{
    static const char *const level[] = { "ref", "avx2", "avx512" };
    const char *was = getenv("REAP_CPU");
    char *keep = was ? strdup(was) : NULL;
    struct reap_knn *k = make(3);

    same("three threads", k, 0, QUERIES);
    same("one query", k, 17, 1);
    same("some queries", k, 40, 30);
    reap_knn_free(&k);
    for (int i = 0; i < 3; i++) {
        setenv("REAP_CPU", level[i], 1);
        k = make(1);
        same(level[i], k, 0, QUERIES);
        reap_knn_free(&k);
    }
    if (keep)
        setenv("REAP_CPU", keep, 1);
    else
        unsetenv("REAP_CPU");
    free(keep);
}

static void special(void)
{
    static const float x[4][2] = { { 3, 0 }, { 0, 2 }, { 5, 0 }, { 0, 0 } };
    static const float q[3][2] = { { 1, 0 }, { 0, 0 }, { NAN, 1 } };
    static const int32_t skip[] = { 0, -1, -1 };
    struct reap_neighbour out[3][6];
    struct reap_knn *k = NULL;
    struct reap_err err = { 0 };

    ok(!reap_knn_new(&k, 4, 2, 1, &err), "four rows");
    for (size_t i = 0; i < 4; i++)
        reap_knn_set(k, i, x[i]);
    ok(!reap_knn_search(k, 1, q[0], 6, NULL, out[0], &err) &&
           out[0][0].index == 0 && out[0][1].index == 2 &&
           out[0][2].index == 1 && out[0][3].index == 3 &&
           out[0][4].index == -1 && out[0][5].index == -1,
       "equal cosines by index; no more than there are");
    ok(out[0][0].cosine == 1 && out[0][1].cosine == 1 && out[0][2].cosine == 0,
       "length does not matter");
    ok(!reap_knn_search(k, 3, q[0], 1, skip, out[0], &err) &&
           out[0][0].index == 2,
       "a row that does not count");
    ok(out[0][1].cosine == 0 && out[0][2].cosine == 0 && out[0][1].index == 0 &&
           out[0][2].index == 0,
       "zero and no numbers");
    reap_knn_free(&k);
    ok(reap_knn_new(&k, 0, 2, 1, &err) == REAP_EINVAL && !k, "%s", err.msg);
}

static void votes(void)
{
    static const struct reap_neighbour near[] = {
        { 2, 1 }, { 0, .9f }, { 1, .8f }, { 3, .7f }, { -1, 0 }
    };
    static const int32_t label[] = { 1, 1, 0, -1 };
    float p[3];

    reap_knn_vote(near, 5, label, 3, p);
    ok(p[0] == (float)(1 / 3.) && p[1] == (float)(2 / 3.) && p[2] == 0,
       "a vote each");
    reap_knn_vote(near + 3, 2, label, 3, p);
    ok(p[0] == 0 && p[1] == 0 && p[2] == 0, "nobody votes");
}

static void fails_without_memory(void)
{
    struct reap_knn *k = NULL;
    struct reap_err err = { 0 };
    int rc = REAP_ENOMEM;

    for (long i = 1; rc == REAP_ENOMEM && i < 20; i++) {
        reap_mem_fail_at(i);
        rc = reap_knn_new(&k, 4, 2, 2, &err);
        ok(!rc || (rc == REAP_ENOMEM && !k), "allocation %ld", i);
    }
    reap_mem_fail_at(1);
    ok(reap_knn_search(k, 1, query[0], 1, NULL, first[0], &err) == REAP_ENOMEM,
       "%s", err.msg);
    reap_knn_free(&k);
}

int main(void)
{
    fill_seed();
    fill_real(row[0], ROWS * WIDTH);
    fill_real(query[0], QUERIES * WIDTH);
    memcpy(row[200], row[100], sizeof(row[0]));
    memcpy(query[5], row[100], sizeof(row[0]));
    nearest();
    ok(first[5][0].index == 100 && first[5][1].index == 200,
       "a row that is there twice");
    alone();
    levels();
    special();
    votes();
    fails_without_memory();
    return done();
}
