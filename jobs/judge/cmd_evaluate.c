/* reap evaluate STORE: its labels compared with the true ones. */
#include <stdio.h>
#include <stdlib.h>

#include "jobs/cli/cmd.h"
#include "jobs/cli/remark.h"
#include "jobs/judge/evaluate_files.h"
#include "jobs/judge/evaluate_print.h"

/* A share between 0 and 1, or a percentage; a number as it is if 'any'. */
static int parse_share(const char *option, const char *text, double *out,
                       struct reap_err *err)
{
    char *end;

    if (!text)
        return REAP_OK;
    *out = strtod(text, &end);
    if (end != text && end[0] == '%' && !end[1]) {
        *out /= 100;
        end++;
    }
    if (end == text || *end || !(*out > 0) || !(*out < 1 || *out == 1))
        return reap_fail(err, REAP_EINVAL,
                         "--%s %s: a share is needed, such as 0.9 or 90%%",
                         option, text);
    return REAP_OK;
}

static int cmd_evaluate_parse(const struct reap_options *o,
                              struct reap_evaluate_args *a,
                              struct reap_err *err)
{
    double fitted = .5, threshold = 0;
    char *end = NULL;
    int rc = parse_share("validation-split", o->validation_split, &fitted, err);

    if (!rc)
        rc = parse_share("threshold", o->threshold, &threshold, err);
    if (!rc)
        rc = parse_share("abstain", o->abstain, &a->abstain, err);
    if (rc)
        return rc;
    if (o->threshold && o->abstain)
        return reap_fail(err, REAP_EINVAL,
                         "--abstain finds a threshold: give it or --threshold");
    if (!(fitted < 1))
        return reap_fail(err, REAP_EINVAL,
                         "--validation-split %s: some rows must be left",
                         o->validation_split);
    if (o->label_offset) {
        a->of.offset = strtol(o->label_offset, &end, 10);
        if (end == o->label_offset || *end || labs(a->of.offset) > 1000000)
            return reap_fail(err, REAP_EINVAL,
                             "--label-offset %s: a whole number is needed, "
                             "such as -1",
                             o->label_offset);
    }
    a->share = 1 - fitted;
    a->threshold = (float)threshold;
    a->seed = o->seed;
    return REAP_OK;
}

int reap_cmd_evaluate(const struct reap_options *o, struct reap_err *err)
{
    struct reap_evaluate_args a = { .of = { .truth = o->truth,
                                            .groups = o->groups,
                                            .labels = o->labels,
                                            .o = o } };
    struct reap_evaluation e = { .n = 0 };
    char doubt[500];
    json_t *json;
    int rc;

    if (o->n_args != 1)
        return reap_fail(err, REAP_EINVAL,
                         "one STORE is needed, as reap classify makes it");
    a.of.store = o->args[0];
    rc = cmd_evaluate_parse(o, &a, err);
    if (!rc)
        rc = reap_evaluation_open(&e, &a, err);
    if (!rc)
        reap_labelled_remark(&e.of, &a.of, o);
    if (!rc && *reap_evaluation_doubt(&e, doubt, sizeof(doubt)))
        reap_remark(o, "%s", doubt);
    if (!rc && o->output)
        rc = reap_evaluation_write(&e, &a, o->output, err);
    if (!rc && o->json) {
        json = reap_evaluation_json(&e, &a);
        json_dumpf(json, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
        putchar('\n');
        json_decref(json);
    } else if (!rc) {
        reap_evaluation_print(&e, &a);
    }
    reap_evaluation_close(&e);
    return rc;
}
