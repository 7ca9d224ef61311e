#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/weights.h"
#include "io/weights_write.h"
#include "jobs/learn/fit_save.h"

static const char *const part_names[REAP_FIT_SAVED] = { "weights", "first",
                                                        "second", "best" };

static void print(const struct reap_fit_state *s, char *buf, size_t size)
{
    snprintf(buf, size,
             "%" PRIu64 " %" PRIu64 " %a %a %zu %" PRIu64 " %a %" PRIu64
             " %" PRIu64 " %" PRIu64 " %" PRIu64,
             s->epoch, s->done, s->sum.loss, s->sum.right, s->sum.n, s->steps,
             s->best, s->best_epoch, s->worse, s->drops, s->dull);
}

static bool scan(struct reap_fit_state *s, const char *text)
{
    return sscanf(text,
                  "%" SCNu64 " %" SCNu64 " %la %la %zu %" SCNu64 " %la %" SCNu64
                  " %" SCNu64 " %" SCNu64 " %" SCNu64,
                  &s->epoch, &s->done, &s->sum.loss, &s->sum.right, &s->sum.n,
                  &s->steps, &s->best, &s->best_epoch, &s->worse, &s->drops,
                  &s->dull) == 11;
}

int reap_fit_save(const char *path, const char *plan,
                  const struct reap_fit_state *s,
                  struct reap_head *const part[REAP_FIT_SAVED],
                  struct reap_err *err)
{
    const size_t n = reap_head_numbers(part[0]);
    struct reap_weights *w = reap_calloc(1, sizeof(*w));
    struct reap_param *p;
    char text[400];
    int rc = w ? reap_params_new(&w->params, err)
               : reap_fail(err, REAP_ENOMEM, "no memory to save");

    for (int i = 0; !rc && i < REAP_FIT_SAVED; i++) {
        rc = reap_params_add(w->params, part_names[i], 1, &n, &p, err);
        if (!rc)
            memcpy(p->data, part[i]->own, n * sizeof(*p->data));
    }
    print(s, text, sizeof(text));
    if (!rc)
        rc = reap_weights_note(w, "reap.fit", plan, err);
    if (!rc)
        rc = reap_weights_note(w, "state", text, err);
    if (!rc)
        rc = reap_weights_write(w, NULL, NULL, path, err);
    if (w)
        reap_weights_free(&w);
    return rc;
}

static bool take(const struct reap_weights *w, const char *plan,
                 struct reap_fit_state *s,
                 struct reap_head *const part[REAP_FIT_SAVED])
{
    const char *is = reap_weights_about(w, "reap.fit"),
               *state = reap_weights_about(w, "state");
    const size_t n = reap_head_numbers(part[0]);

    if (!is || strcmp(is, plan) != 0 || !state || !scan(s, state))
        return false;
    for (int i = 0; i < REAP_FIT_SAVED; i++) {
        const struct reap_param *p = reap_params_find(w->params, part_names[i]);

        if (!p || p->count != n)
            return false;
        memcpy(part[i]->own, p->data, n * sizeof(*p->data));
    }
    return true;
}

int reap_fit_load(const char *path, const char *plan, struct reap_fit_state *s,
                  struct reap_head *const part[REAP_FIT_SAVED], bool *found,
                  const char **why, struct reap_err *err)
{
    struct reap_weights *w;
    int rc = reap_weights_read(&w, path, err);

    *found = false;
    *why = "";
    if (rc == REAP_ENOMEM)
        return rc;
    if (rc) {
        *why = rc == REAP_ENOTFOUND ? "" : "cannot be read";
        return REAP_OK;
    }
    *found = take(w, plan, s, part);
    if (!*found)
        *why = "is of another fit";
    reap_weights_free(&w);
    return REAP_OK;
}
