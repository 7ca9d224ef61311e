/* One file of an import: known already, read, or not to be had. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "io/file/crc.h"
#include "io/file/limits.h"
#include "io/import/import_impl.h"

/* LMDB's own limit on what one write moves is 2 GiB. */
static const int64_t len_max = (int64_t)1 << 30;

static int open_file(const struct reap_import_job *job, struct stat *st)
{
    int fd = open(job->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0 && errno == ENOENT && *job->other)
        fd = open(job->other, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && fstat(fd, st)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

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

static void import_read_no_memory(struct reap_import *im, const char *path)
{
    struct reap_err err;

    reap_import_fail(im, reap_fail(&err, REAP_ENOMEM, "no memory for %s", path),
                     &err);
}

static void import_read_read_file(struct reap_import *im,
                                  const struct reap_import_job *job, int fd,
                                  const struct stat *st)
{
    const int64_t mtime =
        (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
    struct reap_import_item *item;
    const char *why;
    uint8_t key[REAP_KEY_MAX], *value;
    const size_t n_key = reap_import_key(job->key, key);

    if (!S_ISREG(st->st_mode) || st->st_size > len_max) {
        reap_import_unreadable(im, job->path,
                               S_ISREG(st->st_mode) ? "larger than 1 GiB"
                                                    : "not a file");
        return;
    }
    if (reap_import_writer_knows(im->writer, (struct reap_bytes){ key, n_key },
                                 job->source, (uint64_t)st->st_size, mtime)) {
        reap_import_count(im, 0, 0, 1);
        return;
    }
    item = reap_import_item_new(job->key, (size_t)st->st_size, &value);
    if (!item) {
        import_read_no_memory(im, job->path);
        return;
    }
    why = import_read_read_all(fd, value, item->value.len);
    if (why) {
        reap_import_unreadable(im, job->path, why);
        reap_free(item);
        return;
    }
    item->crc = reap_crc_32c(value, item->value.len);
    item->mtime = mtime;
    item->source = job->source;
    snprintf(item->label, sizeof(item->label), "%s", job->label);
    (void)reap_import_pass(im, im->items, item,
                           item->value.len + sizeof(*item));
}

static void do_file(struct reap_import *im, const struct reap_import_job *job)
{
    struct stat st;
    const int fd = open_file(job, &st);

    if (fd < 0) {
        reap_import_unreadable(im, job->path, strerror(errno));
        return;
    }
    import_read_read_file(im, job, fd, &st);
    close(fd);
}

void *reap_import_read(void *import)
{
    struct reap_import *im = import;
    struct reap_import_job *job;
    bool late, last;

    while ((job = reap_queue_get(im->jobs, -1, &late))) {
        if (job->kind == REAP_IMPORT_ARCHIVE)
            reap_import_archive(im, job);
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
