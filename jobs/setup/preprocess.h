/* jobs/setup/preprocess.h - preset and limits, as the options say */
#ifndef REAP_JOBS_SETUP_PREPROCESS_H
#define REAP_JOBS_SETUP_PREPROCESS_H

#include "engine/base/err.h"
#include "engine/net/model.h"
#include "io/preset/preset.h"
#include "jobs/cli/options.h"
#include "pipeline/prepare.h"

/*
 * Fill 'preset' from --preset, else from 'hint' (a preset's name that the
 * weights file has; NULL or "" for none), else by the model's family ('model'
 * may be NULL: torchvision-v1); '*guessed' says whether the family decided.
 * Options for parts (--resize, --crop, --filter, --mean, --std, --order,
 * --scale, --input-shape) then replace theirs. REAP_EINVAL names the option
 * that is wrong, or lists the presets. One thread at a time, as for the rest of
 * this file.
 */
int reap_preprocess_preset(const struct reap_options *o, const char *hint,
                           const struct reap_model *model,
                           struct reap_preset *preset, bool *guessed,
                           struct reap_err *err) REAP_MUST_CHECK;

/*
 * Fill 'limits' from --max-pixels, --on-truncated, --formats, --orient,
 * --depth16 and --alpha; what is not given is the default: 0 for max_pixels and
 * formats, which stands for the default of io/image/decode.h, and fail, ignore,
 * clip, drop. REAP_EINVAL names the option that is wrong.
 */
int reap_preprocess_limits(const struct reap_options *o,
                           struct reap_limits *limits,
                           struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_JOBS_SETUP_PREPROCESS_H */
