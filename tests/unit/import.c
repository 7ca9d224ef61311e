/* What import stores: keys, bytes, labels, what it keeps and refuses. */
#define _GNU_SOURCE
#include <archive.h>
#include <archive_entry.h>
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "io/dataset/dataset.h"
#include "io/file/status.h"
#include "io/import/import.h"
#include "tests/dataset_help.h"
#include "tests/store_help.h"
#include "tests/tap.h"

static struct reap_err err;
static struct reap_import_sum sum;

static void put_file(const char *path, const void *bytes, size_t n)
{
    char dir[2048];
    FILE *f;

    snprintf(dir, sizeof(dir), "%s", path);
    for (char *p = dir + 1; (p = strchr(p, '/')); *p++ = '/') {
        *p = '\0';
        mkdir(dir, 0777);
    }
    f = fopen(path, "wb");
    if (!f || fwrite(bytes, 1, n, f) != n)
        printf("# cannot write %s\n", path);
    if (f)
        fclose(f);
}

static void put_text(const char *path, const char *text)
{
    put_file(path, text, strlen(text));
}

static int import_n(const char *out, size_t n, const char *const *src, bool all)
{
    const struct reap_import_args a = {
        .src = src, .n_src = n, .out = out, .all = all, .threads = 3
    };

    err.msg[0] = '\0';
    return reap_import_run(&a, &sum, &err);
}

static int import(const char *out, const char *src)
{
    return import_n(out, 1, &src, false);
}

/* Has the dataset this record, with this label? */
static bool has(const char *set, const char *key, const void *bytes, size_t n,
                const char *label)
{
    const struct reap_bytes k = { (const uint8_t *)key, strlen(key) };
    struct reap_dataset *ds = NULL;
    struct reap_cursor *c = NULL;
    struct reap_record r;
    struct reap_image image;
    unsigned status = REAP_N_STATUS;
    bool good = false;
    uint32_t crc;

    if (!reap_dataset_open(&ds, set, &err) && !reap_cursor_open(&c, ds, &err) &&
        !reap_cursor_seek(c, k, &r, &err) && r.key.len == k.len &&
        !memcmp(r.key.data, key, k.len)) {
        status = reap_dataset_image(ds, c, &r, REAP_LABEL_DATUM, &image, &crc);
        good = r.value.len == n && (!n || !memcmp(r.value.data, bytes, n)) &&
               status == (n ? REAP_STATUS_ok : REAP_STATUS_empty) &&
               !strcmp(image.label, label);
    }
    reap_cursor_close(&c);
    reap_dataset_close(&ds);
    return good;
}

static bool has_text(const char *set, const char *key, const char *text,
                     const char *label)
{
    return has(set, key, text, strlen(text), label);
}

static size_t count(const char *set)
{
    struct reap_dataset *ds = NULL;
    size_t n;

    if (reap_dataset_open(&ds, set, &err))
        return 0;
    n = reap_dataset_count(ds);
    reap_dataset_close(&ds);
    return n;
}

