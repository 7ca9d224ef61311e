/* One file of an import, named by a folder or by a line of a list: known
 * already, read, or not to be had. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "io/file/crc.h"
#include "io/file/limits.h"
#include "io/import/import_impl.h"

/* LMDB's own limit on what one write moves is 2 GiB. */
static const int64_t len_max = (int64_t)1 << 30;

/* All of the file as it is now: NULL, or why not. */
static const char *import_read_read_all(int fd, uint8_t *to, size_t len)
{
    size_t at = 0;

    while (at < len) {
        ssize_t n = read(fd, to + at, len - at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return strerror(errno);
        if (!n)
            return "it shrinks while it is read";
        at += (size_t)n;
    }
    return NULL;
}

/* What the file's source says of its label, into the item. */
static void put_label(struct reap_import *im, struct reap_import_item *item,
                      const struct reap_list_guess *label)
{
    if (!label)
        return;
    item->says = label->says;
    if (label->says == REAP_SAYS_LABEL &&
        strlen(label->label) > REAP_LABEL_MAX) {
        reap_import_label_lost(im, item->name, "longer than 255 bytes");
        item->says = REAP_SAYS_NONE;
    } else if (label->says == REAP_SAYS_UNCLEAR) {
        reap_import_label_lost(im, item->name,
                               "the line has more than two columns; --columns "
                               "PATH,LABEL says which holds the label");
        item->says = REAP_SAYS_NOTHING;
    } else if (label->says == REAP_SAYS_LABEL) {
        snprintf(item->label, sizeof(item->label), "%s", label->label);
    }
}

void reap_import_file(struct reap_import *im, int fd, const char *name,
                      const char *key, uint32_t source,
                      const struct reap_list_guess *label)
{
    struct reap_import_item *item;
    const char *why = NULL;
    uint8_t k[REAP_KEY_MAX], *value;
    struct stat st;
    int64_t mtime;
    bool known;

    if (fstat(fd, &st))
        why = strerror(errno);
    else if (S_ISDIR(st.st_mode))
        why = "a folder";
    else if (!S_ISREG(st.st_mode))
        why = "not a file";
    else if (st.st_size > len_max)
        why = "larger than 1 GiB";
    if (why) {
        reap_import_not_taken(im, name, why);
        return;
    }
    mtime = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    known = reap_import_writer_knows(
        im->writer, (struct reap_bytes){ k, reap_import_key(key, k) }, source,
        (uint64_t)st.st_size, mtime);
    item = reap_import_item_new(key, known ? 0 : (size_t)st.st_size, &value);
    if (!item) {
        (void)reap_import_no_memory(im, name);
        return;
    }
    item->kind = known ? REAP_ITEM_KNOWN : REAP_ITEM_FILE;
    item->size = (uint64_t)st.st_size;
    item->mtime = mtime;
    item->source = source;
    snprintf(item->name, sizeof(item->name), "%s", name);
    why = known ? NULL : import_read_read_all(fd, value, item->value.len);
    if (why) {
        reap_import_not_taken(im, name, why);
        reap_free(item);
        return;
    }
    put_label(im, item, label);
    item->crc = known ? 0 : reap_crc_32c(value, item->value.len);
    (void)reap_import_pass(im, im->items, item,
                           item->value.len + sizeof(*item));
}

static void do_file(struct reap_import *im, const struct reap_import_job *job)
{
    const int fd = open(job->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK |
                                       (job->no_link ? O_NOFOLLOW : 0));

    if (fd < 0) {
        reap_import_not_taken(im, job->path, strerror(errno));
        return;
    }
    reap_import_file(im, fd, job->path, job->key, job->source, NULL);
    close(fd);
}

/* ---- lines of lists ---- */

/* A file that a line names. */
struct found {
    int fd, error; /* the first that says more than that it is not there */
    char path[PATH_MAX];
    const struct reap_list_guess *guess;
    bool elsewhere; /* from the current folder, not beside the list */
};

static bool try_path(struct found *f, const char *dir, const char *path,
                     bool slashes)
{
    const int n =
        snprintf(f->path, sizeof(f->path), "%s%s%s", *path == '/' ? "" : dir,
                 *path == '/' || !*dir ? "" : "/", path);
    struct stat st;

    if (n < 0 || (size_t)n >= sizeof(f->path)) {
        f->error = f->error ? f->error : ENAMETOOLONG;
        return false;
    }
    for (char *p = f->path + n - strlen(path); slashes && *p; p++)
        if (*p == '\\')
            *p = '/';
    f->fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (f->fd >= 0 && (fstat(f->fd, &st) || S_ISDIR(st.st_mode))) {
        close(f->fd);
        f->fd = -1;
        errno = EISDIR;
    }
    if (f->fd < 0 && errno != ENOENT && errno != ENOTDIR && !f->error)
        f->error = errno;
    return f->fd >= 0;
}

static bool find_line(struct found *f, const struct reap_list *l,
                      const struct reap_list_guess *guess, size_t n)
{
    for (int place = 0; place < 2; place++)
        for (size_t i = 0; i < n; i++) {
            const char *dir = place ? "" : l->dir;

            f->guess = &guess[i];
            f->elsewhere = place && *guess[i].path != '/';
            if (place && !f->elsewhere)
                continue;
            if (try_path(f, dir, guess[i].path, false) ||
                (strchr(guess[i].path, '\\') &&
                 try_path(f, dir, guess[i].path, true)))
                return true;
        }
    return false;
}

/* The deepest folder that two absolute paths share, into 'a'. */
static void common(char *a, const char *b)
{
    size_t i = 0, slash = 0;

    for (; a[i] && a[i] == b[i]; i++)
        if (a[i] == '/')
            slash = i;
    if (!a[i] && b[i] == '/')
        slash = i;
    a[slash ? slash : 1] = '\0';
}

/* Files of no source: below the list's folder or the current one by the path
 * from there; else from the folder above both, or from the root. */
static bool own_key(struct reap_import *im, const struct reap_list *l,
                    const struct found *f, const char *real, uint32_t *source,
                    char **key)
{
    const bool absolute = *f->guess->path == '/';
    char root[PATH_MAX], here[PATH_MAX];
    struct reap_err err;
    size_t n;

    if (!getcwd(here, sizeof(here)))
        here[0] = '\0';
    snprintf(root, sizeof(root), "%s", f->elsewhere ? here : l->dir);
    n = strlen(here);
    if (absolute && n > 1 && !strncmp(real, here, n) && real[n] == '/')
        memcpy(root, here, n + 1);
    else if (absolute)
        snprintf(root, sizeof(root), "/");
    else
        common(root, real);
    if (reap_sources_add(im->sources, REAP_SOURCE_FILES, root, "", false,
                         source, &err))
        return reap_import_no_memory(im, real);
    n = strlen(root);
    *key = reap_import_path("", real + (n > 1 ? n : 0));
    return *key || reap_import_no_memory(im, real);
}

/* Where the file really is: its folder without links, then its name. */
static bool real_path(const struct found *f, char *to)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(f->path, '/');
    const size_t n = slash ? (size_t)(slash - f->path) + 1 : 0;
    size_t m;

    snprintf(dir, sizeof(dir), "%.*s", (int)n, f->path);
    if (!realpath(n ? dir : ".", to))
        return false;
    m = strlen(to);
    if (m + strlen(f->path + n) + 2 > PATH_MAX)
        return false;
    snprintf(to + m, PATH_MAX - m, "%s%s", m > 1 ? "/" : "", f->path + n);
    return true;
}

