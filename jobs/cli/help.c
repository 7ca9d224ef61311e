#include <stdbool.h>
#include <string.h>

#include "engine/base/meant.h"
#include "engine/net/model.h"
#include "io/preset/preset.h"
#include "jobs/cli/help.h"
#include "jobs/cli/words.h"

enum { WIDTH = 79, LEFT = 26, INDENT = 2 };

static const struct {
    const char *name, *args, *about;
} commands[] = {
#define COMMAND(name, args, about) { #name, args, about },
#include "jobs/cli/commands.def"
#undef COMMAND
};
enum { N_COMMANDS = sizeof(commands) / sizeof(commands[0]) };

enum {
#define OPTION(field, name, letter, type, arg, commands, about) AT_##field,
#include "jobs/cli/options.def"
};

/* A row of options.def: a heading, or an option as most commands have it. */
static const struct item {
    const char *heading;
    int option, letter;
    const char *name, *arg, *commands, *about;
} items[] = {
#define HEADING(title) { title, -1, 0, "", "", "", "" },
#define OPTION(field, name, letter, type, arg, commands, about) \
    { NULL, AT_##field, letter, name, arg, commands, about },
#include "jobs/cli/options.def"
};
enum { N_ITEMS = sizeof(items) / sizeof(items[0]) };

/* What some commands say instead. */
static const struct {
    int option;
    const char *commands, *arg, *about;
} otherwise[] = {
#define ABOUT(field, commands, arg, about) { AT_##field, commands, arg, about },
#include "jobs/cli/options.def"
};
enum { N_OTHERWISE = sizeof(otherwise) / sizeof(otherwise[0]) };

static const struct {
    const char *command, *text;
} intros[] = {
#define INTRO(command, text) { #command, text },
#include "jobs/cli/help.def"
};

static const struct {
    const char *command, *about, *line;
} examples[] = {
#define EXAMPLE(command, about, line) { #command, about, line },
#include "jobs/cli/help.def"
};

/* Words from column 'at' on, in lines that begin at 'indent'. */
static void wrap(FILE *to, const char *text, size_t at, size_t indent)
{
    bool first = true;

    for (size_t n; *text; text += n, text += strspn(text, " ")) {
        n = strcspn(text, " ");
        if (!first && at + 1 + n > WIDTH) {
            fprintf(to, "\n%*s", (int)indent, "");
            at = indent;
            first = true;
        }
        at += (size_t)fprintf(to, "%s%.*s", first ? "" : " ", (int)n, text);
        first = false;
    }
    fputc('\n', to);
}

static void print_option(FILE *to, const struct item *option)
{
    const char letter[] = { '-', (char)option->letter, ',', ' ', '\0' };
    char left[100];

    snprintf(left, sizeof(left), "%s--%s%s%s", option->letter ? letter : "    ",
             option->name, *option->arg ? " " : "", option->arg);
    if (strlen(left) > LEFT)
        fprintf(to, "  %s\n%*s", left, LEFT + 4, "");
    else
        fprintf(to, "  %-*s  ", LEFT, left);
    wrap(to, option->about, LEFT + 4, LEFT + 4);
}

/* The option as 'command' has it. */
static struct item of_command(const struct item *option, const char *command)
{
    struct item is = *option;

    for (size_t i = 0; i < N_OTHERWISE; i++)
        if (otherwise[i].option == is.option &&
            reap_word_in(otherwise[i].commands, command)) {
            is.arg = otherwise[i].arg;
            is.about = otherwise[i].about;
        }
    return is;
}

static void print_options(FILE *to, const char *command)
{
    const char *heading = NULL;

    for (size_t i = 0; i < N_ITEMS; i++) {
        struct item is;

        if (items[i].heading)
            heading = items[i].heading;
        if (items[i].heading || !reap_word_in(items[i].commands, command))
            continue;
        if (heading)
            fprintf(to, "\n%s\n", heading);
        heading = NULL;
        is = of_command(&items[i], command);
        print_option(to, &is);
    }
}

/* A command line that is too long goes on after a backslash, as shells have
 * it. Words in quotes stay whole: there is no blank in them. */
static void print_line(FILE *to, const char *line)
{
    size_t at = INDENT;

    fprintf(to, "%*s", INDENT, "");
    for (size_t n; *line; line += n, line += strspn(line, " ")) {
        n = strcspn(line, " ");
        /* An option and its value stay together. */
        if (*line == '-' && line[n] && line[n + 1] != '-')
            n += 1 + strcspn(line + n + 1, " ");
        if (at > INDENT && at + 1 + n > WIDTH - 2) {
            fprintf(to, " \\\n%*s", 3 * INDENT, "");
            at = 3 * INDENT;
        } else if (at > INDENT) {
            at += (size_t)fprintf(to, " ");
        }
        at += (size_t)fprintf(to, "%.*s", (int)n, line);
    }
    fputc('\n', to);
}

static void print_examples(FILE *to, const char *command)
{
    fprintf(to, "\nExamples\n");
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        if (strcmp(examples[i].command, command) != 0)
            continue;
        if (*examples[i].about)
            fprintf(to, "%*s# %s\n", INDENT, "", examples[i].about);
        print_line(to, examples[i].line);
    }
}

