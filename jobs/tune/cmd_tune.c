/* reap tune DATASET -o MODEL: train the late layers of a network on images. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
#include "jobs/setup/setup.h"
#include "jobs/tune/tune_model.h"
#include "jobs/tune/tune_run.h"
#include "jobs/tune/tune_split.h"

enum { PATH_ROOM = 4096, TEXT = 4096 };

struct job {
    const struct reap_options *o;
    struct reap_options with; /* as the engine of the frozen part wants them */
    struct reap_tune_plan plan;
    struct reap_team team;
    struct reap_setup setup; /* its engine ends at the border */
    struct reap_graph *graph;
    struct reap_unfreeze from;
    struct reap_head_file *head; /* NULL: the network's own */
    struct reap_head *layers;    /* the head that is trained */
    char *const *labels;
    struct reap_tune_data data;
    struct reap_tune_split split;
    struct reap_crew *crew;
    struct reap_gemm gemm;
    struct reap_tail *tail;
    struct reap_views *views;
    size_t threads;
    double time_limit;
    char save[PATH_ROOM], features[PATH_ROOM], text[TEXT];
    struct reap_progress line;
    bool shown;
};

static int cmd_tune_parse(struct job *j, struct reap_err *err)
{
    const struct reap_options *o = j->o;
    size_t idle;
    int rc;

    if (o->n_args != 1)
        return reap_fail(err, REAP_EINVAL, "one DATASET is needed");
    if (!o->output)
        return reap_fail(err, REAP_EINVAL, "-o MODEL is needed");
    if (o->weights && !strcmp(o->weights, "none"))
        return reap_fail(err, REAP_EINVAL,
                         "--weights none: random weights are not tuned");
    if (snprintf(j->save, PATH_ROOM, "%s.part", o->output) >= PATH_ROOM ||
        snprintf(j->features, PATH_ROOM, "%s%s",
                 o->keep_features ? o->keep_features : o->output,
                 o->keep_features ? "" : ".features") >= PATH_ROOM)
        return reap_fail(err, REAP_EINVAL, "-o: the path is too long");
    rc = reap_tune_plan(&j->plan, o, err);
    if (!rc)
        rc = reap_timespan(o->time_limit, &j->time_limit, err);
    return rc ? rc : reap_threads(o, &j->threads, &idle, err);
}

/* ---- the network, as far as its border, and its head ---- */

static int open_network(struct job *j, struct reap_err *err)
{
    int rc;

    j->with = *j->o;
    j->with.features = "avg";
    j->with.batch = REAP_VIEWS_AT_ONCE;
    j->with.batch_given = true;
    j->with.no_cache = true;
    j->with.no_top = j->o->head != NULL;
    rc = reap_setup_begin(&j->setup, &j->with, false, NULL, err);
    if (rc)
        return rc;
    j->graph =
        reap_graph_new(j->setup.network.net->model, j->setup.network.net->in_h,
                       j->setup.network.net->in_w);
    if (!j->graph)
        return reap_fail(err, REAP_ENOMEM, "no memory for the network");
    rc = reap_unfreeze_find(j->graph, j->plan.unfreeze, &j->from, err);
    if (rc)
        return rc;
    j->setup.outputs.name[0] = j->graph->node[j->from.border].name;
    return rc;
}

/* How embeddings of this network are computed, as a store's text has it. */
static char *fingerprint_text(const struct job *j)
{
    char *text = reap_setup_fingerprint_text(&j->setup, j->o), *all;
    const size_t n = text ? strlen(text) + 80 : 0;

    all = text ? reap_calloc(n, 1) : NULL;
    if (all)
        snprintf(all, n, "%soutput=avg 1x1x%zu\n", text,
                 j->setup.network.net->features);
    free(text);
    return all;
}

