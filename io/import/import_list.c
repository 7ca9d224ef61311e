/* What there is to import: sources to jobs, in the order of keys. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "io/import/import_impl.h"

enum { DEPTH_MAX = 100 };

/* ---- what a source is ---- */

enum kind { FOLDER, IMAGE, ARCHIVE, LIST };

static const struct {
    size_t at;
    const char *bytes;
} archive_magic[] = { { 257, "ustar" },
                      { 0, "\x1f\x8b" },
                      { 0, "BZh" },
                      { 0, "\xfd"
                           "7zXZ" },
                      { 0, "\x28\xb5\x2f\xfd" },
                      { 0, "PK\x03\x04" },
                      { 0, "\x04\x22\x4d\x18" } };

static bool begins_as_archive(const uint8_t *head, size_t n)
{
    for (size_t i = 0; i < sizeof(archive_magic) / sizeof(archive_magic[0]);
         i++) {
        const size_t len = strlen(archive_magic[i].bytes);

        if (n >= archive_magic[i].at + len &&
            !memcmp(head + archive_magic[i].at, archive_magic[i].bytes, len))
            return true;
    }
    return false;
}

static int import_list_kind_of(const char *path, enum kind *kind,
                               struct reap_err *err)
{
    const char *dot = strrchr(path, '.');
    uint8_t head[4096];
    struct stat st;
    ssize_t n = -1;
    int fd;

    if (stat(path, &st))
        return reap_fail(err, errno == EACCES ? REAP_EACCESS : REAP_ENOTFOUND,
                         "%s: %s", path, strerror(errno));
    *kind = S_ISDIR(st.st_mode) ? FOLDER : IMAGE;
    if (S_ISDIR(st.st_mode) || reap_import_is_image(path))
        return REAP_OK;
    if (!S_ISREG(st.st_mode))
        return reap_fail(err, REAP_EFORMAT, "%s is not a file or folder", path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        n = pread(fd, head, sizeof(head), 0);
        close(fd);
    }
    if (n < 0)
        return reap_fail(err, errno == EACCES ? REAP_EACCESS : REAP_EIO,
                         "%s: %s", path, strerror(errno));
    *kind = LIST;
    if (begins_as_archive(head, (size_t)n) || (dot && !strcmp(dot, ".tar")))
        *kind = ARCHIVE;
    if (*kind == LIST && n && memchr(head, '\0', (size_t)n))
        return reap_fail(err, REAP_EFORMAT,
                         "%s is not a folder, archive, list of files or image",
                         path);
    return REAP_OK;
}

int reap_import_look(const struct reap_import_args *a, struct reap_err *err)
{
    enum kind kind;

    for (size_t i = 0; i < a->n_src; i++) {
        int rc = import_list_kind_of(a->src[i], &kind, err);

        if (rc)
            return rc;
    }
    return REAP_OK;
}

/* ---- jobs ---- */

struct list {
    const struct reap_import_lister *from;
    struct reap_import *im;
    uint32_t source;
    const char *prefix;
    bool archives; /* there are some: how many members is not known */
    struct {
        dev_t dev;
        ino_t ino;
    } above[DEPTH_MAX]; /* the folders that lead here */
    size_t depth;
};

static const char *import_list_copy(char **to, const char *s)
{
    const char *at = *to;
    const size_t n = strlen(s) + 1;

    memcpy(*to, s, n);
    *to += n;
    return at;
}

/* Says so and stops all: always false. */
static bool import_list_no_memory(struct list *l)
{
    struct reap_err err;

    reap_import_fail(l->im, reap_fail(&err, REAP_ENOMEM, "no memory to list"),
                     &err);
    return false;
}

