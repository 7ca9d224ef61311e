/* reap review STORE: list the rows worth a human look. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/file/text.h"
#include "jobs/cli/cmd.h"
#include "jobs/cli/threads.h"
#include "jobs/cli/words.h"
#include "jobs/review/review_write.h"

enum { BUDGET = 100, NEIGHBOURS = 10 };
#define DUPLICATE .97

static int cmd_review_parse(const struct reap_options *o,
                            struct reap_review_args *a, struct reap_err *err)
{
    char *end;
    size_t idle;

    a->budget = o->budget_given ? o->budget : BUDGET;
    a->neighbours = o->neighbours_given ? o->neighbours : NEIGHBOURS;
    a->duplicate = DUPLICATE;
    if (!a->budget)
        return reap_fail(err, REAP_EINVAL, "--budget: at least 1 is needed");
    if (!a->neighbours || a->neighbours > 1000)
        return reap_fail(err, REAP_EINVAL, "--neighbours: 1 to 1000");
    if (reap_threads(o, &a->threads, &idle, err))
        return REAP_EINVAL;
    if (!o->duplicate)
        return REAP_OK;
    a->duplicate = strtod(o->duplicate, &end);
    if (end == o->duplicate || *end || !(a->duplicate > 0) ||
        !(a->duplicate <= 1))
        return reap_fail(err, REAP_EINVAL,
                         "--duplicate %s: a cosine is needed, such as 0.97",
                         o->duplicate);
    return REAP_OK;
}

static bool looked_for(const struct reap_review *r, unsigned reason)
{
    return reason == REAP_REASON_unsure ||
           (reason == REAP_REASON_suspect ? r->has_suspects : r->has_near);
}

static size_t chosen_for(const struct reap_review *r, unsigned reason)
{
    size_t n = 0;

    for (size_t i = 0; i < r->n_chosen; i++)
        n += r->row[r->chosen[i]].why >> reason & 1;
    return n;
}

static void cmd_review_print_text(const struct reap_options *o,
                                  const struct reap_review *r)
{
    printf("%zu %s, %zu with a result, %zu of these with a true label\n\n"
           "%-10s %8s %8s\n",
           r->rows, reap_plural(r->rows, "row", "rows"), r->n, r->labelled,
           "reason", "rows", "listed");
    for (unsigned i = 0; i < REAP_N_REASONS; i++)
        if (looked_for(r, i))
            printf("%-10s %8zu %8zu   %s\n", reap_reason_name(i), r->found[i],
                   chosen_for(r, i), reap_reason_about(i));
    printf("\n%s: %zu %s\n", o->output, r->n_chosen,
           reap_plural(r->n_chosen, "row", "rows"));
}

static void cmd_review_print_json(const struct reap_options *o,
                                  const struct reap_review *r)
{
    char path[REAP_TEXT_ROOM(1024)];
    json_t *found = json_object(), *all;

    for (unsigned i = 0; i < REAP_N_REASONS; i++)
        if (looked_for(r, i))
            json_object_set_new(found, reap_reason_name(i),
                                json_pack("{sI,sI}", "rows",
                                          (json_int_t)r->found[i], "listed",
                                          (json_int_t)chosen_for(r, i)));
    all = json_pack(
        "{ss,sI,sI,sI,sI,sI,so}", "output",
        reap_text_escape(path, sizeof(path),
                         (struct reap_bytes){ (const uint8_t *)o->output,
                                              strlen(o->output) }),
        "rows", (json_int_t)r->rows, "results", (json_int_t)r->n, "labelled",
        (json_int_t)r->labelled, "unknown", (json_int_t)r->unknown, "listed",
        (json_int_t)r->n_chosen, "reasons", found);
    json_dumpf(all, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(all);
}

int reap_cmd_review(const struct reap_options *o, struct reap_err *err)
{
    struct reap_review_args a = { .of = { .truth = o->truth,
                                          .groups = o->groups,
                                          .labels = o->labels,
                                          .o = o },
                                  .embeddings = o->embeddings };
    struct reap_review_file f = {
        .o = o, .path = o->output, .to = o->to, .url = o->url
    };
    struct reap_review r = { .n = 0 };
    int rc;

    if (o->n_args != 1 || !o->output)
        return reap_fail(err, REAP_EINVAL,
                         "one STORE and -o FILE are needed, as in reap review "
                         "STORE --budget 50 -o review.csv");
    a.of.store = o->args[0];
    rc = cmd_review_parse(o, &a, err);
    if (!rc)
        rc = reap_review_open(&r, &a, o, err);
    if (!rc)
        rc = reap_review_write(&r, &f, err);
    if (!rc && o->json)
        cmd_review_print_json(o, &r);
    else if (!rc && !o->quiet)
        cmd_review_print_text(o, &r);
    reap_review_close(&r);
    return rc;
}
