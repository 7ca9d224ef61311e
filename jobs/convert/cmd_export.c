/* reap export STORE -o FILE: rows as files that others read. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "io/export/export.h"
#include "jobs/cli/cmd.h"
#include "jobs/cli/remark.h"
#include "jobs/setup/rule.h"
#include "jobs/cli/words.h"
#include "jobs/setup/store_view.h"

static const char *wnid(const void *view, size_t i)
{
    return reap_store_view_wnid(view, i);
}

static const char *name(const void *view, size_t i)
{
    return reap_store_view_name(view, i);
}

static uint64_t taken(const struct reap_exported *e)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < REAP_N_STATUS; i++)
        n += e->by_status[i];
    return n;
}

static void cmd_export_print_json(const struct reap_options *o,
                                  const struct reap_exported *e, bool complete)
{
    json_t *status = json_object(), *all;

    for (unsigned i = 0; i < REAP_N_STATUS; i++)
        if (e->by_status[i])
            json_object_set_new(status, reap_status_name(i),
                                json_integer((json_int_t)e->by_status[i]));
    all = json_pack("{ss,sI,so,sI,sI,sb}", "output", o->output, "keys",
                    (json_int_t)taken(e), "status", status, "missing",
                    (json_int_t)e->missing, "left_out", (json_int_t)e->gone,
                    "complete", complete);
    json_object_set_new(all, "files", reap_rule_json());
    json_dumpf(all, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(all);
}

static void cmd_export_print_text(const struct reap_options *o,
                                  const struct reap_exported *e)
{
    if (o->quiet)
        return;
    printf("%s: %" PRIu64 " %s", o->output, taken(e),
           reap_plural(taken(e), "key", "keys"));
    for (unsigned i = 0; i < REAP_N_STATUS; i++)
        if (e->by_status[i])
            printf(", %" PRIu64 " %s", e->by_status[i], reap_status_name(i));
    putchar('\n');
}

static void remark(const struct reap_options *o,
                   const struct reap_store_view *v,
                   const struct reap_exported *e, bool complete)
{
    if (!complete && e->missing)
        reap_remark(o,
                    "%s is incomplete: %" PRIu64
                    " %s no row yet; the others were exported",
                    v->path, e->missing,
                    reap_plural(e->missing, "key has", "keys have"));
    else if (!complete)
        reap_remark(o, "%s is incomplete; the rows that it has were exported",
                    v->path);
    if (!v->dataset)
        reap_remark(o, "%s; removed images cannot be left out", v->why);
    if (e->no_vectors)
        reap_remark(o, "the numbers of the embeddings are left out: --vectors "
                       "writes them too, or choose npy");
    if (e->gone)
        reap_remark(o,
                    "%" PRIu64 " %s left out: no longer in the dataset "
                    "(extract --prune deletes such rows)",
                    e->gone, reap_plural(e->gone, "row was", "rows were"));
}

int reap_cmd_export(const struct reap_options *o, struct reap_err *err)
{
    struct reap_store_view v;
    struct reap_export_args a = { .path = o->output,
                                  .to = o->to,
                                  .all = o->all,
                                  .limit = o->limit,
                                  .top = o->top,
                                  .vectors = o->vectors,
                                  .csv_safe = o->csv_safe,
                                  .names = { &v, wnid, name } };
    struct reap_exported out;
    bool complete;
    int rc;

    if (o->n_args != 1 || !o->output)
        return reap_fail(err, REAP_EINVAL,
                         "one STORE and -o FILE are needed, as in reap export "
                         "STORE -o out.npy");
    rc = reap_store_view_open(&v, o->args[0], err);
    if (rc)
        return rc;
    rc = reap_store_view_labels(&v, o->labels, err);
    a.store = v.store;
    reap_store_view_dataset(&v, o->dataset);
    if (v.dataset)
        a.keys = (struct reap_export_keys){ &v, reap_store_view_next_key };
    if (!rc)
        rc = reap_export_run(&a, &out, err);
    if (!rc) {
        complete = v.complete && (v.limit || !out.missing);
        remark(o, &v, &out, complete);
        if (o->json)
            cmd_export_print_json(o, &out, complete);
        else
            cmd_export_print_text(o, &out);
    }
    reap_store_view_close(&v);
    return rc;
}
