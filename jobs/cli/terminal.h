/*
 * jobs/cli/terminal.h - what kind of terminal a person looks at, if any
 *
 * Asked anew each time: windows change their size, and that costs nothing.
 */
#ifndef REAP_JOBS_CLI_TERMINAL_H
#define REAP_JOBS_CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

/* Is stderr a terminal on which a line can be rewritten? Not if TERM is "dumb"
 * or empty. */
bool reap_terminal(void);

/* Columns of that terminal; 80 where nobody knows. */
size_t reap_terminal_width(void);

/* May stderr be coloured? Not where NO_COLOR is set and not empty
 * (no-color.org), nor without a terminal. */
bool reap_terminal_colour(void);

#endif /* REAP_JOBS_CLI_TERMINAL_H */