static int head_of_file(struct job *j, struct reap_err *err)
{
    char *made;
    int rc = reap_head_file_read(&j->head, j->o->head, err);

    if (rc)
        return rc;
    if (reap_head_in(j->head->head) != j->setup.network.net->features)
        return reap_fail(err, REAP_EMISFIT,
                         "%s takes embeddings of %zu numbers, and %s gives %zu",
                         j->o->head, reap_head_in(j->head->head),
                         j->setup.network.net->model->name,
                         j->setup.network.net->features);
    made = fingerprint_text(j);
    rc = made ? reap_head_file_fits(j->head, made, NULL, err)
              : reap_fail(err, REAP_ENOMEM, "no memory");
    reap_free(made);
    j->labels = j->head->labels;
    return rc ? reap_wrap(err, rc, "%s", j->o->head) : REAP_OK;
}

static int head_of_weights(struct job *j, struct reap_err *err)
{
    const struct reap_weights *w = j->setup.network.weights;
    const struct reap_net *net = j->setup.network.net;

    if (!net->n_dense || w->n_labels != net->classes)
        return reap_fail(err, REAP_EINVAL,
                         "--head HEAD is needed: %s holds no head with named "
                         "classes (reap fit makes one)",
                         j->setup.network.path);
    j->labels = w->labels;
    return REAP_OK;
}

/* A copy of the head to train; its temperature goes into the last layer. */
static int copy_head(struct job *j, struct reap_err *err)
{
    const struct reap_net *net = j->setup.network.net;
    const struct reap_dense *d = j->head ? j->head->head->dense : net->dense;
    const size_t n = j->head ? j->head->head->n : net->n_dense;
    const float cool = j->head ? j->head->head->temperature : 1;
    size_t width[REAP_HEAD_LAYERS + 1];
    int rc;

    for (size_t i = 0; i < n && i < REAP_HEAD_LAYERS; i++) {
        width[i] = d[i].in;
        width[i + 1] = d[i].out;
    }
    rc = reap_head_new(&j->layers, n, width, d[n - 1].act, err);
    for (size_t i = 0; i < n && !rc; i++) {
        float *weight = reap_head_weight(j->layers, i);
        float *bias = reap_head_bias(j->layers, i);
        const float by = i + 1 == n && cool > 0 ? 1 / cool : 1;

        j->layers->dense[i].act = d[i].act;
        memcpy(j->layers->dense[i].name, d[i].name, sizeof(d[i].name));
        for (size_t k = 0; k < d[i].in * d[i].out; k++)
            weight[k] = d[i].weight[k] * by;
        for (size_t k = 0; k < d[i].out; k++)
            bias[k] = d[i].bias[k] * by;
    }
    return rc;
}

/* Layers between that are neither linear nor ReLU have no way back here. */
static int cmd_tune_check_head(const struct job *j, struct reap_err *err)
{
    const struct reap_head *h = j->layers;

    for (size_t i = 0; i + 1 < h->n; i++)
        if (h->dense[i].act != REAP_LINEAR && h->dense[i].act != REAP_RELU)
            return reap_fail(err, REAP_EINVAL,
                             "%s: hidden layers are trained with relu or no "
                             "activation alone",
                             h->dense[i].name);
    if (h->dense[h->n - 1].act != REAP_SOFTMAX &&
        h->dense[h->n - 1].act != REAP_SIGMOID)
        return reap_fail(err, REAP_EINVAL,
                         "the head does not end in softmax or sigmoid");
    return REAP_OK;
}

static int open_head(struct job *j, struct reap_err *err)
{
    int rc = j->o->head ? head_of_file(j, err) : head_of_weights(j, err);

    if (!rc)
        rc = copy_head(j, err);
    return rc ? rc : cmd_tune_check_head(j, err);
}

/* ---- before it starts ---- */

static int open_data(struct job *j, struct reap_err *err)
{
    static const char *const words[] = { "datum", "none", "prefix", "folder",
                                         NULL };
    const struct reap_head *h = j->layers;
    unsigned from;
    int rc = reap_parse_word("label-from", j->o->label_from, words, &from, err);

    return rc ? rc
              : reap_tune_data_open(
                    &j->data, j->o->args[0], j->o->truth,
                    (enum reap_label_from)from, j->labels, reap_head_classes(h),
                    h->dense[h->n - 1].act == REAP_SIGMOID, j->o->limit, err);
}

