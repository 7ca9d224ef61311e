/* The loop around a flow when there is one process: signals, time limit and
 * progress, a few times a second. Rows go through coord.c as they do on many
 * ranks. */
#define _GNU_SOURCE
#include <unistd.h>

#include "cluster/local.h"
#include "cluster/rank_marks.h"
#include "engine/base/clock.h"

static const double LOOK = 0.05, SHOW = 0.25; /* seconds */

void reap_watch_look(struct reap_watch *w, const struct reap_run_args *a,
                     struct reap_coord *c, struct reap_flow *flow,
                     size_t workers)
{
    struct reap_run_status status = { .workers = workers };
    enum reap_asked asked = reap_signals_asked();
    double t = reap_clock();

    if (a->time_limit > 0 && t - w->begin >= a->time_limit && !w->timed) {
        w->timed = true;
        reap_rank_mark("time");
    }
    if (w->timed && asked == REAP_ASKED_NOTHING)
        asked = REAP_ASKED_DRAIN;
    if (asked > w->heeded) {
        if (!w->timed)
            reap_rank_mark("drain");
        reap_coord_drain(c);
        if (flow && asked == REAP_ASKED_STOP)
            reap_flow_stop(flow);
        w->heeded = asked;
    }
    if (!a->progress || t - w->shown < SHOW)
        return;
    w->shown = t;
    reap_coord_status(c, &status);
    a->progress(a->ctx, &status);
}

bool reap_watch_orphaned(struct reap_watch *w)
{
    long parent = (long)getppid();

    if (!w->parent)
        w->parent = parent;
    return parent != w->parent;
}

int reap_local_run(const struct reap_run_args *a,
                   struct reap_run_status *status, struct reap_err *err)
{
    struct reap_coord_args ca = { .dataset = a->flow.dataset,
                                  .store = a->store,
                                  .schema = a->flow.schema,
                                  .limit = a->limit,
                                  .batch = (uint32_t)a->flow.batch,
                                  .workers = 1 };
    struct reap_flow_args fa = a->flow;
    struct reap_watch watch = { .begin = reap_clock() };
    struct reap_coord *c = NULL;
    struct reap_flow *flow = NULL;
    struct reap_err closing;
    char host[64] = "";
    int rc, end;

    reap_signals_install();
    rc = reap_coord_open(&c, &ca, err);
    if (rc)
        return rc;
    gethostname(host, sizeof(host) - 1);
    reap_coord_add_host(c, host);
    reap_coord_ends(c, &fa.feed, &fa.sink);
    rc = reap_flow_start(&flow, &fa, err);
    while (!rc && !reap_flow_done(flow)) {
        reap_watch_look(&watch, a, c, flow, 1);
        reap_nap(LOOK);
    }
    if (flow)
        reap_flow_times(flow, &status->times);
    if (!rc)
        rc = reap_flow_join(&flow, err);
    reap_coord_returned(c, 0);
    end = reap_coord_close(&c, status, &closing);
    if (!rc && end)
        rc = reap_fail(err, end, "%s", closing.msg);
    return rc;
}
