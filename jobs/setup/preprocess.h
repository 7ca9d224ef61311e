/* jobs/setup/preprocess.h - preset and limits, as the options say */
#ifndef REAP_JOBS_SETUP_PREPROCESS_H
#define REAP_JOBS_SETUP_PREPROCESS_H

#include "engine/base/err.h"
#include "engine/net/model.h"
#include "io/preset/preset.h"
#include "jobs/cli/options.h"
#include "pipeline/prepare.h"

/*
 * Fill 'preset' from --preset and its overrides, else from 'hint' (what the
 * weights file says, "" for nothing), else by the model's family ('model' may
 * be NULL: torchvision-v1). '*chosen' says whether it had to be guessed.
 */
int reap_preprocess_preset(const struct reap_options *o, const char *hint,
                           const struct reap_model *model,
                           struct reap_preset *preset, bool *guessed,
                           struct reap_err *err) REAP_MUST_CHECK;

int reap_preprocess_limits(const struct reap_options *o,
                           struct reap_limits *limits,
                           struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_JOBS_SETUP_PREPROCESS_H */
