/*
 * jobs/cli/progress.h - one line on stderr that says how far a long task is
 *
 * On a terminal the line is rewritten in place; with --progress and no
 * terminal, a new line comes now and then; with --quiet or --json nothing.
 * Calls must not overlap.
 */
#ifndef REAP_JOBS_CLI_PROGRESS_H
#define REAP_JOBS_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "jobs/cli/options.h"

struct reap_progress {
    bool on, terminal;
    const char *what; /* "images", "files" */
    double begin, last;
    uint64_t begin_done;
    double seen[16]; /* times and counts of late, for the rate */
    uint64_t seen_done[16];
    unsigned n_seen;
};

/* Begin a line about 'what' (borrowed), of which 'done' are done already. */
void reap_progress_start(struct reap_progress *p, const struct reap_options *o,
                         const char *what, uint64_t done);

/* 'total' 0: not known. 'extra' follows, may be "". Prints at most four times
 * a second. */
void reap_progress_show(struct reap_progress *p, uint64_t done, uint64_t total,
                        const char *extra);

/* Leave the line, so that what is printed next starts on its own. */
void reap_progress_stop(struct reap_progress *p);

/* "4:05", "2:03:04", "3 d 4 h" in 'buf', which is returned. */
const char *reap_duration(double seconds, char *buf, size_t size);

#endif /* REAP_JOBS_CLI_PROGRESS_H */
