/* What a run prints: a line of progress, and at the end counts, rate, memory
 * and the next command. */
#define _GNU_SOURCE
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/net/model.h"
#include "io/file/text.h"
#include "jobs/cli/remark.h"
#include "jobs/cli/words.h"
#include "jobs/run/report.h"

void reap_report_begin(struct reap_report *r, const struct reap_options *o,
                       const struct reap_setup *s, size_t threads)
{
    const struct reap_net *net = s->network.net;

    memset(r, 0, sizeof(*r));
    r->o = o;
    if (!reap_run_is_first())
        return;
    reap_remark(o, "%s, %zu x %zu, %s, %zu thread%s", net->model->name,
                net->in_h, net->in_w, reap_engine_arith(s->engine), threads,
                threads == 1 ? "" : "s");
    reap_setup_remarks(s, o);
    if (!s->network.path[0])
        reap_remark(o, "random weights: the numbers mean nothing");
}

/* Private memory of this process now; 0 if the system does not tell. */
static uint64_t private_memory(void)
{
    FILE *f = fopen("/proc/self/status", "r");
    unsigned long long kib, sum = 0;
    char line[160];

    while (f && fgets(line, sizeof(line), f))
        if (sscanf(line, "RssAnon: %llu", &kib) == 1 ||
            sscanf(line, "RssShmem: %llu", &kib) == 1)
            sum += kib;
    if (f)
        fclose(f);
    return sum * 1024;
}

static void look_at_memory(struct reap_report *r)
{
    uint64_t memory = private_memory() + reap_prepare_memory();

    if (memory > r->memory)
        r->memory = memory;
}

void reap_report_progress(void *ctx, const struct reap_run_status *status)
{
    struct reap_report *r = ctx;
    char extra[80] = "";
    int n = 0;

    look_at_memory(r);
    if (!r->started)
        reap_progress_start(&r->line, r->o, "images", status->before);
    r->started = true;
    if (status->bad)
        n = snprintf(extra, sizeof(extra), "%llu bad",
                     (unsigned long long)status->bad);
    if (status->draining)
        snprintf(extra + n, sizeof(extra) - (size_t)n, "%sstopping",
                 n ? ", " : "");
    reap_progress_show(&r->line, status->before + status->done, status->total,
                       extra);
}

void reap_report_stop(struct reap_report *r)
{
    look_at_memory(r);
    if (r->started)
        reap_progress_stop(&r->line);
}

static void report_print_json(const struct reap_report *r,
                              const struct reap_setup *s,
                              const struct reap_run_status *status,
                              const uint64_t *counts, bool complete)
{
    json_t *by = json_object(), *all;

    for (unsigned i = 0; i < REAP_N_STATUS; i++)
        if (counts[i])
            json_object_set_new(by, reap_status_name(i),
                                json_integer((json_int_t)counts[i]));
    all = json_pack(
        "{ss,sb,sI,sI,sI,sI,sf,sf,sI,ss,so}", "store", r->o->output, "complete",
        complete, "total", (json_int_t)status->total, "before",
        (json_int_t)status->before, "done", (json_int_t)status->done, "redone",
        (json_int_t)status->redone, "seconds", status->seconds, "img_per_s",
        status->seconds > 0 ? (double)status->done / status->seconds : 0.0,
        "memory", (json_int_t)r->memory, "class", reap_engine_arith(s->engine),
        "status", by);
    json_dumpf(all, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(all);
}

/* Where this process's threads spent their time: a line for each stage. */
static void print_times(const struct reap_flow_times *t)
{
    double sum = 0;

#define STAGE(name, about) sum += t->name;
#include "pipeline/stages.def"
#undef STAGE
    if (!(sum > 0))
        return;
    puts("time of all threads:");
#define STAGE(name, about) \
    printf("  %-8s %5.1f %%  %s\n", #name, 100 * t->name / sum, about);
#include "pipeline/stages.def"
#undef STAGE
}

void reap_report_end(const struct reap_report *r, const struct reap_setup *s,
                     const struct reap_run_status *status,
                     const uint64_t *counts, bool complete)
{
    const struct reap_options *o = r->o;
    uint64_t rows = 0;
    char took[40], word[REAP_TEXT_QUOTED(4096)];

    if (o->json) {
        report_print_json(r, s, status, counts, complete);
        return;
    }
    if (o->quiet)
        return;
    if (complete)
        printf("store:    %s, complete\n", o->output);
    else
        printf("store:    %s is incomplete: %llu of %llu %s done; run the same "
               "command again\n",
               o->output, (unsigned long long)(status->before + status->done),
               (unsigned long long)status->total,
               reap_plural(status->total, "image", "images"));
    printf("rows:   ");
    for (unsigned i = 0; i < REAP_N_STATUS; rows += counts[i++])
        if (counts[i])
            printf("  %llu %s", (unsigned long long)counts[i],
                   reap_status_name(i));
    if (!rows)
        printf("  none yet");
    printf("\nthis run:  %llu %s in %s", (unsigned long long)status->done,
           reap_plural(status->done, "image", "images"),
           reap_duration(status->seconds, took, sizeof(took)));
    if (status->seconds > 0 && status->done)
        printf(", %.1f images/s", (double)status->done / status->seconds);
    if (status->redone)
        printf(", %llu done again", (unsigned long long)status->redone);
    printf("\nmemory:    at peak %.0f MB per process\n",
           (double)r->memory / 1e6);
    if (o->verbose)
        print_times(&status->times);
    if (complete)
        printf("next:      reap export %s -o %s\n",
               reap_text_quote(word, sizeof(word), o->output),
               s->classify ? "labels.csv" : "embeddings.npy");
}
