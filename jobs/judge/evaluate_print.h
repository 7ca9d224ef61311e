/* jobs/judge/evaluate_print.h - an evaluation for people and programs */
#ifndef REAP_JOBS_JUDGE_EVALUATE_PRINT_H
#define REAP_JOBS_JUDGE_EVALUATE_PRINT_H

#include <jansson.h>

#include "jobs/judge/evaluate.h"

/* The name of a class, else its WordNet id, else its index; in 'buf' if it has
 * to be made. */
const char *reap_evaluation_class(const struct reap_evaluation *e, size_t class,
                                  char *buf, size_t size);

/* Tables on stdout. */
void reap_evaluation_print(const struct reap_evaluation *e,
                           const struct reap_evaluate_args *a);

/* The same as JSON; owned by the caller. NULL without memory. */
json_t *reap_evaluation_json(const struct reap_evaluation *e,
                             const struct reap_evaluate_args *a);

#endif /* REAP_JOBS_JUDGE_EVALUATE_PRINT_H */
