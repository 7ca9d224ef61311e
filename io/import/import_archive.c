/* The members of an archive, read in one go; labels of WebDataset. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/mem.h"
#include "io/file/crc.h"
#include "io/file/limits.h"
#include "io/import/import_impl.h"

enum { WAITING = 64, READ_SIZE = 1 << 20 };
static const int64_t len_max = (int64_t)1 << 30;
static const size_t waiting_max = (size_t)32 << 20;

/* Members of one stem wait for their label: they lie together. */
struct members {
    struct reap_import *im;
    const struct reap_import_job *job;
    struct archive *a;
    int64_t mtime;
    char *stem; /* of what waits, and of 'label' */
    struct reap_import_item *item[WAITING];
    size_t n, bytes;
    char label[REAP_LABEL_MAX + 1];
};

/* WebDataset's stem: the path up to the first '.' of its last name. */
static size_t stem_len(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;

    return (size_t)(name - path) + strcspn(name, ".");
}

static void pass_on(struct members *m)
{
    for (size_t i = 0; i < m->n; i++) {
        struct reap_import_item *item = m->item[i];

        memcpy(item->label, m->label, sizeof(item->label));
        (void)reap_import_pass(m->im, m->im->items, item,
                               item->value.len + sizeof(*item));
    }
    m->n = m->bytes = 0;
}

/* A member of another stem: what waits can go. False: no memory. */
static bool turn_to(struct members *m, const char *path)
{
    const size_t n = stem_len(path);

    if (m->stem && strlen(m->stem) == n && !strncmp(m->stem, path, n))
        return true;
    pass_on(m);
    m->label[0] = '\0';
    reap_free(m->stem);
    m->stem = reap_strdup(path);
    if (m->stem)
        m->stem[n] = '\0';
    return m->stem;
}

static const char *read_value(struct members *m, uint8_t *to, size_t len)
{
    size_t at = 0;

    while (at < len) {
        const la_ssize_t n = archive_read_data(m->a, to + at, len - at);

        if (n == ARCHIVE_RETRY)
            continue;
        if (n < 0)
            return archive_error_string(m->a);
        if (!n)
            return "a member ends early";
        at += (size_t)n;
    }
    return NULL;
}

/* The first line of a .cls member, without blanks at its ends. */
static const char *read_label(struct members *m, size_t len)
{
    char text[REAP_LABEL_MAX + 1] = "";
    const size_t n = len < REAP_LABEL_MAX ? len : REAP_LABEL_MAX;
    const char *why = read_value(m, (uint8_t *)text, n), *from;
    size_t keep;

    if (why)
        return why;
    from = text + strspn(text, " \t\r\n");
    keep = strcspn(from, "\r\n");
    while (keep && (from[keep - 1] == ' ' || from[keep - 1] == '\t'))
        keep--;
    snprintf(m->label, sizeof(m->label), "%.*s", (int)keep, from);
    return NULL;
}

static const char *read_image(struct members *m, const char *path, size_t len)
{
    char *whole = reap_import_path(m->job->key, path);
    struct reap_import_item *item = NULL;
    uint8_t key[REAP_KEY_MAX], *value;
    const char *why = "no memory";
    struct reap_bytes k = { key, 0 };

    if (!whole)
        return why;
    k.len = reap_import_key(whole, key);
    if (reap_import_writer_knows(m->im->writer, k, m->job->source, len,
                                 m->mtime)) {
        reap_import_count(m->im, 1, 0, 1);
        reap_free(whole);
        return NULL;
    }
    item = reap_import_item_new(whole, len, &value);
    reap_free(whole);
    if (!item || (why = read_value(m, value, len))) {
        reap_free(item);
        return why;
    }
    reap_import_count(m->im, 1, 0, 0);
    item->crc = reap_crc_32c(value, len);
    item->mtime = m->mtime;
    item->source = m->job->source;
    if (m->n == WAITING || m->bytes + len > waiting_max)
        pass_on(m);
    m->item[m->n++] = item;
    m->bytes += len;
    return NULL;
}

static bool import_archive_ends_in(const char *path, const char *ending)
{
    const size_t n = strlen(path), m = strlen(ending);

    return n > m && !strcmp(path + n - m, ending);
}

/* One member: NULL, or why the rest cannot be read. */
static const char *do_member(struct members *m, struct archive_entry *e)
{
    const char *path = archive_entry_pathname(e);
    const int64_t len = archive_entry_size(e);

    if (!path)
        path = archive_entry_pathname_utf8(e);
    if (archive_entry_filetype(e) == AE_IFDIR)
        return NULL;
    if (!path || archive_entry_filetype(e) != AE_IFREG ||
        archive_entry_hardlink(e)) {
        reap_import_count(m->im, 1, 1, 0);
        return NULL;
    }
    if (len < 0 || len > len_max) {
        reap_import_unreadable(m->im, path, "larger than 1 GiB");
        return NULL;
    }
    if (!turn_to(m, path))
        return "no memory";
    if (import_archive_ends_in(path, ".cls"))
        return read_label(m, (size_t)len);
    if (m->im->args->all || reap_import_is_image(path))
        return read_image(m, path, (size_t)len);
    reap_import_count(m->im, 1, 1, 0);
    return NULL;
}

static const char *open_archive(struct members *m)
{
    struct stat st;

    if (stat(m->job->path, &st))
        return strerror(errno);
    /* A member's own time says little; the archive's changes with each. */
    m->mtime = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    m->a = archive_read_new();
    if (!m->a)
        return "no memory";
    archive_read_support_filter_all(m->a);
    archive_read_support_format_tar(m->a);
    archive_read_support_format_zip(m->a);
    return archive_read_open_filename(m->a, m->job->path, READ_SIZE)
               ? archive_error_string(m->a)
               : NULL;
}

void reap_import_archive(struct reap_import *im,
                         const struct reap_import_job *job)
{
    struct members m = { .im = im, .job = job };
    const char *why = open_archive(&m);
    struct archive_entry *e;

    while (!why && !reap_import_stopped(im)) {
        const int rc = archive_read_next_header(m.a, &e);

        if (rc == ARCHIVE_EOF)
            break;
        if (rc == ARCHIVE_RETRY)
            continue;
        /* A warning is about the name's spelling or a time. */
        why = rc == ARCHIVE_OK || rc == ARCHIVE_WARN
                  ? do_member(&m, e)
                  : archive_error_string(m.a);
    }
    if (why)
        reap_import_unreadable(im, job->path, why);
    pass_on(&m);
    reap_free(m.stem);
    if (m.a)
        archive_read_free(m.a);
}
