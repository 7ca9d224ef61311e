/*
 * io/store/fingerprint.h - fingerprint texts, for people
 *
 * A fingerprint text is lines of "name=value" (struct reap_run_meta). Its names
 * and some of its values are reap's own; messages name the option to type
 * instead, a row of fingerprint.def. Reads texts that a store holds, so it
 * trusts nothing in them. Any thread.
 */
#ifndef REAP_IO_STORE_FINGERPRINT_H
#define REAP_IO_STORE_FINGERPRINT_H

#include <stddef.h>

/*
 * Say in 'buf' (size >= 1) what differs, such as "--alpha: the store has drop,
 * this run white", with "; " between differences; cut to what fits. "" if both
 * texts have the same lines, in whatever order. Returns 'buf'.
 */
char *reap_fingerprint_differ(const char *store, const char *run, char *buf,
                              size_t size);

/*
 * Write the line at 'line' as "option value" to 'buf' (size >= 1), cut to what
 * fits: "formats=7f" becomes "--formats all". Returns 'buf'.
 */
char *reap_fingerprint_line(const char *line, char *buf, size_t size);

#endif /* REAP_IO_STORE_FINGERPRINT_H */
