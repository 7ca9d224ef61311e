/* Datasets of others: order, reserved keys, samples, identity, labels, locks,
 * and what is no dataset. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "io/dataset/dataset.h"
#include "io/file/crc.h"
#include "io/file/status.h"
#include "tests/dataset_help.h"
#include "tests/store_help.h"
#include "tests/tap.h"

#define BYTES(s) ((struct reap_bytes){ (const uint8_t *)(s), sizeof(s) - 1 })

static struct reap_err err;

static bool key_is(const struct reap_record *r, const char *key)
{
    return r->key.len == strlen(key) && !memcmp(r->key.data, key, r->key.len);
}

/* Walk all of it: the number of records, -1 if one is not as made. */
static long walk(struct reap_dataset *ds)
{
    struct reap_cursor *c;
    struct reap_record r;
    uint8_t want[65536];
    char key[16];
    long n = 0;
    int rc = reap_cursor_open(&c, ds, &err);

    if (rc)
        return -1;
    for (rc = reap_cursor_seek(c, BYTES(""), &r, &err); !rc;
         rc = reap_cursor_next(c, &r, &err), n++) {
        struct reap_bytes v = dataset_plain.value((int)n, want, sizeof(want));

        if (!key_is(&r, dataset_plain.key((int)n, key, sizeof(key))) ||
            v.len != r.value.len || memcmp(v.data, r.value.data, v.len) != 0)
            break;
    }
    reap_cursor_close(&c);
    return rc == REAP_ENOTFOUND ? n : -1;
}

static void test_plain(void)
{
    struct reap_dataset *ds = NULL, *again = NULL;
    struct reap_cursor *c = NULL;
    struct reap_record r, some[16];
    struct reap_image image;
    uint32_t crc;
    size_t n;
    bool rising = true;
    char id[80];
    const char *dir = scratch("plain");

    ok(!dataset_make(dir, &dataset_plain, 500), "a dataset of 500 is made");
    ok(!reap_dataset_open(&ds, dir, &err), "and opened: %s", err.msg);
    if (!ds)
        return;
    ok(reap_dataset_count(ds) == 500, "it counts 500");
    ok(!strcmp(reap_dataset_layout(ds), "encoded"), "layout encoded");
    ok(!strncmp(reap_dataset_id(ds), "digest:", 7), "id %s",
       reap_dataset_id(ds));
    ok(walk(ds) == 500, "all records in order, as put");
    ok(!reap_cursor_open(&c, ds, &err), "a cursor");
    ok(!reap_cursor_seek(c, BYTES("00123"), &r, &err) && key_is(&r, "00123"),
       "seek to a key that is there");
    ok(!reap_cursor_seek(c, BYTES("00123a"), &r, &err) && key_is(&r, "00124"),
       "seek to the next one");
    ok(!reap_cursor_next(c, &r, &err) && key_is(&r, "00125"), "and on");
    ok(reap_cursor_seek(c, BYTES("1"), &r, &err) == REAP_ENOTFOUND,
       "nothing behind the last");
    ok(!reap_cursor_sample(c, some, 16, &n, &err) && n == 16 &&
           key_is(&some[0], "00000") && key_is(&some[15], "00499"),
       "16 samples, the first and the last among them");
    for (size_t i = 1; i < n; i++)
        rising =
            rising && memcmp(some[i - 1].key.data, some[i].key.data, 5) < 0;
    ok(rising, "samples rise");
    ok(memcmp(some[8].key.data, "00150", 5) > 0 &&
           memcmp(some[8].key.data, "00350", 5) < 0,
       "the middle one is from the middle: %.5s",
       (const char *)some[8].key.data);
    ok(reap_dataset_image(ds, c, &some[1], REAP_LABEL_PREFIX, &image, &crc) ==
               REAP_STATUS_ok &&
           image.bytes.len == some[1].value.len && !image.label[0],
       "the image is the value");
    ok(crc == reap_crc_32c(some[1].value.data, some[1].value.len), "its CRC");
    reap_cursor_close(&c);
    snprintf(id, sizeof(id), "%s", reap_dataset_id(ds));
    reap_dataset_close(&ds);
    ok(!reap_dataset_open(&again, dir, &err) &&
           !strcmp(id, reap_dataset_id(again)),
       "the same id again");
    reap_dataset_close(&again);
    ok(!dataset_put(dir, "00077", BYTES("\xff\xd8\xff another")) &&
           !dataset_put(dir, "00000", BYTES("\xff\xd8\xff another")) &&
           !reap_dataset_open(&again, dir, &err) &&
           strcmp(id, reap_dataset_id(again)) != 0,
       "another id for other bytes");
    reap_dataset_close(&again);
}

