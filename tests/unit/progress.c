/* Progress: true rates, what fits a line, and when it is drawn. */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "jobs/cli/progress.h"
#include "tests/tap.h"

static struct reap_progress_state begun(double t, uint64_t done)
{
    struct reap_progress_state p = {
        .what = "images", .begin = t, .begin_done = done, .done = done
    };

    reap_progress_sample(&p, t);
    return p;
}

static bool near(double a, double b)
{
    return a > b * 0.999 && a < b * 1.001;
}

/* 'n' calls, 'step' seconds and 'more' things apart. */
static double go_on(struct reap_progress_state *p, double t, int n, double step,
                    uint64_t more)
{
    for (int i = 0; i < n; i++) {
        t += step;
        p->done += more;
        reap_progress_sample(p, t);
    }
    return t;
}

static void rates(void)
{
    struct reap_progress_state p = begun(100, 5000);
    double t;

    ok(!(reap_progress_rate(&p, 101) > 0), "no rate before anything is done");
    t = go_on(&p, 100, 10, 1, 50);
    ok(near(reap_progress_rate(&p, t), 50), "50 a second: %g",
       reap_progress_rate(&p, t));
    t = go_on(&p, t, 4000, 0.01, 1);
    ok(near(reap_progress_rate(&p, t), 100), "100 a second now: %g",
       reap_progress_rate(&p, t));
    ok(near(reap_progress_rate(&p, t + 10), 200.0 / 3),
       "10 seconds of nothing count: %g", reap_progress_rate(&p, t + 10));
    ok(near(reap_progress_rate(&p, t + 50), 45), "after long, the whole: %g",
       reap_progress_rate(&p, t + 50));
    /* What comes in bursts of 3 seconds, as leases do, has one rate. */
    p = begun(0, 0);
    t = go_on(&p, 0, 20, 3, 30);
    for (int i = 0; i < 12; i++)
        reap_progress_sample(&p, t + 0.25 * i);
    ok(reap_progress_rate(&p, t + 2.9) > 8.9 &&
           reap_progress_rate(&p, t) < 10.1,
       "bursts: %g to %g", reap_progress_rate(&p, t + 2.9),
       reap_progress_rate(&p, t));
    /* One image in 40 seconds, looked at four times a second. */
    p = begun(0, 0);
    t = 0;
    for (int i = 0; i < 5; i++) {
        t = go_on(&p, t, 160, 0.25, 0);
        p.done++;
    }
    ok(near(reap_progress_rate(&p, t + 39.9), 5 / 239.9),
       "slow things have a rate: %g", reap_progress_rate(&p, t + 39.9));
}

static bool line_is(const struct reap_progress_state *p, double t, size_t width,
                    const char *want)
{
    char line[120];

    reap_progress_line(p, t, width, line, sizeof(line));
    if (strcmp(line, want) != 0)
        printf("# '%s'\n", line);
    return !strcmp(line, want);
}

static void lines(void)
{
    struct reap_progress_state p = begun(0, 0);
    double t = go_on(&p, 0, 12, 1, 2);
    bool fits = true;
    char line[120];

    p.total = 36;
    strcpy(p.extra, "1 bad");
    ok(line_is(&p, t, 79,
               "0:12  24 of 36 images (66.7 %), 0:06 left, 2.00/s, 1 bad"),
       "the whole line");
    ok(line_is(&p, t, 50, "0:12  24 of 36 images (66.7 %), 0:06 left, 2.00/s"),
       "less of it");
    ok(line_is(&p, t, 29, "0:12  24 of 36 images"), "and less");
    p.total = 0;
    ok(line_is(&p, t, 79, "0:12  24 images, 2.00/s, 1 bad"), "no total");
    p.done = 1400000000;
    p.total = 2000000000;
    for (size_t width = 0; width < sizeof(line); width++) {
        reap_progress_line(&p, 86400 * 40, width, line, sizeof(line));
        fits = fits && strlen(line) <= width;
    }
    ok(fits, "any width is kept");
}

/* What lands in a file on stderr. */
static size_t logged(const struct reap_options *o, double from_now)
{
    FILE *f = tmpfile();
    struct reap_progress p;
    int before = dup(STDERR_FILENO);
    size_t n;

    dup2(fileno(f), STDERR_FILENO);
    reap_progress_start(&p, o, "images", 0);
    for (double end = reap_clock() + from_now; reap_clock() < end;
         reap_nap(0.05))
        reap_progress_show(&p, 1, 3, "");
    reap_progress_stop(&p);
    fflush(stderr);
    dup2(before, STDERR_FILENO);
    close(before);
    n = (size_t)lseek(fileno(f), 0, SEEK_END);
    fclose(f);
    return n;
}

static void logs(void)
{
    struct reap_options o = { .quiet = false };

    setenv("TERM", "xterm", 1);
    ok(!logged(&o, 0.3), "a log has no line within the first minute");
    o.json = true;
    ok(!logged(&o, 0.1), "nor with --json");
    o.progress = true;
    ok(logged(&o, 0.1) == strlen("0:00  1 of 3 images (33.3 %)\n"),
       "with --progress there is one at once, and no second soon");
    o.quiet = true;
    ok(!logged(&o, 0.1), "--quiet has the last word");
    reap_progress_hide();
    ok(true, "hiding nothing is no mistake");
}

int main(void)
{
    rates();
    lines();
    logs();
    return done();
}