static void test_folder(void)
{
    static uint8_t big[3000000];
    char dir[1024], set[1024], id[80];
    struct reap_dataset *ds = NULL;

    snprintf(dir, sizeof(dir), "%s", scratch("photos"));
    snprintf(set, sizeof(set), "%s", scratch("set"));
    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (uint8_t)(i * i >> 7);
    put_text(scratch("photos/a/x.jpg"), "not a photo");
    put_text(scratch("photos/a/y.JPEG"), "");
    put_file(scratch("photos/b.png"), big, sizeof(big));
    put_file(scratch("photos/c.webp"), big, sizeof(big) - 1);
    put_file(scratch("photos/d.webp"), big + 1, sizeof(big) - 1);
    put_file(scratch("photos/e.webp"), big + 2, sizeof(big) - 2);
    put_text(scratch("photos/a.txt"), "text");
    put_text(scratch("photos/.jpg"), "hidden, no ending");
    ok(!symlink("..", scratch("photos/a/up")), "a loop");
    ok(!symlink("../b.png", scratch("photos/a/z.png")), "a link");
    ok(!import(set, dir), "a folder is imported: %s", err.msg);
    ok(sum.records == 7 && sum.not_images == 2 && !sum.same && sum.total == 7,
       "%d records, %d not images", (int)sum.records, (int)sum.not_images);
    ok(has_text(set, "a/x.jpg", "not a photo", ""), "any bytes");
    ok(has_text(set, "a/y.JPEG", "", ""), "no bytes");
    ok(has(set, "b.png", big, sizeof(big), ""), "many bytes: the map grew");
    ok(has(set, "a/z.png", big, sizeof(big), ""), "through a link");
    ok(!reap_dataset_open(&ds, set, &err) &&
           !strncmp(reap_dataset_id(ds), "uuid:", 5) &&
           reap_dataset_indexed(ds) == 7 &&
           !strcmp(reap_dataset_layout(ds), "encoded"),
       "it has a UUID and seven entries: %s", ds ? reap_dataset_id(ds) : "");
    snprintf(id, sizeof(id), "%s", ds ? reap_dataset_id(ds) : "");
    reap_dataset_close(&ds);
    ok(!import(set, dir) && !sum.records && sum.same == 7,
       "again: nothing new");
    put_text(scratch("photos/a/x.jpg"), "another now");
    put_text(scratch("photos/new.gif"), "new");
    ok(!import(set, dir) && sum.records == 2 && sum.changed == 1 &&
           sum.same == 6,
       "one changed, one new: %d, %d", (int)sum.records, (int)sum.changed);
    ok(has_text(set, "a/x.jpg", "another now", ""), "the changed one");
    ok(has_text(set, "new.gif", "new", ""), "the new one");
    ok(!reap_dataset_open(&ds, set, &err) && !strcmp(reap_dataset_id(ds), id),
       "the same UUID");
    reap_dataset_close(&ds);
    ok(!dataset_put(set, "new.gif", (struct reap_bytes){ big, 3 }) &&
           !has(set, "new.gif", big, 3, ""),
       "other bytes than were imported are seen");
}

static void test_keys(void)
{
    char path[1500], set[1024], name[256], key[600];
    const char *two[2];

    memset(name, 'n', 250);
    name[250] = '\0';
    snprintf(set, sizeof(set), "%s", scratch("keys"));
    snprintf(path, sizeof(path), "%s/%s/%s/%s/end.jpg", scratch("long"), name,
             name, name);
    put_text(path, "far away");
    put_text(scratch("long/length.jpg"), "near");
    put_text(scratch("long/length"), "reserved");
    ok(!import_n(set, 1, (const char *[]){ scratch("long") }, true),
       "a long path: %s", err.msg);
    snprintf(key, sizeof(key), "%s/%.*s~", name, 440 - 251, name);
    ok(has_text(set, "length.jpg", "near", "") &&
           has_text(set, "./length", "reserved", ""),
       "a reserved key gets ./ before it");
    ok(count(set) == 3, "all three are there");
    {
        struct reap_dataset *ds = NULL;
        struct reap_cursor *c = NULL;
        struct reap_record r = { 0 };
        const struct reap_bytes k = { (const uint8_t *)key, strlen(key) };

        ok(!reap_dataset_open(&ds, set, &err) &&
               !reap_cursor_open(&c, ds, &err) &&
               !reap_cursor_seek(c, k, &r, &err) && r.key.len == 473 &&
               !memcmp(r.key.data, key, 441),
           "the long key has 473 bytes: %zu", r.key.len);
        reap_cursor_close(&c);
        reap_dataset_close(&ds);
    }
    put_text(scratch("one/p.jpg"), "1");
    put_text(scratch("two/p.jpg"), "2");
    two[0] = scratch("one");
    two[1] = scratch("two");
    ok(!import_n(scratch("both"), 2, two, false) &&
           has_text(scratch("both"), "one/p.jpg", "1", "") &&
           has_text(scratch("both"), "two/p.jpg", "2", ""),
       "several sources: their names come first");
    ok(!import(scratch("either"), scratch("one")) &&
           import(scratch("either"), scratch("two")) == REAP_EINVAL &&
           strstr(err.msg, "/one") && strstr(err.msg, "/two"),
       "one key of two: %s", err.msg);
    ok(has_text(scratch("either"), "p.jpg", "1", ""), "the first one stays");
}

static void add(struct archive *a, const char *name, const char *text)
{
    struct archive_entry *e = archive_entry_new();

    archive_entry_set_pathname(e, name);
    archive_entry_set_size(e, (la_int64_t)strlen(text));
    archive_entry_set_filetype(e, AE_IFREG);
    archive_entry_set_perm(e, 0644);
    archive_write_header(a, e);
    archive_write_data(a, text, strlen(text));
    archive_entry_free(e);
}

