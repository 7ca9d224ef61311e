/* reap info PATH: finds the row of info.def that knows such a thing. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/weights/weights.h"
#include "jobs/cli/cmd.h"
#include "jobs/inspect/info.h"

static const struct {
    bool (*is)(const char *path);
    int (*tell)(const char *path, const struct reap_options *o,
                struct reap_err *err);
} kind[] = {
#define INFO(kind, about) { reap_info_is_##kind, reap_info_##kind },
#include "jobs/inspect/info.def"
#undef INFO
};

int reap_cmd_info(const struct reap_options *o, struct reap_err *err)
{
    char file[4096];
    const char *path, *prefix;
    int rc;

    if (o->n_args != 1)
        return reap_fail(err, REAP_EINVAL,
                         "one DATASET, STORE or WEIGHTS is needed");
    path = o->args[0];
    rc = reap_weights_split(path, file, sizeof(file), &prefix, err);
    if (rc)
        return rc;
    if (access(file, F_OK))
        return reap_fail(err, errno == EACCES ? REAP_EACCESS : REAP_ENOTFOUND,
                         "%s: %s", path, strerror(errno));
    for (size_t i = 0; i < sizeof(kind) / sizeof(kind[0]); i++)
        if (kind[i].is(path))
            return kind[i].tell(path, o, err);
    return reap_fail(err, REAP_EFORMAT,
                     "%s is not a dataset, a store or a weights file", path);
}
