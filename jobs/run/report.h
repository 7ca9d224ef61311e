/* jobs/run/report.h - what a run says while it runs and when it has ended */
#ifndef REAP_JOBS_RUN_REPORT_H
#define REAP_JOBS_RUN_REPORT_H

#include <stdint.h>

#include "cluster/run.h"
#include "io/file/status.h"
#include "jobs/cli/options.h"
#include "jobs/cli/progress.h"
#include "jobs/setup/setup.h"

struct reap_report {
    const struct reap_options *o;
    struct reap_progress line;
    bool started;
    uint64_t memory; /* most private bytes seen: RssAnon + RssShmem */
};

/* What is about to run: network, preset, arithmetic, threads. */
void reap_report_begin(struct reap_report *r, const struct reap_options *o,
                       const struct reap_setup *s, size_t threads);

/* The run's progress callback; 'ctx' is the report. */
void reap_report_progress(void *ctx, const struct reap_run_status *status);

/* Leave the line of progress. */
void reap_report_stop(struct reap_report *r);

/* The end: counts by status, rate, memory, with --verbose where the time went,
 * what to type next. On stdout; JSON with --json. 'counts' has REAP_N_STATUS
 * entries. */
void reap_report_end(const struct reap_report *r, const struct reap_setup *s,
                     const struct reap_run_status *status,
                     const uint64_t *counts, bool complete);

#endif /* REAP_JOBS_RUN_REPORT_H */
