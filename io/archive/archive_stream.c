/*
 * The bytes of a file as they were before it was compressed. gzip is taken
 * apart here, since libarchive does not compare its checksums; other
 * compressions are libarchive's filters, one at a time by name, so that none
 * that starts a program is ever asked.
 */
#define _GNU_SOURCE
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "engine/base/mem.h"
#include "io/archive/archive_impl.h"
#include "io/file/le.h"

enum { IN = 1 << 18, MAGIC = 16 };
/* Bits of a gzip header's flags. */
enum { HAS_CRC = 2, HAS_EXTRA = 4, HAS_NAME = 8, HAS_COMMENT = 16 };

struct reap_stream {
    size_t (*read)(struct reap_stream *s, uint8_t *to, size_t n);
    int fd;
    uint64_t size, most, out; /* of the file; that may come, that came out */
    char why[REAP_ARCHIVE_WHY];
    bool ended;
    size_t in_at, in_len;
    uint8_t *in;
    /* gzip */
    z_stream z;
    bool z_ready, inside;
    uint32_t crc, length;
    /* libarchive */
    struct archive *a;
};

static void trouble(struct reap_stream *s, const char *why)
{
    if (!s->why[0])
        snprintf(s->why, sizeof(s->why), "%s", why);
}

static void end_with(struct reap_stream *s, const char *why)
{
    trouble(s, why);
    s->ended = true;
}

/* ---- as they are ---- */

static size_t read_plain(struct reap_stream *s, uint8_t *to, size_t n)
{
    size_t at = 0;

    while (at < n) {
        const ssize_t got = read(s->fd, to + at, n - at);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            end_with(s, strerror(errno));
        if (got <= 0)
            break;
        at += (size_t)got;
    }
    return at;
}

/* ---- gzip ---- */

static bool fill(struct reap_stream *s)
{
    if (s->in_at < s->in_len)
        return true;
    s->in_at = 0;
    s->in_len = read_plain(s, s->in, IN);
    return s->in_len;
}

/* The next byte of the file, -1 at its end. */
static int byte(struct reap_stream *s)
{
    return fill(s) ? s->in[s->in_at++] : -1;
}

static bool pass_text(struct reap_stream *s)
{
    int c;

    while ((c = byte(s)) > 0)
        ;
    return !c;
}

/* The rest of a header, after its two bytes of magic. */
static bool gzip_header(struct reap_stream *s)
{
    int head[8], skip = 0;

    for (int i = 0; i < 8; i++)
        if ((head[i] = byte(s)) < 0)
            return false;
    if (head[0] != Z_DEFLATED)
        return false;
    if (head[1] & HAS_EXTRA) {
        const int low = byte(s), high = byte(s);

        if (high < 0)
            return false;
        skip = low | high << 8;
    }
    while (skip--)
        if (byte(s) < 0)
            return false;
    if ((head[1] & HAS_NAME && !pass_text(s)) ||
        (head[1] & HAS_COMMENT && !pass_text(s)))
        return false;
    return !(head[1] & HAS_CRC) || (byte(s) >= 0 && byte(s) >= 0);
}

/* To the data of the next part. False: there is none. */
static bool gzip_begin(struct reap_stream *s)
{
    int c = byte(s);

    while (c == 0) /* tapes fill up with zeros */
        c = byte(s);
    s->ended = true;
    if (c < 0)
        return false;
    if (c != 0x1f || byte(s) != 0x8b) {
        trouble(s, "something else follows its compressed data");
        return false;
    }
    if (!gzip_header(s)) {
        trouble(s, "a gzip header is damaged or cut");
        return false;
    }
    if (!s->z_ready && inflateInit2(&s->z, -MAX_WBITS) != Z_OK) {
        trouble(s, "no memory to decompress");
        return false;
    }
    if (s->z_ready)
        inflateReset(&s->z);
    s->z_ready = s->inside = true;
    s->crc = (uint32_t)crc32(0, NULL, 0);
    s->length = 0;
    s->ended = false;
    return true;
}

/* A part that its own checksum contradicts is said, and the next one read. */
static void gzip_trailer(struct reap_stream *s)
{
    uint8_t t[8];

    s->inside = false;
    for (size_t i = 0; i < sizeof(t); i++) {
        const int c = byte(s);

        if (c < 0) {
            end_with(s, "it is cut");
            return;
        }
        t[i] = (uint8_t)c;
    }
    if (reap_le_get32(t) != s->crc || reap_le_get32(t + 4) != s->length)
        trouble(s, "its gzip checksum does not fit: some bytes may be wrong");
}

static size_t read_gzip(struct reap_stream *s, uint8_t *to, size_t n)
{
    size_t at = 0;

    while (at < n && !s->ended) {
        size_t got;
        int rc;

        if (!s->inside && !gzip_begin(s))
            break;
        if (!fill(s)) {
            end_with(s, "it is cut");
            break;
        }
        s->z.next_in = s->in + s->in_at;
        s->z.avail_in = (uInt)(s->in_len - s->in_at);
        s->z.next_out = to + at;
        s->z.avail_out = n - at < IN ? (uInt)(n - at) : IN;
        rc = inflate(&s->z, Z_NO_FLUSH);
        s->in_at = s->in_len - s->z.avail_in;
        got = (size_t)(s->z.next_out - (to + at));
        s->crc = (uint32_t)crc32(s->crc, to + at, (uInt)got);
        s->length += (uint32_t)got;
        at += got;
        if (rc == Z_STREAM_END)
            gzip_trailer(s);
        else if (rc != Z_OK && rc != Z_BUF_ERROR)
            end_with(s, "its gzip data is damaged");
    }
    return at;
}

