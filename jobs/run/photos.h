/* jobs/run/photos.h - extract and classify for a few image files, printed */
#ifndef REAP_JOBS_RUN_PHOTOS_H
#define REAP_JOBS_RUN_PHOTOS_H

#include "jobs/cli/options.h"
#include "jobs/setup/setup.h"

/* Are the arguments image files, and not a dataset? Looks at the files. */
bool reap_photos_given(const struct reap_options *o);

/* Compute and print them one after the other, in one session. REAP_EFORMAT if
 * one of them is not an image: the others are printed all the same. Also the
 * codes of reap_session_new() and reap_prepare_new(). */
int reap_photos_run(struct reap_setup *s, const struct reap_options *o,
                    struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_JOBS_RUN_PHOTOS_H */
