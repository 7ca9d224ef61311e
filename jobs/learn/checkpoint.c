/* A file of weights and moments through io/weights, and back. */
#include <string.h>

#include "engine/base/mem.h"
#include "io/weights/weights.h"
#include "io/weights/weights_write.h"
#include "jobs/learn/checkpoint.h"

int reap_checkpoint_write(const struct reap_checkpoint *s, const char *state,
                          const char *path, struct reap_err *err)
{
    struct reap_weights *w = reap_calloc(1, sizeof(*w));
    struct reap_param *p;
    int rc = w ? reap_params_new(&w->params, err)
               : reap_fail(err, REAP_ENOMEM, "no memory to save");

    for (size_t i = 0; !rc && i < s->parts; i++) {
        rc = reap_params_add(w->params, s->name[i], 1, &s->count, &p, err);
        if (!rc)
            memcpy(p->data, s->data[i], s->count * sizeof(*p->data));
    }
    if (!rc)
        rc = reap_weights_note(w, s->kind, s->plan, err);
    if (!rc)
        rc = reap_weights_note(w, "state", state, err);
    if (!rc)
        rc = reap_weights_write(w, NULL, NULL, path, err);
    if (w)
        reap_weights_free(&w);
    return rc;
}

static bool checkpoint_take(const struct reap_checkpoint *s,
                            const struct reap_weights *w,
                            reap_checkpoint_scan *scan, void *to)
{
    const char *is = reap_weights_about(w, s->kind),
               *state = reap_weights_about(w, "state");
    const struct reap_param *p;

    if (!is || strcmp(is, s->plan) != 0 || !state)
        return false;
    for (size_t i = 0; i < s->parts; i++) {
        p = reap_params_find(w->params, s->name[i]);
        if (!p || p->count != s->count)
            return false;
    }
    if (!scan(to, state))
        return false;
    for (size_t i = 0; i < s->parts; i++) {
        p = reap_params_find(w->params, s->name[i]);
        memcpy(s->data[i], p->data, s->count * sizeof(*p->data));
    }
    return true;
}

int reap_checkpoint_read(const struct reap_checkpoint *s,
                         reap_checkpoint_scan *scan, void *to, const char *path,
                         bool *found, const char **why, struct reap_err *err)
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
    *found = checkpoint_take(s, w, scan, to);
    if (!*found)
        *why = s->other;
    reap_weights_free(&w);
    return REAP_OK;
}
