/* Options of reap tune, checked before anything is opened. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/tune/tune_plan.h"

/* A number from 'low' to below 'high'; above 0 if 'low' is. */
static int tune_plan_number(const char *option, const char *text, double low,
                            double high, double *out, struct reap_err *err)
{
    char *end;

    if (!text)
        return REAP_OK;
    errno = 0;
    *out = strtod(text, &end);
    if (*text && !*end && !errno && isfinite(*out) && *out >= low &&
        *out < high)
        return REAP_OK;
    return reap_fail(err, REAP_EINVAL,
                     "--%s %s: a number from %g to below %g is expected",
                     option, text, low, high);
}

/* "flip,crop" */
static int augment(struct reap_tune_plan *p, const char *text,
                   struct reap_err *err)
{
    while (text && *text) {
        const size_t n = strcspn(text, ",");

        if (n == 4 && !strncmp(text, "flip", n))
            p->flip = true;
        else if (n == 4 && !strncmp(text, "crop", n))
            p->crop = true;
        else
            return reap_fail(err, REAP_EINVAL,
                             "--augment %.40s: flip, crop or flip,crop", text);
        text += n + (text[n] == ',');
    }
    return REAP_OK;
}

int reap_tune_plan(struct reap_tune_plan *p, const struct reap_options *o,
                   struct reap_err *err)
{
    int rc;

    *p = (struct reap_tune_plan){ .unfreeze = o->unfreeze,
                                  .lr = 1e-5,
                                  .dropout = 0.5,
                                  .epochs = o->epochs_given ? o->epochs : 10,
                                  .batch = o->batch_given ? o->batch : 32,
                                  .seed = o->seed };
    if (!o->unfreeze)
        return reap_fail(err, REAP_EINVAL,
                         "--unfreeze LAYER is needed, such as conv5 (Keras) "
                         "or layer4 (torchvision)");
    if (!p->epochs || p->epochs > 100000)
        return reap_fail(err, REAP_EINVAL, "--epochs: 1 to 100000");
    if (!p->batch || p->batch > REAP_TUNE_BATCH_MAX)
        return reap_fail(err, REAP_EINVAL, "--batch %llu: 1 to %d",
                         (unsigned long long)p->batch, REAP_TUNE_BATCH_MAX);
    rc = tune_plan_number("lr", o->lr, 1e-12, 1e3, &p->lr, err);
    if (!rc)
        rc = tune_plan_number("dropout", o->dropout, 0, 1, &p->dropout, err);
    if (!rc)
        rc = tune_plan_number("validation-split", o->validation_split, 0, 1,
                              &p->split, err);
    return rc ? rc : augment(p, o->augment, err);
}

void reap_tune_plan_print(const struct reap_tune_plan *p, char *buf,
                          size_t size)
{
    snprintf(buf, size,
             "unfreeze=%s\nlr=%.9g\ndropout=%.9g\nepochs=%llu\nbatch=%llu\n"
             "seed=%llu\nvalidation_split=%.9g\naugment=%s%s%s\n",
             p->unfreeze, p->lr, p->dropout, (unsigned long long)p->epochs,
             (unsigned long long)p->batch, (unsigned long long)p->seed,
             p->split, p->flip ? "flip" : "", p->flip && p->crop ? "," : "",
             p->crop ? "crop" : "");
}
