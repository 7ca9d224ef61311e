/*
 * jobs/cli/guard_stdout.h - what is printed gives a terminal no orders
 *
 * Names of files, classes and layers come from strangers, and every command
 * prints some. So all of standard output goes through io/file/text.h, whoever
 * prints it. Results that are a file (-o -) do not.
 */
#ifndef REAP_JOBS_CLI_GUARD_STDOUT_H
#define REAP_JOBS_CLI_GUARD_STDOUT_H

#include <stdbool.h>

/* From now on; 'json': escapes are those of JSON strings. Once, before threads.
 * Without memory it stays as it is. */
void reap_guard_stdout(bool json);

#endif /* REAP_JOBS_CLI_GUARD_STDOUT_H */
