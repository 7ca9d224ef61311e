/* A file with one place for each image: state and checksum first, so that what
 * a crash left half written is not taken for a result. Which images are in it
 * is tune_views.c's. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "io/file/crc.h"
#include "io/out/create.h"
#include "io/file/le.h"
#include "jobs/tune/tune_cache.h"

enum { PAGE = 4096, ENTRY = 8 };

struct reap_tune_cache {
    int fd;
    size_t n, size;
    char path[512]; /* for messages */
};

static uint64_t first_byte(size_t n)
{
    return PAGE + ((uint64_t)n * ENTRY + PAGE - 1) / PAGE * PAGE;
}

uint64_t reap_tune_cache_bytes(size_t n, size_t size)
{
    return first_byte(n) + (uint64_t)n * size;
}

static int tune_cache_fail(const struct reap_tune_cache *c, const char *what,
                           int why, struct reap_err *err)
{
    return reap_fail(err, REAP_EIO, "%s: %s: %s", c->path, what, strerror(why));
}

static int tune_cache_put(const struct reap_tune_cache *c, const void *data,
                          size_t len, uint64_t at, struct reap_err *err)
{
    const char *p = data;

    while (len) {
        const ssize_t n = pwrite(c->fd, p, len, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return tune_cache_fail(c, "writing", errno, err);
        p += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return REAP_OK;
}

static int tune_cache_get(const struct reap_tune_cache *c, void *data,
                          size_t len, uint64_t at, struct reap_err *err)
{
    char *p = data;

    while (len) {
        const ssize_t n = pread(c->fd, p, len, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return tune_cache_fail(c, "reading", n ? errno : ENODATA, err);
        p += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return REAP_OK;
}

static const char title[] = "reap features ";

/* The first page: text up to a zero byte. */
static int page_of(const char *fingerprint_text, size_t n, size_t size,
                   char *page, struct reap_err *err)
{
    memset(page, 0, PAGE);
    if (snprintf(page, PAGE, "%s1\nimages=%zu\nbytes=%zu\n%s", title, n, size,
                 fingerprint_text) >= PAGE)
        return reap_fail(err, REAP_EBUG,
                         "the description of the features is too long");
    return REAP_OK;
}

/* What was begun and stopped is empty, or all zero. */
static bool is_ours(const struct reap_tune_cache *c)
{
    static const char zero[sizeof(title) - 1];
    char head[sizeof(title) - 1];

    return pread(c->fd, head, sizeof(head), 0) < (ssize_t)sizeof(head)
               ? lseek(c->fd, 0, SEEK_END) == 0
               : !memcmp(head, title, sizeof(head)) ||
                     !memcmp(head, zero, sizeof(head));
}

static int make(struct reap_tune_cache *c, const char *page,
                struct reap_err *err)
{
    const uint64_t all = reap_tune_cache_bytes(c->n, c->size);
    int why, rc;

    if (!is_ours(c))
        return reap_fail(err, REAP_ECREATE,
                         "%s exists, and holds no features of reap tune: "
                         "choose another name for --keep-features",
                         c->path);
    if (ftruncate(c->fd, 0))
        return tune_cache_fail(c, "emptying", errno, err);
    why = posix_fallocate(c->fd, 0, (off_t)all);
    if (why)
        return reap_fail(err, REAP_EIO,
                         "%s: %s; the features need %" PRIu64
                         " MB (--keep-features names another place)",
                         c->path, strerror(why), all >> 20);
    rc = tune_cache_put(c, page, PAGE, 0, err);
    return rc ? rc : reap_tune_cache_sync(c, err);
}

static int tune_cache_cannot_open(const char *path, int why,
                                  struct reap_err *err)
{
    const int code = why == ENOENT   ? REAP_ENOTFOUND
                     : why == EACCES ? REAP_EACCESS
                                     : REAP_ECREATE;

    return reap_fail(err, code, "%s: %s", path, reap_create_why(why));
}

int reap_tune_cache_open(struct reap_tune_cache **out, const char *path,
                         const char *fingerprint_text, size_t n, size_t size,
                         bool create, bool *found, struct reap_err *err)
{
    const int how = O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0);
    struct reap_tune_cache *c = reap_calloc(1, sizeof(*c));
    char page[PAGE], is[PAGE];
    int rc = page_of(fingerprint_text, n, size, page, err);

    *out = NULL;
    if (!c)
        return reap_fail(err, REAP_ENOMEM, "no memory");
    c->n = n;
    c->size = size;
    snprintf(c->path, sizeof(c->path), "%s", path);
    c->fd = reap_create_own(path, how);
    if (!rc && c->fd < 0)
        rc = tune_cache_cannot_open(path, errno, err);
    if (!rc) {
        *found = lseek(c->fd, 0, SEEK_END) ==
                     (off_t)reap_tune_cache_bytes(n, size) &&
                 !tune_cache_get(c, is, PAGE, 0, NULL) &&
                 !memcmp(is, page, PAGE);
        if (!*found && create)
            rc = make(c, page, err);
        else if (!*found)
            rc = reap_fail(err, REAP_ENOTFOUND,
                           "%s: this rank finds other features there than the "
                           "first one; name a place that all hosts share with "
                           "--keep-features",
                           path);
    }
    if (rc)
        reap_tune_cache_close(&c);
    *out = c;
    return rc;
}

int reap_tune_cache_read(struct reap_tune_cache *c, size_t i, void *to,
                         enum reap_tune_state *state, struct reap_err *err)
{
    uint8_t entry[ENTRY];
    int rc = tune_cache_get(c, entry, ENTRY, PAGE + (uint64_t)i * ENTRY, err);

    *state = REAP_TUNE_MISSING;
    if (rc)
        return rc;
    if (reap_le_get32(entry) == REAP_TUNE_BAD)
        *state = REAP_TUNE_BAD;
    if (reap_le_get32(entry) != REAP_TUNE_GOOD)
        return REAP_OK;
    rc = tune_cache_get(c, to, c->size,
                        first_byte(c->n) + (uint64_t)i * c->size, err);
    if (!rc && reap_crc_32c(to, c->size) == reap_le_get32(entry + 4))
        *state = REAP_TUNE_GOOD;
    return rc;
}

int reap_tune_cache_write(struct reap_tune_cache *c, size_t i, const void *data,
                          struct reap_err *err)
{
    uint8_t entry[ENTRY];
    int rc = REAP_OK;

    reap_le_put32(entry, data ? REAP_TUNE_GOOD : REAP_TUNE_BAD);
    reap_le_put32(entry + 4, data ? reap_crc_32c(data, c->size) : 0);
    if (data)
        rc = tune_cache_put(c, data, c->size,
                            first_byte(c->n) + (uint64_t)i * c->size, err);
    return rc ? rc
              : tune_cache_put(c, entry, ENTRY, PAGE + (uint64_t)i * ENTRY,
                               err);
}

int reap_tune_cache_sync(struct reap_tune_cache *c, struct reap_err *err)
{
    return fsync(c->fd) ? tune_cache_fail(c, "writing", errno, err) : REAP_OK;
}

void reap_tune_cache_close(struct reap_tune_cache **cp)
{
    struct reap_tune_cache *c = *cp;

    if (!c)
        return;
    if (c->fd >= 0)
        close(c->fd);
    reap_free(c);
    *cp = NULL;
}
