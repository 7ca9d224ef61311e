/* The only file that prints an error, ends the process or reads the command
 * line. Exit status: engine/base/codes.def. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cluster/rank_marks.h"
#include "cluster/run.h"
#include "engine/base/mem.h"
#include "engine/base/version.h"
#include "io/file/text.h"
#include "jobs/cli/cmd.h"
#include "jobs/cli/guard_stdout.h"
#include "jobs/cli/help.h"
#include "jobs/cli/progress.h"
#include "jobs/setup/rule.h"
#include "jobs/cli/terminal.h"
#include "jobs/setup/decoders.h"

static const struct command {
    const char *name;
    reap_cmd_fn *run;
} commands[] = {
#define COMMAND(name, args, about) { #name, reap_cmd_##name },
#include "jobs/cli/commands.def"
#undef COMMAND
};

enum { N_COMMANDS = sizeof(commands) / sizeof(commands[0]), USAGE = 64 };

static bool at_once; /* set at the very end, by one thread */

void reap_cmd_leave_at_once(void)
{
    at_once = true;
}

static const struct command *main_find(const char *name)
{
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (!strcmp(commands[i].name, name))
            return &commands[i];
    return NULL;
}

/* What is asked before there is a command: help, version. */
static bool answer(int argc, char **argv, int *rc, struct reap_err *err)
{
    const char *word = argv[1];

    *rc = REAP_OK;
    if (!strcmp(word, "--version") || !strcmp(word, "version"))
        puts("reap " REAP_VERSION);
    else if (strcmp(word, "help") && strcmp(word, "--help") &&
             strcmp(word, "-h"))
        return false;
    else if (argc > 2 && argv[2][0] != '-')
        *rc = reap_help_about(argv[2], err);
    else
        reap_help_all(stdout);
    return true;
}

static void print_error(const struct command *c, const char *message)
{
    const bool colour = reap_terminal_colour();
    char host[64] = "";

    reap_progress_hide();
    fprintf(stderr, "%sreap%s%s:%s ", colour ? "\033[1;31m" : "", c ? " " : "",
            c ? c->name : "", colour ? "\033[0m" : "");
    if (!reap_run_is_first() && !gethostname(host, sizeof(host) - 1))
        fprintf(stderr, "rank %s on %s: ", reap_run_rank(), host);
    reap_text_line(stderr, message);
}

/* Run it with the rule of outputs in force. */
static int run_by_rule(const struct command *c, const struct reap_options *o,
                       struct reap_err *err)
{
    struct reap_out_rule *outputs = NULL;
    int rc = reap_rule_begin(&outputs, o, err);

    reap_guard_stdout(o->json);
    if (!rc)
        rc = c->run(o, err);
    if (!rc)
        reap_rule_tell(o);
    reap_out_rule_free(&outputs);
    return rc;
}

/* The command of the first word, with the options that follow. */
static int run_command(int argc, char **argv, struct reap_err *err)
{
    const struct command *c = main_find(argv[1]);
    struct reap_options o;
    int rc;

    if (!c)
        return reap_help_no_command(argv[1], err);
    rc = reap_options_parse(&o, argc, argv, err);
    if (!rc && o.help)
        rc = reap_help_about(c->name, err);
    else if (!rc)
        rc = reap_decoders_begin(&o, err);
    if (!rc && !o.help)
        rc = run_by_rule(c, &o, err);
    reap_options_clear(&o);
    return rc;
}

static int command(int argc, char **argv)
{
    const char *fail = getenv("REAP_FAIL_ALLOC");
    struct reap_err err = { 0 };
    int rc;

    /* Lines of several ranks meet on one terminal: each is written as a whole.
     */
    setvbuf(stderr, NULL, _IOLBF, BUFSIZ);
    /* A limit on the size of files is an error to report, as a full disk is. */
    signal(SIGXFSZ, SIG_IGN);
    reap_mem_init();
    if (fail)
        reap_mem_fail_at(strtol(fail, NULL, 10));
    if (argc < 2) {
        reap_help_all(stderr);
        return USAGE;
    }
    if (!answer(argc, argv, &rc, &err))
        rc = run_command(argc, argv, &err);
    if (rc && err.msg[0]) /* else a rank has said it */
        print_error(main_find(argv[1]), err.msg);
    return reap_exit_status(rc);
}

/* Under our own supervisor the first rank says how it ended. */
static void sign_off(int status)
{
    if (reap_run_launched() && reap_run_is_first())
        reap_rank_marks_end(status);
    if (at_once) {
        fflush(NULL);
        _exit(status);
    }
}

/* What was printed counts only if it arrived. */
int main(int argc, char **argv)
{
    const int status = command(argc, argv);

    sign_off(status);
    if (!fflush(stdout) && !ferror(stdout))
        return status;
    fprintf(stderr, "reap: standard output: %s\n", strerror(errno));
    return status ? status : reap_exit_status(REAP_EIO);
}
