/*
 * jobs/setup/rule.h - the rule of outputs, for a command line
 *
 * What a command line names and is there is an input: arguments and values of
 * options, but for those that say where results go. From that and --force comes
 * the rule of io/out/outfile_rule.h. A command does nothing about it; it opens
 * its outputs through io/out/outfile.h.
 */
#ifndef REAP_JOBS_SETUP_RULE_H
#define REAP_JOBS_SETUP_RULE_H

#include <jansson.h>

#include "io/out/outfile_rule.h"
#include "jobs/cli/options.h"

/*
 * Put the rule in force; '*out' is to be freed at the end. If -o is standard
 * output, all that is printed from now on goes to standard error. Returns
 * REAP_OK, REAP_EINVAL (an output is one of the inputs), REAP_EIO or
 * REAP_ENOMEM.
 */
int reap_rule_begin(struct reap_out_rule **out, const struct reap_options *o,
                    struct reap_err *err) REAP_MUST_CHECK;

/* Print each file that was written and its shape, unless it is --json or
 * --quiet. */
void reap_rule_tell(const struct reap_options *o);

/* The same as an array of objects: path, bytes, and shape and type where they
 * are known. */
json_t *reap_rule_json(void);

#endif /* REAP_JOBS_SETUP_RULE_H */
