/*
 * engine/base/meant.h - which word was meant by one that was mistyped
 *
 * Words that exist are tried in turn, and 'best' is then the nearest of them,
 * the first of several, or NULL if none is near enough to be worth a question.
 * Case counts for nothing; a missing, extra, wrong or swapped letter is a step,
 * and what was typed may be the start of a word.
 */
#ifndef REAP_ENGINE_BASE_MEANT_H
#define REAP_ENGINE_BASE_MEANT_H

#include <stddef.h>

struct reap_meant {
    const char *typed; /* borrowed, as are the words */
    const char *best;
    size_t steps; /* to 'best' */
};

/* Begin with no word; then try words, one after the other. */
void reap_meant_begin(struct reap_meant *g, const char *typed);
void reap_meant_try(struct reap_meant *g, const char *word);

#endif /* REAP_ENGINE_BASE_MEANT_H */
