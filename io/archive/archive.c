/* Which kind of archive a file is, and the calls that every kind answers. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "io/archive/archive_impl.h"

enum { HEAD = 4096, BLOCK = 512, RATIO = 200 };
static const uint64_t always = (uint64_t)256 << 20;

const char reap_archive_bomb[] =
    "it expands far beyond its own size (a bomb?); --max-archive SIZE says "
    "how far it may";

struct reap_archive {
    const struct reap_archive_kind *kind;
    void *self;
};

static const struct {
    size_t at, len;
    const char *bytes, *name;
    bool readable;
} magic[] = {
    { 0, 2, "\x1f\x8b", "gzip", true },  { 0, 4, "PK\x03\x04", "zip", true },
    { 0, 4, "PK\x05\x06", "zip", true }, /* without members */
    { 0, 4, "PK\x07\x08", "zip", true }, /* one of several parts */
    { 257, 5, "ustar", "tar", true },
#define PACKED(at, bytes, name, filter) \
    { at, sizeof(bytes) - 1, bytes, name, true },
#define OTHER(at, bytes, name) { at, sizeof(bytes) - 1, bytes, name, false },
#include "io/archive/archives.def"
};

static const char *const ending[] = {
#define NAMED(ending) ending,
#include "io/archive/archives.def"
};

const char *reap_archive_magic(const uint8_t *head, size_t n, bool *readable)
{
    *readable = true;
    for (size_t i = 0; i < sizeof(magic) / sizeof(magic[0]); i++)
        if (n >= magic[i].at + magic[i].len &&
            !memcmp(head + magic[i].at, magic[i].bytes, magic[i].len)) {
            *readable = magic[i].readable;
            return magic[i].name;
        }
    /* The oldest tars have no magic, only the checksum of a header. */
    return n >= BLOCK && reap_archive_tar_header(head) ? "tar" : NULL;
}

bool reap_archive_is_name(const char *name)
{
    const size_t n = strlen(name);

    for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
        const size_t m = strlen(ending[i]);

        if (n > m && !strcasecmp(name + n - m, ending[i]))
            return true;
    }
    return false;
}

uint64_t reap_archive_bound(uint64_t most, uint64_t size)
{
    return most ? most : RATIO * size + always;
}

static int read_head(const char *path, uint8_t *head, size_t *n,
                     struct reap_err *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t got = -1;

    if (fd >= 0) {
        got = pread(fd, head, HEAD, 0);
        close(fd);
    }
    if (got < 0)
        return reap_fail(err,
                         errno == EACCES   ? REAP_EACCESS
                         : errno == ENOENT ? REAP_ENOTFOUND
                                           : REAP_EIO,
                         "%s: %s", path, strerror(errno));
    *n = (size_t)got;
    return REAP_OK;
}

static int open_zip(struct reap_archive *a, const char *path, uint64_t most,
                    struct reap_err *err)
{
    int rc = reap_archive_zip_open(&a->self, path, most, err);

    a->kind = &reap_archive_zip;
    if (rc != REAP_EFORMAT)
        return rc;
    a->kind = &reap_archive_cut_zip;
    return reap_archive_cut_zip_open(
        &a->self, path, most, "its directory is missing or damaged: is it cut?",
        err);
}

int reap_archive_open(struct reap_archive **out, const char *path,
                      uint64_t most, struct reap_err *err)
{
    struct reap_archive *a;
    uint8_t head[HEAD];
    const char *what;
    bool readable;
    size_t n = 0;
    int rc = read_head(path, head, &n, err);

    *out = NULL;
    if (rc)
        return rc;
    what = reap_archive_magic(head, n, &readable);
    if (!readable)
        return reap_fail(err, REAP_EFORMAT,
                         "%s is of the kind %s, which is not read; unpack it "
                         "and import the folder",
                         path, what);
    a = reap_calloc(1, sizeof(*a));
    if (!a)
        return reap_fail(err, REAP_ENOMEM, "%s: no memory to read it", path);
    if (what && !strcmp(what, "zip")) {
        rc = open_zip(a, path, most, err);
    } else {
        a->kind = &reap_archive_tar;
        rc = reap_archive_tar_open(
            &a->self, path, most,
            reap_archive_is_name(path) || (what && !strcmp(what, "tar")), err);
    }
    if (rc)
        reap_free(a);
    else
        *out = a;
    return rc;
}

bool reap_archive_next(struct reap_archive *a, struct reap_member *m)
{
    memset(m, 0, sizeof(*m));
    m->path = "";
    return a->kind->next(a->self, m);
}

const char *reap_archive_read(struct reap_archive *a, uint8_t *to, size_t len)
{
    return a->kind->read(a->self, to, len);
}

const char *reap_archive_trouble(const struct reap_archive *a)
{
    return a->kind->trouble(a->self);
}

void reap_archive_close(struct reap_archive **a)
{
    struct reap_archive *old = *a;

    if (!old)
        return;
    *a = NULL;
    old->kind->close(old->self);
    reap_free(old);
}