static void test_reserved(void)
{
    static const char *const keys[] = { "__len__", "__keys__", "num-samples",
                                        "length" };
    struct reap_dataset *ds = NULL;
    const char *dir = scratch("reserved");
    int bad = dataset_make(dir, &dataset_plain, 50);

    for (size_t i = 0; i < 4; i++)
        bad += dataset_put(dir, keys[i], BYTES("\x80\x03 50"));
    ok(!bad && !reap_dataset_open(&ds, dir, &err), "reserved keys: %s",
       err.msg);
    if (!ds)
        return;
    ok(reap_dataset_count(ds) == 50, "are not counted");
    ok(walk(ds) == 50, "nor walked over");
    ok(reap_dataset_reserved(ds, 3) && !reap_dataset_reserved(ds, 4),
       "four are told of");
    reap_dataset_close(&ds);
}

static const char *path_key(int i, char *buf, int size)
{
    snprintf(buf, (size_t)size, "class%d/n%d_photo", i % 3, i);
    return buf;
}

static void test_labels(void)
{
    const struct dataset_maker how = { path_key, dataset_plain.value };
    struct reap_dataset *ds = NULL;
    struct reap_cursor *c = NULL;
    struct reap_record r;
    struct reap_image image;
    uint32_t crc;
    const char *dir = scratch("labels");

    ok(!dataset_make(dir, &how, 9) && !reap_dataset_open(&ds, dir, &err) &&
           !reap_cursor_open(&c, ds, &err) &&
           !reap_cursor_seek(c, BYTES("class2"), &r, &err),
       "a dataset of folders");
    reap_dataset_image(ds, c, &r, REAP_LABEL_FOLDER, &image, &crc);
    ok(!strcmp(image.label, "class2"), "--label-from folder: %s", image.label);
    reap_dataset_image(ds, c, &r, REAP_LABEL_PREFIX, &image, &crc);
    ok(!strcmp(image.label, "class2/n2"), "--label-from prefix: %s",
       image.label);
    reap_dataset_image(ds, c, &r, REAP_LABEL_NONE, &image, &crc);
    ok(!image.label[0], "--label-from none");
    reap_cursor_close(&c);
    reap_dataset_close(&ds);
}

static void test_single_file(void)
{
    struct reap_dataset *ds = NULL;
    char from[1024];

    ok(!dataset_make(scratch("single"), &dataset_plain, 20), "a dataset");
    snprintf(from, sizeof(from), "%s/data.mdb", scratch("single"));
    ok(!rename(from, scratch("single.lmdb")) &&
           !reap_dataset_open(&ds, scratch("single.lmdb"), &err) &&
           walk(ds) == 20,
       "a single file is a dataset: %s", err.msg);
    reap_dataset_close(&ds);
}

static void test_read_only(void)
{
    struct reap_dataset *ds = NULL;
    const char *dir = scratch("readonly");
    char lock[1024];

    ok(!dataset_make(dir, &dataset_plain, 20), "a dataset");
    snprintf(lock, sizeof(lock), "%s/lock.mdb", dir);
    unlink(lock);
    if (geteuid()) {
        ok(!chmod(dir, 0555) && !reap_dataset_open(&ds, dir, &err) &&
               !reap_dataset_locked(ds) && walk(ds) == 20,
           "without the right to write it is read without locks");
        chmod(dir, 0755);
    } else {
        /* Root may write everywhere: a folder in the lock file's place. */
        ok(!mkdir(lock, 0755) && !reap_dataset_open(&ds, dir, &err) &&
               !reap_dataset_locked(ds) && walk(ds) == 20,
           "where no lock file can be it is read without locks: %s", err.msg);
    }
    reap_dataset_close(&ds);
}

static void refuse(const char *path, int code, const char *what)
{
    struct reap_dataset *ds = NULL;
    int rc = reap_dataset_open(&ds, path, &err);

    ok(rc == code && !ds, "%s: %s", what, rc ? err.msg : "opened");
    reap_dataset_close(&ds);
}