/* False: stop. */
static bool put_job(struct list *l, const struct reap_import_job *like)
{
    const size_t n = strlen(like->path) + strlen(like->other) +
                     strlen(like->key) + strlen(like->label) + 4;
    struct reap_import_job *job = reap_calloc(1, sizeof(*job) + n);
    char *to;

    if (!job)
        return import_list_no_memory(l);
    to = (char *)(job + 1);
    job->kind = like->kind;
    job->source = l->source;
    job->path = import_list_copy(&to, like->path);
    job->other = import_list_copy(&to, like->other);
    job->key = import_list_copy(&to, like->key);
    job->label = import_list_copy(&to, like->label);
    return reap_import_pass(l->im, l->im->jobs, job, 1);
}

static bool put_file(struct list *l, const char *path, const char *other,
                     const char *within, const char *label)
{
    char *key;
    bool go_on;

    if (!l->im->args->all && !reap_import_is_image(path)) {
        reap_import_count(l->im, 1, 1, 0);
        return !reap_import_stopped(l->im);
    }
    key = reap_import_path(l->prefix, within);
    if (!key)
        return import_list_no_memory(l);
    reap_import_count(l->im, 1, 0, 0);
    go_on = put_job(l, &(struct reap_import_job){ .kind = REAP_IMPORT_FILE,
                                                  .path = path,
                                                  .other = other,
                                                  .key = key,
                                                  .label = label });
    reap_free(key);
    return go_on;
}

/* ---- folders ---- */

struct name {
    char *text; /* ends in '/' if it is a folder */
};

static int by_bytes(const void *a, const void *b)
{
    return strcmp(((const struct name *)a)->text,
                  ((const struct name *)b)->text);
}

static char *join(const char *dir, const char *name)
{
    const size_t m = strlen(name);
    size_t n = strlen(dir);
    char *out = reap_calloc(n + m + 3, 1);

    if (!out)
        return NULL;
    memcpy(out, dir, n);
    if (n && out[n - 1] != '/')
        out[n++] = '/';
    memcpy(out + n, name, m);
    return out;
}

/* Symbolic links are followed. */
static bool is_folder(int dir, const struct dirent *e)
{
    struct stat st;

    if (e->d_type != DT_UNKNOWN && e->d_type != DT_LNK)
        return e->d_type == DT_DIR;
    return !fstatat(dir, e->d_name, &st, 0) && S_ISDIR(st.st_mode);
}

static bool add_name(struct name **names, size_t *n, size_t *room,
                     const char *text, bool folder)
{
    char *copied = join(text, "");

    if (!copied)
        return false;
    if (!folder)
        copied[strlen(text)] = '\0';
    if (*n == *room) {
        const size_t more = *room ? 2 * *room : 64;
        struct name *p = reap_realloc(*names, more * sizeof(*p));

        if (!p) {
            reap_free(copied);
            return false;
        }
        *names = p;
        *room = more;
    }
    (*names)[(*n)++].text = copied;
    return true;
}

/* The names in a folder, sorted as the keys will be. */
static struct name *read_names(struct list *l, const char *path, size_t *n)
{
    struct name *names = NULL;
    const struct dirent *e;
    size_t room = 0;
    DIR *d = opendir(path);

    *n = 0;
    if (!d) {
        reap_import_unreadable(l->im, path, strerror(errno));
        return NULL;
    }
    while (errno = 0, (e = readdir(d))) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        if (!add_name(&names, n, &room, e->d_name, is_folder(dirfd(d), e))) {
            (void)import_list_no_memory(l);
            break;
        }
    }
    if (!e && errno)
        reap_import_unreadable(l->im, path, strerror(errno));
    closedir(d);
    if (*n)
        qsort(names, *n, sizeof(*names), by_bytes);
    return names;
}

