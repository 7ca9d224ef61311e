/*
 * A file per key, each a page-aligned header and the blob's bytes, so that the
 * blob can be mapped. A lock file lets one process pack while others wait;
 * nothing here may fail a run, so every trouble ends in "not kept" and the
 * engine packs for itself. What a key is made of is the engine's business
 * (engine/plan/blobs.h).
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/base/mem.h"
#include "io/cache/blob_cache.h"
#include "io/cache/cache.h"
#include "io/file/crc.h"
#include "io/out/create.h"
#include "io/file/le.h"

enum {
    HEADER = 4096, /* so that the bytes after it begin a page */
    VERSION = 1,
    KEY = 32,
    ROOM = 4 /* times a blob's size have to be free on the disk */
};
static const char magic[8] = "reappack";
static const double wait_most = 30, wait_step = 0.02; /* seconds */

struct reap_blob_cache {
    struct reap_blobs blobs;
    char dir[REAP_CACHE_PATH];
    char path[REAP_CACHE_PATH + 80]; /* of the last key */
    uint8_t key[KEY];
    size_t most;
    int lock; /* on that path, or -1 */
};

/* The key, and the program that packs. */
static bool hash_key(const void *key, size_t len, uint8_t sum[KEY])
{
    EVP_MD_CTX *sha = EVP_MD_CTX_new();
    struct stat st;
    char self[100];
    bool good = sha && !stat("/proc/self/exe", &st) &&
                EVP_DigestInit_ex(sha, EVP_sha256(), NULL);

    if (good) {
        snprintf(self, sizeof(self), "%lld %lld.%09ld\n", (long long)st.st_size,
                 (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
        good = EVP_DigestUpdate(sha, self, strlen(self)) &&
               EVP_DigestUpdate(sha, key, len) &&
               EVP_DigestFinal_ex(sha, sum, NULL);
    }
    EVP_MD_CTX_free(sha);
    return good;
}

/* magic, version, key, length, checksum of the blob, checksum of all this */
static void write_header(const struct reap_blob_cache *c, const void *data,
                         size_t len, uint8_t to[HEADER])
{
    memset(to, 0, HEADER);
    memcpy(to, magic, sizeof(magic));
    reap_le_put32(to + 8, VERSION);
    memcpy(to + 16, c->key, KEY);
    reap_le_put64(to + 48, len);
    reap_le_put32(to + 56, reap_crc_32c(data, len));
    reap_le_put32(to + 60, reap_crc_32c(to, 60));
}

static bool header_fits(const struct reap_blob_cache *c, const uint8_t *h,
                        size_t len)
{
    return !memcmp(h, magic, sizeof(magic)) &&
           reap_le_get32(h + 8) == VERSION && !memcmp(h + 16, c->key, KEY) &&
           reap_le_get64(h + 48) == len &&
           reap_le_get32(h + 60) == reap_crc_32c(h, 60);
}

/* Ask for huge pages, which is a wish, and for all of them at once instead of
 * a fault for each. A disk that cannot be read shows here; kernels older than
 * the call do not know it. */
static bool readable(uint8_t *map, size_t len)
{
    madvise(map, len, MADV_HUGEPAGE);
    return !madvise(map, len, MADV_POPULATE_READ) || errno == EINVAL;
}

/* Map the file at c->path, if it is whole. */
static const void *map_blob(const struct reap_blob_cache *c, size_t len)
{
    const int fd = reap_cache_open(c->path);
    uint8_t *map = MAP_FAILED;
    struct stat st;
    bool good = false, whole;

    if (fd < 0)
        return NULL;
    whole = !fstat(fd, &st) && st.st_size >= 0 &&
            (size_t)st.st_size == HEADER + len;
    if (whole)
        map = mmap(NULL, HEADER + len, PROT_READ, MAP_SHARED, fd, 0);
    if (map != MAP_FAILED)
        good = readable(map, HEADER + len) && header_fits(c, map, len) &&
               reap_le_get32(map + 56) == reap_crc_32c(map + HEADER, len);
    if (good)
        futimens(fd, NULL); /* used now; it may not be ours to say */
    else if (!whole || map != MAP_FAILED)
        unlink(c->path);
    close(fd);
    if (!good && map != MAP_FAILED)
        munmap(map, HEADER + len);
    return good ? map + HEADER : NULL;
}

static void unlock(struct reap_blob_cache *c)
{
    char name[sizeof(c->path) + 8];

    if (c->lock < 0)
        return;
    snprintf(name, sizeof(name), "%s.lock", c->path);
    unlink(name);
    flock(c->lock, LOCK_UN); /* a child may hold the file open, too */
    close(c->lock);
    c->lock = -1;
}

/* Become the one that packs; false if another still does after a while, or if
 * nothing can be written here. */
static bool lock(struct reap_blob_cache *c)
{
    const double from = reap_clock();
    char name[sizeof(c->path) + 8];

    if (reap_cache_make_dir(c->dir, NULL))
        return false;
    snprintf(name, sizeof(name), "%s.lock", c->path);
    c->lock = reap_create_own(name, O_RDWR | O_CREAT);
    if (c->lock < 0)
        return false;
    while (flock(c->lock, LOCK_EX | LOCK_NB)) {
        if (reap_clock() - from > wait_most) {
            close(c->lock);
            c->lock = -1;
            return false;
        }
        reap_nap(wait_step);
    }
    return true;
}

static const void *blob_cache_take(void *own, const void *key, size_t key_len,
                                   size_t len)
{
    struct reap_blob_cache *c = own;
    const void *blob;
    size_t at;

    c->path[0] = '\0';
    if (!hash_key(key, key_len, c->key))
        return NULL;
    at = (size_t)snprintf(c->path, sizeof(c->path), "%s/", c->dir);
    for (size_t i = 0; i < KEY / 2; i++)
        at += (size_t)snprintf(c->path + at, sizeof(c->path) - at, "%02x",
                               c->key[i]);
    blob = map_blob(c, len);
    if (blob || !lock(c))
        return blob;
    /* Who had the lock before us has left one. */
    blob = map_blob(c, len);
    if (blob)
        unlock(c);
    return blob;
}

struct entry {
    char name[80];
    size_t size;
    struct timespec used;
};

/* The file that was not used for longest, be it what a killed writer left;
 * '*sum' are the bytes of all. */
static bool oldest(const struct reap_blob_cache *c, struct entry *old,
                   size_t *sum)
{
    DIR *d = opendir(c->dir);
    const struct dirent *e;
    bool any = false;
    struct stat st;

    *sum = 0;
    while (d && (e = readdir(d))) {
        if (strlen(e->d_name) >= sizeof(old->name) ||
            fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) ||
            !S_ISREG(st.st_mode) || st.st_size < HEADER)
            continue;
        *sum += (size_t)st.st_size;
        if (any && (st.st_mtim.tv_sec > old->used.tv_sec ||
                    (st.st_mtim.tv_sec == old->used.tv_sec &&
                     st.st_mtim.tv_nsec >= old->used.tv_nsec)))
            continue;
        any = true;
        strcpy(old->name, e->d_name);
        old->size = (size_t)st.st_size;
        old->used = st.st_mtim;
    }
    if (d)
        closedir(d);
    return any;
}

/* Make room for 'len' bytes more. */
static void prune(const struct reap_blob_cache *c, size_t len)
{
    char path[sizeof(c->dir) + sizeof(((struct entry *)0)->name) + 1];
    struct entry old;
    size_t sum;

    while (oldest(c, &old, &sum) && sum + len > c->most) {
        snprintf(path, sizeof(path), "%s/%s", c->dir, old.name);
        if (unlink(path))
            return;
    }
}

/* A cache must not be what fills a disk. */
static bool disk_has_room(const struct reap_blob_cache *c, size_t len)
{
    struct statvfs v;

    return !statvfs(c->dir, &v) && v.f_bavail / ROOM > len / v.f_frsize;
}

static const void *blob_cache_keep(void *own, const void *data, size_t len)
{
    struct reap_blob_cache *c = own;
    uint8_t header[HEADER];
    const struct reap_cache_part part[] = { { header, HEADER }, { data, len } };
    const void *blob = NULL;

    if (c->lock < 0)
        return NULL;
    if (len <= c->most)
        prune(c, len);
    if (len <= c->most && disk_has_room(c, len)) {
        write_header(c, data, len, header);
        if (reap_cache_write(c->path, 2, part))
            blob = map_blob(c, len);
    }
    unlock(c);
    return blob;
}

static void give_up(void *own)
{
    unlock(own);
}

static void let_go(void *own, const void *blob, size_t len)
{
    (void)own;
    munmap((char *)blob - HEADER, HEADER + len);
}

int reap_blob_cache_new(struct reap_blob_cache **out, size_t most,
                        struct reap_err *err)
{
    struct reap_blob_cache *c = reap_calloc(1, sizeof(*c));

    *out = NULL;
    if (!c)
        return reap_fail(err, REAP_ENOMEM, "no memory");
    c->blobs = (struct reap_blobs){ c, blob_cache_take, blob_cache_keep,
                                    give_up, let_go };
    c->most = most;
    c->lock = -1;
    if (reap_cache_path(c->dir, sizeof(c->dir), "packed", NULL))
        reap_free(c);
    else
        *out = c;
    return REAP_OK;
}

const struct reap_blobs *reap_blob_cache_blobs(const struct reap_blob_cache *c)
{
    return c ? &c->blobs : NULL;
}

void reap_blob_cache_free(struct reap_blob_cache **c)
{
    if (!*c)
        return;
    unlock(*c);
    reap_free(*c);
    *c = NULL;
}
