#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "jobs/cli/options.h"

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

/* Is 'word' one of the space-separated words of 'list'? */
static bool in_list(const char *list, const char *word)
{
    size_t n = strlen(word);

    if (!strcmp(list, "*"))
        return true;
    for (const char *p = list; (p = strstr(p, word)); p += n)
        if ((p == list || p[-1] == ' ') && (p[n] == ' ' || !p[n]))
            return true;
    return false;
}

static int parse_count(const char *text, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    return isdigit((unsigned char)*text) && !*end && !errno ? 0 : -1;
}

static int set(struct reap_options *o, size_t i, const char *text,
               struct reap_err *err)
{
    char *at = (char *)o + row[i].at;

    switch (row[i].type) {
    case TEXT:
        *(const char **)(void *)at = text;
        break;
    case FLAG:
        *(bool *)(void *)at = true;
        break;
    case COUNT:
        if (parse_count(text, (uint64_t *)(void *)at))
            return reap_fail(err, REAP_EINVAL,
                             "--%s %s: a whole number is needed", row[i].name,
                             text);
        if (!*(uint64_t *)(void *)at && in_list("limit classes", row[i].name))
            return reap_fail(err, REAP_EINVAL, "--%s 0: at least 1 is needed",
                             row[i].name);
        break;
    }
    *(bool *)(void *)((char *)o + row[i].given_at) = true;
    return REAP_OK;
}

/* Edits needed to turn a into b, at most 'max'. Levenshtein's table. */
static size_t distance(const char *a, const char *b)
{
    enum { MAX = 24 };
    size_t n = strlen(a), m = strlen(b), d[MAX + 1][MAX + 1];

    if (n > MAX || m > MAX)
        return MAX;
    for (size_t i = 0; i <= n; i++)
        for (size_t j = 0; j <= m; j++) {
            size_t best = i + j;
            if (i && j)
                best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (i && d[i - 1][j] + 1 < best)
                best = d[i - 1][j] + 1;
            if (j && d[i][j - 1] + 1 < best)
                best = d[i][j - 1] + 1;
            d[i][j] = best;
        }
    return d[n][m];
}

static int unknown(const char *command, const char *name, struct reap_err *err)
{
    const char *near = NULL;
    size_t best = 4;

    for (size_t i = 0; i < N_ROWS; i++) {
        if (!in_list(row[i].commands, command))
            continue;
        if (distance(name, row[i].name) < best) {
            best = distance(name, row[i].name);
            near = row[i].name;
        }
    }
    for (size_t i = 0; i < N_ROWS; i++)
        if (!strcmp(name, row[i].name))
            return reap_fail(err, REAP_EINVAL,
                             "--%s is not an option of '%s' (of: %s)", name,
                             command, row[i].commands);
    if (near)
        return reap_fail(err, REAP_EINVAL, "no option --%s; was --%s meant?",
                         name, near);
    return reap_fail(err, REAP_EINVAL, "no option --%s; try reap help %s", name,
                     command);
}

static bool given(const struct reap_options *o, size_t i)
{
    return *(const bool *)(const void *)((const char *)o + row[i].given_at);
}

static int job_line(struct reap_options *o, char *line, struct reap_err *err)
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
        if (!in_list(row[i].commands, o->command) || given(o, i))
            return REAP_OK; /* for another command, or overruled */
        if (row[i].type != FLAG && !*value)
            return reap_fail(err, REAP_EINVAL, "%s: a value is needed", name);
        return set(o, i, value, err);
    }
    return reap_fail(err, REAP_EINVAL, "no option '%s'", name);
}

static int read_job(struct reap_options *o, struct reap_err *err)
{
    FILE *f = fopen(o->job, "r");
    char *text = NULL, *save = NULL;
    size_t n = 0;
    int rc = REAP_OK;

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
        rc = job_line(o, line, err);
    return rc ? reap_wrap(err, rc, "--job %s", o->job) : REAP_OK;
}

static void getopt_tables(const char *command, struct option *longs,
                          char *shorts)
{
    size_t n = 0;

    *shorts++ = ':';
    for (size_t i = 0; i < N_ROWS; i++) {
        if (!in_list(row[i].commands, command))
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
    while (!rc && (c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        const char *word = argv[optind - 1];

        if (c == ':')
            rc = reap_fail(err, REAP_EINVAL, "%s: a value is needed", word);
        else if (c == '?' && !strncmp(word, "--", 2))
            rc = unknown(o->command, word + 2, err);
        else if (c == '?')
            rc = reap_fail(err, REAP_EINVAL, "no option -%c; try reap help %s",
                           optopt, o->command);
        else
            rc = set(o,
                     c >= FIRST_LONG ? (size_t)(c - FIRST_LONG) : by_letter(c),
                     optarg, err);
    }
    o->n_args = argc - optind;
    o->args = argv + optind;
    if (!rc && o->job)
        rc = read_job(o, err);
    return rc;
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
            fprintf(f, "%s %s\n", row[i].name,
                    *(const char *const *)(const void *)at);
        else if (row[i].type == COUNT)
            fprintf(f, "%s %llu\n", row[i].name,
                    (unsigned long long)*(const uint64_t *)(const void *)at);
        else
            fprintf(f, "%s\n", row[i].name);
    }
    return fclose(f) ? NULL : text;
}

void reap_options_help(FILE *to, const char *command)
{
    enum { LEFT = 25 }; /* what is longer gets a line of its own */
    char left[80];

    for (size_t i = 0; i < N_ROWS; i++) {
        const char letter[] = { '-', (char)row[i].letter, ',', ' ', '\0' };

        if (!in_list(row[i].commands, command))
            continue;
        snprintf(left, sizeof(left), "%s--%s %s",
                 row[i].letter ? letter : "    ", row[i].name, row[i].arg);
        if (strlen(left) > LEFT)
            fprintf(to, "  %s\n  %-*s  %s\n", left, LEFT, "", row[i].about);
        else
            fprintf(to, "  %-*s  %s\n", LEFT, left, row[i].about);
    }
}

void reap_options_clear(struct reap_options *o)
{
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
    for (int i = 0; i < o->argc; i++)
        fprintf(f, "%s%s", i ? " " : "", i ? o->argv[i] : "reap");
    return fclose(f) ? NULL : text;
}
