/* jobs/setup/decoders.h - --sandbox: in which processes images are decoded */
#ifndef REAP_JOBS_SETUP_DECODERS_H
#define REAP_JOBS_SETUP_DECODERS_H

#include "jobs/cli/options.h"

/*
 * Get ready to decode in sandboxed children, unless --sandbox off says not to
 * or the command decodes nothing. The first thing a command does: see
 * reap_prepare_sandbox(). REAP_EINVAL, REAP_ENOMEM (only with --sandbox on:
 * else it goes on without).
 */
int reap_decoders_begin(const struct reap_options *o,
                        struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_JOBS_SETUP_DECODERS_H */