/* ---- libarchive ---- */

static size_t read_filter(struct reap_stream *s, uint8_t *to, size_t n)
{
    size_t at = 0;

    while (at < n) {
        const la_ssize_t got = archive_read_data(s->a, to + at, n - at);

        if (got == ARCHIVE_RETRY)
            continue;
        if (got < 0)
            end_with(s, archive_error_string(s->a));
        if (got <= 0)
            break;
        at += (size_t)got;
    }
    return at;
}

static const struct {
    size_t at, len;
    const char *bytes, *name;
    int (*support)(struct archive *a);
} packed[] = {
#define PACKED(at, bytes, name, filter)   \
    { at, sizeof(bytes) - 1, bytes, name, \
      archive_read_support_filter_##filter },
#include "io/archive/archives.def"
};

static int open_filter(struct reap_stream *s, const char *path, size_t i,
                       struct reap_err *err)
{
    struct archive_entry *e;
    int rc;

    s->a = archive_read_new();
    if (!s->a)
        return reap_fail(err, REAP_ENOMEM, "%s: no memory to read it", path);
    /* Anything but OK: libarchive would start a program for it. */
    if (packed[i].support(s->a) != ARCHIVE_OK)
        return reap_fail(err, REAP_EFORMAT,
                         "%s is compressed with %s, which this libarchive "
                         "lacks; decompress it and import that",
                         path, packed[i].name);
    rc = archive_read_support_format_raw(s->a);
    if (!rc)
        rc = archive_read_open_fd(s->a, s->fd, IN);
    if (!rc)
        rc = archive_read_next_header(s->a, &e);
    s->read = read_filter;
    if (rc == ARCHIVE_OK)
        return REAP_OK;
    return reap_fail(err, REAP_EFORMAT, "%s: damaged %s data: %s", path,
                     packed[i].name, archive_error_string(s->a));
}

/* ---- the whole ---- */

static int open_kind(struct reap_stream *s, const char *path,
                     struct reap_err *err)
{
    uint8_t head[MAGIC] = { 0 };
    const ssize_t n = pread(s->fd, head, sizeof(head), 0);

    if (n < 0)
        return reap_fail(err, REAP_EIO, "%s: %s", path, strerror(errno));
    for (size_t i = 0; i < sizeof(packed) / sizeof(packed[0]); i++)
        if ((size_t)n >= packed[i].at + packed[i].len &&
            !memcmp(head + packed[i].at, packed[i].bytes, packed[i].len)) {
            s->most = reap_archive_bound(s->most, s->size);
            return open_filter(s, path, i, err);
        }
    s->read = read_plain;
    if (n < 2 || head[0] != 0x1f || head[1] != 0x8b) {
        s->most = UINT64_MAX;
        return REAP_OK;
    }
    s->most = reap_archive_bound(s->most, s->size);
    s->read = read_gzip;
    s->in = reap_calloc(1, IN);
    return s->in
               ? REAP_OK
               : reap_fail(err, REAP_ENOMEM, "%s: no memory to read it", path);
}

int reap_stream_open(struct reap_stream **out, const char *path, uint64_t most,
                     struct reap_err *err)
{
    struct reap_stream *s = reap_calloc(1, sizeof(*s));
    struct stat st;
    int rc = REAP_OK;

    *out = NULL;
    if (!s)
        return reap_fail(err, REAP_ENOMEM, "%s: no memory to read it", path);
    s->most = most;
    s->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (s->fd < 0 || fstat(s->fd, &st))
        rc = reap_fail(err, errno == EACCES ? REAP_EACCESS : REAP_EIO, "%s: %s",
                       path, strerror(errno));
    if (!rc) {
        s->size = (uint64_t)st.st_size;
        rc = open_kind(s, path, err);
    }
    if (rc)
        reap_stream_close(&s);
    *out = s;
    return rc;
}

size_t reap_stream_read(struct reap_stream *s, uint8_t *to, size_t n)
{
    size_t got;

    if (s->ended)
        return 0;
    if (n > s->most - s->out) {
        end_with(s, reap_archive_bomb);
        return 0;
    }
    got = s->read(s, to, n);
    s->out += got;
    s->ended = s->ended || got < n;
    return got;
}

bool reap_stream_skip(struct reap_stream *s, uint64_t n)
{
    uint8_t buf[8192];

    if (s->read == read_plain) {
        const off_t at = lseek(s->fd, 0, SEEK_CUR);

        if (s->ended || at < 0 || n > s->size - (uint64_t)at) {
            s->ended = true;
            return false;
        }
        s->out += n;
        return lseek(s->fd, (off_t)n, SEEK_CUR) >= 0;
    }
    while (n) {
        const size_t part = n < sizeof(buf) ? (size_t)n : sizeof(buf);

        if (reap_stream_read(s, buf, part) < part)
            return false;
        n -= part;
    }
    return true;
}

const char *reap_stream_trouble(const struct reap_stream *s)
{
    return s->why[0] ? s->why : NULL;
}

void reap_stream_close(struct reap_stream **s)
{
    struct reap_stream *old = *s;

    if (!old)
        return;
    *s = NULL;
    if (old->a)
        archive_read_free(old->a);
    if (old->z_ready)
        inflateEnd(&old->z);
    if (old->fd >= 0)
        close(old->fd);
    reap_free(old->in);
    reap_free(old);
}
