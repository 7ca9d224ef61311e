/* What there is to import: sources to jobs, in the order of keys. Lists are
 * handed on line by line; what a line means is left to import_line.c. */
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
#include "io/archive/archive.h"
#include "io/import/import_list.h"

/* ---- what a source is ---- */

enum kind { FOLDER, IMAGE, ARCHIVE, LIST };

static int list_kind_of_bytes(const char *path, enum kind *kind,
                              struct reap_err *err)
{
    uint8_t head[4096];
    const char *what;
    bool readable;
    ssize_t n = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd >= 0) {
        n = pread(fd, head, sizeof(head), 0);
        close(fd);
    }
    if (n < 0)
        return reap_fail(err, errno == EACCES ? REAP_EACCESS : REAP_EIO,
                         "%s: %s", path, strerror(errno));
    what = reap_archive_magic(head, (size_t)n, &readable);
    *kind = reap_archive_is_name(path) || (what && readable) ? ARCHIVE : LIST;
    if (*kind == ARCHIVE)
        return REAP_OK;
    if (!what)
        what = reap_list_refused(head, (size_t)n);
    if (what)
        return reap_fail(err, REAP_EFORMAT,
                         "%s is not a folder, archive, list of files or image "
                         "that can be read, but %s",
                         path, what);
    return REAP_OK;
}

static int import_list_kind_of(const char *path, enum kind *kind,
                               struct reap_err *err)
{
    struct stat st;

    if (stat(path, &st))
        return reap_fail(err, errno == EACCES ? REAP_EACCESS : REAP_ENOTFOUND,
                         "%s: %s", path, strerror(errno));
    *kind = S_ISDIR(st.st_mode) ? FOLDER : IMAGE;
    if (S_ISDIR(st.st_mode) || reap_import_is_image(path))
        return REAP_OK;
    if (!S_ISREG(st.st_mode))
        return reap_fail(err, REAP_EFORMAT, "%s is not a file or folder", path);
    return list_kind_of_bytes(path, kind, err);
}

int reap_import_look(const struct reap_import_args *a, struct reap_err *err)
{
    struct reap_err this;
    enum kind kind;
    int first = REAP_OK;

    for (size_t i = 0; i < a->n_src; i++) {
        int rc = import_list_kind_of(a->src[i], &kind, &this);

        if (rc && !first) {
            first = rc;
            *err = this;
        }
        if (!rc && a->sync && kind != FOLDER && kind != ARCHIVE)
            return reap_fail(err, REAP_EINVAL,
                             "--sync compares folders and archives, and %s is "
                             "none; remove single records with --delete KEY",
                             a->src[i]);
        if (!rc && !a->sync)
            return REAP_OK;
        if (!rc && i + 1 == a->n_src)
            return REAP_OK;
    }
    return first;
}

/* ---- jobs ---- */

static const char *import_list_copy(char **to, const char *s)
{
    const char *at = *to;
    const size_t n = strlen(s) + 1;

    memcpy(*to, s, n);
    *to += n;
    return at;
}

/* False: stop. */
bool reap_list_job(struct reap_listing *l, const struct reap_import_job *like)
{
    const size_t n = strlen(like->path) + strlen(like->key) + 2;
    struct reap_import_job *job = reap_calloc(1, sizeof(*job) + n);
    char *to;

    if (!job)
        return reap_import_no_memory(l->im, "to list");
    to = (char *)(job + 1);
    *job = *like;
    job->path = import_list_copy(&to, like->path);
    job->key = import_list_copy(&to, like->key);
    return reap_import_pass(l->im, l->im->jobs, job, 1);
}

