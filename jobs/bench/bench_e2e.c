/* The whole way from dataset to store, as reap extract goes it, a few times
 * into stores that are deleted again; the best pass counts. */
#define _GNU_SOURCE
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cluster/local.h"
#include "engine/base/mem.h"
#include "engine/base/version.h"
#include "jobs/bench/bench.h"
#include "jobs/cli/threads.h"
#include "jobs/setup/setup.h"

enum { PASSES = 3 }; /* the first warms up, the best of the others counts */

struct e2e {
    struct reap_setup setup;
    struct reap_dataset *ds;
    size_t threads;
    char dir[256]; /* of the stores, which are deleted */
};

static void remove_store(const char *dir)
{
    char path[600];
    struct dirent *d;
    DIR *list = opendir(dir);

    while (list && (d = readdir(list))) {
        snprintf(path, sizeof(path), "%s/%s", dir, d->d_name);
        if (d->d_name[0] != '.')
            unlink(path);
    }
    if (list)
        closedir(list);
    rmdir(dir);
}

/* One pass over the dataset into a new store. */
static int pass(struct e2e *e, const struct reap_options *o,
                struct reap_run_status *status, struct reap_err *err)
{
    struct reap_run_meta meta = { .fingerprint_text = "bench=end-to-end\n",
                                  .dataset_id = reap_dataset_id(e->ds),
                                  .dataset_path = reap_dataset_path(e->ds),
                                  .command = "reap bench end-to-end",
                                  .job = "",
                                  .preset = e->setup.preset.name,
                                  .versions = "reap " REAP_VERSION,
                                  .schema = e->setup.schema };
    struct reap_run_args a = { .flow = { .dataset = e->ds,
                                         .engine = e->setup.engine,
                                         .preset = &e->setup.preset,
                                         .limits = e->setup.limits,
                                         .schema = e->setup.schema,
                                         .threads = e->threads,
                                         .batch = e->setup.batch },
                               .fingerprint = "bench",
                               .limit = o->limit };
    char store[300];
    int rc;

    snprintf(store, sizeof(store), "%s/store", e->dir);
    memset(status, 0, sizeof(*status));
    rc = reap_store_open(&a.store, store, REAP_STORE_WRITE, &meta, err);
    if (!rc)
        rc = reap_local_run(&a, status, err);
    reap_store_close(&a.store);
    remove_store(store);
    return rc;
}

static int bench_e2e_open_all(struct e2e *e, const struct reap_options *o,
                              struct reap_err *err)
{
    const char *tmp = getenv("TMPDIR");
    struct reap_options with = *o;
    size_t idle;
    int rc;

    if (!with.weights)
        with.weights = "none";
    rc = reap_setup_open(&e->setup, &with, true, o->args[1], err);
    if (!rc)
        rc = reap_dataset_open(&e->ds, o->args[1], err);
    if (rc)
        return rc;
    e->threads = reap_threads_default(&idle);
    if (o->threads)
        e->threads = o->threads;
    snprintf(e->dir, sizeof(e->dir), "%s/reap-bench-XXXXXX",
             tmp ? tmp : "/tmp");
    if (!mkdtemp(e->dir))
        return reap_fail(err, REAP_ECREATE, "%s: cannot be made", e->dir);
    return REAP_OK;
}

static void bench_e2e_print(const struct e2e *e, const struct reap_options *o,
                            const struct reap_run_status *best)
{
    double rate = best->seconds > 0 ? (double)best->done / best->seconds : 0;
    const char *isa = reap_bench_isa(reap_engine_level(e->setup.engine));
    json_t *line;

    if (!o->json) {
        printf("end to end: %.1f images/s, %s, %zu threads (%llu images)\n",
               rate, reap_engine_arith(e->setup.engine), e->threads,
               (unsigned long long)best->done);
        return;
    }
    line = json_pack("{ss,ss,ss,sI,sf,sI}", "who", "reap", "what", "e2e",
                     "prec", o->precision ? o->precision : "fp32", "threads",
                     (json_int_t)e->threads, "img_per_s", rate, "images",
                     (json_int_t)best->done);
    if (isa)
        json_object_set_new(line, "isa", json_string(isa));
    json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(line);
}

int reap_bench_end_to_end(const struct reap_options *o, struct reap_err *err)
{
    struct e2e e = { .threads = 1 };
    struct reap_run_status status, best = { 0 };
    int rc;

    if (o->n_args != 2)
        return reap_fail(err, REAP_EINVAL,
                         "reap bench end-to-end DATASET: one is needed");
    rc = bench_e2e_open_all(&e, o, err);
    for (int i = 0; i < PASSES && !rc; i++) {
        rc = pass(&e, o, &status, err);
        if (!rc && i && (!best.done || status.seconds < best.seconds))
            best = status;
    }
    if (!rc)
        bench_e2e_print(&e, o, &best);
    if (e.dir[0])
        rmdir(e.dir);
    reap_dataset_close(&e.ds);
    reap_setup_close(&e.setup);
    return rc;
}
