/* Temporary file, fsync, rename, fsync of the folder, which stays open: if it
 * is moved meanwhile, nothing is written to another of that name. A temporary
 * file is locked while its writer lives: one without a lock is a leftover and
 * is removed. What the file holds is left to the caller. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "io/out/create.h"
#include "io/out/outfile.h"
#include "io/out/outfile_rule.h"

enum { PATH_SIZE = 4096 };

struct reap_outfile {
    FILE *f;
    char *path;
    const char *name; /* in 'path' */
    int dir;          /* its folder */
    char temp[REAP_CREATE_NAME];
    bool own, to_stdout;
    bool was;           /* there was a file when this one was begun: */
    struct stat before; /* it, */
    char hash[65];      /* and the sha256 of what reap wrote there, or "" */
    struct reap_shape shape;
};

static int claimed = -1; /* standard output, once it was claimed */

static int outfile_fail(struct reap_err *err, int e, const char *what,
                        const char *path)
{
    int rc = e == EACCES || e == EPERM ? REAP_EACCESS
             : e == ENOSPC || e == EDQUOT || e == EIO || e == EFBIG
                 ? REAP_EIO
                 : REAP_ECREATE;

    return reap_fail(err, rc, "%s: cannot %s: %s", path, what,
                     reap_create_why(e));
}

bool reap_outfile_is_stdout(const char *path)
{
    static const char *const names[] = { "-", "/dev/stdout", "/dev/fd/1",
                                         "/proc/self/fd/1" };

    for (size_t i = 0; path && i < sizeof(names) / sizeof(*names); i++)
        if (!strcmp(path, names[i]))
            return true;
    return false;
}

int reap_outfile_claim_stdout(struct reap_err *err)
{
    claimed = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    if (claimed < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        return reap_fail(err, REAP_EIO, "standard output: %s", strerror(errno));
    return REAP_OK;
}

/*
 * Remove what killed writers of this file left. A living one holds a lock on
 * its temporary file, which the system drops with the process.
 */
static void remove_leftovers(const struct reap_outfile *f)
{
    const int own = fcntl(f->dir, F_DUPFD_CLOEXEC, 3);
    DIR *d = own >= 0 ? fdopendir(own) : NULL;
    const struct dirent *e;

    while (d && (e = readdir(d))) {
        struct stat st;
        int fd;

        if (!reap_create_is_temp(e->d_name, f->name))
            continue;
        fd = openat(f->dir, e->d_name,
                    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) &&
            !flock(fd, LOCK_EX | LOCK_NB))
            unlinkat(f->dir, e->d_name, 0);
        if (fd >= 0)
            close(fd);
    }
    if (d)
        closedir(d);
    else if (own >= 0)
        close(own);
}

static int open_stdout(struct reap_outfile *f, struct reap_err *err)
{
    const int from = claimed >= 0 ? claimed : STDOUT_FILENO;
    const int fd = fcntl(from, F_DUPFD_CLOEXEC, 3);

    f->to_stdout = true;
    f->f = fd >= 0 ? fdopen(fd, "wb") : NULL;
    if (!f->f && fd >= 0)
        close(fd);
    return f->f ? REAP_OK
                : reap_fail(err, REAP_EIO, "standard output: %s",
                            strerror(errno));
}

/* May it be written, and what is there now? */
static int look(struct reap_outfile *f, struct reap_err *err)
{
    struct stat to;
    int rc;

    f->was = !fstatat(f->dir, f->name, &f->before, AT_SYMLINK_NOFOLLOW);
    rc = f->own ? REAP_OK : reap_out_rule_may(f->path, f->hash, err);
    if (!rc && f->was && S_ISLNK(f->before.st_mode) && f->own)
        rc = outfile_fail(err, ELOOP, "write", f->path);
    else if (!rc && f->was && !S_ISREG(f->before.st_mode) &&
             (!S_ISLNK(f->before.st_mode) ||
              (!stat(f->path, &to) && !S_ISREG(to.st_mode))))
        /* Renaming onto a device would replace it. */
        rc = reap_fail(err, REAP_ECREATE, "%s exists and is no regular file",
                       f->path);
    return rc;
}

static int outfile_begin(struct reap_outfile *f, struct reap_err *err)
{
    int fd, rc;

    f->dir = reap_create_folder(f->path, &f->name);
    if (f->dir < 0)
        return outfile_fail(err, errno, "write", f->path);
    rc = look(f, err);
    if (rc)
        return rc;
    remove_leftovers(f);
    fd = reap_create_temp(f->dir, f->name, f->temp);
    if (fd < 0)
        f->temp[0] = '\0';
    else if (!(f->f = fdopen(fd, "w+b")))
        close(fd);
    if (!f->f)
        return outfile_fail(err, errno, "write", f->path);
    (void)flock(fd, LOCK_EX | LOCK_NB); /* says that it is in use */
    return REAP_OK;
}

static int outfile_new(struct reap_outfile **out, const char *path, bool own,
                       struct reap_err *err)
{
    struct reap_outfile *f = *out = reap_calloc(1, sizeof(*f));
    int rc;

