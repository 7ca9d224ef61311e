/* reap verify STORE: is every row there, and what it was? */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "jobs/cmd.h"
#include "jobs/verify_sample.h"
#include "jobs/view.h"

static void say(void *ctx, const char *line)
{
    const struct reap_view *v = ctx;

    fprintf(stderr, "reap: %s: %s\n", v->path, line);
}

static void print(const struct reap_options *o, const struct reap_view *v,
                  const struct reap_store_checked *c)
{
    if (o->json) {
        json_t *all =
            json_pack("{ss,sI,sI,sI,sI,sb}", "path", v->path, "blocks",
                      (json_int_t)c->blocks, "bytes", (json_int_t)c->bytes,
                      "rows", (json_int_t)c->rows, "problems",
                      (json_int_t)c->problems, "complete", (int)v->complete);

        json_dumpf(all, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(all);
    } else if (!o->quiet) {
        printf("%s: %" PRIu64 " rows in %" PRIu64
               " blocks, %.1f MB, checksums %s\n",
               v->path, c->rows, c->blocks, (double)c->bytes / 1e6,
               c->problems ? "or counts are wrong" : "and counts are right");
    }
}

/* Has every key a row? Asked of the dataset, else of the marker. */
static int check_keys(struct reap_view *v, const struct reap_options *o,
                      struct reap_err *err)
{
    struct reap_view_compared c;
    uint64_t limit = o->limit_given ? o->limit : v->limit;
    int rc;

    reap_view_dataset(v, o->dataset);
    if (!v->dataset) {
        reap_view_remark(o, "keys are not compared: %s", v->why);
        return v->complete ? REAP_OK
                           : reap_fail(err, REAP_ESTOPPED,
                                       "%s is not complete: run the same "
                                       "command again",
                                       v->path);
    }
    rc = reap_view_compare(v, limit, &c, err);
    if (rc)
        return rc;
    if (c.gone)
        reap_view_remark(o,
                         "%" PRIu64 " rows have keys that are no longer in the "
                         "dataset; --prune forgets them",
                         c.gone);
    if (c.missing)
        return reap_fail(err, REAP_ESTOPPED,
                         "%" PRIu64 " of %" PRIu64
                         " keys have no row, the first is %s; run the same "
                         "command again",
                         c.missing, c.keys, c.first);
    if (!o->json && !o->quiet)
        printf("%s: each of %" PRIu64 " keys of the dataset has its row\n",
               v->path, c.keys);
    return REAP_OK;
}

static int check_sample(struct reap_view *v, const struct reap_options *o,
                        struct reap_err *err)
{
    uint64_t done, differ;
    int rc;

    if (!v->dataset)
        return reap_fail(err, REAP_ENOTFOUND, "--sample: %s", v->why);
    rc = reap_verify_sample(v, o, o->sample, &done, &differ, err);
    if (rc)
        return rc;
    if (differ)
        return reap_fail(err, REAP_EIO,
                         "%" PRIu64 " of %" PRIu64
                         " rows computed again are not as they were stored",
                         differ, done);
    if (!o->json && !o->quiet)
        printf("%s: %" PRIu64 " rows computed again are the same\n", v->path,
               done);
    return REAP_OK;
}

int reap_cmd_verify(const struct reap_options *o, struct reap_err *err)
{
    struct reap_store_checked c;
    struct reap_err why;
    struct reap_view v;
    int rc;

    if (o->n_args != 1)
        return reap_fail(err, REAP_EINVAL, "one STORE is needed");
    rc = reap_view_open(&v, o->args[0], err);
    if (rc)
        return rc;
    rc = reap_store_check(v.store, say, &v, &c, err);
    if (!rc)
        print(o, &v, &c);
    if (!rc && c.problems)
        rc = reap_fail(err, REAP_EIO, "%s: %" PRIu64 " problems", v.path,
                       c.problems);
    if (!rc)
        rc = check_keys(&v, o, err);
    /* A store in the making may be sampled: it is the more telling failure. */
    if (o->sample && (!rc || rc == REAP_ESTOPPED)) {
        int sampled = check_sample(&v, o, &why);

        if (sampled) {
            rc = sampled;
            reap_fail(err, rc, "%s", why.msg);
        }
    }
    reap_view_close(&v);
    return rc;
}
