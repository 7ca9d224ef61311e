#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "io/dataset/dataset.h"
#include "io/out/outfile.h"
#include "io/file/status.h"
#include "io/store/store.h"
#include "jobs/submit/job_record.h"

enum { PATH_ROOM = 4096 };

/* ---- the folder ---- */

static int folder(char *path, struct reap_err *err)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    const bool own = state && *state == '/';
    int n = own ? snprintf(path, PATH_ROOM, "%s/reap/jobs", state)
                : snprintf(path, PATH_ROOM, "%s/.local/state/reap/jobs",
                           home ? home : "");

    if (n >= PATH_ROOM || *path != '/' || (!own && !home))
        return reap_fail(err, REAP_ECREATE,
                         "neither XDG_STATE_HOME nor HOME names a folder to "
                         "note jobs in");
    return REAP_OK;
}

/* The folder with its parents, for this user alone. */
static int make_folder(const char *path, struct reap_err *err)
{
    char part[PATH_ROOM];

    for (size_t i = 1; i <= strlen(path); i++) {
        if (path[i] != '/' && path[i])
            continue;
        snprintf(part, sizeof(part), "%.*s", (int)i, path);
        if (mkdir(part, 0700) && errno != EEXIST)
            return reap_fail(err, REAP_ECREATE, "%s: %s", part,
                             strerror(errno));
    }
    return REAP_OK;
}

/* ---- a record as JSON ---- */

int reap_job_record_put(const struct reap_job_record *r, struct reap_err *err)
{
    char dir[PATH_ROOM], path[PATH_ROOM + 160];
    struct reap_outfile *f = NULL;
    json_t *all = NULL;
    char *text = NULL;
    int rc = folder(dir, err);

    if (!rc)
        rc = make_folder(dir, err);
    if (rc)
        return rc;
    snprintf(path, sizeof(path), "%s/%s-%s.json", dir, r->scheduler->name,
             r->id);
    for (char *c = path + strlen(dir) + 1; *c; c++)
        if (*c == '/')
            *c = '_';
    all = json_pack("{ss ss ss ss ss ss ss ss sI sI}", "scheduler",
                    r->scheduler->name, "id", r->id, "name", r->name, "script",
                    r->script, "log", r->log, "store", r->store, "dataset",
                    r->dataset, "command", r->command, "submitted",
                    (json_int_t)r->submitted, "rows", (json_int_t)r->rows);
    text = all ? json_dumps(all, JSON_INDENT(2)) : NULL;
    if (!text)
        rc = reap_fail(err, REAP_EINVAL,
                       "%s: paths of jobs have to be valid UTF-8", r->name);
    if (!rc)
        rc = reap_outfile_open_own(&f, path, err);
    if (!rc)
        rc = reap_outfile_write(f, text, strlen(text), err);
    if (!rc)
        rc = reap_outfile_commit(&f, err);
    reap_outfile_abort(&f);
    json_decref(all);
    free(text);
    return rc;
}

static void get_text(json_t *all, const char *name, char *to, size_t size)
{
    const char *text = json_string_value(json_object_get(all, name));

    snprintf(to, size, "%s", text ? text : "");
}

static bool read_record(const char *path, struct reap_job_record *r)
{
    json_t *all = json_load_file(path, 0, NULL);
    char name[32];

    memset(r, 0, sizeof(*r));
    if (!all)
        return false;
    get_text(all, "scheduler", name, sizeof(name));
    r->scheduler = reap_scheduler_find(name, NULL);
    get_text(all, "id", r->id, sizeof(r->id));
    get_text(all, "name", r->name, sizeof(r->name));
    get_text(all, "script", r->script, sizeof(r->script));
    get_text(all, "log", r->log, sizeof(r->log));
    get_text(all, "store", r->store, sizeof(r->store));
    get_text(all, "dataset", r->dataset, sizeof(r->dataset));
    get_text(all, "command", r->command, sizeof(r->command));
    r->submitted = json_integer_value(json_object_get(all, "submitted"));
    r->rows = (uint64_t)json_integer_value(json_object_get(all, "rows"));
    json_decref(all);
    return r->scheduler && *r->id;
}

static int newest_first(const void *a, const void *b)
{
    const struct reap_job_record *x = a, *y = b;

    if (x->submitted != y->submitted)
        return x->submitted < y->submitted ? 1 : -1;
    return strcmp(y->id, x->id);
}

int reap_job_record_list(struct reap_job_record **out, size_t *n,
                         struct reap_err *err)
{
    char dir[PATH_ROOM], path[PATH_ROOM + 300];
    const struct dirent *e;
    DIR *d = NULL;
    int rc = folder(dir, err);

    *out = NULL;
    *n = 0;
    if (!rc)
        d = opendir(dir);
    while (d && !rc && (e = readdir(d))) {
        const size_t len = strlen(e->d_name);
        struct reap_job_record *more;

        if (len < 6 || strcmp(e->d_name + len - 5, ".json") != 0)
            continue;
        more = reap_realloc(*out, (*n + 1) * sizeof(*more));
        if (!more) {
            rc = reap_fail(err, REAP_ENOMEM, "no memory");
            break;
        }
        *out = more;
        snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
        *n += read_record(path, &more[*n]);
    }
    if (d)
        closedir(d);
    if (rc) {
        reap_free(*out);
        *out = NULL;
        return rc;
    }
    if (*n)
        qsort(*out, *n, sizeof(**out), newest_first);
    return REAP_OK;
}

int reap_job_record_find(struct reap_job_record *out, const char *text,
                         struct reap_err *err)
{
    struct reap_job_record *all;
    size_t n, i = 0;
    int rc = reap_job_record_list(&all, &n, err);

    if (rc)
        return rc;
    while (i < n && strcmp(all[i].id, text) != 0 &&
           strcmp(all[i].name, text) != 0)
        i++;
    if (i < n)
        *out = all[i];
    else
        rc = reap_fail(err, REAP_ENOTFOUND,
                       "no job '%s' of yours; reap jobs lists them", text);
    reap_free(all);
    return rc;
}

/* ---- how far it is ---- */

void reap_job_record_progress(const struct reap_job_record *r, uint64_t *rows,
                              uint64_t *total, bool *complete)
{
    uint64_t counts[REAP_N_STATUS] = { 0 };
    struct reap_dataset *ds = NULL;
    struct reap_store *s = NULL;
    uint64_t limit = 0, keys = 0;

    *rows = *total = 0;
    *complete = false;
    if (!*r->store)
        return;
    if (!reap_store_open(&s, r->store, REAP_STORE_READ, NULL, NULL)) {
        if (!reap_store_counts(s, counts, NULL))
            for (int i = 0; i < REAP_N_STATUS; i++)
                *rows += counts[i];
        *complete = reap_store_marker(s, &limit, &keys);
        reap_store_close(&s);
    }
    if (*complete)
        *total = keys;
    else if (*r->dataset && !reap_dataset_open(&ds, r->dataset, NULL)) {
        *total = reap_dataset_count(ds);
        reap_dataset_close(&ds);
    }
}