    if (f) {
        f->dir = -1;
        f->own = own;
        f->path = reap_strdup(path);
    }
    if (!f || !f->path)
        rc = reap_fail(err, REAP_ENOMEM, "%s: no memory", path);
    else if (!own && reap_outfile_is_stdout(path))
        rc = open_stdout(f, err);
    else
        rc = outfile_begin(f, err);
    if (rc)
        reap_outfile_abort(out);
    return rc;
}

int reap_outfile_open(struct reap_outfile **out, const char *path,
                      struct reap_err *err)
{
    return outfile_new(out, path, false, err);
}

int reap_outfile_open_own(struct reap_outfile **out, const char *path,
                          struct reap_err *err)
{
    return outfile_new(out, path, true, err);
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

void reap_outfile_shape(struct reap_outfile *f, const char *type, size_t dims,
                        const uint64_t *dim)
{
    snprintf(f->shape.type, sizeof(f->shape.type), "%s", type);
    f->shape.dims = dims < REAP_SHAPE_DIMS ? dims : REAP_SHAPE_DIMS;
    for (size_t i = 0; i < f->shape.dims; i++)
        f->shape.dim[i] = dim[i];
}

void reap_outfile_count(struct reap_outfile *f, const char *of, uint64_t n)
{
    reap_outfile_shape(f, of, 1, &n);
}

/* ---- the end ---- */

/* Everything is on the disk. */
static int settle(struct reap_outfile *f, struct reap_err *err)
{
    const bool bad = ferror(f->f) != 0;

    errno = bad ? EIO : 0;
    if (bad || fflush(f->f) || (!f->to_stdout && fsync(fileno(f->f))))
        return reap_fail(err, REAP_EIO, "%s: cannot write: %s", f->path,
                         strerror(errno));
    return REAP_OK;
}

/* Somebody may have put a file there while this one was made. */
static int look_again(struct reap_outfile *f, struct reap_err *err)
{
    struct stat st;
    const bool is = !fstatat(f->dir, f->name, &st, AT_SYMLINK_NOFOLLOW);

    if (!is ||
        (f->was && st.st_ino == f->before.st_ino &&
         st.st_dev == f->before.st_dev && st.st_size == f->before.st_size &&
         st.st_mtim.tv_sec == f->before.st_mtim.tv_sec &&
         st.st_mtim.tv_nsec == f->before.st_mtim.tv_nsec))
        return REAP_OK;
    return look(f, err);
}

/* A rename is durable once its folder is. Some file systems cannot sync a
 * folder, which is no failure of ours. */
static int put_in_place(struct reap_outfile *f, const struct stat *mine,
                        struct reap_err *err)
{
    struct stat st;

    if (renameat(f->dir, f->temp, f->dir, f->name)) {
        const int code = errno;

        if (!fstat(f->dir, &st) && !st.st_nlink)
            return reap_fail(err, REAP_EIO,
                             "%s: its folder was removed meanwhile", f->path);
        return outfile_fail(err, code, "rename to", f->path);
    }
    f->temp[0] = '\0';
    (void)fsync(f->dir);
    if (lstat(f->path, &st) || st.st_ino != mine->st_ino ||
        st.st_dev != mine->st_dev)
        return reap_fail(err, REAP_EIO,
                         "%s: its folder was moved or replaced meanwhile; it "
                         "was written to where that is now",
                         f->path);
    return REAP_OK;
}

static int commit_noted(struct reap_outfile *f, struct reap_err *err)
{
    char buf[PATH_SIZE], hash[65];
    const char *sidecar = reap_out_rule_sidecar_of(f->path, buf, sizeof(buf));
    struct stat mine;
    int rc = look_again(f, err);

    if (!rc &&
        (fstat(fileno(f->f), &mine) || reap_sidecar_hash(fileno(f->f), hash)))
        rc = reap_fail(err, REAP_EIO, "%s: cannot be read back: %s", f->path,
                       strerror(errno));
    if (!rc)
        rc = reap_sidecar_note(sidecar, f->path, hash, (uint64_t)mine.st_size,
                               &f->shape, f->hash[0] ? f->hash : NULL, err);
    if (!rc)
        rc = put_in_place(f, &mine, err);
    if (!rc && f->hash[0] && strcmp(f->hash, hash) != 0)
        rc = reap_sidecar_note(sidecar, f->path, hash, (uint64_t)mine.st_size,
                               &f->shape, NULL, err);
    if (!rc)
        reap_out_rule_done(f->path, &f->shape, (uint64_t)mine.st_size);
    return rc;
}

int reap_outfile_commit(struct reap_outfile **fp, struct reap_err *err)
{
    struct reap_outfile *f = *fp;
    struct stat mine;
    int rc = settle(f, err);

    if (!rc && !f->to_stdout && !f->own && reap_out_rule_on())
        rc = commit_noted(f, err);
    else if (!rc && !f->to_stdout)
        rc = fstat(fileno(f->f), &mine)
                 ? outfile_fail(err, errno, "see", f->path)
                 : put_in_place(f, &mine, err);
    if (fclose(f->f) && !rc)
        rc = reap_fail(err, REAP_EIO, "%s: cannot write: %s", f->path,
                       strerror(errno));
    f->f = NULL;
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
        unlinkat(f->dir, f->temp, 0);
    if (f->dir >= 0)
        close(f->dir);
    reap_free(f->path);
    reap_free(f);
    *fp = NULL;
}