/* A line whose path goes through a link keeps the key that it is written as. */
static bool as_written(const struct reap_list *l, const struct found *f,
                       const char *real)
{
    const size_t n = strlen(l->dir);

    return *f->guess->path != '/' && !f->elsewhere &&
           !strstr(f->guess->path, "..") &&
           !(n == 1 || (!strncmp(real, l->dir, n) && real[n] == '/'));
}

static void take_line(struct reap_import *im, const struct reap_list *l,
                      const struct found *f, const char *name)
{
    const char *slash = strrchr(f->path, '/');
    char real[PATH_MAX], *key = NULL;
    uint32_t source;
    bool owned;

    if (reap_import_is_skipped(slash ? slash + 1 : f->path, false)) {
        reap_import_add(im, &im->sum.skipped, 1);
        return;
    }
    if (!im->args->all && !reap_import_is_image(f->path)) {
        reap_import_add(im, &im->sum.not_images, 1);
        return;
    }
    if (!real_path(f, real)) {
        reap_import_not_taken(im, name, "its path is too long");
        return;
    }
    if (f->elsewhere)
        reap_import_add(im, &im->sum.elsewhere, 1);
    owned = reap_sources_owner(im->sources, real, &source, &key);
    if (!owned && as_written(l, f, real)) {
        const struct reap_source *own = reap_sources_at(im->sources, l->source);

        source = l->source;
        key = reap_import_path(own->prefix, f->guess->path);
        owned = key;
    }
    if (!owned && !own_key(im, l, f, real, &source, &key))
        return;
    if (key)
        reap_import_file(im, f->fd, name, key, source, f->guess);
    else
        (void)reap_import_no_memory(im, name);
    reap_free(key);
}

void reap_import_line(struct reap_import *im, const struct reap_import_job *job)
{
    struct reap_list_guess guess[REAP_GUESSES];
    struct found f = { .fd = -1 };
    char name[600], *buf = reap_calloc(3 * REAP_GUESSES, strlen(job->path) + 2);
    size_t n;

    if (!buf) {
        (void)reap_import_no_memory(im, job->list->path);
        return;
    }
    n = reap_list_guess(job->list, job->path, buf, guess);
    snprintf(name, sizeof(name), "%s:%zu: %s", job->list->path, job->line,
             n ? guess[0].path : job->path);
    if (n && find_line(&f, job->list, guess, n)) {
        snprintf(name, sizeof(name), "%s:%zu: %s", job->list->path, job->line,
                 f.guess->path);
        take_line(im, job->list, &f, name);
        close(f.fd);
    } else {
        reap_import_not_taken(im, name,
                              n ? strerror(f.error ? f.error : ENOENT)
                                : "its columns cannot be told");
    }
    reap_free(buf);
}

void *reap_import_read(void *import)
{
    struct reap_import *im = import;
    struct reap_import_job *job;
    bool late, last;

    while ((job = reap_queue_get(im->jobs, -1, &late))) {
        if (job->kind == REAP_IMPORT_ARCHIVE)
            reap_import_archive(im, job);
        else if (job->kind == REAP_IMPORT_LINE)
            reap_import_line(im, job);
        else
            do_file(im, job);
        reap_free(job);
    }
    pthread_mutex_lock(&im->mutex);
    last = !--im->readers;
    pthread_mutex_unlock(&im->mutex);
    if (last)
        reap_queue_end(im->items);
    return NULL;
}