/* Go into a folder, unless it leads to itself or is what is written. */
static bool enter(struct list *l, const char *path)
{
    struct stat st;

    if (stat(path, &st)) {
        reap_import_unreadable(l->im, path, strerror(errno));
        return false;
    }
    if (st.st_dev == l->from->dev && st.st_ino == l->from->ino)
        return false;
    for (size_t i = 0; i < l->depth; i++)
        if (l->above[i].dev == st.st_dev && l->above[i].ino == st.st_ino)
            return false;
    if (l->depth == DEPTH_MAX) {
        reap_import_unreadable(l->im, path, "folders nested too deep");
        return false;
    }
    l->above[l->depth].dev = st.st_dev;
    l->above[l->depth++].ino = st.st_ino;
    return true;
}

static bool list_folder(struct list *l, const char *path, const char *within)
{
    struct name *names;
    bool go_on = true;
    size_t n;

    if (!enter(l, path))
        return true;
    names = read_names(l, path, &n);
    for (size_t i = 0; i < n; i++) {
        char *name = names[i].text, *file = join(path, name),
             *in = join(within, name);
        const size_t len = strlen(name);

        if (file && in && go_on)
            go_on = len && name[len - 1] == '/' ? list_folder(l, file, in)
                                                : put_file(l, file, "", in, "");
        else
            go_on = go_on && import_list_no_memory(l);
        reap_free(file);
        reap_free(in);
        reap_free(name);
    }
    reap_free(names);
    l->depth--;
    return go_on;
}

/* ---- lists ---- */

static bool list_line(struct list *l, const char *list, char *line)
{
    const char *slash = strrchr(list, '/');
    char *label = strchr(line, '\t'), *other = NULL, *dir;
    bool go_on;

    line[strcspn(line, "\r\n")] = '\0';
    if (label)
        *label++ = '\0';
    if (!*line)
        return true;
    /* Not below the current folder: then below the list's own. */
    if (*line != '/' && slash && (dir = reap_strdup(list))) {
        dir[slash - list] = '\0';
        other = join(dir, line);
        reap_free(dir);
    }
    go_on = put_file(l, line, other ? other : "", line, label ? label : "");
    reap_free(other);
    return go_on;
}

static bool list_lines(struct list *l, const char *path)
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t size = 0;
    bool go_on = true;

    if (!f) {
        reap_import_unreadable(l->im, path, strerror(errno));
        return true;
    }
    while (go_on && getline(&line, &size, f) >= 0)
        go_on = list_line(l, path, line);
    if (ferror(f))
        reap_import_unreadable(l->im, path, strerror(errno));
    fclose(f);
    free(line); /* getline()'s own */
    return go_on;
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

static bool list_source(struct list *l, const char *path)
{
    char name[NAME_MAX + 1];
    struct reap_err err;
    enum kind kind;

    if (import_list_kind_of(path, &kind, &err)) {
        reap_import_unreadable(l->im, path, "was removed meanwhile");
        return true;
    }
    import_list_name_of(path, name);
    l->prefix = l->im->args->n_src > 1 && kind != IMAGE ? name : "";
    l->depth = 0;
    switch (kind) {
    case FOLDER:
        return list_folder(l, path, "");
    case IMAGE:
        return put_file(l, path, "", name, "");
    case LIST:
        return list_lines(l, path);
    case ARCHIVE:
        break;
    }
    l->archives = true;
    return put_job(l, &(struct reap_import_job){ .kind = REAP_IMPORT_ARCHIVE,
                                                 .path = path,
                                                 .other = "",
                                                 .key = l->prefix,
                                                 .label = "" });
}

void *reap_import_list(void *lister)
{
    const struct reap_import_lister *from = lister;
    struct reap_import *im = from->im;
    struct list l = { .from = from, .im = im };
    bool go_on = true;

    for (size_t i = 0; i < im->args->n_src && go_on; i++) {
        l.source = from->number[i];
        go_on = list_source(&l, im->args->src[i]);
    }
    pthread_mutex_lock(&im->mutex);
    im->sum.listed = go_on && !l.archives;
    pthread_mutex_unlock(&im->mutex);
    reap_queue_end(im->jobs);
    return NULL;
}
