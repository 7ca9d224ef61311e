/*
 * jobs/submit/script.h - job scripts, from templates with names to fill in
 *
 * The templates are cluster/<scheduler>/<name>.in, built into the program; a
 * site's own of the same name in $XDG_CONFIG_HOME/reap/ (~/.config/reap/) takes
 * its place. {{name}} stands for a value. A line with a name that has no value
 * is left out.
 */
#ifndef REAP_JOBS_SUBMIT_SCRIPT_H
#define REAP_JOBS_SUBMIT_SCRIPT_H

#include <stddef.h>

#include "engine/base/err.h"

struct reap_template {
    const char *name, *text; /* "slurm/slurm.in" */
};
extern const struct reap_template reap_templates[]; /* NULL at the end */

struct reap_value {
    const char *name, *value; /* NULL or "": none */
};

/*
 * Fill the template 'name' with n values. '*out' is owned: reap_free(). Where a
 * site's own template was taken, '*from' is its path (owned), else NULL.
 * Returns REAP_OK, REAP_ENOMEM, or for a site's template REAP_EIO, REAP_EFORMAT
 * (a name that is not known: the message has the line's number).
 */
int reap_script_fill(const char *name, const struct reap_value *value, size_t n,
                     char **out, char **from,
                     struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_JOBS_SUBMIT_SCRIPT_H */