/* The file or archive at 'path', which is really at 'real'. */
bool reap_list_at(struct reap_listing *l, enum reap_import_kind kind,
                  const char *path, const char *real, bool no_link)
{
    struct reap_import_job job = { .kind = kind,
                                   .path = path,
                                   .no_link = no_link };
    char *key;
    bool go_on;

    if (kind == REAP_IMPORT_FILE)
        reap_import_add(l->im, &l->im->sum.seen, 1);
    else
        l->archives = true;
    if (!reap_sources_owner(l->im->sources, real, &job.source, &key)) {
        reap_import_not_taken(l->im, path, "its path is too long");
        return true;
    }
    if (!key)
        return reap_import_no_memory(l->im, "to list");
    job.key = key;
    go_on = reap_list_job(l, &job);
    reap_free(key);
    return go_on;
}

void reap_list_cannot(struct reap_listing *l, const char *path, const char *why)
{
    reap_import_add(l->im, &l->im->sum.seen, 1);
    reap_import_not_taken(l->im, path, why);
}

/* ---- all sources ---- */

/* The last name of a path; of "." and ".." what that really is. */
static void import_list_name_of(const char *path, char *to)
{
    char real[PATH_MAX];
    size_t end = strlen(path), begin;

    for (int turn = 0; turn < 2; turn++) {
        while (end > 1 && path[end - 1] == '/')
            end--;
        for (begin = end; begin && path[begin - 1] != '/';)
            begin--;
        snprintf(to, NAME_MAX + 1, "%.*s", (int)(end - begin), path + begin);
        if ((strcmp(to, ".") != 0 && strcmp(to, "..") != 0) ||
            !realpath(path, real))
            return;
        path = real;
        end = strlen(real);
    }
}

/* A source as it is known beforehand. */
struct seen_source {
    enum kind kind;
    bool there;
    char *real; /* of a list or image: the folder that it is in */
};

/* The folder that a file is in, really; 'last' is what the file before it
 * gave. NULL: no memory or no such folder. Owned. */
static char *folder_of(const char *path, const char **last_dir, char **last)
{
    const char *slash = strrchr(path, '/');
    const size_t n = slash ? (size_t)(slash - path) + 1 : 0;
    char dir[PATH_MAX], real[PATH_MAX];

    if (*last && strlen(*last_dir) >= n && !strncmp(*last_dir, path, n) &&
        !strchr(*last_dir + n, '/'))
        return reap_strdup(*last);
    if (n >= sizeof(dir))
        return NULL;
    snprintf(dir, sizeof(dir), "%.*s", (int)n, path);
    if (!realpath(n ? dir : ".", real))
        return NULL;
    *last_dir = path;
    reap_free(*last);
    *last = reap_strdup(real);
    return reap_strdup(real);
}

static int see_source(struct reap_import *im, size_t i, struct seen_source *to,
                      const char **last_dir, char **last, struct reap_err *err)
{
    const char *path = im->args->src[i];
    char real[PATH_MAX];
    int rc = import_list_kind_of(path, &to->kind, err);

    if (rc) {
        const size_t n = strlen(path);
        const char *why = err->msg;

        if (!strncmp(why, path, n)) /* it is named apart */
            why += n + strspn(why + n, ": ");
        reap_import_add(im, &im->sum.seen, 1);
        reap_import_not_taken(im, path, why);
        return REAP_OK;
    }
    if (to->kind == FOLDER || to->kind == ARCHIVE)
        to->real = realpath(path, real) ? reap_strdup(real) : NULL;
    else
        to->real = folder_of(path, last_dir, last);
    to->there = to->real;
    return to->there ? REAP_OK
                     : reap_fail(err, REAP_ENOMEM, "no memory for %s", path);
}

/* Do the lists lie in more than one folder? */
static bool several_folders(const struct seen_source *s, size_t n)
{
    const char *first = NULL;

    for (size_t i = 0; i < n; i++)
        if (s[i].there && s[i].kind == LIST) {
            if (first && strcmp(first, s[i].real) != 0)
                return true;
            first = s[i].real;
        }
    return false;
}

/* Number folders and archives first: files that lie in one are its own. */
static int number_sources(struct reap_import *im, struct seen_source *s,
                          struct reap_err *err)
{
    const bool several = several_folders(s, im->args->n_src);
    int rc = REAP_OK;

