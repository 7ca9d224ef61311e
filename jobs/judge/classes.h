/*
 * jobs/judge/classes.h - which class a text means
 *
 * A text is the name of a class (letters of either case, blanks or
 * underscores), its WordNet id or its index, tried in this order. Constant
 * after it was made: any thread.
 */
#ifndef REAP_JOBS_JUDGE_CLASSES_H
#define REAP_JOBS_JUDGE_CLASSES_H

#include <stddef.h>

#include "engine/base/err.h"

struct reap_classes;

enum { REAP_NO_CLASS = -1, REAP_TWO_CLASSES = -2 };

/* Names and WordNet ids of 'n' classes, as functions; "" where there is none.
 * Both are copied. REAP_ENOMEM. */
int reap_classes_new(struct reap_classes **out, size_t n, const void *ctx,
                     const char *(*name)(const void *ctx, size_t i),
                     const char *(*wnid)(const void *ctx, size_t i),
                     struct reap_err *err) REAP_MUST_CHECK;

/* The index of the class, REAP_NO_CLASS, or REAP_TWO_CLASSES if two bear the
 * name and neither spelling is the text's own. */
long reap_classes_find(const struct reap_classes *c, const char *text);

/* Free '*c', which becomes NULL; NULL does nothing. */
void reap_classes_free(struct reap_classes **c);

#endif /* REAP_JOBS_JUDGE_CLASSES_H */
