/* One line on stderr and the rate of late, from a ring of the last looks. */
#define _GNU_SOURCE
#include <string.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "jobs/cli/progress.h"

enum { WIDTH = 79, N_SEEN = 16 };
static const double PERIOD = 0.25, PERIOD_LOG = 10;

void reap_progress_start(struct reap_progress *p, const struct reap_options *o,
                         const char *what, uint64_t done)
{
    memset(p, 0, sizeof(*p));
    p->terminal = isatty(STDERR_FILENO);
    p->on = !o->quiet && !o->json && (p->terminal || o->progress);
    if (o->progress && !o->quiet)
        p->on = true;
    p->what = what;
    p->begin = reap_clock();
    p->begin_done = done;
}

const char *reap_duration(double seconds, char *buf, size_t size)
{
    uint64_t s = seconds > 0 ? (uint64_t)(seconds + 0.5) : 0;

    if (s >= 86400)
        snprintf(buf, size, "%llu d %llu h", (unsigned long long)(s / 86400),
                 (unsigned long long)(s / 3600 % 24));
    else if (s >= 3600)
        snprintf(
            buf, size, "%llu:%02llu:%02llu", (unsigned long long)(s / 3600),
            (unsigned long long)(s / 60 % 60), (unsigned long long)(s % 60));
    else
        snprintf(buf, size, "%llu:%02llu", (unsigned long long)(s / 60),
                 (unsigned long long)(s % 60));
    return buf;
}

/* Things per second over the last few shows, so that a pause fades. */
static double rate(struct reap_progress *p, double t, uint64_t done)
{
    unsigned i = p->n_seen % N_SEEN;
    double since = p->n_seen >= N_SEEN ? p->seen[i] : p->begin;
    uint64_t from = p->n_seen >= N_SEEN ? p->seen_done[i] : p->begin_done;

    p->seen[i] = t;
    p->seen_done[i] = done;
    p->n_seen++;
    return t > since && done > from ? (double)(done - from) / (t - since) : 0;
}

void reap_progress_show(struct reap_progress *p, uint64_t done, uint64_t total,
                        const char *extra)
{
    double t = reap_clock(), per_second;
    char line[160], left[40];
    int n;

    if (!p->on || t - p->last < (p->terminal ? PERIOD : PERIOD_LOG))
        return;
    p->last = t;
    per_second = rate(p, t, done);
    n = snprintf(line, sizeof(line), "%llu", (unsigned long long)done);
    if (total)
        n += snprintf(line + n, sizeof(line) - (size_t)n, " of %llu (%.1f %%)",
                      (unsigned long long)total,
                      100 * (double)done / (double)total);
    n += snprintf(line + n, sizeof(line) - (size_t)n, " %s, %.*f/s", p->what,
                  per_second < 100 ? 1 : 0, per_second);
    if (total > done && per_second > 0)
        n += snprintf(line + n, sizeof(line) - (size_t)n, ", %s left",
                      reap_duration((double)(total - done) / per_second, left,
                                    sizeof(left)));
    if (*extra)
        snprintf(line + n, sizeof(line) - (size_t)n, ", %s", extra);
    if (p->terminal)
        fprintf(stderr, "\r%-*.*s", WIDTH, WIDTH, line);
    else
        fprintf(stderr, "%s\n", line);
    fflush(stderr);
}

void reap_progress_stop(struct reap_progress *p)
{
    /* stderr waits for ends of lines, and results are about to be printed */
    if (p->on && p->terminal && p->last > 0) {
        fprintf(stderr, "\r%*s\r", WIDTH, "");
        fflush(stderr);
    }
    p->on = false;
}
