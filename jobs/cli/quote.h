/* jobs/cli/quote.h - words as a shell reads them back */
#ifndef REAP_JOBS_CLI_QUOTE_H
#define REAP_JOBS_CLI_QUOTE_H

#include <stdio.h>

/* Print 'word' so that a POSIX shell reads it as one word of the same bytes:
 * as it is where that is safe, else in single quotes. */
void reap_quote(FILE *to, const char *word);

#endif /* REAP_JOBS_CLI_QUOTE_H */