static struct reap_tail_args tail_args(struct job *j)
{
    return (struct reap_tail_args){
        .graph = j->graph,
        .from = j->from,
        .n_dense = j->layers->n,
        .dense = j->layers->dense,
        .dropout = j->layers->n > 1 ? (float)j->plan.dropout : 0,
        .max_batch = j->plan.batch < j->data.n ? j->plan.batch : j->data.n,
        .team = j->team,
        .crew = j->crew,
        .gemm = &j->gemm,
    };
}

static struct reap_views_args views_args(struct job *j)
{
    return (struct reap_views_args){
        .data = &j->data,
        .engine = j->setup.engine,
        .preset = &j->setup.preset,
        .limits = &j->setup.limits,
        .crew = j->crew,
        .team = j->team,
        .path = j->features,
        .augment = j->plan.flip || j->plan.crop,
        .ctx = j,
    };
}

static void state_memory(struct job *j, size_t bytes, size_t numbers)
{
    const struct reap_views_args v = views_args(j);
    const uint64_t file = reap_views_bytes(&v);

    reap_remark(j->o,
                "training %.1f million numbers from %s on; memory: %zu MB "
                "besides the network, %zu MB more while it saves",
                (double)numbers / 1e6, j->plan.unfreeze, bytes >> 20,
                numbers * 3 * sizeof(float) >> 20);
    if (file)
        reap_remark(j->o, "features of %zu images: %llu MB in %s%s", j->data.n,
                    (unsigned long long)(file >> 20), j->features,
                    j->o->keep_features ? "" : ", removed at the end");
}

static int open_tail(struct job *j, struct reap_err *err)
{
    struct reap_tail_args a = tail_args(j);
    struct reap_weights *w = NULL;
    size_t numbers = 0;
    const size_t bytes = reap_tail_bytes(&a, &numbers);
    int rc;

    if (!j->team.rank)
        state_memory(j, bytes, numbers);
    rc = reap_weights_read(&w, j->setup.network.path, err);
    if (!rc) {
        a.params = w->params;
        rc = reap_tail_new(&j->tail, &a, err);
        rc = rc ? reap_wrap(err, rc, "%s", j->setup.network.path) : rc;
    }
    reap_weights_free(&w);
    return rc;
}

/* Which tuning this is: all that decides the model's bytes. */
static uint64_t cmd_tune_describe(struct job *j)
{
    char plan[512], preset[512];

    reap_tune_plan_print(&j->plan, plan, sizeof(plan));
    reap_preset_print(&j->setup.preset, preset, sizeof(preset));
    snprintf(j->text, sizeof(j->text),
             "weights=%s\nhead=%.64s\nmodel=%s\ninput=%zux%zu\npreset=%s\n%s"
             "features=%s\narithmetic=%s\nimages=%zu\ndata=%016llx\n",
             j->setup.network.id, j->head ? j->head->sha256 : "own",
             j->graph->model->name, j->setup.network.net->in_h,
             j->setup.network.net->in_w, preset, plan,
             reap_engine_arith(j->setup.engine), j->gemm.name, j->data.n,
             (unsigned long long)reap_tune_data_digest(&j->data));
    return reap_rng_stream(0, j->text);
}

static int cmd_tune_open_all(struct job *j, struct reap_err *err)
{
    int rc = open_network(j, err);

    if (!rc)
        rc = open_head(j, err);
    if (!rc)
        rc = open_data(j, err);
    if (!rc)
        rc = reap_gemm_open(&j->gemm, err);
    if (!rc)
        rc = reap_setup_finish(&j->setup, &j->with, NULL, err);
    if (!rc)
        rc = reap_crew_new(&j->crew, j->threads, err);
    return rc;
}

/* ---- what is printed ---- */

static void cmd_tune_on_progress(void *ctx, uint64_t done, uint64_t total)
{
    struct job *j = ctx;

    if (!j->shown)
        reap_progress_start(&j->line, j->o, "images", done);
    j->shown = true;
    reap_progress_show(&j->line, done, total, "");
}

