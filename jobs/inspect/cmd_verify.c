/* reap verify STORE: is every row there, and what it was? */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/file/text.h"
#include "jobs/cli/cmd.h"
#include "jobs/cli/remark.h"
#include "jobs/cli/words.h"
#include "jobs/inspect/verify_sample.h"
#include "jobs/setup/store_view.h"

static void cmd_verify_say(void *ctx, const char *line)
{
    fprintf(stderr, "reap: %s: ", (const char *)ctx);
    reap_text_line(stderr, line);
}

/* What was found; negative where it was not looked for. */
struct findings {
    struct reap_store_checked stored;
    int64_t keys, missing, gone, sampled, differ;
};

static void cmd_verify_print_json(const struct reap_store_view *v,
                                  const struct findings *f)
{
    json_t *all = json_pack(
        "{ss,sI,sI,sI,sI,sb}", "path", v->path, "blocks",
        (json_int_t)f->stored.blocks, "bytes", (json_int_t)f->stored.bytes,
        "rows", (json_int_t)f->stored.rows, "problems",
        (json_int_t)f->stored.problems, "complete", (int)v->complete);
    const struct {
        const char *name;
        int64_t n;
    } row[] = { { "keys", f->keys },
                { "missing", f->missing },
                { "left_out", f->gone },
                { "sampled", f->sampled },
                { "differ", f->differ } };

    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
        if (row[i].n >= 0)
            json_object_set_new(all, row[i].name, json_integer(row[i].n));
    json_dumpf(all, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(all);
}

static void cmd_verify_print_text(const struct reap_store_view *v,
                                  const struct findings *f)
{
    const struct reap_store_checked *c = &f->stored;

    printf("%s: %" PRIu64 " rows in %" PRIu64
           " blocks, %.1f MB, checksums and counts are %s\n",
           v->path, c->rows, c->blocks, (double)c->bytes / 1e6,
           c->problems ? "wrong" : "right");
    if (f->keys >= 0 && !f->missing)
        printf("%s: each of %" PRId64 " keys of the dataset has its row\n",
               v->path, f->keys);
    if (f->sampled >= 0 && !f->differ)
        printf("%s: %" PRId64 " recomputed rows are the same\n", v->path,
               f->sampled);
}

/* What the child tells. */
struct told {
    int rc;
    struct reap_err err;
    struct reap_store_checked stored;
};

static void cmd_verify_look(const char *path, struct told *t)
{
    union {
        const char *in;
        void *out;
    } name = { path };
    struct reap_store *s = NULL;

    t->rc = reap_store_open(&s, path, REAP_STORE_READ, NULL, &t->err);
    if (!t->rc)
        t->rc =
            reap_store_check(s, cmd_verify_say, name.out, &t->stored, &t->err);
    reap_store_close(&s);
}

/*
 * LMDB trusts its pages: a damaged one may end the process. So a child looks
 * first, and what ends it is a finding.
 */
static int check_blocks(const char *path, struct findings *f,
                        struct reap_err *err)
{
    struct told t = { .rc = REAP_EIO };
    int end[2], status = 0;
    ssize_t n = 0;
    pid_t pid;

    fflush(stdout);
    if (pipe(end))
        return reap_fail(err, REAP_ENOMEM, "no pipe: %s", strerror(errno));
    pid = fork();
    if (!pid) {
        cmd_verify_look(path, &t);
        _exit(write(end[1], &t, sizeof(t)) != sizeof(t));
    }
    close(end[1]);
    if (pid > 0)
        n = read(end[0], &t, sizeof(t));
    close(end[0]);
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        return reap_fail(err, REAP_ENOMEM, "no process: %s", strerror(errno));
    if (n != sizeof(t))
        return reap_fail(err, REAP_EIO,
                         "%s: pages of its data.mdb are damaged: reading them "
                         "ended in signal %d",
                         path, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    f->stored = t.stored;
    if (t.rc)
        return reap_fail(err, t.rc, "%s", t.err.msg);
    if (f->stored.problems)
        return reap_fail(err, REAP_EIO, "%s: %" PRIu64 " problems", path,
                         f->stored.problems);
    return REAP_OK;
}

/* Has every key a row? Asked of the dataset, else of the marker. */
static int check_keys(struct reap_store_view *v, const struct reap_options *o,
                      struct findings *f, struct reap_err *err)
{
    struct reap_store_view_compared c;
    int rc;

    reap_store_view_dataset(v, o->dataset);
    if (!v->dataset)
        reap_remark(o, "keys cannot be compared with the dataset: %s", v->why);
    if (!v->dataset && v->complete)
        return REAP_OK;
    if (!v->dataset)
        return reap_fail(err, REAP_ESTOPPED,
                         "%s is incomplete: run the same command again",
                         v->path);
    rc = reap_store_view_compare(v, o->limit_given ? o->limit : v->limit, &c,
                                 err);
    if (rc)
        return rc;
    f->keys = (int64_t)c.keys;
    f->missing = (int64_t)c.missing;
    f->gone = (int64_t)c.gone;
    if (c.gone)
        reap_remark(o,
                    "%" PRIu64 " %s no longer in the dataset (extract "
                    "--prune deletes such rows)",
                    c.gone, reap_plural(c.gone, "row is", "rows are"));
    if (c.missing)
        return reap_fail(err, REAP_ESTOPPED,
                         "%" PRIu64 " of %" PRIu64
                         " keys have no row, the first is %s; run the same "
                         "command again",
                         c.missing, c.keys, c.first);
    return REAP_OK;
}

static int check_sample(struct reap_store_view *v, const struct reap_options *o,
                        struct findings *f, struct reap_err *err)
{
    uint64_t done, differ;
    int rc;

    if (!v->dataset)
        return reap_fail(err, REAP_ENOTFOUND, "--sample: %s", v->why);
    rc = reap_verify_sample(v, o, o->sample, &done, &differ, err);
    if (rc)
        return rc;
    f->sampled = (int64_t)done;
    f->differ = (int64_t)differ;
    if (differ)
        rc = reap_fail(err, REAP_EIO,
                       "%" PRIu64 " of %" PRIu64
                       " recomputed rows differ from the stored ones",
                       differ, done);
    return rc;
}

int reap_cmd_verify(const struct reap_options *o, struct reap_err *err)
{
    struct findings f = {
        .keys = -1, .missing = -1, .gone = -1, .sampled = -1, .differ = -1
    };
    struct reap_err why = { 0 };
    struct reap_store_view v;
    const char *path;
    int rc, damaged, sampled;

    if (o->n_args != 1)
        return reap_fail(err, REAP_EINVAL, "one STORE is needed");
    path = o->args[0];
    rc = check_blocks(path, &f, err);
    if (rc && !f.stored.problems)
        return rc;
    damaged = rc;
    rc = reap_store_view_open(&v, path, damaged ? NULL : err);
    if (rc)
        return damaged ? damaged : rc;
    rc = damaged ? damaged : check_keys(&v, o, &f, err);
    /* A store in the making may be sampled: it is the more telling failure. */
    if (o->sample && (!rc || rc == REAP_ESTOPPED)) {
        sampled = check_sample(&v, o, &f, &why);
        if (sampled)
            rc = reap_fail(err, sampled, "%s", why.msg);
    }
    if (o->json)
        cmd_verify_print_json(&v, &f);
    else if (!o->quiet)
        cmd_verify_print_text(&v, &f);
    reap_store_view_close(&v);
    return rc;
}
