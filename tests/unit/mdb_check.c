/* Damaged and hostile data.mdb files are refused or read, and crash nothing. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/dataset/dataset.h"
#include "io/file/crc.h"
#include "io/lmdb/mdb_check.h"
#include "tests/dataset_help.h"
#include "tests/store_help.h"
#include "tests/tap.h"

enum { PAGE = 4096, META = 152, RECORDS = 900, ROUNDS = 700 };

static struct reap_err err;
static uint64_t state = 20260101;

static uint64_t next(void)
{
    state = state * 6364136223846793005 + 1442695040888963407;
    return state >> 33;
}

/* Read all that the dataset lends: records, or -1 if it is refused. */
static long read_all(const char *path)
{
    struct reap_dataset *ds = NULL;
    struct reap_cursor *c = NULL;
    struct reap_record r;
    struct reap_image image;
    uint32_t crc, sum = 0;
    long n = 0;
    int rc = reap_dataset_open(&ds, path, &err);

    if (!rc)
        rc = reap_cursor_open(&c, ds, &err);
    if (rc) {
        reap_dataset_close(&ds);
        return -1;
    }
    for (rc = reap_cursor_seek(c, (struct reap_bytes){ 0 }, &r, &err);
         !rc && n < 10 * RECORDS; rc = reap_cursor_next(c, &r, &err), n++) {
        reap_dataset_image(ds, c, &r, REAP_LABEL_PREFIX, &image, &crc);
        sum ^= reap_crc_32c(r.key.data, r.key.len) ^ crc;
    }
    reap_cursor_close(&c);
    reap_dataset_close(&ds);
    return n + (sum == 1);
}

static const char *small_key(int i, char *buf, int size)
{
    snprintf(buf, (size_t)size, "some/longer/name/of/a/folder/%05d.jpg", i);
    return buf;
}

/* Mostly small values, so that there are many leaves. */
static struct reap_bytes small_value(int i, uint8_t *buf, int size)
{
    struct reap_bytes b = dataset_plain.value(i, buf, size);

    if (i % 16)
        b.len = 100;
    return b;
}

static uint8_t *load(const char *file, size_t *size)
{
    struct stat st;
    const int fd = open(file, O_RDONLY);
    uint8_t *all;

    if (fd < 0 || fstat(fd, &st))
        exit(1);
    all = malloc((size_t)st.st_size);
    if (!all || read(fd, all, (size_t)st.st_size) != st.st_size)
        exit(1);
    close(fd);
    *size = (size_t)st.st_size;
    return all;
}

/* Pages of the tree, by their flags. */
static size_t tree_pages(const uint8_t *all, size_t size, size_t *page)
{
    size_t n = 0;

    for (size_t p = 2; p < size / PAGE; p++)
        if (all[p * PAGE + 10] == 1 || all[p * PAGE + 10] == 2)
            page[n++] = p;
    return n;
}

static void spoil(uint8_t *at)
{
    static const uint64_t odd[] = { 0, 1, 0xffff, 0x7fffffff, UINT64_MAX };
    const uint64_t v = next() % 2 ? odd[next() % 5] : next();

    switch (next() % 3) {
    case 0:
        *at ^= (uint8_t)(1 << next() % 8);
        break;
    case 1:
        memcpy(at, &v, 2);
        break;
    default:
        memcpy(at, &v, 8);
    }
}

static void test_spoilt(const char *dir, const char *file)
{
    size_t size, n_pages, *page, read = 0, refused = 0;
    uint8_t *all = load(file, &size), *copy = malloc(size);
    const int fd = open(file, O_WRONLY);

    page = malloc(size / PAGE * sizeof(*page));
    n_pages = tree_pages(all, size, page);
    ok(n_pages > 20, "a tree of %zu pages", n_pages);
    for (int round = 0; round < ROUNDS; round++) {
        memcpy(copy, all, size);
        for (uint64_t k = next() % 3 + 1; k; k--) {
            const uint64_t where = next() % 8;
            const size_t p = page[next() % n_pages] * PAGE;

            if (where < 2)
                spoil(copy + next() % 2 * PAGE + next() % META);
            else if (where < 5)
                spoil(copy + p + next() % 40);
            else
                spoil(copy + p + next() % (PAGE - 8));
        }
        if (pwrite(fd, copy, size, 0) != (ssize_t)size)
            break;
        if (read_all(dir) < 0)
            refused++;
        else
            read++;
    }
    ok(refused + read == ROUNDS && refused > ROUNDS / 4,
       "%d spoilt files: %zu refused, %zu read", ROUNDS, refused, read);
    ok(pwrite(fd, all, size, 0) == (ssize_t)size && read_all(dir) == RECORDS,
       "the good file again");
    close(fd);
    free(all);
    free(copy);
    free(page);
}

static void test_cut(const char *dir, const char *file)
{
    size_t size, refused = 0, n = 0;
    uint8_t *all = load(file, &size);
    int fd;

    for (size_t keep = 0; keep < size; keep += keep < 300 ? 7 : 9973, n++) {
        fd = open(file, O_WRONLY | O_TRUNC);
        if (write(fd, all, keep) != (ssize_t)keep)
            break;
        close(fd);
        refused += read_all(dir) < 0;
    }
    ok(refused == n, "cut anywhere it is refused: %zu of %zu", refused, n);
    fd = open(file, O_WRONLY | O_TRUNC);
    ok(write(fd, all, size) == (ssize_t)size && read_all(dir) == RECORDS,
       "whole it is read");
    close(fd);
    free(all);
}

int main(void)
{
    const struct dataset_maker how = { small_key, small_value };
    struct reap_mdb_head head;
    char dir[1024], file[1100];

    scratch_new();
    snprintf(dir, sizeof(dir), "%s", scratch("set"));
    snprintf(file, sizeof(file), "%s/data.mdb", dir);
    ok(!dataset_make(dir, &how, RECORDS), "a dataset");
    ok(!reap_mdb_check(file, &head, &err) && head.main.entries == RECORDS &&
           head.page_size == PAGE && head.main.depth > 1,
       "its head: %" PRIu64 " records, %" PRIu64 " leaves, depth %u",
       head.main.entries, head.main.leaf_pages, head.main.depth);
    test_spoilt(dir, file);
    test_cut(dir, file);
    scratch_delete();
    return done();
}
