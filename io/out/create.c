/* Opening to write. The kernel refuses links at the last step of a path
 * (O_NOFOLLOW); what it opened is looked at before a byte is changed. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/out/create.h"

enum { PATH_SIZE = 4096, DIGITS = 16, MODE = 0666 };
static const char mark[] = ".part-";

int reap_create_folder(const char *path, const char **name)
{
    const char *slash = strrchr(path, '/');
    char dir[PATH_SIZE] = ".";
    size_t n = slash ? (size_t)(slash - path) : 0;

    *name = slash ? slash + 1 : path;
    if (n >= sizeof(dir)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (slash) {
        memcpy(dir, path, n);
        dir[n] = '\0';
        if (!n)
            strcpy(dir, "/");
    }
    return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Another user could have given a file of ours a second name in his folder. */
static bool is_ours(int dir, const struct stat *st)
{
    struct stat in;

    if (!S_ISREG(st->st_mode)) {
        errno = ENOTSUP;
        return false;
    }
    if (st->st_nlink > 1 && (fstat(dir, &in) || in.st_uid != geteuid())) {
        errno = EMLINK;
        return false;
    }
    return true;
}

int reap_create_own(const char *path, int flags)
{
    const char *name;
    struct stat st;
    int dir = reap_create_folder(path, &name), fd, code;

    if (dir < 0 && errno == EACCES) /* it may be entered, if not listed */
        dir = AT_FDCWD, name = path;
    else if (dir < 0)
        return -1;
    fd = openat(dir, name,
                (flags & ~O_TRUNC) | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK |
                    O_NOCTTY,
                MODE);
    code = fd < 0 ? errno : 0;
    if (fd >= 0 && (fstat(fd, &st) || !is_ours(dir, &st) ||
                    ((flags & O_TRUNC) && ftruncate(fd, 0)))) {
        code = errno;
        close(fd);
        fd = -1;
    }
    if (dir != AT_FDCWD)
        close(dir);
    if (fd < 0) /* a pipe without a reader says ENXIO */
        errno = code == ENXIO ? ENOTSUP : code;
    return fd;
}

int reap_create_temp(int dir, const char *name, char temp[REAP_CREATE_NAME])
{
    for (int tries = 0; tries < 100; tries++) {
        uint64_t chance;
        int fd;

        if (getrandom(&chance, sizeof(chance), 0) != sizeof(chance))
            return -1;
        if (snprintf(temp, REAP_CREATE_NAME, "%s%s%016llx", name, mark,
                     (unsigned long long)chance) >= REAP_CREATE_NAME) {
            errno = ENAMETOOLONG;
            return -1;
        }
        fd = openat(dir, temp,
                    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, MODE);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

bool reap_create_is_temp(const char *entry, const char *name)
{
    const size_t n = strlen(name), m = sizeof(mark) - 1;

    return !strncmp(entry, name, n) && !strncmp(entry + n, mark, m) &&
           strlen(entry + n + m) == DIGITS &&
           strspn(entry + n + m, "0123456789abcdef") == DIGITS;
}

bool reap_create_may(const char *path)
{
    const char *name;
    struct stat st;
    int dir, code;
    bool good;

    if (lstat(path, &st))
        return errno == ENOENT;
    if (S_ISLNK(st.st_mode)) {
        errno = ELOOP;
        return false;
    }
    dir = reap_create_folder(path, &name);
    good = is_ours(dir, &st);
    code = errno;
    if (dir >= 0)
        close(dir);
    errno = code;
    return good;
}

const char *reap_create_why(int code)
{
    switch (code) {
    case ELOOP:
        return "it is a symbolic link, and reap writes through none";
    case ENOTSUP:
        return "it is no regular file";
    case EMLINK:
        return "it has a second name (a hard link), in a folder of another "
               "user";
    default:
        return strerror(code);
    }
}
