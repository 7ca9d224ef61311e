/* Temporary file, fsync, rename, fsync of the folder. A temporary file is
 * locked while its writer lives: one without a lock is a leftover and is
 * removed. What the file holds is left to the caller. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "io/file/outfile.h"

struct reap_outfile {
    FILE *f;
    char *path, *temp;
};

static int outfile_fail(struct reap_err *err, int e, const char *what,
                        const char *path)
{
    int rc = e == EACCES || e == EPERM ? REAP_EACCESS
             : e == ENOSPC || e == EDQUOT || e == EIO || e == EFBIG
                 ? REAP_EIO
                 : REAP_ECREATE;

    return reap_fail(err, rc, "%s: cannot %s: %s", path, what, strerror(e));
}

/*
 * Remove what killed writers of 'path' left. A living one holds a lock on its
 * temporary file, which the system drops with the process.
 */
static void remove_leftovers(const char *path)
{
    const char *base = strrchr(path, '/');
    size_t n, dir_len = base ? (size_t)(base + 1 - path) : 0;
    const struct dirent *e;
    char dir[4096];
    DIR *d;

    base = path + dir_len;
    n = strlen(base);
    snprintf(dir, sizeof(dir), "%.*s", dir_len ? (int)dir_len : 1,
             dir_len ? path : ".");
    d = opendir(dir);
    while (d && (e = readdir(d))) {
        int fd;

        if (strncmp(e->d_name, base, n) != 0 ||
            strncmp(e->d_name + n, ".part-", 6) != 0)
            continue;
        fd = openat(dirfd(d), e->d_name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB))
            unlinkat(dirfd(d), e->d_name, 0);
        if (fd >= 0)
            close(fd);
    }
    if (d)
        closedir(d);
}

int reap_outfile_open(struct reap_outfile **out, const char *path,
                      struct reap_err *err)
{
    struct reap_outfile *f = reap_calloc(1, sizeof(*f));
    size_t room = strlen(path) + 32;
    struct stat st;
    int fd, rc = REAP_OK;

    *out = NULL;
    if (!f)
        return reap_fail(err, REAP_ENOMEM, "%s: no memory", path);
    f->path = reap_strdup(path);
    f->temp = reap_calloc(1, room);
    if (!f->path || !f->temp) {
        rc = reap_fail(err, REAP_ENOMEM, "%s: no memory", path);
        goto out;
    }
    if (!stat(path, &st) && !S_ISREG(st.st_mode)) {
        /* Renaming onto a device would replace it. */
        rc = reap_fail(err, REAP_ECREATE, "%s exists and is no regular file",
                       path);
        goto out;
    }
    snprintf(f->temp, room, "%s.part-%ld", path, (long)getpid());
    remove_leftovers(path);
    fd = open(f->temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd >= 0 && !(f->f = fdopen(fd, "wb"))) {
        int e = errno;

        close(fd);
        unlink(f->temp);
        errno = e;
    }
    if (!f->f) {
        rc = outfile_fail(err, errno, "write", path);
        goto out;
    }
    (void)flock(fd, LOCK_EX | LOCK_NB); /* says that it is in use */
    *out = f;
    return REAP_OK;
out:
    reap_free(f->path);
    reap_free(f->temp);
    reap_free(f);
    return rc;
}

int reap_outfile_write(struct reap_outfile *f, const void *data, size_t len,
                       struct reap_err *err)
{
    if (len && fwrite(data, 1, len, f->f) != len)
        return reap_fail(err, REAP_EIO, "%s: cannot write: %s", f->path,
                         strerror(errno));
    return REAP_OK;
}

FILE *reap_outfile_stream(struct reap_outfile *f)
{
    return f->f;
}

/* A rename is durable once its folder is. Some file systems cannot sync a
 * folder, which is no failure of ours. */
static void sync_folder(const char *path)
{
    char *dir = reap_strdup(path), *slash;
    int fd;

    if (!dir)
        return;
    slash = strrchr(dir, '/');
    if (slash)
        slash[slash == dir] = '\0';
    fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
    reap_free(dir);
}

int reap_outfile_commit(struct reap_outfile **fp, struct reap_err *err)
{
    struct reap_outfile *f = *fp;
    bool bad = ferror(f->f) != 0;
    int rc = REAP_OK;

    errno = bad ? EIO : 0;
    if (bad || fflush(f->f) || fsync(fileno(f->f)))
        rc = reap_fail(err, REAP_EIO, "%s: cannot write: %s", f->path,
                       strerror(errno));
    if (fclose(f->f) && !rc)
        rc = reap_fail(err, REAP_EIO, "%s: cannot write: %s", f->path,
                       strerror(errno));
    f->f = NULL;
    if (!rc && rename(f->temp, f->path))
        rc = outfile_fail(err, errno, "rename to", f->path);
    if (!rc)
        sync_folder(f->path);
    else
        unlink(f->temp);
    f->temp[0] = '\0';
    reap_outfile_abort(fp);
    return rc;
}

void reap_outfile_abort(struct reap_outfile **fp)
{
    struct reap_outfile *f = *fp;

    if (!f)
        return;
    if (f->f)
        fclose(f->f);
    if (f->temp[0])
        unlink(f->temp);
    reap_free(f->path);
    reap_free(f->temp);
    reap_free(f);
    *fp = NULL;
}
