/* reap fit STORE -o HEAD: a classifier from stored embeddings. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cluster/run.h"
#include "cluster/signals.h"
#include "cluster/team_mpi.h"
#include "engine/base/mem.h"
#include "engine/base/rng.h"
#include "io/file/text.h"
#include "io/weights/head_file.h"
#include "jobs/cli/cmd.h"
#include "jobs/cli/progress.h"
#include "jobs/cli/remark.h"
#include "jobs/cli/threads.h"
#include "jobs/cli/timespan.h"
#include "jobs/cli/words.h"
#include "jobs/learn/fit_once.h"
#include "jobs/learn/fit_run.h"
#include "jobs/learn/fit_split.h"
#include "jobs/learn/fit_weights.h"

enum { PATH_ROOM = 4096, TEXT = 2048 };

struct job {
    const struct reap_options *o;
    struct reap_fit_plan plan;
    struct reap_team team;
    struct reap_examples data, other; /* other: of --validation */
    struct reap_fit_split split, checked;
    float *weights;
    size_t threads;
    double time_limit;
    char save[PATH_ROOM], text[TEXT];
    struct reap_progress line;
    bool shown;
};

static const char *store(const struct job *j)
{
    return j->o->args[0];
}

static int cmd_fit_parse(struct job *j, struct reap_err *err)
{
    const struct reap_options *o = j->o;
    size_t idle;
    int rc;

    if (o->n_args != 1)
        return reap_fail(err, REAP_EINVAL, "one STORE is needed");
    if (!o->output)
        return reap_fail(err, REAP_EINVAL, "-o HEAD is needed");
    if (snprintf(j->save, sizeof(j->save), "%s.part", o->output) >= PATH_ROOM)
        return reap_fail(err, REAP_EINVAL, "-o: the path is too long");
    rc = reap_fit_plan(&j->plan, o, err);
    if (!rc)
        rc = reap_timespan(o->time_limit, &j->time_limit, err);
    return rc ? rc : reap_threads(o, &j->threads, &idle, err);
}

/* The other store has to hold embeddings made in the same way. */
static int open_validation(struct job *j, struct reap_err *err)
{
    const char *column = reap_embeddings_column(j->data.embeddings);
    const char *made = reap_store_meta(j->data.store, "made_of"), *is;
    char *a, *b;
    int rc = reap_examples_open(&j->other, j->o->validation, j->o->truth,
                                column, j->plan.multi, &j->data, err);

    if (rc)
        return rc;
    is = reap_store_meta(j->other.store, "made_of");
    a = reap_head_embeddings(made ? made : "", column);
    b = reap_head_embeddings(is ? is : "", column);
    if (!a || !b || strcmp(a, b) != 0)
        rc = reap_fail(err, REAP_EMISFIT,
                       "--validation %s: its embeddings come from another "
                       "model or preset than those of %s (reap info tells)",
                       j->o->validation, store(j));
    reap_free(a);
    reap_free(b);
    return rc ? rc : reap_fit_split(&j->checked, &j->other, 0, 0, err);
}

static int check_classes(const struct job *j, struct reap_err *err)
{
    const size_t n = reap_string_set_count(j->data.classes);

    if (n == 1 && !j->plan.multi)
        return reap_fail(err, REAP_EFORMAT,
                         "all %zu labels are '%.80s': at least two classes "
                         "are needed to tell apart",
                         j->data.n_labels,
                         reap_string_set_text(j->data.classes, 0));
    return REAP_OK;
}

static int cmd_fit_open_all(struct job *j, struct reap_err *err)
{
    int rc = reap_examples_open(&j->data, store(j), j->o->truth, j->o->features,
                                j->plan.multi, NULL, err);

    if (!rc)
        rc = check_classes(j, err);
    if (!rc && j->o->validation)
        rc = open_validation(j, err);
    if (!rc)
        rc = reap_fit_split(&j->split, &j->data, j->plan.split, j->plan.seed,
                            err);
    if (!rc)
        rc = reap_fit_class_weights(&j->weights, j->o->class_weight, &j->data,
                                    j->split.train, j->split.n_train, err);
    if (!rc && j->plan.solver == REAP_SOLVER_LBFGS && !j->plan.penalty_given)
        j->plan.penalty = 0.5 / (double)j->split.n_train;
    return rc;
}

