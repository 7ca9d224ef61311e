/* jobs/judge/evaluate_print.h - an evaluation for people and programs */
#ifndef REAP_JOBS_JUDGE_EVALUATE_PRINT_H
#define REAP_JOBS_JUDGE_EVALUATE_PRINT_H

#include <jansson.h>

#include "jobs/judge/evaluate.h"

/* Tables on stdout. */
void reap_evaluation_print(const struct reap_evaluation *e,
                           const struct reap_evaluate_args *a);

/* The same as JSON; owned by the caller. NULL without memory. */
json_t *reap_evaluation_json(const struct reap_evaluation *e,
                             const struct reap_evaluate_args *a);

#endif /* REAP_JOBS_JUDGE_EVALUATE_PRINT_H */
