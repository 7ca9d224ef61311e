/*
 * jobs/cli/options.h - the options of all commands, from options.def
 *
 * Parsed by getopt_long from the command line and, for --job FILE, from lines
 * "name value" (a '#' starts a comment; the command line wins). Names are typed
 * in full: the start of one is refused, with the name that it may be.
 * One thread, before others are started.
 */
#ifndef REAP_JOBS_CLI_OPTIONS_H
#define REAP_JOBS_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "engine/base/err.h"

/* One member each, zero or NULL if it was not given. */
struct reap_options {
#define REAP_OPTION_TEXT const char *
#define REAP_OPTION_COUNT uint64_t
#define REAP_OPTION_FLAG bool
#define OPTION(field, name, letter, type, arg, commands, about) \
    REAP_OPTION_##type field;                                   \
    bool field##_given;
#include "jobs/cli/options.def"
#undef OPTION
    const char *command;
    int n_args;
    char **args; /* the arguments that are not options, in order */
    int argc;    /* the whole command line as it was typed */
    char **argv;
    void *own;    /* text of the job file */
    void *joined; /* lists that were given in parts */
};

/* Parse argv[1] (the command) and what follows. Texts are lent by argv and by
 * the job file until clear(). REAP_EINVAL names the option and, where one is
 * near, the one that was meant; REAP_ENOTFOUND, REAP_EACCESS or REAP_EIO for
 * the job file; REAP_ENOMEM. */
int reap_options_parse(struct reap_options *o, int argc, char **argv,
                       struct reap_err *err) REAP_MUST_CHECK;

/* Does the command take an option of that name? */
bool reap_options_take(const char *command, const char *name);

/* The options given, as lines of a job file. Owned: reap_free(); NULL without
 * memory. */
char *reap_options_text(const struct reap_options *o);

/* The command line as one text. Owned: free(); NULL without memory. */
char *reap_options_command(const struct reap_options *o);

/* Row i of options.def: its '*name' and text, "" if it was not given or is no
 * text; NULL after the last. */
const char *reap_options_value(const struct reap_options *o, size_t i,
                               const char **name);

/* Free the text of the job file and of lists. */
void reap_options_clear(struct reap_options *o);

#endif /* REAP_JOBS_CLI_OPTIONS_H */
