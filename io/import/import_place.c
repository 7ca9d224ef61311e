/* The output directory: made, or recognised as an import's own, and locked so
 * that one import writes it. What is in its files is left to import_env.c. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "io/dataset/index.h"
#include "io/import/import.h"
#include "io/import/import_place.h"
#include "io/out/create.h"
#include "io/store/store.h"

enum { PATH_SIZE = 4096 };

#define LOCK_FILE "import.lock"

struct reap_import_place {
    char path[PATH_SIZE];
    int lock;
    bool made;
};

static void within(const struct reap_import_place *p, const char *name,
                   char *to, size_t size)
{
    snprintf(to, size, "%s/%s", p->path, name);
}

/* The name of a file in the directory, "" if there is none. */
static void any_file(const char *dir, char *name, size_t size)
{
    DIR *d = opendir(dir);
    const struct dirent *e;

    name[0] = '\0';
    while (d && !name[0] && (e = readdir(d)))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            snprintf(name, size, "%s", e->d_name);
    if (d)
        closedir(d);
}

static int make_dir(struct reap_import_place *p, struct reap_err *err)
{
    char file[PATH_SIZE + 32], name[256];
    struct stat st;

    p->made = !mkdir(p->path, 0777);
    if (p->made)
        return REAP_OK;
    if (errno != EEXIST)
        return reap_fail(err, errno == EACCES ? REAP_EACCESS : REAP_ECREATE,
                         "cannot make %s: %s", p->path, strerror(errno));
    if (stat(p->path, &st) || !S_ISDIR(st.st_mode))
        return reap_fail(err, REAP_ECREATE,
                         "%s exists and is not a dataset; choose another -o",
                         p->path);
    if (reap_store_is(p->path))
        return reap_fail(err, REAP_ECREATE,
                         "%s is a store, not a dataset; choose another "
                         "-o",
                         p->path);
    within(p, LOCK_FILE, file, sizeof(file));
    any_file(p->path, name, sizeof(name));
    if (!name[0] || !stat(file, &st))
        return REAP_OK;
    within(p, REAP_INDEX_FILE, file, sizeof(file));
    if (!stat(file, &st))
        return REAP_OK;
    return reap_fail(
        err, REAP_ECREATE,
        "%s holds files that reap import did not make (%s); choose "
        "another -o",
        p->path, name);
}

static int lock(struct reap_import_place *p, struct reap_err *err)
{
    char file[PATH_SIZE + 32];

    within(p, LOCK_FILE, file, sizeof(file));
    p->lock = reap_create_own(file, O_RDWR | O_CREAT);
    if (p->lock < 0)
        return reap_fail(err,
                         errno == EACCES   ? REAP_EACCESS
                         : errno == ENOSPC ? REAP_EIO
                                           : REAP_ECREATE,
                         "%s: %s", file, reap_create_why(errno));
    if (!flock(p->lock, LOCK_EX | LOCK_NB))
        return REAP_OK;
    if (errno == EWOULDBLOCK)
        return reap_fail(err, REAP_ECREATE, "%s: another import is writing it",
                         p->path);
    return reap_fail(err, REAP_ECREATE, "%s: cannot be locked: %s", file,
                     strerror(errno));
}

int reap_import_place_open(struct reap_import_place **out, const char *path,
                           struct reap_err *err)
{
    struct reap_import_place *p;
    size_t n = strlen(path);
    int rc;

    *out = NULL;
    while (n > 1 && path[n - 1] == '/')
        n--;
    if (n > PATH_SIZE - 64)
        return reap_fail(err, REAP_ECREATE, "the output's path is too long");
    p = reap_calloc(1, sizeof(*p));
    if (!p)
        return reap_fail(err, REAP_ENOMEM, "%s: no memory", path);
    p->lock = -1;
    memcpy(p->path, path, n);
    rc = make_dir(p, err);
    if (!rc)
        rc = lock(p, err);
    if (rc)
        reap_import_place_close(&p, p->made);
    *out = p;
    return rc;
}

void reap_import_place_close(struct reap_import_place **p, bool forget)
{
    static const char *const ours[] = {
        "data.mdb", "lock.mdb",     REAP_INDEX_FILE, REAP_INDEX_FILE "-lock",
        LOCK_FILE,  REAP_IMPORT_LOG
    };
    struct reap_import_place *old = *p;
    char file[PATH_SIZE + 32];

    if (!old)
        return;
    *p = NULL;
    for (size_t i = 0;
         forget && old->made && i < sizeof(ours) / sizeof(ours[0]); i++) {
        within(old, ours[i], file, sizeof(file));
        unlink(file);
    }
    if (forget && old->made)
        rmdir(old->path);
    if (old->lock >= 0)
        close(old->lock);
    reap_free(old);
}
