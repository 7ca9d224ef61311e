/*
 * jobs/cli/help.h - what reap says of itself, from the tables of this folder
 *
 * Commands, options and examples are rows of commands.def, options.def and
 * help.def; nothing about one command is written here.
 */
#ifndef REAP_JOBS_CLI_HELP_H
#define REAP_JOBS_CLI_HELP_H

#include <stdio.h>

#include "engine/base/err.h"

/* The commands, a line each. */
void reap_help_all(FILE *to);

/* Help on stdout: of a command, or of a topic such as "presets". REAP_EINVAL if
 * there is none of this name; the message has the nearest. */
int reap_help_about(const char *name, struct reap_err *err) REAP_MUST_CHECK;

/* REAP_EINVAL: there is no command 'name'. The message has the nearest. */
int reap_help_no_command(const char *name,
                         struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_JOBS_CLI_HELP_H */
