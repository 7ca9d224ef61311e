/* One table, options.def, read three ways: for getopt_long(), for the lines of
 * a job file and for help. A wrong name is answered with the nearest one. What
 * a value means is for the command to say (words.h). */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/meant.h"
#include "engine/base/mem.h"
#include "io/file/redact.h"
#include "jobs/cli/options.h"
#include "jobs/cli/words.h"

enum type { TEXT, COUNT, FLAG };

static const struct option_row {
    const char *name;
    int letter;
    enum type type;
    size_t at, given_at; /* members of struct reap_options */
    const char *arg, *commands, *about;
} row[] = {
#define OPTION(field, name, letter, type, arg, commands, about) \
    { name,                                                     \
      letter,                                                   \
      type,                                                     \
      offsetof(struct reap_options, field),                     \
      offsetof(struct reap_options, field##_given),             \
      arg,                                                      \
      commands,                                                 \
      about },
#include "jobs/cli/options.def"
#undef OPTION
};

enum { N_ROWS = sizeof(row) / sizeof(row[0]), FIRST_LONG = 256 };

bool reap_options_take(const char *command, const char *name)
{
    for (size_t i = 0; i < N_ROWS; i++)
        if (!strcmp(row[i].name, name))
            return reap_word_in(row[i].commands, command);
    return false;
}

static int parse_count(const char *text, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    return isdigit((unsigned char)*text) && !*end && !errno ? 0 : -1;
}

static bool given(const struct reap_options *o, size_t i)
{
    return *(const bool *)(const void *)((const char *)o + row[i].given_at);
}

/* Text that was put together here, kept until reap_options_clear(). */
struct joined {
    struct joined *next;
    char text[];
};

/* A list that is given again goes on: files with a line end between them, as
 * a comma may be part of a name. */
static const char *join(struct reap_options *o, size_t i, const char *old,
                        const char *text)
{
    const char between = strcmp(row[i].arg, "LIST") != 0 ? '\n' : ',';
    const size_t room = strlen(old) + strlen(text) + 2;
    struct joined *j = malloc(sizeof(*j) + room);

    if (!j)
        return NULL;
    snprintf(j->text, room, "%s%c%s", old, between, text);
    j->next = o->joined;
    o->joined = j;
    return j->text;
}

static int set(struct reap_options *o, size_t i, const char *text,
               struct reap_err *err)
{
    char *at = (char *)o + row[i].at;
    const char **value = (const char **)(void *)at;

    switch (row[i].type) {
    case TEXT:
        if (given(o, i) && reap_word_in("truth features", row[i].name))
            text = join(o, i, *value, text);
        if (!text)
            return reap_fail(err, REAP_ENOMEM, "no memory for --%s",
                             row[i].name);
        *value = text;
        break;
    case FLAG:
        *(bool *)(void *)at = true;
        break;
    case COUNT:
        if (parse_count(text, (uint64_t *)(void *)at))
            return reap_fail(err, REAP_EINVAL,
                             "--%s %s: a whole number is needed", row[i].name,
                             text);
        if (!*(uint64_t *)(void *)at &&
            reap_word_in("limit classes", row[i].name))
            return reap_fail(err, REAP_EINVAL, "--%s 0: at least 1 is needed",
                             row[i].name);
        break;
    }
    *(bool *)(void *)((char *)o + row[i].given_at) = true;
    return REAP_OK;
}

/* How commands are named in a sentence: "a", "a and b", "a, b and c". */
static void list_commands(const char *commands, char *to, size_t size)
{
    size_t at = 0;

    *to = '\0';
    for (size_t n; *commands && at < size; commands += n) {
        const char *next;

        n = strcspn(commands, " ");
        next = commands + n + strspn(commands + n, " ");
        at += (size_t)snprintf(to + at, size - at, "%s%.*s",
                               !at     ? ""
                               : *next ? ", "
                                       : " and ",
                               (int)n, commands);
        n = (size_t)(next - commands);
    }
}

/* No option of the command is called 'name', which may end in =VALUE. */
static int unknown(const char *command, const char *name, struct reap_err *err)
{
    const int n = (int)strcspn(name, "=");
    char typed[64], others[300];
    struct reap_meant g;

    snprintf(typed, sizeof(typed), "%.*s", n, name);
    for (size_t i = 0; i < N_ROWS; i++)
        if (!strcmp(typed, row[i].name)) {
            list_commands(row[i].commands, others, sizeof(others));
            return reap_fail(err, REAP_EINVAL,
                             "--%s is an option of %s, not of %s", typed,
                             others, command);
        }
    reap_meant_begin(&g, typed);
    for (size_t i = 0; i < N_ROWS; i++)
        if (reap_word_in(row[i].commands, command))
            reap_meant_try(&g, row[i].name);
    if (g.best)
        return reap_fail(err, REAP_EINVAL, "no option --%s; did you mean --%s?",
                         typed, g.best);
    return reap_fail(err, REAP_EINVAL,
                     "no option --%s; reap help %s lists them", typed, command);
}

/* 'typed': which options stood on the command line. */
static int job_line(struct reap_options *o, char *line, const bool *typed,
                    struct reap_err *err)
{
    char *name = line + strspn(line, " \t-"), *value, *end;
    size_t n = strcspn(name, " \t=\r\n");

    if (*name == '#' || !n)
        return REAP_OK;
    value = name + n;
    value += strspn(value, " \t=");
    end = value + strlen(value);
    while (end > value && isspace((unsigned char)end[-1]))
        *--end = '\0';
    name[n] = '\0';
    for (size_t i = 0; i < N_ROWS; i++) {
        if (strcmp(name, row[i].name) != 0)
            continue;
        if (!reap_word_in(row[i].commands, o->command) || typed[i])
            return REAP_OK; /* for another command, or overruled */
        if (row[i].type != FLAG && !*value)
            return reap_fail(err, REAP_EINVAL, "%s: a value is needed", name);
        return set(o, i, value, err);
    }
    return unknown(o->command, name, err);
}

static int read_job(struct reap_options *o, struct reap_err *err)
{
    FILE *f = fopen(o->job, "r");
    char *text = NULL, *save = NULL;
    bool typed[N_ROWS];
    size_t n = 0;
    int rc = REAP_OK;

    for (size_t i = 0; i < N_ROWS; i++)
        typed[i] = given(o, i);
    if (!f)
        return reap_fail(err, REAP_ENOTFOUND, "--job %s: %s", o->job,
                         strerror(errno));
    if (getdelim(&text, &n, '\0', f) < 0 && ferror(f))
        rc = reap_fail(err, REAP_EIO, "--job %s: %s", o->job, strerror(errno));
    fclose(f);
    o->own = text; /* values point into it */
    if (rc || !text)
        return rc;
    for (char *line = strtok_r(text, "\n", &save); line && !rc;
         line = strtok_r(NULL, "\n", &save))
        rc = job_line(o, line, typed, err);
    return rc ? reap_wrap(err, rc, "--job %s", o->job) : REAP_OK;
}

static void getopt_tables(const char *command, struct option *longs,
                          char *shorts)
{
    size_t n = 0;

    *shorts++ = ':';
    for (size_t i = 0; i < N_ROWS; i++) {
        if (!reap_word_in(row[i].commands, command))
            continue;
        longs[n].name = row[i].name;
        longs[n].has_arg =
            row[i].type == FLAG ? no_argument : required_argument;
        longs[n].flag = NULL;
        longs[n++].val = FIRST_LONG + (int)i;
        if (row[i].letter) {
            *shorts++ = (char)row[i].letter;
            if (row[i].type != FLAG)
                *shorts++ = ':';
        }
    }
    memset(&longs[n], 0, sizeof(longs[n]));
    *shorts = '\0';
}

static size_t by_letter(int letter)
{
    size_t i = 0;

    while (i < N_ROWS && row[i].letter != letter)
        i++;
    return i;
}

/* The word that getopt took last as a long option, without its dashes. */
static const char *long_word(int c, char **argv)
{
    const bool apart = c != '?' && c != ':' && optarg == argv[optind - 1];

    return argv[optind - (apart ? 2 : 1)] + 2;
}

/* getopt takes the start of a name for the name: a letter less, or an option
 * more in a later version, and that is another one than was meant. */
static bool is_whole(const char *word, size_t i)
{
    const size_t n = strlen(row[i].name);

    return !strncmp(word, row[i].name, n) && (!word[n] || word[n] == '=');
}

/* What getopt found: an option, '?' (none or one too many values), ':' (no
 * value). 'optopt' is then the option, or 0 for a long one that there is not.
 */
static int take(struct reap_options *o, int c, char **argv,
                struct reap_err *err)
{
    const int what = c == '?' || c == ':' ? optopt : c;
    const bool is_long = !what || what >= FIRST_LONG;
    const size_t i =
        what >= FIRST_LONG ? (size_t)(what - FIRST_LONG) : by_letter(what);

    if (is_long && (!what || !is_whole(long_word(c, argv), i)))
        return unknown(o->command, long_word(c, argv), err);
    if (c == ':')
        return reap_fail(err, REAP_EINVAL, "%s: a value is needed",
                         argv[optind - 1]);
    if (c == '?' && is_long)
        return reap_fail(err, REAP_EINVAL, "--%s takes no value", row[i].name);
    if (c == '?')
        return reap_fail(err, REAP_EINVAL,
                         "no option -%c; reap help %s lists them", what,
                         o->command);
    return set(o, i, optarg, err);
}

int reap_options_parse(struct reap_options *o, int argc, char **argv,
                       struct reap_err *err)
{
    struct option longs[N_ROWS + 1];
    char shorts[3 * N_ROWS + 2];
    int c, rc = REAP_OK;

    memset(o, 0, sizeof(*o));
    o->argc = argc;
    o->argv = argv;
    o->command = argv[1];
    getopt_tables(o->command, longs, shorts);
    argc--, argv++;
    optind = 0;
    opterr = 0;
    while (!rc && (c = getopt_long(argc, argv, shorts, longs, NULL)) != -1)
        rc = take(o, c, argv, err);
    o->n_args = argc - optind;
    o->args = argv + optind;
    if (!rc && o->job && !o->help)
        rc = read_job(o, err);
    return rc;
}

/* A line for each part of a list of files. */
static void print_texts(FILE *f, const char *name, const char *text)
{
    fprintf(f, "%s ", name);
    for (size_t n; text; text = text[n] ? text + n + 1 : NULL) {
        n = strcspn(text, "\n");
        if (!text[n]) {
            reap_redact(f, text);
            putc('\n', f);
        } else {
            fprintf(f, "%.*s\n%s ", (int)n, text, name);
        }
    }
}

char *reap_options_text(const struct reap_options *o)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    if (!f)
        return NULL;
    for (size_t i = 0; i < N_ROWS; i++) {
        const char *at = (const char *)o + row[i].at;

        if (!given(o, i) || !strcmp(row[i].name, "job"))
            continue;
        if (row[i].type == TEXT)
            print_texts(f, row[i].name, *(const char *const *)(const void *)at);
        else if (row[i].type == COUNT)
            fprintf(f, "%s %llu\n", row[i].name,
                    (unsigned long long)*(const uint64_t *)(const void *)at);
        else if (row[i].type == FLAG)
            fprintf(f, "%s\n", row[i].name);
    }
    return fclose(f) ? NULL : text;
}

const char *reap_options_value(const struct reap_options *o, size_t i,
                               const char **name)
{
    if (i >= N_ROWS)
        return NULL;
    *name = row[i].name;
    return row[i].type == TEXT && given(o, i)
               ? *(const char *const *)(const void *)((const char *)o +
                                                      row[i].at)
               : "";
}

void reap_options_clear(struct reap_options *o)
{
    struct joined *j = o->joined, *next;

    for (; j; j = next) {
        next = j->next;
        free(j);
    }
    o->joined = NULL;
    free(o->own);
    o->own = NULL;
}

char *reap_options_command(const struct reap_options *o)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    if (!f)
        return NULL;
    for (int i = 0; i < o->argc; i++) {
        fputs(i ? " " : "", f);
        reap_redact(f, i ? o->argv[i] : "reap");
    }
    return fclose(f) ? NULL : text;
}
