/*
 * A zip that has lost its directory, which stands at its end: members are read
 * from the start as far as they go. libarchive reads them; names are told in
 * UTF-8 or as they are by a locale that only this thread has meanwhile.
 */
#define _GNU_SOURCE
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "io/archive/archive_impl.h"

enum { READ_SIZE = 1 << 18, STEP = 1 << 20 };
static const size_t len_max = (size_t)1 << 30;

struct cut_zip {
    struct archive *a;
    locale_t utf8;
    int fd;
    uint64_t most, out;
    uint8_t *data; /* of the member: its size is known after it */
    size_t len, room;
    const char *why; /* the trouble of the whole */
    char bad[REAP_ARCHIVE_WHY];
    bool over;
};

static const char *cut_zip_keep(struct cut_zip *c)
{
    const char *why = archive_error_string(c->a);

    snprintf(c->bad, sizeof(c->bad), "%s", why ? why : "damaged");
    return c->bad;
}

static const char *cut_zip_data(struct cut_zip *c)
{
    c->len = 0;
    for (;;) {
        la_ssize_t n;

        if (c->room - c->len < STEP) {
            uint8_t *p = c->room >= len_max
                             ? NULL
                             : reap_realloc(c->data, 2 * c->room + 2 * STEP);

            if (!p)
                return c->room >= len_max ? "larger than 1 GiB" : "no memory";
            c->data = p;
            c->room = 2 * c->room + 2 * STEP;
        }
        n = archive_read_data(c->a, c->data + c->len, STEP);
        if (n == 0)
            return NULL;
        if (n == ARCHIVE_RETRY)
            continue;
        if (n < 0) {
            c->over = n == ARCHIVE_FATAL;
            return cut_zip_keep(c);
        }
        c->len += (size_t)n;
        c->out += (uint64_t)n;
        if (c->out > c->most) {
            c->over = true;
            c->why = reap_archive_bomb;
            return c->why;
        }
    }
}

static void cut_zip_member(struct cut_zip *c, struct archive_entry *e,
                           struct reap_member *m)
{
    const char *name = archive_entry_pathname(e);
    const mode_t type = archive_entry_filetype(e);

    m->path = name ? name : "";
    m->bad = name ? NULL : "its name cannot be read";
    m->link = archive_entry_symlink(e);
    m->kind = type == AE_IFREG              ? REAP_MEMBER_FILE
              : type == AE_IFDIR            ? REAP_MEMBER_FOLDER
              : type == AE_IFLNK && m->link ? REAP_MEMBER_SYMBOLIC_LINK
                                            : REAP_MEMBER_OTHER;
    if (m->kind == REAP_MEMBER_FILE && !m->bad)
        m->bad = cut_zip_data(c);
    m->size = c->len;
}

static bool cut_zip_next(void *self, struct reap_member *m)
{
    struct cut_zip *c = self;
    struct archive_entry *e;
    locale_t old;
    int rc;

    if (c->over)
        return false;
    old = uselocale(c->utf8);
    do
        rc = archive_read_next_header(c->a, &e);
    while (rc == ARCHIVE_RETRY);
    c->over = rc != ARCHIVE_OK && rc != ARCHIVE_WARN;
    if (!c->over)
        cut_zip_member(c, e, m);
    uselocale(old);
    return rc == ARCHIVE_OK || rc == ARCHIVE_WARN;
}

static const char *cut_zip_read(void *self, uint8_t *to, size_t len)
{
    const struct cut_zip *c = self;

    if (len > c->len)
        return "it ends early";
    if (len)
        memcpy(to, c->data, len);
    return NULL;
}

static const char *cut_zip_trouble(const void *self)
{
    return ((const struct cut_zip *)self)->why;
}

static void cut_zip_close(void *self)
{
    struct cut_zip *c = self;

    if (c->a)
        archive_read_free(c->a);
    if (c->utf8)
        freelocale(c->utf8);
    if (c->fd >= 0)
        close(c->fd);
    reap_free(c->data);
    reap_free(c);
}

const struct reap_archive_kind reap_archive_cut_zip = {
    cut_zip_next, cut_zip_read, cut_zip_trouble, cut_zip_close
};

int reap_archive_cut_zip_open(void **self, const char *path, uint64_t most,
                              const char *why, struct reap_err *err)
{
    struct cut_zip *c = reap_calloc(1, sizeof(*c));
    struct stat st;
    int rc = REAP_OK;

    *self = c;
    if (!c)
        return reap_fail(err, REAP_ENOMEM, "%s: no memory to read it", path);
    c->why = why;
    c->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    c->fd = open(path, O_RDONLY | O_CLOEXEC);
    c->a = archive_read_new();
    if (c->fd < 0 || fstat(c->fd, &st) || !c->a || !c->utf8 ||
        archive_read_support_format_zip_streamable(c->a) ||
        archive_read_open_fd(c->a, c->fd, READ_SIZE))
        rc = reap_fail(err, REAP_EFORMAT, "%s: %s", path, why);
    else
        c->most = reap_archive_bound(most, (uint64_t)st.st_size);
    if (rc)
        cut_zip_close(c);
    return rc;
}
