/* The cache folder: where it is, and files in it that are written under a
 * temporary name and renamed. What is in a file, and whether it is still good,
 * is for its reader to say. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/cache/cache.h"
#include "io/out/create.h"

enum { MOST_WRITE = 8 << 20 };

int reap_cache_path(char *to, size_t size, const char *name,
                    struct reap_err *err)
{
    const char *own = getenv("REAP_CACHE"), *xdg = getenv("XDG_CACHE_HOME"),
               *home = getenv("HOME"), *slash = *name ? "/" : "";
    int n;

    if (own && *own)
        n = snprintf(to, size, "%s%s%s", own, slash, name);
    else if (xdg && *xdg)
        n = snprintf(to, size, "%s/reap%s%s", xdg, slash, name);
    else if (home && *home)
        n = snprintf(to, size, "%s/.cache/reap%s%s", home, slash, name);
    else
        return reap_fail(err, REAP_EINVAL,
                         "no folder for downloads: set REAP_CACHE to one");
    return n >= 0 && (size_t)n < size
               ? REAP_OK
               : reap_fail(err, REAP_EINVAL, "REAP_CACHE is too long");
}

int reap_cache_make_dir(const char *dir, struct reap_err *err)
{
    char part[REAP_CACHE_PATH];

    for (size_t i = 1; dir[i] && i < sizeof(part); i++)
        if (dir[i] == '/') {
            memcpy(part, dir, i);
            part[i] = '\0';
            mkdir(part, 0777);
        }
    if (mkdir(dir, 0777) && errno != EEXIST)
        return reap_fail(err, REAP_ECREATE,
                         "%s: %s (downloads go there; set REAP_CACHE to "
                         "another folder)",
                         dir, strerror(errno));
    return REAP_OK;
}

int reap_cache_open(const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;

    if (fd < 0)
        return -1;
    if (!fstat(fd, &st) && S_ISREG(st.st_mode) &&
        (st.st_uid == geteuid() || !st.st_uid) &&
        !(st.st_mode & (S_IWGRP | S_IWOTH)))
        return fd;
    close(fd);
    return -1;
}

static bool write_all(int fd, const struct reap_cache_part *part)
{
    const char *from = part->data;

    for (size_t at = 0; at < part->len;) {
        const size_t left = part->len - at;
        const ssize_t n =
            write(fd, from + at, left < MOST_WRITE ? left : MOST_WRITE);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    return true;
}

bool reap_cache_write(const char *path, size_t n,
                      const struct reap_cache_part *part)
{
    const char *name;
    char temp[REAP_CREATE_NAME];
    const int dir = reap_create_folder(path, &name);
    const int fd = dir < 0 ? -1 : reap_create_temp(dir, name, temp);
    struct stat st;
    bool good;

    if (fd < 0) {
        if (dir >= 0)
            close(dir);
        return false;
    }
    /* Files that others may write are not read, whatever the umask says. */
    good = !fstat(fd, &st) && !fchmod(fd, st.st_mode & 0755);
    for (size_t i = 0; i < n && good; i++)
        good = write_all(fd, &part[i]);
    good = !close(fd) && good; /* NFS tells of a full disk here */
    good = good && !renameat(dir, temp, dir, name);
    if (!good)
        unlinkat(dir, temp, 0);
    close(dir);
    return good;
}
