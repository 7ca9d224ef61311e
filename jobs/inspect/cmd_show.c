/* reap show: a photo, a record or a row, by what the first argument is. */
#include "jobs/cli/cmd.h"
#include "jobs/inspect/info.h"
#include "jobs/inspect/show_image.h"
#include "jobs/inspect/show_store.h"

int reap_cmd_show(const struct reap_options *o, struct reap_err *err)
{
    if (o->n_args == 1)
        return reap_show_photo(o->args[0], o, err);
    if (o->n_args != 2)
        return reap_fail(err, REAP_EINVAL,
                         "PHOTO, DATASET KEY or STORE KEY is needed");
    if (reap_info_is_store(o->args[0]))
        return reap_show_store(o->args[0], o->args[1], o, err);
    return reap_show_record(o->args[0], o->args[1], o, err);
}
