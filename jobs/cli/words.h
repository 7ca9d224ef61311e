/* jobs/cli/words.h - values of options that are words, sizes, shares */
#ifndef REAP_JOBS_CLI_WORDS_H
#define REAP_JOBS_CLI_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

/* Is 'word' one of the words of 'list', which have a blank between them? "*"
 * is a list of all words. */
bool reap_word_in(const char *list, const char *word);

/* "H,W" or "HxW" or "N" (both) in pixels; REAP_EINVAL names the option. */
int reap_parse_size(const char *option, const char *text, size_t *h, size_t *w,
                    struct reap_err *err) REAP_MUST_CHECK;

/* Index of 'text' in a list of words that ends with NULL; REAP_EINVAL lists
 * them. NULL text is word 0. */
int reap_parse_word(const char *option, const char *text,
                    const char *const *words, unsigned *out,
                    struct reap_err *err) REAP_MUST_CHECK;

/* 'one' if n is 1, else 'many': words of a message that follow a count. */
const char *reap_plural(uint64_t n, const char *one, const char *many);

/* Are 'bad' of 'total' rows within --max-bad ('text', NULL: 5%)? Never if all
 * are bad. REAP_EINVAL if the text is not a count or percentage. */
int reap_max_bad(const char *text, uint64_t bad, uint64_t total, bool *yes,
                 struct reap_err *err) REAP_MUST_CHECK;

/* --max-bad as a count or, if it ends in %, as a share of all in '*share'.
 * NULL is 0. REAP_EINVAL as above. */
int reap_parse_bad(const char *text, uint64_t *count, double *share,
                   struct reap_err *err) REAP_MUST_CHECK;

/* "500000", "100M", "2G", "1T" in bytes; NULL is 0. REAP_EINVAL names the
 * option. */
int reap_parse_bytes(const char *option, const char *text, uint64_t *bytes,
                     struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_JOBS_CLI_WORDS_H */
