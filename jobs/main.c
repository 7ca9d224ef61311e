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
#include "io/file/text.h"
#include "io/preset/preset.h"
#include "jobs/cli/cmd.h"

static const struct command {
    const char *name, *args, *about;
    reap_cmd_fn *run;
} commands[] = {
#define COMMAND(name, args, about) { #name, args, about, reap_cmd_##name },
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

static int help_all(FILE *to)
{
    fprintf(to, "usage: reap COMMAND [options]\n\n");
    for (size_t i = 0; i < N_COMMANDS; i++)
        fprintf(to, "  %-9s %s\n", commands[i].name, commands[i].about);
    fprintf(to,
            "\nreap help COMMAND tells its arguments and options, reap help "
            "presets the\nways to make pixels.\n");
    return to == stdout ? 0 : USAGE;
}

/* The presets, a line each, as the store keeps them. */
static int help_presets(void)
{
    struct reap_preset p;
    char line[512], *values;

    for (size_t i = 0; reap_preset_name(i); i++) {
        if (reap_preset_find(reap_preset_name(i), &p, NULL))
            continue;
        reap_preset_print(&p, line, sizeof(line));
        values = strstr(line, " scale=");
        printf("%.*s\n    %s\n", (int)(values - line), line, values + 1);
    }
    return 0;
}

static int help(const char *name)
{
    const struct command *c = main_find(name);

    if (!strcmp(name, "presets"))
        return help_presets();

    if (!c) {
        fprintf(stderr, "reap: no command '%s'; try reap help\n", name);
        return USAGE;
    }
    printf("usage: reap %s %s [options]\n  %s\n\n", c->name, c->args, c->about);
    reap_options_help(stdout, c->name);
    return 0;
}

static void print_error(const char *command, const char *message)
{
    char host[64] = "";

    fprintf(stderr, "reap %s: ", command);
    if (!reap_run_is_first() && !gethostname(host, sizeof(host) - 1))
        fprintf(stderr, "rank %s on %s: ", reap_run_rank(), host);
    reap_text_line(stderr, message);
}

static int command(int argc, char **argv)
{
    const char *fail = getenv("REAP_FAIL_ALLOC");
    const struct command *c;
    struct reap_options o;
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
    if (argc < 2)
        return help_all(stderr);
    if (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help"))
        return argc > 2 ? help(argv[2]) : help_all(stdout);
    if (argc > 2 && !strcmp(argv[2], "--help"))
        return help(argv[1]);
    c = main_find(argv[1]);
    if (!c) {
        fprintf(stderr, "reap: no command '%s'; try reap help\n", argv[1]);
        return USAGE;
    }
    rc = reap_options_parse(&o, argc, argv, &err);
    if (!rc)
        rc = c->run(&o, &err);
    if (rc && err.msg[0]) /* else a rank has said it */
        print_error(c->name, err.msg);
    reap_options_clear(&o);
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
