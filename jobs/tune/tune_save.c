#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cluster/team_mpi.h"
#include "engine/base/mem.h"
#include "io/weights.h"
#include "io/weights_write.h"
#include "jobs/tune/tune_save.h"

static const struct {
    const char *name;
    enum reap_tail_vector is;
} parts[] = {
    { "weights", REAP_TAIL_WEIGHT },
    { "first", REAP_TAIL_MOMENT1 },
    { "second", REAP_TAIL_MOMENT2 },
};

enum { PARTS = sizeof(parts) / sizeof(*parts) };

static void print(const struct reap_tune_state *s, char *buf, size_t size)
{
    snprintf(buf, size, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %a %a", s->epoch,
             s->done, s->steps, s->loss, s->right);
}

static bool scan(struct reap_tune_state *s, const char *text)
{
    return sscanf(text, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %la %la",
                  &s->epoch, &s->done, &s->steps, &s->loss, &s->right) == 5;
}

int reap_tune_save(const char *path, const char *plan,
                   const struct reap_tune_state *s, struct reap_tail *t,
                   struct reap_err *err)
{
    const size_t n = reap_tail_count(t);
    struct reap_weights *w = reap_calloc(1, sizeof(*w));
    struct reap_param *p;
    char text[200];
    int rc = w ? reap_params_new(&w->params, err)
               : reap_fail(err, REAP_ENOMEM, "no memory to save");

    for (int i = 0; !rc && i < PARTS; i++) {
        rc = reap_params_add(w->params, parts[i].name, 1, &n, &p, err);
        if (!rc)
            memcpy(p->data, reap_tail_vector(t, parts[i].is),
                   n * sizeof(*p->data));
    }
    print(s, text, sizeof(text));
    if (!rc)
        rc = reap_weights_note(w, "reap.tune", plan, err);
    if (!rc)
        rc = reap_weights_note(w, "state", text, err);
    if (!rc)
        rc = reap_weights_write(w, NULL, NULL, path, err);
    if (w)
        reap_weights_free(&w);
    return rc;
}

static bool take(const struct reap_weights *w, const char *plan,
                 struct reap_tune_state *s, struct reap_tail *t)
{
    const char *is = reap_weights_about(w, "reap.tune"),
               *state = reap_weights_about(w, "state");
    const struct reap_param *p[PARTS];
    const size_t n = reap_tail_count(t);

    if (!is || strcmp(is, plan) != 0 || !state || !scan(s, state))
        return false;
    for (int i = 0; i < PARTS; i++) {
        p[i] = reap_params_find(w->params, parts[i].name);
        if (!p[i] || p[i]->count != n)
            return false;
    }
    for (int i = 0; i < PARTS; i++)
        memcpy(reap_tail_vector(t, parts[i].is), p[i]->data,
               n * sizeof(*p[i]->data));
    return true;
}

static int load(const char *path, const char *plan, struct reap_tune_state *s,
                struct reap_tail *t, bool *found, const char **why,
                struct reap_err *err)
{
    struct reap_weights *w;
    int rc = reap_weights_read(&w, path, err);

    if (rc == REAP_ENOMEM)
        return rc;
    if (rc) {
        *why = rc == REAP_ENOTFOUND ? "" : "cannot be read";
        return REAP_OK;
    }
    *found = take(w, plan, s, t);
    if (!*found)
        *why = "is of another tuning";
    reap_weights_free(&w);
    return REAP_OK;
}

int reap_tune_load(const char *path, const char *plan,
                   const struct reap_team *team, struct reap_tune_state *s,
                   struct reap_tail *t, bool *found, const char **why,
                   struct reap_err *err)
{
    const size_t size = reap_tail_count(t) * sizeof(float);
    int rc = REAP_OK;

    *found = false;
    *why = "";
    memset(s, 0, sizeof(*s));
    if (!team->rank)
        rc = load(path, plan, s, t, found, why, err);
    rc = reap_team_agree(team, rc, err);
    if (!rc)
        rc = reap_team_spread(team, found, sizeof(*found), err);
    if (rc || !*found) {
        memset(s, 0, sizeof(*s));
        return rc;
    }
    rc = reap_team_spread(team, s, sizeof(*s), err);
    for (int i = 0; !rc && i < PARTS; i++)
        rc =
            reap_team_spread(team, reap_tail_vector(t, parts[i].is), size, err);
    if (!rc)
        reap_tail_refresh(t);
    return rc;
}
