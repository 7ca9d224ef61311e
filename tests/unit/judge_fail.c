/* Each allocation of an evaluation and of a review fails once; names of classes
 * that are no text. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/file/status.h"
#include "jobs/judge/evaluate_files.h"
#include "jobs/judge/evaluate_print.h"
#include "jobs/review/review_write.h"
#include "tests/store_help.h"
#include "tests/tap.h"

enum { ROWS = 12, CLASSES = 3, WIDTH = 4, TRIES = 120 };

static const struct reap_run_meta meta = {
    .fingerprint_text = "classes=3\n",
    .dataset_id = "uuid:1",
    .dataset_path = "nowhere",
    .command = "reap classify",
    .job = "",
    .preset = "unit",
    .versions = "reap 0",
    .labels = "\ta\xff\n\tb\n\tc\n",
    .schema = { 3,
                { { "avg", REAP_COLUMN_F32, 1, 1, WIDTH },
                  { "probs", REAP_COLUMN_F32, 1, 1, CLASSES },
                  { "top", REAP_COLUMN_TOP, 1, 1, 2 } } },
};

static int fill(struct reap_block *b, struct reap_err *err)
{
    static const char *const label[] = { "a\xff", "b", "c", "" };
    int rc = REAP_OK;

    for (int i = 0; i < ROWS && !rc; i++) {
        const float avg[WIDTH] = { 1, (float)(i % 3), (float)(i % 4), 0 };
        float probs[CLASSES] = { .2f, .2f, .2f };
        const struct reap_top top[2] = { { i % 3, .6f }, { (i + 1) % 3, .2f } };
        const void *values[] = { avg, probs, top };
        char key[16];
        struct reap_row row = { .status = REAP_STATUS_ok,
                                .label = label[(i + i / 5) % 4],
                                .reason = "" };

        probs[i % 3] = .6f;
        row.key.data = (const uint8_t *)key;
        row.key.len = (size_t)snprintf(key, sizeof(key), "k%02d", i);
        rc = reap_block_set(b, (size_t)i, &row, values, err);
    }
    return rc;
}

static void make_store(const char *path)
{
    struct reap_origin origin = { .host = "here" };
    struct reap_store *s = NULL;
    struct reap_block *b = NULL;
    struct reap_err err = { 0 };
    struct reap_bytes bytes = { NULL, 0 };
    uint8_t *own = NULL;
    int rc = reap_store_open(&s, path, REAP_STORE_WRITE, &meta, &err);

    if (!rc)
        rc = reap_block_new(&b, &meta.schema, ROWS, &err);
    if (!rc)
        rc = fill(b, &err);
    if (!rc)
        rc = reap_block_encode(b, &origin, &own, &bytes.len, &err);
    bytes.data = own;
    if (!rc)
        rc = reap_store_put(s, &bytes, 1, false, &err);
    ok(!rc, "a store of %d rows", ROWS);
    reap_block_free(&b);
    reap_free(own);
    reap_store_close(&s);
}

static int evaluate(const char *store, const char *folder, bool *named,
                    struct reap_err *err)
{
    const struct reap_options o = { .quiet = true };
    const struct reap_evaluate_args a = { .of = { .store = store, .o = &o },
                                          .share = .5,
                                          .abstain = .5 };
    struct reap_evaluation e;
    char buf[REAP_CLASS_NAME];
    int rc = reap_evaluation_open(&e, &a, err);

    if (!rc)
        rc = reap_evaluation_write(&e, &a, folder, err);
    *named = !rc &&
             !strcmp(reap_labelled_name(&e.of, 0, buf, sizeof(buf)), "a\\xff");
    reap_evaluation_close(&e);
    return rc;
}

static int review(const char *store, const char *file, struct reap_err *err)
{
    const struct reap_options o = { .quiet = true };
    const struct reap_review_args a = { .of = { .store = store, .o = &o },
                                        .budget = 5,
                                        .neighbours = 3,
                                        .duplicate = .9,
                                        .threads = 2 };
    const struct reap_review_file f = { .path = file };
    struct reap_review r;
    int rc = reap_review_open(&r, &a, &o, err);

    if (!rc)
        rc = reap_review_write(&r, &f, err);
    reap_review_close(&r);
    return rc;
}

/* Is it a failure that a lack of memory explains? Texts of a store that cannot
 * be copied count as not there, so that labels may lose their classes. */
static bool explained(int rc)
{
    return !rc || rc == REAP_ENOMEM || rc == REAP_ENOTFOUND ||
           rc == REAP_EINVAL;
}

int main(void)
{
    static const char *const form[] = { "r.csv", "r.json", "r.npy",
                                        "r.fiftyone" };
    char store[1024], to[1024];
    struct reap_err err = { 0 };
    bool named = false;
    int rc, good = 0, lacked = 0;

    scratch_new();
    strcpy(store, scratch("store"));
    make_store(store);
    strcpy(to, scratch("report"));
    for (long i = 1; i <= TRIES; i++) {
        reap_mem_fail_at(i);
        rc = evaluate(store, to, &named, &err);
        good += explained(rc);
        lacked += rc == REAP_ENOMEM;
    }
    reap_mem_fail_at(0);
    ok(good == TRIES && lacked > 20, "an evaluation fails in %d allocations",
       lacked);
    ok(!evaluate(store, to, &named, &err) && named, "a name that is no text");
    for (size_t k = 0; k < sizeof(form) / sizeof(*form); k++) {
        strcpy(to, scratch(form[k]));
        good = lacked = 0;
        for (long i = 1; i <= TRIES; i++) {
            reap_mem_fail_at(i);
            rc = review(store, to, &err);
            good += explained(rc);
            lacked += rc == REAP_ENOMEM;
        }
        reap_mem_fail_at(0);
        ok(good == TRIES && lacked > 20,
           "a review as %s fails in %d allocations", form[k], lacked);
        ok(!review(store, to, &err), "and works with all of them");
    }
    scratch_delete();
    return done();
}
