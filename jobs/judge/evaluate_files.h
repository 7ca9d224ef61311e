/* jobs/judge/evaluate_files.h - an evaluation as a folder of files */
#ifndef REAP_JOBS_JUDGE_EVALUATE_FILES_H
#define REAP_JOBS_JUDGE_EVALUATE_FILES_H

#include "jobs/judge/evaluate.h"

/*
 * Write into 'folder', which is made if need be: evaluation.json; classes.csv;
 * confusion.csv (true classes down, guesses across, those that occur; beyond
 * some thousands a line for each pair) and confusion.png; reliability.csv;
 * rows.csv, a line for every key. Each appears whole or not at all. Returns
 * REAP_ECREATE, REAP_EACCESS, REAP_EIO or REAP_ENOMEM.
 */
int reap_evaluation_write(struct reap_evaluation *e,
                          const struct reap_evaluate_args *a,
                          const char *folder,
                          struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_JOBS_JUDGE_EVALUATE_FILES_H */