static void end_progress(struct job *j)
{
    if (j->shown)
        reap_progress_stop(&j->line);
    j->shown = false;
}

static void on_epoch(void *ctx, const struct reap_tune_epoch *e)
{
    struct job *j = ctx;
    json_t *line;

    end_progress(j);
    if (j->o->json) {
        line = json_pack("{sI,sf,sf,sf,sf}", "epoch", (json_int_t)e->number,
                         "loss", e->loss, "accuracy", e->right, "seconds",
                         e->seconds, "step_seconds", e->step_seconds);
        if (e->checked) {
            json_object_set_new(line, "val_loss", json_real(e->check_loss));
            json_object_set_new(line, "val_accuracy",
                                json_real(e->check_right));
        }
        json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
        putchar('\n');
        json_decref(line);
    } else if (!j->o->quiet) {
        printf("epoch %llu/%llu  loss %.4f  accuracy %.4f",
               (unsigned long long)e->number, (unsigned long long)e->of,
               e->loss, e->right);
        if (e->checked)
            printf("  val_loss %.4f  val_accuracy %.4f", e->check_loss,
                   e->check_right);
        printf("  %.1f s, %.3f s a step\n", e->seconds, e->step_seconds);
    }
    fflush(stdout);
}

static void on_resumed(void *ctx, const struct reap_tune_state *s,
                       const char *why)
{
    const struct job *j = ctx;

    if (s)
        reap_remark(j->o, "resuming after %llu %s and %llu %s",
                    (unsigned long long)s->epoch,
                    reap_plural(s->epoch, "epoch", "epochs"),
                    (unsigned long long)s->done,
                    reap_plural(s->done, "image", "images"));
    else
        reap_remark(j->o, "%s %s; tuning from the beginning", j->save, why);
}

static bool stop_asked(void *ctx)
{
    (void)ctx;
    return reap_signals_asked() != REAP_ASKED_NOTHING;
}

