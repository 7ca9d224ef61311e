/* The state of a tuning as a checkpoint (jobs/learn/checkpoint.h). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cluster/team_mpi.h"
#include "jobs/learn/checkpoint.h"
#include "jobs/tune/tune_save.h"

static const char *const names[] = { "weights", "first", "second" };
static const enum reap_tail_vector parts[] = { REAP_TAIL_WEIGHT,
                                               REAP_TAIL_MOMENT1,
                                               REAP_TAIL_MOMENT2 };

enum { PARTS = sizeof(parts) / sizeof(*parts) };

static void tune_save_print(const struct reap_tune_state *s, char *buf,
                            size_t size)
{
    snprintf(buf, size, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %a %a", s->epoch,
             s->done, s->steps, s->loss, s->right);
}

static bool scan(void *to, const char *text)
{
    struct reap_tune_state s;
    const int n = sscanf(text, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %la %la",
                         &s.epoch, &s.done, &s.steps, &s.loss, &s.right);

    if (n == 5)
        *(struct reap_tune_state *)to = s;
    return n == 5;
}

/* 'data' has room for the parts. */
static struct reap_checkpoint saved(const char *plan, struct reap_tail *t,
                                    float **data)
{
    for (int i = 0; i < PARTS; i++)
        data[i] = reap_tail_vector(t, parts[i]);
    return (struct reap_checkpoint){
        "reap.tune", plan, "is of another tuning", PARTS, reap_tail_count(t),
        names,       data
    };
}

int reap_tune_save(const char *path, const char *plan,
                   const struct reap_tune_state *s, struct reap_tail *t,
                   struct reap_err *err)
{
    float *data[PARTS];
    const struct reap_checkpoint all = saved(plan, t, data);
    char text[200];

    tune_save_print(s, text, sizeof(text));
    return reap_checkpoint_write(&all, text, path, err);
}

int reap_tune_load(const char *path, const char *plan,
                   const struct reap_team *team, struct reap_tune_state *s,
                   struct reap_tail *t, bool *found, const char **why,
                   struct reap_err *err)
{
    float *data[PARTS];
    const struct reap_checkpoint all = saved(plan, t, data);
    int rc = REAP_OK;

    *found = false;
    *why = "";
    memset(s, 0, sizeof(*s));
    if (!team->rank)
        rc = reap_checkpoint_read(&all, scan, s, path, found, why, err);
    rc = reap_team_agree(team, rc, err);
    if (!rc)
        rc = reap_team_spread(team, found, sizeof(*found), err);
    if (rc || !*found) {
        memset(s, 0, sizeof(*s));
        return rc;
    }
    rc = reap_team_spread(team, s, sizeof(*s), err);
    for (int i = 0; !rc && i < PARTS; i++)
        rc = reap_team_spread(team, data[i], all.count * sizeof(float), err);
    if (!rc)
        reap_tail_refresh(t);
    return rc;
}
