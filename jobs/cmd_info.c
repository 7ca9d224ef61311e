#include <stdio.h>

#include "jobs/cmd.h"

int reap_cmd_info(const struct reap_options *o, struct reap_err *err)
{
    if (o->n_args != 1)
        return reap_fail(err, REAP_EINVAL,
                         "one DATASET, STORE or WEIGHTS is needed");
    return reap_fail(err, REAP_EFORMAT, "%s: not known", o->args[0]);
}