static void remarks(const struct job *j)
{
    reap_examples_remarks(&j->data, store(j), j->o);
    if (j->o->validation)
        reap_examples_remarks(&j->other, j->o->validation, j->o);
    if (j->plan.split > 0 && j->split.alone)
        reap_remark(j->o, "%zu %s only one example, which is used for fitting",
                    j->split.alone,
                    reap_plural(j->split.alone, "class has", "classes have"));
}

/* Which fit this is: the plan, the column and the examples. */
static uint64_t cmd_fit_describe(struct job *j)
{
    uint64_t sum = reap_examples_digest(&j->data);
    size_t n;

    if (j->o->validation)
        sum = reap_rng_fork(sum, reap_examples_digest(&j->other));
    for (size_t c = 0; j->weights && c < reap_string_set_count(j->data.classes);
         c++)
        sum = reap_rng_fork(sum, (uint64_t)(1e6 * (double)j->weights[c]));
    reap_fit_plan_print(&j->plan, j->text, sizeof(j->text));
    n = strlen(j->text);
    snprintf(j->text + n, sizeof(j->text) - n,
             "feature=%s\nexamples=%zu\nfitted=%zu\ndata=%016llx\n",
             reap_embeddings_column(j->data.embeddings), j->data.n,
             j->split.n_train, (unsigned long long)sum);
    return reap_rng_stream(sum, j->text);
}

static void cmd_fit_on_progress(void *ctx, uint64_t done, uint64_t total)
{
    struct job *j = ctx;

    if (!j->shown)
        reap_progress_start(&j->line, j->o, "examples", done);
    j->shown = true;
    reap_progress_show(&j->line, done, total, "");
}

static void on_epoch(void *ctx, const struct reap_fit_epoch *e)
{
    struct job *j = ctx;
    json_t *line;

    if (j->shown)
        reap_progress_stop(&j->line);
    j->shown = false;
    if (j->o->json) {
        line = json_pack("{sI,sf,sf,sf,sf}", "epoch", (json_int_t)e->number,
                         "loss", e->loss, "accuracy", e->right, "lr", e->rate,
                         "seconds", e->seconds);
        if (e->checked) {
            json_object_set_new(line, "val_loss", json_real(e->check_loss));
            json_object_set_new(line, "val_accuracy",
                                json_real(e->check_right));
        }
        json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
        putchar('\n');
        json_decref(line);
    } else if (!j->o->quiet) {
        if (e->of)
            printf("epoch %llu/%llu", (unsigned long long)e->number,
                   (unsigned long long)e->of);
        else
            printf("end");
        printf("  loss %.4f  accuracy %.4f", e->loss, e->right);
        if (e->checked)
            printf("  val_loss %.4f  val_accuracy %.4f", e->check_loss,
                   e->check_right);
        printf("  %.1f s\n", e->seconds);
    }
    fflush(stdout);
}

static void on_resumed(void *ctx, const struct reap_fit_state *s,
                       const char *why)
{
    const struct job *j = ctx;

    if (s)
        reap_remark(j->o, "resuming after %llu %s and %llu %s",
                    (unsigned long long)s->epoch,
                    reap_plural(s->epoch, "epoch", "epochs"),
                    (unsigned long long)s->done,
                    reap_plural(s->done, "example", "examples"));
    else
        reap_remark(j->o, "%s %s; fitting from the beginning", j->save, why);
}

static int fit(struct job *j, struct reap_head **head,
               struct reap_fit_state *end, struct reap_err *err)
{
    const bool other = j->o->validation;
    struct reap_fit_run r = {
        .plan = &j->plan,
        .plan_text = j->text,
        .team = j->team,
        .train = { reap_examples_source(&j->data), j->split.train,
                   j->split.n_train },
        .in = reap_embeddings_width(j->data.embeddings),
        .classes = reap_string_set_count(j->data.classes),
        .threads = j->threads,
        .class_weight = j->weights,
        .save = j->save,
        .time_limit = j->time_limit,
        .ctx = j,
        .progress = cmd_fit_on_progress,
        .epoch = on_epoch,
        .resumed = on_resumed,
    };

    r.check =
        other ? (struct reap_fit_rows){ reap_examples_source(&j->other),
                                        j->checked.train, j->checked.n_train }
              : (struct reap_fit_rows){ reap_examples_source(&j->data),
                                        j->split.check, j->split.n_check };
    return j->plan.solver == REAP_SOLVER_LBFGS
               ? reap_fit_once(&r, head, end, err)
               : reap_fit_run(&r, head, end, err);
}

