/* A file of weights and moments through io/weights, and back. */
#define _GNU_SOURCE
#include <stdio.h>
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
        rc = reap_weights_write_own(w, path, err);
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

/* A checkpoint that is damaged still begins as one; anything else is a file of
 * somebody's, which is not to be overwritten. */
static bool checkpoint_is_ours(const char *path)
{
    enum { HEAD = 1 << 16 };
    char *head = reap_calloc(1, HEAD);
    FILE *f = head ? fopen(path, "rb") : NULL;
    const size_t n = f ? fread(head, 1, HEAD, f) : 0;
    const bool is = n == 0 || memmem(head, n, "\"reap.", 6);

    if (f)
        fclose(f);
    reap_free(head);
    return is;
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
    if (rc == REAP_ENOTFOUND)
        return REAP_OK;
    *found = !rc && checkpoint_take(s, w, scan, to);
    *why = rc ? "cannot be read" : s->other;
    if (!rc)
        reap_weights_free(&w);
    if (!*found && !checkpoint_is_ours(path))
        return reap_fail(err, REAP_ECREATE,
                         "%s is where checkpoints go, but reap did not write "
                         "it: move it away, or choose another -o",
                         path);
    return REAP_OK;
}
