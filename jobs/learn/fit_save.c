/* The state of a fit as the text of a checkpoint. What is written where is
 * checkpoint.c's. */
#include <inttypes.h>
#include <stdio.h>

#include "jobs/learn/checkpoint.h"
#include "jobs/learn/fit_save.h"

static const char *const part_names[REAP_FIT_SAVED] = { "weights", "first",
                                                        "second", "best" };

static void fit_save_print(const struct reap_fit_state *s, char *buf,
                           size_t size)
{
    snprintf(buf, size,
             "%" PRIu64 " %" PRIu64 " %a %a %zu %" PRIu64 " %a %" PRIu64
             " %" PRIu64 " %" PRIu64 " %" PRIu64,
             s->epoch, s->done, s->sum.loss, s->sum.right, s->sum.n, s->steps,
             s->best, s->best_epoch, s->worse, s->drops, s->dull);
}

static bool scan(void *to, const char *text)
{
    struct reap_fit_state s;
    const int n =
        sscanf(text,
               "%" SCNu64 " %" SCNu64 " %la %la %zu %" SCNu64 " %la %" SCNu64
               " %" SCNu64 " %" SCNu64 " %" SCNu64,
               &s.epoch, &s.done, &s.sum.loss, &s.sum.right, &s.sum.n, &s.steps,
               &s.best, &s.best_epoch, &s.worse, &s.drops, &s.dull);

    if (n == 11)
        *(struct reap_fit_state *)to = s;
    return n == 11;
}

/* 'data' has room for the parts. */
static struct reap_checkpoint
saved(const char *plan, struct reap_head *const part[REAP_FIT_SAVED],
      float **data)
{
    for (int i = 0; i < REAP_FIT_SAVED; i++)
        data[i] = part[i]->own;
    return (struct reap_checkpoint){ "reap.fit",
                                     plan,
                                     "is of another fit",
                                     REAP_FIT_SAVED,
                                     reap_head_numbers(part[0]),
                                     part_names,
                                     data };
}

int reap_fit_save(const char *path, const char *plan,
                  const struct reap_fit_state *s,
                  struct reap_head *const part[REAP_FIT_SAVED],
                  struct reap_err *err)
{
    float *data[REAP_FIT_SAVED];
    const struct reap_checkpoint all = saved(plan, part, data);
    char text[400];

    fit_save_print(s, text, sizeof(text));
    return reap_checkpoint_write(&all, text, path, err);
}

int reap_fit_load(const char *path, const char *plan, struct reap_fit_state *s,
                  struct reap_head *const part[REAP_FIT_SAVED], bool *found,
                  const char **why, struct reap_err *err)
{
    float *data[REAP_FIT_SAVED];
    const struct reap_checkpoint all = saved(plan, part, data);

    return reap_checkpoint_read(&all, scan, s, path, found, why, err);
}
