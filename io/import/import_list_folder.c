/* The files of a folder and of folders in it, in the order of their keys; links
 * are followed as far as the folder goes. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "io/archive/archive.h"
#include "io/import/import_list.h"

struct name {
    char *text; /* ends in '/' if it is a folder */
    bool link;
};

static int by_bytes(const void *a, const void *b)
{
    return strcmp(((const struct name *)a)->text,
                  ((const struct name *)b)->text);
}

/* A link to a folder is one, wherever it leads. */
static void look_at(int dir, const struct dirent *e, bool *folder, bool *link)
{
    struct stat st;

    *link = e->d_type == DT_LNK;
    *folder = e->d_type == DT_DIR;
    if (e->d_type == DT_UNKNOWN &&
        !fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW)) {
        *link = S_ISLNK(st.st_mode);
        *folder = S_ISDIR(st.st_mode);
    }
    if (*link && !fstatat(dir, e->d_name, &st, 0))
        *folder = S_ISDIR(st.st_mode);
}

static bool add_name(struct name **names, size_t *n, size_t *room,
                     const char *text, bool folder, bool link)
{
    char *copied = reap_import_join(text, "");

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
    (*names)[*n].text = copied;
    (*names)[(*n)++].link = link;
    return true;
}

/* The names in a folder, sorted as the keys will be. */
static struct name *read_names(struct reap_listing *l, const char *path,
                               size_t *n)
{
    struct name *names = NULL;
    const struct dirent *e;
    size_t room = 0;
    DIR *d = opendir(path);

    *n = 0;
    if (!d) {
        reap_list_cannot(l, path, strerror(errno));
        return NULL;
    }
    while (errno = 0, (e = readdir(d))) {
        bool folder, link;

        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        look_at(dirfd(d), e, &folder, &link);
        if (!add_name(&names, n, &room, e->d_name, folder, link)) {
            (void)reap_import_no_memory(l->im, "to list");
            break;
        }
    }
    if (!e && errno)
        reap_list_cannot(l, path, strerror(errno));
    closedir(d);
    if (*n)
        qsort(names, *n, sizeof(*names), by_bytes);
    return names;
}

/* Go into a folder, unless it leads to itself or is what is written. */
static bool enter(struct reap_listing *l, const char *path)
{
    struct stat st;

    if (stat(path, &st)) {
        reap_list_cannot(l, path, strerror(errno));
        return false;
    }
    if (st.st_dev == l->from->dev && st.st_ino == l->from->ino)
        return false;
    for (size_t i = 0; i < l->depth; i++)
        if (l->above[i].dev == st.st_dev && l->above[i].ino == st.st_ino)
            return false;
    if (l->depth == REAP_LIST_DEPTH_MAX) {
        reap_list_cannot(l, path, "folders nested too deep");
        return false;
    }
    l->above[l->depth].dev = st.st_dev;
    l->above[l->depth++].ino = st.st_ino;
    return true;
}

/* May the link at 'path' be followed? If not, that is counted. */
static bool may_follow(struct reap_listing *l, const char *path, bool folder)
{
    const size_t n = strlen(l->real);
    const char *slash = strrchr(path, '/');
    const bool counts =
        folder || l->im->args->all || reap_import_is_image(path) ||
        reap_archive_is_name(path) || !strchr(slash ? slash + 1 : path, '.');
    char real[PATH_MAX];
    const char *why = NULL;

    if (!realpath(path, real))
        why = strerror(errno);
    else if (!l->im->args->follow_links && strcmp(l->real, "/") != 0 &&
             (strncmp(real, l->real, n) || (real[n] && real[n] != '/')))
        why = "a symbolic link that leads out of the folder; --follow-links "
              "takes it";
    if (!why)
        return true;
    if (counts) {
        reap_list_cannot(l, path, why);
        return false;
    }
    reap_import_add(l->im, &l->im->sum.seen, 1);
    reap_import_add(l->im, &l->im->sum.not_images, 1);
    return false;
}

/* How many files are in a folder that is skipped. Links are not followed. */
static void count_skipped(struct reap_listing *l, const char *path)
{
    struct name *names = NULL;
    size_t n = 0;

    if (!reap_import_stopped(l->im) && enter(l, path)) {
        names = read_names(l, path, &n);
        l->depth--;
    }
    for (size_t i = 0; i < n; i++) {
        char *file = reap_import_join(path, names[i].text);
        const size_t len = file ? strlen(file) : 0;

        if (len && file[len - 1] == '/' && !names[i].link) {
            file[len - 1] = '\0';
            count_skipped(l, file);
        } else {
            reap_import_add(l->im, &l->im->sum.seen, 1);
            reap_import_add(l->im, &l->im->sum.skipped, 1);
        }
        reap_free(file);
        reap_free(names[i].text);
    }
    reap_free(names);
}

static bool put_file(struct reap_listing *l, const char *path, const char *real,
                     bool no_link)
{
    struct reap_import *im = l->im;

    if (im->args->all || reap_import_is_image(path))
        return reap_list_at(l, REAP_IMPORT_FILE, path, real, no_link);
    if (reap_archive_is_name(path)) {
        reap_import_add(im, &im->sum.archives, 1);
        return reap_list_at(l, REAP_IMPORT_ARCHIVE, path, real, no_link);
    }
    reap_import_add(im, &im->sum.seen, 1);
    reap_import_add(im, &im->sum.not_images, 1);
    return !reap_import_stopped(im);
}

static bool list_name(struct reap_listing *l, const char *path,
                      const char *real, const char *name, bool folder,
                      bool link)
{
    if (reap_import_is_skipped(name, folder)) {
        if (folder && !link) {
            count_skipped(l, path);
        } else {
            reap_import_add(l->im, &l->im->sum.seen, 1);
            reap_import_add(l->im, &l->im->sum.skipped, 1);
        }
        return true;
    }
    if (link && !may_follow(l, path, folder))
        return true;
    return folder ? reap_list_folder(l, path, real)
                  : put_file(l, path, real, !link);
}

bool reap_list_folder(struct reap_listing *l, const char *path,
                      const char *real)
{
    struct name *names;
    bool go_on = true;
    size_t n;

    if (!enter(l, path))
        return true;
    names = read_names(l, path, &n);
    for (size_t i = 0; i < n; i++) {
        char *name = names[i].text, *file, *at;
        const size_t len = strlen(name);
        const bool folder = len && name[len - 1] == '/';

        if (folder)
            name[len - 1] = '\0';
        file = reap_import_join(path, name);
        at = reap_import_join(real, name);
        if (file && at && go_on)
            go_on = list_name(l, file, at, name, folder, names[i].link);
        else
            go_on = go_on && reap_import_no_memory(l->im, "to list");
        reap_free(file);
        reap_free(at);
        reap_free(name);
    }
    reap_free(names);
    l->depth--;
    return go_on;
}
