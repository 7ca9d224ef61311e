/* What datasets of others keep beside their images: labels become labels, notes
 * are no records, databases are chosen by name, strays are one record each. */
#define _GNU_SOURCE
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/dataset/dataset.h"
#include "io/file/status.h"
#include "tests/dataset_help.h"
#include "tests/store_help.h"
#include "tests/tap.h"

static struct reap_err err;

#define BYTES(s) ((struct reap_bytes){ (const uint8_t *)(s), sizeof(s) - 1 })
#define TEXT(s) ((struct reap_bytes){ (const uint8_t *)(s), strlen(s) })
static const char jpeg[] = "\xff\xd8\xff\xe0 a photo";
static const char datum[] = "\x08\x03\x10\x01\x18\x01\x22\x03xyz";

/* Records that are walked over, and how many of them have the label that
 * 'want' makes of their number; -1: not as many as are counted. */
static int walk(const char *path, const char *want, int *labelled)
{
    struct reap_dataset *ds = NULL;
    struct reap_cursor *c = NULL;
    struct reap_record r;
    struct reap_image image;
    uint32_t crc;
    int n = 0, rc = reap_dataset_open(&ds, path, &err);

    *labelled = 0;
    if (!rc)
        rc = reap_cursor_open(&c, ds, &err);
    if (!rc)
        rc = reap_cursor_seek(c, (struct reap_bytes){ 0 }, &r, &err);
    for (; !rc; rc = reap_cursor_next(c, &r, &err), n++) {
        char label[40];

        (void)reap_dataset_image(ds, c, &r, REAP_LABEL_DATUM, &image, &crc);
        snprintf(label, sizeof(label), want, n);
        *labelled += !strcmp(image.label, label);
    }
    if (ds && (size_t)n != reap_dataset_count(ds))
        n = -1;
    reap_cursor_close(&c);
    reap_dataset_close(&ds);
    return n;
}

static void test_forms(void)
{
    static const struct {
        const char *image, *label, *note;
    } form[] = {
        { "image-%09d", "label-%09d", "num-samples" },
        { "image_%05d", "label_%05d", "num_samples" },
        { "img-%03d", "label-%03d", "__meta__" },
        { "image%04d", "label%04d", "nSamples" },
        { "images/%03d.jpg", "labels/%03d.jpg", "meta" },
        { "%05d_image", "%05d_label", "__len" },
        { "%05d", "%05d_label", "__len__" },
        { "%05d.jpg", "%05d.cls", "__info__" },
        { "%05d", "label_%05d", "keys" },
        { "%05d_x", "%05d_y", "total" },
    };
    char key[60], label[60], dir[60];

    for (size_t k = 0; k < sizeof(form) / sizeof(form[0]); k++) {
        int bad = 0, n, labelled;

        snprintf(dir, sizeof(dir), "form%zu", k);
        for (int i = 0; i < 40; i++) {
            snprintf(key, sizeof(key), form[k].image, i);
            bad += dataset_put(scratch(dir), key, BYTES(jpeg));
            snprintf(key, sizeof(key), form[k].label, i);
            snprintf(label, sizeof(label), "word %d", i);
            bad += dataset_put(scratch(dir), key, TEXT(label));
        }
        bad += dataset_put(scratch(dir), form[k].note, BYTES("40"));
        n = walk(scratch(dir), "word %d", &labelled);
        ok(!bad && n == 40 && labelled == 40,
           "%s, %s, %s: %d records, %d labels %s", form[k].image, form[k].label,
           form[k].note, n, labelled, n < 0 ? err.msg : "");
    }
}

/* Labels in a form of NumPy's, missing, or that are no labels. */
static void test_values(void)
{
    int labelled, n;

    for (int i = 0; i < 8; i++) {
        const uint8_t number[8] = { (uint8_t)i };
        char key[40];

        snprintf(key, sizeof(key), "image-%d", i);
        dataset_put(scratch("numbers"), key, BYTES(jpeg));
        snprintf(key, sizeof(key), "label-%d", i);
        dataset_put(scratch("numbers"), key,
                    (struct reap_bytes){ number, i % 2 ? 4 : 8 });
    }
    dataset_put(scratch("numbers"), "lexicon-3", BYTES("a,b,c"));
    n = walk(scratch("numbers"), "%d", &labelled);
    ok(n == 8 && labelled == 8, "numbers of 4 and 8 bytes: %d, %d", n,
       labelled);
    for (int i = 0; i < 30; i++) {
        char key[40];

        snprintf(key, sizeof(key), "info%d_label", i);
        dataset_put(scratch("images"), key, BYTES(jpeg));
    }
    dataset_put(scratch("images"), "info", BYTES(jpeg));
    dataset_put(scratch("images"), "__x__", BYTES(jpeg));
    dataset_put(scratch("images"), "__y__", BYTES("note"));
    ok(walk(scratch("images"), "", &labelled) == 32,
       "what holds an image is a record, whatever its key");
}

