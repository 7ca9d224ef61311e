/* reap predict: all the work is label_store.c's. */
#include "jobs/cli/cmd.h"
#include "jobs/learn/label_store.h"

int reap_cmd_predict(const struct reap_options *o, struct reap_err *err)
{
    return reap_label_store(o, err);
}
