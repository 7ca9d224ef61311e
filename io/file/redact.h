/* io/file/redact.h - addresses without the secrets that they carry */
#ifndef REAP_IO_FILE_REDACT_H
#define REAP_IO_FILE_REDACT_H

#include <stdio.h>

/*
 * Print 'text'; of each http or https address in it user name, password and
 * what stands after '?' (tokens, signatures) are left out. "#sha256=..." stays.
 */
void reap_redact(FILE *to, const char *text);

/* The same into 'out' (size bytes, cut to fit), which is returned. */
const char *reap_redact_text(char *out, size_t size, const char *text);

#endif /* REAP_IO_FILE_REDACT_H */
