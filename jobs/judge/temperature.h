/*
 * jobs/judge/temperature.h - temperature scaling of logits
 *
 * Logits divided by a temperature, the one of the lowest mean negative log
 * likelihood on rows whose class is known: ranks stay, confidence changes.
 * Source: Guo et al., On Calibration of Modern Neural Networks (2017).
 */
#ifndef REAP_JOBS_JUDGE_TEMPERATURE_H
#define REAP_JOBS_JUDGE_TEMPERATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REAP_COLDEST .01
#define REAP_HOTTEST 100.

/*
 * The temperature for n rows of logits (n, classes), n >= 1, and their
 * classes. '*bound' is set if it would lie outside the range searched,
 * REAP_COLDEST to REAP_HOTTEST: all rows are right, or chance does no worse.
 */
double reap_temperature_fit(const float *logit, const int32_t *truth, size_t n,
                            size_t classes, bool *bound);

/* softmax(logit / t) in 'prob' (classes), summed in double. */
void reap_temperature_apply(const float *logit, size_t classes, double t,
                            float *prob);

#endif /* REAP_JOBS_JUDGE_TEMPERATURE_H */