static void cmd_tune_print(const struct job *j)
{
    char from[REAP_TEXT_QUOTED(PATH_ROOM)], model[REAP_TEXT_QUOTED(PATH_ROOM)];
    json_t *line;

    if (j->o->json) {
        line = json_pack("{ss,sI,sI,sI}", "model", j->o->output, "classes",
                         (json_int_t)reap_head_classes(j->layers), "trained",
                         (json_int_t)j->split.n_train, "checked",
                         (json_int_t)j->split.n_check);
        json_dumpf(line, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(line);
    } else if (!j->o->quiet) {
        printf("model:    %s, %zu classes, trained on %zu images", j->o->output,
               reap_head_classes(j->layers), j->split.n_train);
        if (j->split.n_check)
            printf(", validated on %zu", j->split.n_check);
        printf("\nnext:     reap classify %s --weights %s -o labels\n",
               reap_text_quote(from, sizeof(from), j->o->args[0]),
               reap_text_quote(model, sizeof(model), j->o->output));
    }
}

/* ---- the run ---- */

static int open_views(struct job *j, struct reap_err *err)
{
    struct reap_views_args v = views_args(j);
    char text[2048], preset[512];
    int rc;

    reap_preset_print(&j->setup.preset, preset, sizeof(preset));
    snprintf(text, sizeof(text),
             "weights=%s\nborder=%s\npreset=%s\nclass=%s\nlimits=%llu %d %d %d "
             "%d %x\ndata=%016llx\n",
             j->setup.network.id, j->graph->node[j->from.border].name, preset,
             reap_engine_arith(j->setup.engine),
             (unsigned long long)j->setup.limits.max_pixels,
             j->setup.limits.keep_truncated, j->setup.limits.orient,
             j->setup.limits.depth16_scale, (int)j->setup.limits.alpha,
             j->setup.limits.formats,
             (unsigned long long)reap_tune_data_digest(&j->data));
    v.fingerprint_text = text;
    v.progress = cmd_tune_on_progress;
    v.stop = stop_asked;
    rc = reap_views_open(&j->views, &v, err);
    end_progress(j);
    if (!rc)
        rc = reap_tune_split(&j->split, &j->data, j->views, j->plan.split,
                             j->plan.seed, err);
    if (!rc && j->split.bad && !j->team.rank)
        reap_remark(j->o, "%zu %s be decoded and %s left out", j->split.bad,
                    reap_plural(j->split.bad, "image cannot", "images cannot"),
                    reap_plural(j->split.bad, "is", "are"));
    return rc;
}

static int train(struct job *j, struct reap_err *err)
{
    const struct reap_tune_run r = {
        .plan = &j->plan,
        .plan_text = j->text,
        .team = j->team,
        .data = &j->data,
        .views = j->views,
        .tail = j->tail,
        .train = { j->split.train, j->split.n_train },
        .check = { j->split.check, j->split.n_check },
        .save = j->save,
        .time_limit = j->time_limit,
        .ctx = j,
        .progress = cmd_tune_on_progress,
        .epoch = on_epoch,
        .resumed = on_resumed,
    };
    int rc = reap_tune_run(&r, err);

    end_progress(j);
    return rc;
}

static int cmd_tune_save(struct job *j, struct reap_err *err)
{
    const struct reap_tune_model m = { .graph = j->graph,
                                       .weights = j->setup.network.path,
                                       .head = j->layers,
                                       .labels = j->labels,
                                       .preset = j->setup.preset.name,
                                       .fingerprint_text = j->text };
    int rc = reap_tune_model_write(&m, j->tail, j->o->output, err);

    if (rc)
        return rc;
    unlink(j->save);
    if (!j->o->keep_features)
        unlink(j->features);
    return REAP_OK;
}

static int on_team(struct job *j, struct reap_err *err)
{
    unsigned char done = 0;
    int rc = reap_team_agree(&j->team, cmd_tune_open_all(j, err), err);

    if (!rc)
        rc = reap_team_same(&j->team, cmd_tune_describe(j),
                            "weights, images or options", err);
    if (!rc && !j->team.rank) {
        reap_tune_data_remarks(&j->data, j->o);
        done = reap_tune_model_is(j->o->output, j->text);
    }
    if (!rc)
        rc = reap_team_spread(&j->team, &done, 1, err);
    if (!rc && done) {
        if (!j->team.rank)
            reap_remark(j->o, "%s already is that model", j->o->output);
        return REAP_OK;
    }
    if (!rc)
        rc = reap_team_agree(&j->team, open_tail(j, err), err);
    if (!rc)
        rc = open_views(j, err);
    if (!rc)
        rc = train(j, err);
    if (!rc && !j->team.rank)
        rc = cmd_tune_save(j, err);
    rc = rc == REAP_EIO ? rc : reap_team_agree(&j->team, rc, err);
    if (!rc && !j->team.rank)
        cmd_tune_print(j);
    return rc;
}

static void cmd_tune_close_all(struct job *j)
{
    reap_views_close(&j->views);
    reap_tail_free(&j->tail);
    reap_crew_free(&j->crew);
    reap_gemm_close(&j->gemm);
    reap_tune_split_clear(&j->split);
    reap_tune_data_close(&j->data);
    reap_head_free(&j->layers);
    reap_head_file_free(&j->head);
    reap_free(j->graph);
    reap_setup_close(&j->setup);
}

int reap_cmd_tune(const struct reap_options *o, struct reap_err *err)
{
    struct job j = { .o = o };
    bool first;
    int rc;

    reap_signals_install();
    rc = cmd_tune_parse(&j, err);
    if (rc)
        return rc;
    rc = reap_team_start(&j.team, err);
    first = !j.team.rank;
    if (!rc)
        rc = on_team(&j, err);
    cmd_tune_close_all(&j);
    if (!reap_team_stop(&j.team, rc))
        reap_cmd_leave_at_once();
    /* What all ranks know the first one tells. */
    return first || rc == REAP_ENOMEM || rc == REAP_EIO ? rc : REAP_OK;
}
