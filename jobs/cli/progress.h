/*
 * jobs/cli/progress.h - one line on stderr that says how far a long task is
 *
 * On a terminal the line is rewritten in place, at least once a second, and is
 * as wide as the terminal allows. Without one a new line comes each minute, or
 * each 10 seconds with --progress; with --quiet or --json nothing does.
 *
 * One task shows its progress at a time. Any thread may call, and whoever
 * prints while a task goes on calls reap_progress_hide() first.
 */
#ifndef REAP_JOBS_CLI_PROGRESS_H
#define REAP_JOBS_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "jobs/cli/options.h"

/* In the hands of the task. */
struct reap_progress {
    bool on;
};

enum { REAP_PROGRESS_SEEN = 64 };

/* How far it is. */
struct reap_progress_state {
    const char *what; /* "images", "files"; borrowed for good */
    double begin;
    uint64_t begin_done, done, total;
    char extra[80];
    double seen[REAP_PROGRESS_SEEN]; /* times and counts, for the rate */
    uint64_t seen_done[REAP_PROGRESS_SEEN];
    unsigned n_seen;
};

/* Begin a line about 'what' (borrowed), of which 'done' are done already. */
void reap_progress_start(struct reap_progress *p, const struct reap_options *o,
                         const char *what, uint64_t done);

/* 'total' 0: not known. 'extra' follows, may be "". May be called often: draws
 * at most four times a second. */
void reap_progress_show(struct reap_progress *p, uint64_t done, uint64_t total,
                        const char *extra);

/* The end: take the line away, so that what is printed next starts on its
 * own. */
void reap_progress_stop(struct reap_progress *p);

/* Take the line away for what is printed next; the task draws it again. */
void reap_progress_hide(void);

/* Take the counts of time 't' into what the rate is made of. */
void reap_progress_sample(struct reap_progress_state *p, double t);

/* Things per second of late, at time 't'; over all where nothing has moved for
 * long. */
double reap_progress_rate(const struct reap_progress_state *p, double t);

/* The line of at most 'width' characters, in 'buf' of 'size' bytes: what does
 * not fit is left out, from its end. */
void reap_progress_line(const struct reap_progress_state *p, double t,
                        size_t width, char *buf, size_t size);

/* "4:05", "2:03:04", "3 d 4 h" in 'buf', which is returned. */
const char *reap_duration(double seconds, char *buf, size_t size);

#endif /* REAP_JOBS_CLI_PROGRESS_H */
