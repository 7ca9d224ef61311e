/* The rule. Files are told apart by device and inode, so that another way to
 * write a path makes no difference. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/mem.h"
#include "io/out/outfile_rule.h"

enum { PATH_SIZE = 4096 };

struct input {
    dev_t dev;
    ino_t ino;
    bool folder;
};

struct reap_out_rule {
    bool force;
    struct input *input;
    size_t n_inputs;
    struct reap_written *done;
    size_t n_done;
    char sidecar[PATH_SIZE]; /* "": each file has its own */
};

static struct reap_out_rule *now; /* set once, by the program */

int reap_out_rule_new(struct reap_out_rule **out, bool force,
                      struct reap_err *err)
{
    *out = reap_calloc(1, sizeof(**out));
    if (!*out)
        return reap_fail(err, REAP_ENOMEM, "no memory");
    (*out)->force = force;
    return REAP_OK;
}

int reap_out_rule_input(struct reap_out_rule *o, const char *path,
                        struct reap_err *err)
{
    struct input *all;
    struct stat st;

    if (stat(path, &st) || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
        return REAP_OK;
    all = reap_realloc(o->input, (o->n_inputs + 1) * sizeof(*all));
    if (!all)
        return reap_fail(err, REAP_ENOMEM, "no memory");
    o->input = all;
    all[o->n_inputs++] =
        (struct input){ st.st_dev, st.st_ino, S_ISDIR(st.st_mode) };
    return REAP_OK;
}

void reap_out_rule_use(struct reap_out_rule *o)
{
    now = o;
}

bool reap_out_rule_on(void)
{
    return now;
}

bool reap_out_rule_forced(void)
{
    return now && now->force;
}

int reap_out_rule_sidecar(const char *path, struct reap_err *err)
{
    if (now && snprintf(now->sidecar, PATH_SIZE, "%s", path) >= PATH_SIZE)
        return reap_fail(err, REAP_EINVAL, "%s: the name is too long", path);
    return REAP_OK;
}

const char *reap_out_rule_sidecar_of(const char *path, char *buf, size_t size)
{
    if (now && now->sidecar[0])
        return now->sidecar;
    reap_sidecar_path(path, buf, size);
    return buf;
}

/* ---- the rule ---- */

static bool among(const struct stat *st, bool folder)
{
    for (size_t i = 0; now && i < now->n_inputs; i++)
        if (now->input[i].dev == st->st_dev &&
            now->input[i].ino == st->st_ino && now->input[i].folder == folder)
            return true;
    return false;
}

bool reap_out_rule_is_input(const char *path)
{
    struct stat st;

    return !stat(path, &st) && among(&st, S_ISDIR(st.st_mode));
}

/* Is a folder above the file one that is read? */
static bool within_input(const char *path)
{
    char *whole = realpath(path, NULL), *slash;
    bool is = false;
    struct stat st;

    while (whole && !is && (slash = strrchr(whole, '/')) && slash != whole) {
        *slash = '\0';
        is = !stat(whole, &st) && among(&st, true);
    }
    free(whole);
    return is;
}

static int refuse(const char *path, enum reap_wrote how, struct reap_err *err)
{
    return reap_fail(err, REAP_ECREATE,
                     how == REAP_WROTE_CHANGED
                         ? "%s was changed after reap wrote it, and is kept: "
                           "choose another -o, or --force to replace it"
                         : "%s exists, and nothing beside it says that reap "
                           "wrote it: it is kept; choose another -o, or "
                           "--force to replace it",
                     path);
}

int reap_out_rule_may(const char *path, char hash[65], struct reap_err *err)
{
    char buf[PATH_SIZE], own[65];
    enum reap_wrote how;
    struct stat st, to;

    hash = hash ? hash : own;
    hash[0] = '\0';
    if (!now || lstat(path, &st))
        return REAP_OK; /* what is not there harms nobody */
    if (!stat(path, &to) && among(&to, false))
        return reap_fail(err, REAP_EINVAL,
                         "%s is read by this command, and cannot be its "
                         "output: choose another -o",
                         path);
    if (S_ISLNK(st.st_mode) && !now->force)
        return reap_fail(err, REAP_ECREATE,
                         "%s is a symbolic link: name the file that it leads "
                         "to, or --force to replace the link",
                         path);
    if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
        return reap_fail(err, REAP_ECREATE, "%s exists and is no regular file",
                         path);
    how = reap_sidecar_ask(reap_out_rule_sidecar_of(path, buf, sizeof(buf)),
                           path, hash);
    if (how == REAP_WROTE)
        return REAP_OK;
    hash[0] = '\0';
    if (within_input(path))
        return reap_fail(err, REAP_EINVAL,
                         "%s is in a folder that this command reads, and "
                         "nothing says that reap wrote it: choose another -o",
                         path);
    return now->force ? REAP_OK : refuse(path, how, err);
}

/* ---- what was written ---- */

void reap_out_rule_done(const char *path, const struct reap_shape *shape,
                        uint64_t bytes)
{
    struct reap_written *all;
    char *own;

    for (size_t i = 0; now && i < now->n_done; i++)
        if (!strcmp(now->done[i].path, path)) {
            now->done[i].shape = *shape;
            now->done[i].bytes = bytes;
            return;
        }
    own = now ? reap_strdup(path) : NULL;
    all =
        own ? reap_realloc(now->done, (now->n_done + 1) * sizeof(*all)) : NULL;
    if (!all) { /* the list is for people: the file is there all the same */
        reap_free(own);
        return;
    }
    now->done = all;
    all[now->n_done++] = (struct reap_written){ own, *shape, bytes };
}

const struct reap_written *reap_out_rule_at(size_t i)
{
    return now && i < now->n_done ? &now->done[i] : NULL;
}

void reap_out_rule_free(struct reap_out_rule **op)
{
    struct reap_out_rule *o = *op;

    if (!o)
        return;
    if (now == o)
        now = NULL;
    for (size_t i = 0; i < o->n_done; i++)
        reap_free((void *)(uintptr_t)o->done[i].path);
    reap_free(o->done);
    reap_free(o->input);
    reap_free(o);
    *op = NULL;
}
