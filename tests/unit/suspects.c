/*
 * Suspected labels beside those that cleanlab 2.9.0 finds among the same 300
 * rows (find_label_issues, ranked by self-confidence), some of which bear a
 * label that was drawn anew.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/head/head.h"
#include "jobs/review/suspects.h"
#include "tests/tap.h"

enum { ROWS = 300, CLASSES = 6 };

static const int of_5[] = {
    99,  142, 208, 239, 17,  156, 190, 196, 53,  114, 129, 35,  179, 226, 216,
    100, 264, 279, 257, 108, 199, 243, 56,  210, 78,  55,  178, 31,  132, 45,
    128, 16,  230, 218, 59,  272, 64,  271, 227, 241, 63,  50,  118, 154, 74,
    281, 12,  163, 97,  174, 223, 2,   11,  46,  204, 106, 211, 121, 299, 5,
    189, 9,   235, 212, 133, 277, 242, 82,  122, 232, 37,  291, 228, 70
};
static const int of_30[] = {
    13,  296, 260, 175, 210, 0,   138, 134, 44,  93,  32,  265, 229, 23,
    268, 174, 172, 69,  199, 125, 152, 61,  185, 279, 76,  225, 290, 40,
    6,   287, 214, 228, 124, 173, 21,  133, 245, 242, 83,  4,   264, 55,
    275, 64,  193, 270, 18,  68,  9,   267, 89,  176, 122, 221, 37,  238,
    105, 191, 91,  7,   126, 123, 87,  261, 232, 198, 58,  101, 219, 11,
    289, 115, 150, 72,  284, 200, 251, 262, 234, 52,  71,  236, 165, 209,
    95,  5,   127, 103, 3,   62,  118, 107, 34,  276, 157, 140, 211, 56,
    247, 97,  79,  30,  158, 60,  298, 65,  170, 67,  63,  22,  169, 146
};

static float prob[ROWS][CLASSES];
static int32_t label[ROWS];
static bool is[ROWS];
static uint32_t state;

static int chance(int n)
{
    state = (state * 1103515245 + 12345) % (1u << 31);
    return (int)(state >> 16) % n;
}

static void make_rows(int noise)
{
    state = 1;
    for (int i = 0; i < ROWS; i++) {
        const int truth = chance(5);
        float logit[CLASSES];

        for (int c = 0; c < CLASSES; c++)
            logit[c] = (float)((chance(2000) - 1000) / 400.);
        logit[truth] += (float)(chance(3000) / 750.);
        reap_head_activate(REAP_SOFTMAX, 1, CLASSES, logit, prob[i]);
        label[i] = chance(100) < noise ? chance(5) : truth;
    }
}

static int less_sure(const void *a, const void *b)
{
    const int x = *(const int *)a, y = *(const int *)b;
    const float p = prob[x][label[x]], q = prob[y][label[y]];

    return (p > q) - (p < q);
}

static void as_cleanlab(int noise, const int *want, size_t n)
{
    struct reap_err err = { 0 };
    int found[ROWS];
    size_t k = 0, good = 0;

    make_rows(noise);
    ok(!reap_suspects(prob[0], label, ROWS, CLASSES, is, &err),
       "%d %% of labels are drawn anew", noise);
    for (int i = 0; i < ROWS; i++)
        if (is[i])
            found[k++] = i;
    qsort(found, k, sizeof(*found), less_sure);
    for (size_t i = 0; i < k && i < n; i++)
        good += found[i] == want[i];
    ok(k == n && good == n, "%zu are suspected, in the same order", k);
}

static void special(void)
{
    struct reap_err err = { 0 };
    size_t n = 0;
    int rc = REAP_ENOMEM;

    ok(!reap_suspects(prob[0], label, 0, CLASSES, is, &err), "no rows");
    ok(!reap_suspects(prob[0], label, 1, CLASSES, is, &err) && !is[0],
       "the only row of a label is not suspected");
    for (int i = 0; i < ROWS; i++)
        label[i] = 2;
    ok(!reap_suspects(prob[0], label, ROWS, CLASSES, is, &err), "one label");
    for (int i = 0; i < ROWS; i++)
        n += is[i];
    ok(n == 0, "speaks for itself");
    for (long i = 1; rc == REAP_ENOMEM && i < 20; i++) {
        reap_mem_fail_at(i);
        rc = reap_suspects(prob[0], label, ROWS, CLASSES, is, &err);
        ok(!rc || rc == REAP_ENOMEM, "allocation %ld", i);
    }
    reap_mem_fail_at(0);
}

int main(void)
{
    as_cleanlab(5, of_5, sizeof(of_5) / sizeof(*of_5));
    as_cleanlab(30, of_30, sizeof(of_30) / sizeof(*of_30));
    special();
    return done();
}