static void test_refused(void)
{
    struct reap_store *s = NULL;
    char file[1024];
    int fd;

    refuse(scratch("nothing"), REAP_ENOTFOUND, "no such path");
    mkdir(scratch("empty"), 0777);
    refuse(scratch("empty"), REAP_ENOTFOUND, "an empty folder");
    fd = open(scratch("text"), O_WRONLY | O_CREAT, 0666);
    ok(write(fd, "hello\n", 6) == 6, "a text file");
    close(fd);
    refuse(scratch("text"), REAP_EFORMAT, "not a dataset");
    dataset_make(scratch("mixed"), &dataset_plain, 8);
    dataset_put(scratch("mixed"), "datum",
                BYTES("\x08\x03\x10\x01\x18\x01\x22\x03xyz"));
    {
        struct reap_dataset *ds = NULL;

        ok(!reap_dataset_open(&ds, scratch("mixed"), &err) &&
               reap_dataset_count(ds) == 9 &&
               !strcmp(reap_dataset_layout(ds), "encoded"),
           "a stray record is one record: %s", err.msg);
        reap_dataset_close(&ds);
    }
    for (int i = 0; i < 4; i++)
        dataset_put(scratch("mixed"), (const char *[]){ "w", "x", "y", "z" }[i],
                    BYTES("\x08\x03\x10\x01\x18\x01\x22\x03xyz"));
    refuse(scratch("mixed"), REAP_EFORMAT, "two layouts");
    ok(strstr(err.msg, "'datum'") && strstr(err.msg, "'00000'"),
       "two keys are named");
    dataset_put(scratch("pickles"), "a", BYTES("\x80\x03]q"));
    refuse(scratch("pickles"), REAP_EFORMAT, "pickles");
    ok(!reap_store_open(&s, scratch("store"), REAP_STORE_WRITE, &sample_meta,
                        &err),
       "a store");
    reap_store_close(&s);
    refuse(scratch("store"), REAP_EFORMAT, "a store is not a dataset");
    snprintf(file, sizeof(file), "%s/data.mdb", scratch("store"));
    refuse(file, REAP_EFORMAT, "nor is its file");
    dataset_make(scratch("cut"), &dataset_plain, 400);
    snprintf(file, sizeof(file), "%s/data.mdb", scratch("cut"));
    ok(!truncate(file, 500000), "a file is cut");
    refuse(scratch("cut"), REAP_EFORMAT, "a cut file");
}

/* All cursors of a dataset see the same records, or there are none. */
static void test_written(void)
{
    struct reap_dataset *ds = NULL;
    struct reap_cursor *a = NULL, *b = NULL;
    int rc;

    dataset_make(scratch("grows"), &dataset_plain, 8);
    rc = reap_dataset_open(&ds, scratch("grows"), &err);
    rc = rc ? rc : reap_cursor_open(&a, ds, &err);
    dataset_put(scratch("grows"), "00003a", BYTES("\xff\xd8\xff\xe0"));
    ok(!rc && reap_cursor_open(&b, ds, &err) == REAP_EIO && !b,
       "no cursor of another moment: %s", err.msg);
    reap_cursor_close(&a);
    reap_dataset_close(&ds);
}

/* Pages that are damaged so that keys come twice: named, never passed over. */
static void test_out_of_order(void)
{
    struct reap_dataset *ds = NULL;
    struct reap_cursor *c = NULL;
    struct reap_record r;
    char path[4096];
    uint8_t *bytes = NULL, *at;
    size_t size = 0;
    FILE *f;
    int rc;

    snprintf(path, sizeof(path), "%s/data.mdb", scratch("order"));
    ok(!dataset_make(scratch("order"), &dataset_plain, 40), "40 records");
    f = fopen(path, "r+b");
    if (f && !fseek(f, 0, SEEK_END))
        size = (size_t)ftell(f);
    bytes = reap_calloc(1, size + 1);
    if (f)
        rewind(f);
    ok(f && bytes && fread(bytes, 1, size, f) == size, "their file");
    while (bytes && (at = memmem(bytes, size, "00020", 5)))
        memcpy(at, "00004", 5);
    if (f)
        rewind(f);
    ok(f && fwrite(bytes, 1, size, f) == size && !fclose(f),
       "a key is changed to one that was before");
    reap_free(bytes);
    rc = reap_dataset_open(&ds, scratch("order"), &err);
    if (!rc)
        rc = reap_cursor_open(&c, ds, &err);
    if (!rc)
        rc = reap_cursor_seek(c, BYTES(""), &r, &err);
    while (!rc)
        rc = reap_cursor_next(c, &r, &err);
    ok(rc == REAP_EFORMAT && strstr(err.msg, "00004 comes after 00019"), "%s",
       err.msg);
    reap_cursor_close(&c);
    reap_dataset_close(&ds);
}

static void test_no_memory(void)
{
    struct reap_dataset *ds = NULL;
    int rc = REAP_ENOMEM;

    for (long i = 1; rc == REAP_ENOMEM && i < 100; i++) {
        reap_mem_fail_at(i);
        rc = reap_dataset_open(&ds, scratch("plain"), &err);
        if (rc != REAP_OK && (rc != REAP_ENOMEM || ds))
            break;
    }
    reap_mem_fail_at(0);
    ok(!rc && ds, "each allocation may fail");
    reap_dataset_close(&ds);
}

int main(void)
{
    scratch_new();
    test_plain();
    test_reserved();
    test_labels();
    test_single_file();
    test_read_only();
    test_refused();
    test_written();
    test_out_of_order();
    test_no_memory();
    scratch_delete();
    return done();
}