    for (int files = 0; files < 2; files++)
        for (size_t i = 0; i < im->args->n_src && !rc; i++) {
            const bool is_files = s[i].kind == IMAGE || s[i].kind == LIST;
            char name[NAME_MAX + 1] = "";
            uint32_t number;

            if (!s[i].there || is_files != files)
                continue;
            if (files ? several && s[i].kind == LIST : im->args->n_src > 1)
                import_list_name_of(files ? s[i].real : im->args->src[i], name);
            rc = reap_sources_add(im->sources,
                                  files                 ? REAP_SOURCE_FILES
                                  : s[i].kind == FOLDER ? REAP_SOURCE_FOLDER
                                                        : REAP_SOURCE_ARCHIVE,
                                  s[i].real, name, true, &number, err);
        }
    return rc;
}

static bool list_a_list(struct reap_listing *l, const char *path, char **real)
{
    struct reap_list *of = reap_calloc(1, sizeof(*of));
    struct reap_err err;

    if (of) {
        of->next = l->im->lists;
        l->im->lists = of;
        of->path = reap_strdup(path);
        of->dir = *real;
        *real = NULL;
        of->path_column = 0;
        of->label_column = SIZE_MAX;
    }
    if (!of || !of->path)
        return reap_import_no_memory(l->im, "to list");
    if (reap_sources_add(l->im->sources, REAP_SOURCE_FILES, of->dir, "", true,
                         &of->source, &err))
        return reap_import_no_memory(l->im, "to list");
    return reap_list_lines(l, of);
}

static bool list_source(struct reap_listing *l, const char *path,
                        struct seen_source *s)
{
    const char *slash = strrchr(path, '/');
    char *real;
    bool go_on;

    if (!s->there)
        return true;
    l->real = s->real;
    l->depth = 0;
    switch (s->kind) {
    case FOLDER:
        return reap_list_folder(l, path, s->real);
    case LIST:
        return list_a_list(l, path, &s->real);
    case ARCHIVE:
        return reap_list_at(l, REAP_IMPORT_ARCHIVE, path, s->real, false);
    case IMAGE:
        break;
    }
    real = reap_import_join(s->real, slash ? slash + 1 : path);
    go_on = real ? reap_list_at(l, REAP_IMPORT_FILE, path, real, false)
                 : reap_import_no_memory(l->im, "to list");
    reap_free(real);
    return go_on;
}

/* See all, number them, then list one after another. False: stopped. */
static bool list_all(struct reap_listing *l, struct seen_source *s)
{
    struct reap_import *im = l->im;
    const char *last_dir = NULL;
    char *last = NULL;
    struct reap_err err;
    int rc = s ? REAP_OK : reap_fail(&err, REAP_ENOMEM, "no memory to list");
    bool go_on;

    for (size_t i = 0; i < im->args->n_src && !rc; i++)
        rc = see_source(im, i, &s[i], &last_dir, &last, &err);
    reap_free(last);
    if (!rc)
        rc = number_sources(im, s, &err);
    if (rc)
        reap_import_fail(im, rc, &err);
    go_on = !rc;
    for (size_t i = 0; i < im->args->n_src && go_on; i++)
        go_on = list_source(l, im->args->src[i], &s[i]);
    for (size_t i = 0; s && i < im->args->n_src; i++)
        reap_free(s[i].real);
    return go_on;
}

void *reap_import_list(void *lister)
{
    const struct reap_import_lister *from = lister;
    struct reap_import *im = from->im;
    struct reap_listing l = { .from = from, .im = im };
    struct seen_source *s = reap_calloc(im->args->n_src, sizeof(*s));
    const bool go_on = list_all(&l, s);

    reap_free(s);
    pthread_mutex_lock(&im->mutex);
    im->sum.listed = go_on && !l.archives;
    pthread_mutex_unlock(&im->mutex);
    reap_queue_end(im->jobs);
    return NULL;
}
