/* jobs/setup/outputs.h - which outputs a run computes and stores */
#ifndef REAP_JOBS_SETUP_OUTPUTS_H
#define REAP_JOBS_SETUP_OUTPUTS_H

#include "engine/engine.h"
#include "io/store/block.h"
#include "jobs/cli/options.h"

struct reap_outputs {
    size_t n;
    char text[512]; /* names, NUL between them */
    const char *name[REAP_MAX_OUTPUTS];
    size_t k;
};

/* From --features or --pooling ('classify' adds "top"). REAP_EINVAL for names
 * given twice, too many, or options that contradict each other. */
int reap_outputs_parse(struct reap_outputs *out, const struct reap_options *o,
                       bool classify, struct reap_err *err) REAP_MUST_CHECK;

/* The store's columns for the outputs of an engine; bit i of '*l2' is set for
 * the columns that --l2 scales. REAP_EINVAL for a wrong --store-as. */
int reap_outputs_schema(const struct reap_engine *e,
                        const struct reap_options *o,
                        struct reap_schema *schema, unsigned *l2,
                        struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_JOBS_SETUP_OUTPUTS_H */
