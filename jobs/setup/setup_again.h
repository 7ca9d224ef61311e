/*
 * jobs/setup/setup_again.h - network, preset and engine as the run of a store
 * had them
 */
#ifndef REAP_JOBS_SETUP_SETUP_AGAIN_H
#define REAP_JOBS_SETUP_SETUP_AGAIN_H

#include "jobs/setup/setup.h"
#include "jobs/setup/store_view.h"

/*
 * Open what the store's own job says, in the store's arithmetic. 'more' is
 * lines of a job file that count instead of the store's ("weights FILE"); those
 * about the output, the ranks and what is none of extract's are passed over.
 * NULL: none. '*text' is what the setup borrows from: free it, reap_free(),
 * once the setup is closed, and after a failure. Returns REAP_EMISFIT if rows
 * like the store's cannot be made with that, saying what differs, or what the
 * options and reap_setup_begin() return.
 */
int reap_setup_again(struct reap_setup *setup, const struct reap_store_view *v,
                     const char *more, char **text,
                     struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_JOBS_SETUP_SETUP_AGAIN_H */
