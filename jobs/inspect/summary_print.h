/* jobs/inspect/summary_print.h - how a summary looks on the screen */
#ifndef REAP_JOBS_INSPECT_SUMMARY_PRINT_H
#define REAP_JOBS_INSPECT_SUMMARY_PRINT_H

#include <stdbool.h>
#include <stdio.h>

#include "engine/summary/summary.h"

/* Does the row or module 'name' belong to 'block' (NULL: to the whole)? */
bool reap_summary_within(const char *name, const char *block);

/* Print Keras's table, a hundred columns wide, with totals; 'title' is the
 * model's name. Of 'block' alone if it is not NULL; returns how many rows. */
size_t reap_summary_table(FILE *to, const struct reap_summary *s,
                          const char *title, const char *block);

/* Print PyTorch's tree, of 'block' alone if it is not NULL; returns how many
 * modules, 0 if there is no such block. */
size_t reap_summary_tree(FILE *to, const struct reap_tree *t,
                         const char *block);

/* The same rows as JSON, with totals. */
size_t reap_summary_json(FILE *to, const struct reap_summary *s,
                         const char *title, const char *block);

#endif /* REAP_JOBS_INSPECT_SUMMARY_PRINT_H */