static void make_tar(const char *path, bool zipped)
{
    struct archive *a = archive_write_new();

    archive_write_set_format_pax_restricted(a);
    if (zipped)
        archive_write_add_filter_gzip(a);
    archive_write_open_filename(a, path);
    add(a, "x/0001.jpg", "one");
    add(a, "x/0001.cls", " 17\n");
    add(a, "x/0001.json", "{}");
    add(a, "x/0002.cls", "tabby cat");
    add(a, "x/0002.left.png", "two");
    add(a, "x/0002.right.png", "three");
    add(a, "./x/0003.jpg", "four");
    archive_write_close(a);
    archive_write_free(a);
}

static void test_archives(void)
{
    char set[1024], tar[1024];

    for (int zipped = 0; zipped < 2; zipped++) {
        snprintf(set, sizeof(set), "%s", scratch(zipped ? "zset" : "tset"));
        snprintf(tar, sizeof(tar), "%s", scratch(zipped ? "w.tgz" : "w.tar"));
        make_tar(tar, zipped);
        ok(!import(set, tar) && sum.records == 4 && sum.not_images == 1, "%s: %s",
           tar, err.msg);
        ok(has_text(set, "x/0001.jpg", "one", "17"), "a label behind");
        ok(has_text(set, "x/0002.left.png", "two", "tabby cat") &&
               has_text(set, "x/0002.right.png", "three", "tabby cat"),
           "a label before, of two images");
        ok(has_text(set, "x/0003.jpg", "four", ""), "no label");
        ok(!import(set, tar) && !sum.records && sum.same == 4, "again");
        ok(!truncate(tar, zipped ? 100 : 1700) &&
               import(scratch(zipped ? "zcut" : "tcut"), tar) == REAP_EFORMAT &&
               strstr(err.msg, tar),
           "a cut one: %s", err.msg);
    }
}

static void test_list(void)
{
    char text[4096];

    put_text(scratch("l/a.jpg"), "A");
    put_text(scratch("l/b.jpg"), "B");
    snprintf(text, sizeof(text), "a.jpg\tcat\r\n\n%s\n./b.jpg\tdog\nno.jpg\n",
             scratch("one/p.jpg"));
    put_text(scratch("l/list.txt"), text);
    ok(import(scratch("lset"), scratch("l/list.txt")) == REAP_EFORMAT &&
           sum.records == 3 && sum.not_taken == 1 && strstr(err.msg, "no.jpg"),
       "a list, one file of it missing: %s", err.msg);
    ok(has_text(scratch("lset"), "a.jpg", "A", "cat") &&
           has_text(scratch("lset"), "b.jpg", "B", "dog"),
       "labels behind a tab");
    ok(has_text(scratch("lset"), scratch("one/p.jpg") + 1, "1", ""),
       "a whole path loses its first /");
}

static void test_refused(void)
{
    struct stat st;

    mkdir(scratch("void"), 0777);
    ok(import(scratch("r1"), scratch("void")) == REAP_ENOTFOUND &&
           stat(scratch("r1"), &st),
       "an empty folder: %s; nothing is left", err.msg);
    ok(import(scratch("r1"), scratch("none")) == REAP_ENOTFOUND,
       "no source: %s", err.msg);
    ok(import(scratch("photos"), scratch("l")) == REAP_ECREATE,
       "a folder of something else: %s", err.msg);
    put_text(scratch("file"), "x");
    ok(import(scratch("file"), scratch("l")) == REAP_ECREATE, "a file: %s",
       err.msg);
    put_file(scratch("zeros"), "\0\0\0\0", 4);
    ok(import(scratch("r1"), scratch("zeros")) == REAP_EFORMAT,
       "no kind of source: %s", err.msg);
    ok(!truncate(scratch("lset/data.mdb"), 10000) &&
           import(scratch("lset"), scratch("l")) == REAP_EFORMAT,
       "a cut dataset: %s", err.msg);
}

static void test_no_memory(void)
{
    long n = 0;
    int rc = REAP_ENOMEM, odd = 0;

    for (long i = 1; rc && i < 400; i++, n++) {
        reap_mem_fail_at(i);
        rc = import(scratch("mset"), scratch("l"));
        if (rc && rc != REAP_ENOMEM && !odd++)
            printf("# allocation %ld: %s\n", i, err.msg);
    }
    reap_mem_fail_at(0);
    ok(!rc && !odd && n > 5 && count(scratch("mset")) == 2,
       "each of %ld allocations may fail", n);
}

int main(void)
{
    scratch_new();
    test_folder();
    test_keys();
    test_archives();
    test_list();
    test_refused();
    test_no_memory();
    scratch_delete();
    return done();
}
