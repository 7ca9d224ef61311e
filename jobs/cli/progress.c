/* One line on stderr and the rate of late, from a ring of the last looks. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "engine/base/clock.h"
#include "jobs/cli/progress.h"
#include "jobs/cli/terminal.h"

enum { LINE = 200 };

/* Seconds: between two drawings where the task has news; where it has none;
 * between two lines of a log; the same with --progress; between what is kept
 * for the rate, and the oldest of it that still counts. */
static const double SOON = 0.25, TICK = 1, MINUTE = 60, ASKED = 10,
                    SAMPLE = 0.5, OLD = 30;

/* The one task that is shown, and what is on the screen. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool on, terminal, drawn;
    double last, period; /* of drawing */
    struct reap_progress_state task;
    pthread_t ticker; /* draws while the task says nothing */
    bool ticks;
} screen = { .lock = PTHREAD_MUTEX_INITIALIZER,
             .ended = PTHREAD_COND_INITIALIZER };

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

void reap_progress_sample(struct reap_progress_state *p, double t)
{
    const unsigned newest =
        (p->n_seen + REAP_PROGRESS_SEEN - 1) % REAP_PROGRESS_SEEN;

    if (p->n_seen && t - p->seen[newest] < SAMPLE)
        return;
    p->seen[p->n_seen % REAP_PROGRESS_SEEN] = t;
    p->seen_done[p->n_seen % REAP_PROGRESS_SEEN] = p->done;
    p->n_seen++;
}

double reap_progress_rate(const struct reap_progress_state *p, double t)
{
    const unsigned n =
        p->n_seen < REAP_PROGRESS_SEEN ? p->n_seen : REAP_PROGRESS_SEEN;
    double since = t;
    uint64_t from = p->done;

    for (unsigned i = 0; i < n; i++)
        if (t - p->seen[i] <= OLD && p->seen[i] < since) {
            since = p->seen[i];
            from = p->seen_done[i];
        }
    if (from >= p->done) { /* nothing moved of late */
        since = p->begin;
        from = p->begin_done;
    }
    /* a moment says nothing about a second */
    return t - since >= SAMPLE && p->done > from
               ? (double)(p->done - from) / (t - since)
               : 0;
}

/* Add to the line if there is room, and return whether there was. */
static bool add(char *buf, size_t width, const char *fmt, ...)
{
    const size_t n = strlen(buf);
    char part[LINE];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(part, sizeof(part), fmt, ap);
    va_end(ap);
    if (n + strlen(part) > width)
        return false;
    strcpy(buf + n, part);
    return true;
}

/* "0:12  8 of 36 images (22.2 %), 0:42 left, 0.67/s, 1 bad" */
void reap_progress_line(const struct reap_progress_state *p, double t,
                        size_t width, char *buf, size_t size)
{
    const double rate = reap_progress_rate(p, t);
    const unsigned long long done = p->done, total = p->total;
    char time[40];
    bool room;

    width = width < size ? width : size - 1;
    *buf = '\0';
    room = add(buf, width, "%s  ",
               reap_duration(t - p->begin, time, sizeof(time)));
    if (total)
        room = room && add(buf, width, "%llu of %llu %s", done, total, p->what);
    else
        room = room && add(buf, width, "%llu %s", done, p->what);
    if (total)
        room = room && add(buf, width, " (%.1f %%)",
                           100 * (double)done / (double)total);
    if (total > done && rate > 0)
        room = room && add(buf, width, ", %s left",
                           reap_duration((double)(total - done) / rate, time,
                                         sizeof(time)));
    if (rate > 0)
        room = room && add(buf, width, ", %.*f/s",
                           rate < 9.95   ? 2
                           : rate < 99.5 ? 1
                                         : 0,
                           rate);
    if (*p->extra && room)
        add(buf, width, ", %s", p->extra);
}

/* The last column stays free: a terminal might go on in the next line. */
static void draw(double t)
{
    char line[LINE];

    reap_progress_line(&screen.task, t,
                       screen.terminal ? reap_terminal_width() - 1 : LINE, line,
                       sizeof(line));
    if (screen.terminal)
        fprintf(stderr, "\r%s\033[K", line);
    else
        fprintf(stderr, "%s\n", line);
    fflush(stderr); /* it waits for ends of lines */
    screen.last = t;
    screen.drawn = screen.terminal;
}

static void erase(void)
{
    if (!screen.drawn)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    screen.drawn = false;
}

void reap_progress_hide(void)
{
    pthread_mutex_lock(&screen.lock);
    erase();
    pthread_mutex_unlock(&screen.lock);
}

/* Let go of the lock for so many seconds, or until the task has ended. */
static void wait_for(double seconds)
{
    struct timespec until;
    double nano;

    clock_gettime(CLOCK_REALTIME, &until);
    nano = (double)until.tv_nsec + 1e9 * seconds;
    until.tv_sec += (time_t)(nano / 1e9);
    until.tv_nsec = (long)(nano - 1e9 * (double)(time_t)(nano / 1e9));
    pthread_cond_timedwait(&screen.ended, &screen.lock, &until);
}

/* Draw on where the task says nothing. */
static void *tick(void *unused)
{
    const double every = screen.terminal ? TICK : screen.period;

    pthread_mutex_lock(&screen.lock);
    while (screen.on) {
        const double t = reap_clock();
        const double last = screen.last > 0 ? screen.last : screen.task.begin;

        if (t - last >= every)
            draw(t);
        else
            wait_for(last + every - t + 1e-3);
    }
    pthread_mutex_unlock(&screen.lock);
    return unused;
}

/* Signals are for the threads that work. */
static void start_ticker(void)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    screen.ticks = !pthread_create(&screen.ticker, NULL, tick, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void reap_progress_start(struct reap_progress *p, const struct reap_options *o,
                         const char *what, uint64_t done)
{
    const double t = reap_clock();

    p->on = !o->quiet && (!o->json || o->progress);
    if (!p->on)
        return;
    pthread_mutex_lock(&screen.lock);
    screen.task = (struct reap_progress_state){
        .what = what, .begin = t, .begin_done = done, .done = done
    };
    reap_progress_sample(&screen.task, t);
    screen.terminal = reap_terminal();
    screen.period = screen.terminal ? SOON : o->progress ? ASKED : MINUTE;
    /* The first line comes at once, but not into a log that nobody asked for */
    screen.last = screen.terminal || o->progress ? 0 : t;
    screen.on = true;
    pthread_mutex_unlock(&screen.lock);
    if (!screen.ticks)
        start_ticker();
}

void reap_progress_show(struct reap_progress *p, uint64_t done, uint64_t total,
                        const char *extra)
{
    double t;

    if (!p->on)
        return;
    pthread_mutex_lock(&screen.lock);
    t = reap_clock();
    screen.task.done = done;
    screen.task.total = total;
    snprintf(screen.task.extra, sizeof(screen.task.extra), "%s", extra);
    reap_progress_sample(&screen.task, t);
    if (t - screen.last >= screen.period)
        draw(t);
    pthread_mutex_unlock(&screen.lock);
}

void reap_progress_stop(struct reap_progress *p)
{
    if (!p->on)
        return;
    p->on = false;
    pthread_mutex_lock(&screen.lock);
    erase();
    screen.on = false;
    pthread_cond_broadcast(&screen.ended);
    pthread_mutex_unlock(&screen.lock);
    if (screen.ticks)
        pthread_join(screen.ticker, NULL);
    screen.ticks = false;
}