/* The store's preset by its name: the first word of the line. */
static void preset_of(const struct job *j, char *to, size_t size)
{
    const char *text = reap_store_meta(j->data.store, "preset");

    snprintf(to, size, "%.*s", text ? (int)strcspn(text, " ") : 0,
             text ? text : "");
}

static int cmd_fit_save(struct job *j, struct reap_head **head,
                        struct reap_err *err)
{
    const struct reap_string_set *classes = j->data.classes;
    const size_t n = reap_string_set_count(classes);
    const char *made = reap_store_meta(j->data.store, "made_of");
    struct reap_head_file *f = NULL;
    char **label = reap_calloc(n, sizeof(*label)), preset[32];
    int rc = label ? REAP_OK : reap_fail(err, REAP_ENOMEM, "no memory");

    for (size_t i = 0; !rc && i < n; i++)
        if (!(label[i] = reap_strdup(reap_string_set_text(classes, i))))
            rc = reap_fail(err, REAP_ENOMEM, "no memory");
    preset_of(j, preset, sizeof(preset));
    if (!rc)
        rc = reap_head_file_new(&f, head, label, n, made ? made : "",
                                reap_embeddings_column(j->data.embeddings),
                                preset, j->text, err);
    if (!rc)
        rc = reap_head_file_write(f, j->o->output, err);
    if (!rc)
        unlink(j->save);
    for (size_t i = 0; label && i < n; i++)
        reap_free(label[i]);
    reap_free(label);
    reap_head_file_free(&f);
    return rc;
}

static void cmd_fit_print(const struct job *j, const struct reap_fit_state *end)
{
    const size_t check =
        j->o->validation ? j->checked.n_train : j->split.n_check;
    char from[REAP_TEXT_QUOTED(PATH_ROOM)], head[REAP_TEXT_QUOTED(PATH_ROOM)];
    json_t *line;

    if (j->o->json) {
        line = json_pack("{ss,sI,sI,sI,sI,sI}", "head", j->o->output, "classes",
                         (json_int_t)reap_string_set_count(j->data.classes),
                         "fitted", (json_int_t)j->split.n_train, "checked",
                         (json_int_t)check, "epochs", (json_int_t)end->epoch,
                         "best_epoch", (json_int_t)end->best_epoch);
        json_dumpf(line, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(line);
    } else if (!j->o->quiet) {
        printf("head:     %s, %zu classes, fitted on %zu examples",
               j->o->output, reap_string_set_count(j->data.classes),
               j->split.n_train);
        if (check)
            printf(", validated on %zu", check);
        if (j->plan.early_stop)
            printf(", of epoch %llu", (unsigned long long)end->best_epoch);
        printf("\nnext:     reap predict %s --head %s -o labels\n",
               reap_text_quote(from, sizeof(from), store(j)),
               reap_text_quote(head, sizeof(head), j->o->output));
    }
}

static int on_team(struct job *j, struct reap_err *err)
{
    struct reap_fit_state end;
    struct reap_head *head = NULL;
    int rc = reap_team_agree(&j->team, cmd_fit_open_all(j, err), err);

    if (!rc)
        rc = reap_team_same(&j->team, cmd_fit_describe(j),
                            "examples or options", err);
    if (!rc && !j->team.rank)
        remarks(j);
    if (!rc)
        rc = fit(j, &head, &end, err);
    if (j->shown)
        reap_progress_stop(&j->line);
    if (!rc && !j->team.rank)
        rc = cmd_fit_save(j, &head, err);
    rc = rc == REAP_EIO ? rc : reap_team_agree(&j->team, rc, err);
    if (!rc && !j->team.rank)
        cmd_fit_print(j, &end);
    reap_head_free(&head);
    return rc;
}

int reap_cmd_fit(const struct reap_options *o, struct reap_err *err)
{
    struct job j = { .o = o };
    bool first;
    int rc;

    reap_signals_install();
    rc = cmd_fit_parse(&j, err);
    if (rc)
        return rc;
    rc = reap_team_start(&j.team, err);
    first = !j.team.rank;
    if (!rc)
        rc = on_team(&j, err);
    reap_free(j.weights);
    reap_fit_split_clear(&j.split);
    reap_fit_split_clear(&j.checked);
    reap_examples_close(&j.other);
    reap_examples_close(&j.data);
    if (!reap_team_stop(&j.team, rc))
        reap_cmd_leave_at_once();
    /* What all ranks know is printed by the first one. */
    return first || rc == REAP_ENOMEM || rc == REAP_EIO ? rc : REAP_OK;
}