static void print_intro(FILE *to, const char *command)
{
    for (size_t i = 0; i < sizeof(intros) / sizeof(intros[0]); i++)
        if (!strcmp(intros[i].command, command))
            wrap(to, intros[i].text, 0, 0);
}

static void print_usage(FILE *to, const char *command, const char *args)
{
    fprintf(to, "usage: reap %s%s%s%s\n\n", command, *args ? " " : "", args,
            strstr(args, "[options]") ? "" : " [options]");
}

void reap_help_all(FILE *to)
{
    fprintf(to, "usage: reap COMMAND [options]\n\n");
    print_intro(to, "reap");
    fprintf(to, "\nCommands\n");
    for (size_t i = 0; i < N_COMMANDS; i++)
        fprintf(to, "  %-9s %s\n", commands[i].name, commands[i].about);
    print_examples(to, "reap");
    fputc('\n', to);
    wrap(to,
         "reap help COMMAND tells arguments and options, with examples; reap "
         "help models and reap help presets list the networks and the ways to "
         "prepare pixels for them.",
         0, 0);
}

/* The presets, a line each, as the store keeps them. */
static void print_presets(FILE *to)
{
    struct reap_preset p;
    char line[512], *values;

    for (size_t i = 0; reap_preset_name(i); i++) {
        if (reap_preset_find(reap_preset_name(i), &p, NULL))
            continue;
        reap_preset_print(&p, line, sizeof(line));
        values = strstr(line, " scale=");
        fprintf(to, "%.*s\n    %s\n", (int)(values - line), line, values + 1);
    }
}

static void print_models(FILE *to)
{
    const struct reap_model *m;

    for (size_t i = 0; (m = reap_model_at(i)); i++)
        fprintf(to, "%-29s  %-17s %6.1f million weights\n", m->name, m->title,
                1e-6 * (double)m->params);
}

static const struct {
    const char *name;
    void (*print)(FILE *to);
} topics[] = { { "presets", print_presets }, { "models", print_models } };
enum { N_TOPICS = sizeof(topics) / sizeof(topics[0]) };

int reap_help_about(const char *name, struct reap_err *err)
{
    for (size_t i = 0; i < N_TOPICS; i++)
        if (!strcmp(topics[i].name, name)) {
            topics[i].print(stdout);
            return REAP_OK;
        }
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (!strcmp(commands[i].name, name)) {
            print_usage(stdout, name, commands[i].args);
            print_intro(stdout, name);
            print_options(stdout, name);
            print_examples(stdout, name);
            return REAP_OK;
        }
    return reap_help_no_command(name, err);
}

int reap_help_no_command(const char *name, struct reap_err *err)
{
    struct reap_meant g;

    reap_meant_begin(&g, name);
    for (size_t i = 0; i < N_COMMANDS; i++)
        reap_meant_try(&g, commands[i].name);
    reap_meant_try(&g, "help");
    for (size_t i = 0; i < N_TOPICS; i++)
        reap_meant_try(&g, topics[i].name);
    if (g.best)
        return reap_fail(err, REAP_EINVAL, "no command '%s'; did you mean %s?",
                         name, g.best);
    return reap_fail(err, REAP_EINVAL, "no command '%s'; reap help lists them",
                     name);
}
