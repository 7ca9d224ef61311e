/*
 * A note per hashed file, named by device and inode, that holds the file's
 * state when it was hashed and the hash. The note counts only while that state
 * is still the file's. The hash itself is computed elsewhere
 * (io/weights/weights.c).
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "io/cache/cache.h"
#include "io/cache/hash_memo.h"

enum { TEXT = 400, SETTLED = 2 /* seconds */ };

/* The memo of a file has its device and inode for a name, so that of an older
 * state of the file is replaced. */
static bool path_of(const struct stat *st, char *path, size_t size)
{
    char name[80];

    snprintf(name, sizeof(name), "hashes/%llx-%llx",
             (unsigned long long)st->st_dev, (unsigned long long)st->st_ino);
    return !reap_cache_path(path, size, name, NULL);
}

static int state(const struct stat *st, char *to, size_t size)
{
    return snprintf(to, size, "reap hash 1 %lld %lld.%09ld %lld.%09ld ",
                    (long long)st->st_size, (long long)st->st_mtim.tv_sec,
                    st->st_mtim.tv_nsec, (long long)st->st_ctim.tv_sec,
                    st->st_ctim.tv_nsec);
}

/* "HASH NOTE\n" and nothing else */
static bool hash_memo_parse(const char *text, char sha256[65],
                            char note[REAP_MEMO_NOTE])
{
    const size_t n = strspn(text, "0123456789abcdef");
    const char *word = text + n + 1;
    size_t len;

    if (n != 64 || text[n] != ' ')
        return false;
    len = strcspn(word, "\n");
    if (len >= REAP_MEMO_NOTE || strcmp(word + len, "\n") != 0)
        return false;
    memcpy(sha256, text, n);
    sha256[n] = '\0';
    memcpy(note, word, len);
    note[len] = '\0';
    return true;
}

bool reap_hash_memo_find(const struct stat *st, char sha256[65],
                         char note[REAP_MEMO_NOTE])
{
    char path[REAP_CACHE_PATH], is[TEXT], text[TEXT];
    ssize_t n = -1;
    int fd, len;

    if (!path_of(st, path, sizeof(path)))
        return false;
    fd = reap_cache_open(path);
    if (fd < 0)
        return false;
    n = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (n < 0)
        return false;
    text[n] = '\0';
    len = state(st, is, sizeof(is));
    return n > len && !memcmp(text, is, (size_t)len) &&
           hash_memo_parse(text + len, sha256, note);
}

/* Did the file's last change happen so long ago that a later one cannot bear
 * the same time? */
static bool settled(const struct stat *st)
{
    struct timespec now;

    return !clock_gettime(CLOCK_REALTIME, &now) &&
           now.tv_sec - SETTLED > st->st_mtim.tv_sec &&
           now.tv_sec - SETTLED > st->st_ctim.tv_sec;
}

void reap_hash_memo_put(const struct stat *st, const char *sha256,
                        const char *note)
{
    char path[REAP_CACHE_PATH], text[TEXT];
    int n;

    if (!settled(st) || strlen(note) >= REAP_MEMO_NOTE ||
        reap_cache_path(path, sizeof(path), "hashes", NULL) ||
        reap_cache_make_dir(path, NULL) || !path_of(st, path, sizeof(path)))
        return;
    n = state(st, text, sizeof(text));
    n += snprintf(text + n, sizeof(text) - (size_t)n, "%s %s\n", sha256, note);
    reap_cache_write(path, 1, &(struct reap_cache_part){ text, (size_t)n });
}