static void test_stray(void)
{
    static const char *const at[] = { "0", "00015x", "zzz" };
    int labelled;

    for (size_t i = 0; i < 3; i++) {
        const char *dir = scratch(at[i]);

        dataset_make(dir, &dataset_plain, 200);
        dataset_put(dir, at[i], BYTES(datum));
        ok(walk(dir, "", &labelled) == 201, "a stray Datum at '%s'", at[i]);
    }
}

/* Two databases of 'n' records in one file; 'flags' of the second. */
static int make_named(const char *dir, int n, unsigned flags, bool plain)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi[3];
    int rc;

    mkdir(dir, 0777);
    rc = mdb_env_create(&env);
    rc = rc ? rc : mdb_env_set_maxdbs(env, 4);
    rc = rc ? rc : mdb_env_open(env, dir, 0, 0666);
    rc = rc ? rc : mdb_txn_begin(env, NULL, 0, &txn);
    rc = rc ? rc : mdb_dbi_open(txn, "pictures", MDB_CREATE, &dbi[0]);
    rc = rc ? rc : mdb_dbi_open(txn, "labels", MDB_CREATE | flags, &dbi[1]);
    rc = rc ? rc : mdb_dbi_open(txn, NULL, 0, &dbi[2]);
    for (int i = 0; i < n && !rc; i++) {
        char key[20], label[20];
        MDB_val k = { (size_t)snprintf(key, sizeof(key), "k%03d", i), key },
                v = { sizeof(jpeg) - 1, (void *)(size_t)jpeg }, l;

        l = (MDB_val){ (size_t)snprintf(label, sizeof(label), "name %d", i),
                       label };
        rc = mdb_put(txn, dbi[0], &k, &v, 0);
        rc = rc ? rc : mdb_put(txn, dbi[1], &k, &l, 0);
        if (plain)
            rc = rc ? rc : mdb_put(txn, dbi[2], &k, &v, 0);
    }
    rc = rc ? rc : mdb_txn_commit(txn);
    mdb_env_close(env);
    return rc;
}

static void test_databases(void)
{
    struct reap_dataset *ds = NULL;
    char path[1100];
    int n, labelled;

    ok(!make_named(scratch("named"), 7, 0, false), "two databases");
    ok(reap_dataset_open(&ds, scratch("named"), &err) == REAP_EFORMAT &&
           strstr(err.msg, "pictures (7 records)") &&
           strstr(err.msg, "labels (7 records)"),
       "they are listed: %s", err.msg);
    snprintf(path, sizeof(path), "%s:pictures", scratch("named"));
    n = walk(path, "name %d", &labelled);
    ok(n == 7 && labelled == 7, "one is chosen, the other labels it: %d, %d %s",
       n, labelled, err.msg);
    snprintf(path, sizeof(path), "%s:nothing", scratch("named"));
    ok(reap_dataset_open(&ds, path, &err) == REAP_ENOTFOUND &&
           strstr(err.msg, "pictures"),
       "none of that name: %s", err.msg);
    ok(!make_named(scratch("both"), 9, 0, true) &&
           walk(scratch("both"), "", &labelled) == 9,
       "records beside databases: %s", err.msg);
    ok(!make_named(scratch("dup"), 9, MDB_DUPSORT, false),
       "a database with duplicates");
    snprintf(path, sizeof(path), "%s:labels", scratch("dup"));
    ok(reap_dataset_open(&ds, path, &err) == REAP_EFORMAT, "is refused: %s",
       err.msg);
    mkdir(scratch("a:b"), 0777);
    dataset_make(scratch("a:b"), &dataset_plain, 5);
    ok(walk(scratch("a:b"), "", &labelled) == 5, "a colon of the path's own");
}

int main(void)
{
    scratch_new();
    test_forms();
    test_values();
    test_stray();
    test_databases();
    scratch_delete();
    return done();
}
