/*
 * jobs/inspect/info.h - what "reap info" can tell about
 *
 * Each kind is a row of info.def with two functions: reap_info_is_<kind> looks
 * whether 'path' is one (a glance, no error), reap_info_<kind> prints.
 */
#ifndef REAP_JOBS_INSPECT_INFO_H
#define REAP_JOBS_INSPECT_INFO_H

#include <stdbool.h>

#include "jobs/cli/options.h"

#define INFO(kind, about)                                                \
    bool reap_info_is_##kind(const char *path);                          \
    int reap_info_##kind(const char *path, const struct reap_options *o, \
                         struct reap_err *err) REAP_MUST_CHECK;
#include "jobs/inspect/info.def"
#undef INFO

#endif /* REAP_JOBS_INSPECT_INFO_H */
