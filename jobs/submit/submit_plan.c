/* From options to the values that a job script is filled with. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "jobs/cli/quote.h"
#include "jobs/submit/submit_plan.h"

enum {
    GRACE = 180,
    RESTARTS = 20,
    MARGIN = 60,
    MINUTE = 60,
    HOUR = 3600,
    DAY = 86400
};

/* ---- the command ---- */

static int copy_command(struct reap_submit_plan *p, struct reap_err *err)
{
    const struct reap_options *o = p->o;

    if (o->n_args < 2)
        return reap_fail(err, REAP_EINVAL,
                         "a scheduler and a command are needed, such as: reap "
                         "submit slurm --time 4:00:00 -- extract DATASET -o "
                         "STORE");
    p->argc = o->n_args;
    p->argv = reap_calloc((size_t)p->argc + 1, sizeof(*p->argv));
    if (!p->argv)
        return reap_fail(err, REAP_ENOMEM, "no memory");
    p->argv[0] = (char *)(size_t) "reap";
    for (int i = 1; i < p->argc; i++)
        p->argv[i] = o->args[i];
    if (!strcmp(p->argv[1],
                "reap")) /* typed in full: reap submit x -- reap y */
        return reap_fail(err, REAP_EINVAL,
                         "after -- comes the command without 'reap', such as: "
                         "-- extract DATASET -o STORE");
    return REAP_OK;
}

static bool is_one_of(const char *word, const char *list)
{
    const char *at = strstr(list, word);
    size_t n = strlen(word);

    return at && (at == list || at[-1] == ' ') && (!at[n] || at[n] == ' ');
}

static bool is_command(const char *name)
{
    static const char *const known[] = {
#define COMMAND(name, args, about) #name,
#include "jobs/cli/commands.def"
#undef COMMAND
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (!strcmp(known[i], name))
            return true;
    return false;
}

static int parse_command(struct reap_submit_plan *p, struct reap_err *err)
{
    int rc;

    if (is_one_of(p->argv[1], "submit jobs cancel help"))
        return reap_fail(err, REAP_EINVAL, "'%s' is no command for a job",
                         p->argv[1]);
    if (!is_command(p->argv[1]))
        return reap_fail(err, REAP_EINVAL,
                         "no command '%s' to run in the job; try reap help",
                         p->argv[1]);
    /* getopt sorts what it parses */
    p->sorted = reap_calloc((size_t)p->argc + 1, sizeof(*p->sorted));
    if (!p->sorted)
        return reap_fail(err, REAP_ENOMEM, "no memory");
    memcpy(p->sorted, p->argv, (size_t)p->argc * sizeof(*p->sorted));
    rc = reap_options_parse(&p->job, p->argc, p->sorted, err);
    if (!rc && p->job.n_args && is_one_of(p->argv[1], "extract classify") &&
        strcmp(p->scheduler->name, "k8s") != 0 && access(p->job.args[0], R_OK))
        rc = reap_fail(err, REAP_ENOTFOUND, "%s: %s", p->job.args[0],
                       strerror(errno));
    p->stores = p->job.output && is_one_of(p->argv[1], "extract classify");
    if (!rc && p->job.ranks_given)
        rc = reap_fail(err, REAP_EINVAL,
                       "--ranks follows from the job: say --nodes before --");
    return rc ? reap_wrap(err, rc, "%s", p->argv[1]) : REAP_OK;
}

/* ---- spans of time ---- */

/* "4:00:00", "1-12:00:00", "90m", "12h", "2d", "3600s". 0 if it is none. */
static uint64_t span(const char *text)
{
    unsigned long long d = 0, h = 0, m = 0, s = 0;
    char unit = 0, rest = 0;

    if (strspn(text, "0123456789-:smhd") != strlen(text))
        return 0;
    if (sscanf(text, "%llu-%llu:%llu:%llu%c", &d, &h, &m, &s, &rest) == 4)
        return d * DAY + h * HOUR + m * MINUTE + s;
    d = 0;
    if (sscanf(text, "%llu:%llu:%llu%c", &h, &m, &s, &rest) == 3)
        return h * HOUR + m * MINUTE + s;
    if (sscanf(text, "%llu%c%c", &s, &unit, &rest) == 2)
        return unit == 's'   ? s
               : unit == 'm' ? s * MINUTE
               : unit == 'h' ? s * HOUR
               : unit == 'd' ? s * DAY
                             : 0;
    return 0;
}

static char *span_text(uint64_t s, enum reap_time_style style)
{
    char text[64];

    switch (style) {
    case REAP_TIME_DAYS:
        snprintf(text, sizeof(text), "%" PRIu64 "-%02u:%02u:%02u", s / DAY,
                 (unsigned)(s % DAY / HOUR), (unsigned)(s % HOUR / MINUTE),
                 (unsigned)(s % MINUTE));
        break;
    case REAP_TIME_HOURS:
        snprintf(text, sizeof(text), "%" PRIu64 ":%02u:%02u", s / HOUR,
                 (unsigned)(s % HOUR / MINUTE), (unsigned)(s % MINUTE));
        break;
    case REAP_TIME_MINUTES:
        snprintf(text, sizeof(text), "%" PRIu64, (s + MINUTE - 1) / MINUTE);
        break;
    case REAP_TIME_SECONDS:
        snprintf(text, sizeof(text), "%" PRIu64, s);
        break;
    }
    return reap_strdup(text);
}

static int parse_time(struct reap_submit_plan *p, struct reap_err *err)
{
    const struct reap_options *o = p->o;

    p->grace = o->grace_given ? o->grace : GRACE;
    p->restarts = o->restarts_given ? o->restarts : RESTARTS;
    p->nodes = o->nodes_given ? o->nodes : 1;
    if (!p->nodes || p->nodes > 100000)
        return reap_fail(err, REAP_EINVAL, "--nodes %" PRIu64 ": 1 to 100000",
                         p->nodes);
    if (!o->time)
        return REAP_OK;
    p->seconds = span(o->time);
    if (!p->seconds)
        return reap_fail(err, REAP_EINVAL,
                         "--time %s: a span such as 4:00:00, 1-12:00:00, 90m, "
                         "12h or 2d is needed",
                         o->time);
    if (p->seconds < p->grace + 2 * MARGIN)
        return reap_fail(
            err, REAP_EINVAL,
            "--time %s is too short: the job starts to drain %" PRIu64
            " seconds before its end, and Slurm up to a minute "
            "earlier; ask for more, or for a shorter --grace",
            o->time, p->grace);
    return REAP_OK;
}

/* ---- names and places ---- */

/* One line without control characters: it becomes one in the script. */
static int check_text(const char *option, const char *text,
                      struct reap_err *err)
{
    for (const char *c = text; c && *c; c++)
        if (iscntrl(*c & 0xff))
            return reap_fail(err, REAP_EINVAL,
                             "--%s: control characters are not possible",
                             option);
    return REAP_OK;
}

static int check_texts(const struct reap_options *o, struct reap_err *err)
{
    const struct {
        const char *option, *text;
    } all[] = { { "partition", o->partition },
                { "account", o->account },
                { "qos", o->qos },
                { "mem", o->mem },
                { "image", o->image },
                { "claim", o->claim },
                { "namespace", o->namespace },
                { "scheduler-option", o->scheduler_option } };
    int rc = REAP_OK;

    for (size_t i = 0; !rc && i < sizeof(all) / sizeof(all[0]); i++)
        rc = check_text(all[i].option, all[i].text, err);
    return rc;
}

/* --name, or the command and what it writes: extract-vectors. */
static int name_job(struct reap_submit_plan *p, struct reap_err *err)
{
    const char *given = p->o->name, *out = p->job.output;
    const char *base = out && strrchr(out, '/') && strrchr(out, '/')[1]
                           ? strrchr(out, '/') + 1
                           : out;

    snprintf(p->name, sizeof(p->name), "%s%s%s", given ? given : p->argv[1],
             given || !base ? "" : "-", given || !base ? "" : base);
    for (char *c = p->name; *c; c++)
        if (!isalnum(*c & 0xff) && *c != '-' && (*c != '.' && *c != '_')) {
            if (given)
                return reap_fail(err, REAP_EINVAL,
                                 "--name %s: letters, digits, '-', '_' and '.' "
                                 "are possible",
                                 given);
            *c = '-';
        }
    if (!strcmp(p->scheduler->name, "k8s")) /* a DNS label */
        for (char *c = p->name; *c; c++)
            *c = *c == '_' || *c == '.' ? '-' : (char)tolower(*c & 0xff);
    while (*p->name && p->name[strlen(p->name) - 1] == '-')
        p->name[strlen(p->name) - 1] = '\0';
    return *p->name ? REAP_OK
                    : reap_fail(err, REAP_EINVAL, "--name: a name is needed");
}

static int find_places(struct reap_submit_plan *p, struct reap_err *err)
{
    ssize_t n = readlink("/proc/self/exe", p->self, sizeof(p->self) - 1);
    const char *out = p->o->output;
    const size_t room = sizeof(p->script);
    const char *ending = strcmp(p->scheduler->name, "k8s") ? "sh" : "yaml";
    bool fits;

    if (n <= 0 || !getcwd(p->workdir, sizeof(p->workdir)))
        return reap_fail(err, REAP_EIO, "this folder: %s", strerror(errno));
    p->self[n] = '\0';
    if (out)
        fits = (size_t)snprintf(p->script, room, "%s%s%s",
                                *out == '/' ? "" : p->workdir,
                                *out == '/' ? "" : "/", out) < room;
    else
        fits = (size_t)snprintf(p->script, room, "%s/%s.%s.%s", p->workdir,
                                p->name, p->scheduler->name, ending) < room;
    fits = fits && (size_t)snprintf(p->log, sizeof(p->log), "%s/%s.log",
                                    p->workdir, p->name) < sizeof(p->log);
    return fits ? REAP_OK
                : reap_fail(err, REAP_EINVAL, "the path %s is too long",
                            p->workdir);
}

/* ---- lines of the script ---- */

static void run_line(struct reap_submit_plan *p, FILE *f)
{
    const bool many = p->nodes > 1;
    const bool itself = is_one_of(p->argv[1], "extract classify");
    const bool hosts = strcmp(p->scheduler->name, "slurm") &&
                       strcmp(p->scheduler->name, "local");

    if (many && !itself) {
        fprintf(f, "mpirun -n %" PRIu64 " --map-by ppr:1:node --bind-to none ",
                p->nodes);
        if (hosts)
            fputs("--hostfile \"$hosts\" ", f);
    }
    reap_quote(f, p->self);
    for (int i = 1; i < p->argc; i++) {
        putc(' ', f);
        reap_quote(f, p->argv[i]);
    }
    if (many && itself) {
        fprintf(f, " --ranks %" PRIu64, p->nodes);
        if (hosts)
            fputs(" --hostfile \"$hosts\"", f);
    }
    if (!strcmp(p->scheduler->name, "pbs") && p->seconds &&
        !p->job.time_limit_given &&
        is_one_of(p->argv[1], "extract classify fit tune"))
        fprintf(f, " --time-limit %" PRIu64, p->seconds - p->grace);
}

static void check_line(struct reap_submit_plan *p, FILE *f)
{
    if (!p->stores)
        return;
    reap_quote(f, p->self);
    fputs(" info ", f);
    reap_quote(f, p->job.output);
    fputs(" --complete --quiet >/dev/null", f);
}

static void args_line(struct reap_submit_plan *p, FILE *f)
{
    putc('[', f);
    for (int i = 1; i < p->argc; i++) {
        fputs(i > 1 ? ", \"" : "\"", f);
        for (const char *c = p->argv[i]; *c; c++)
            if (*c == '"' || *c == '\\')
                fprintf(f, "\\%c", *c);
            else
                putc(*c, f);
        putc('"', f);
    }
    putc(']', f);
}

static void title_line(struct reap_submit_plan *p, FILE *f)
{
    for (int i = 0; i < p->argc; i++) {
        if (i)
            putc(' ', f);
        reap_quote(f, p->argv[i]);
    }
}

/* ---- the values ---- */

/* Add a value; it is owned, and NULL means no memory. */
static void put(struct reap_submit_plan *p, const char *name, char *text)
{
    p->text[p->n] = text;
    p->value[p->n++] = (struct reap_value){ name, text };
}

static void put_copy(struct reap_submit_plan *p, const char *name,
                     const char *text)
{
    put(p, name, reap_strdup(text ? text : ""));
}

static void put_number(struct reap_submit_plan *p, const char *name, uint64_t n)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, n);
    put_copy(p, name, text);
}

static void put_line(struct reap_submit_plan *p, const char *name,
                     void (*write)(struct reap_submit_plan *p, FILE *f))
{
    char *made = NULL;
    size_t size;
    FILE *f = open_memstream(&made, &size);

    if (f)
        write(p, f);
    put_copy(p, name, f && !fclose(f) ? made : NULL);
    free(made);
}

static void put_quoted(struct reap_submit_plan *p, const char *name,
                       const char *text)
{
    char *made = NULL;
    size_t size;
    FILE *f = open_memstream(&made, &size);

    if (f)
        reap_quote(f, text);
    put_copy(p, name, f && !fclose(f) ? made : NULL);
    free(made);
}

static void put_select(struct reap_submit_plan *p)
{
    char text[128] = "";

    if (p->o->cpus_given)
        snprintf(text, sizeof(text), ":ncpus=%" PRIu64 ":mpiprocs=1",
                 p->o->cpus);
    if (p->o->mem)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), ":mem=%s",
                 p->o->mem);
    /* never empty: an empty value leaves its line out */
    put_copy(p, "select", *text ? text : ":mpiprocs=1");
}

static void put_all(struct reap_submit_plan *p)
{
    const struct reap_options *o = p->o;

    put_line(p, "title", title_line);
    put_copy(p, "name", p->name);
    put_number(p, "nodes", p->nodes);
    if (o->cpus_given)
        put_number(p, "cpus", o->cpus);
    else
        put_copy(p, "cpus", NULL);
    put_copy(p, "exclusive", o->cpus_given ? NULL : "--exclusive");
    put_copy(p, "mem", o->mem);
    put(p, "time",
        p->seconds ? span_text(p->seconds, p->scheduler->time)
                   : reap_strdup(""));
    put(p, "seconds",
        p->seconds ? span_text(p->seconds, REAP_TIME_SECONDS)
                   : reap_strdup(""));
    put_copy(p, "partition", o->partition);
    put_copy(p, "account", o->account);
    put_copy(p, "qos", o->qos);
    put_copy(p, "scheduler_option", o->scheduler_option);
    put_number(p, "grace", p->grace);
    put_number(p, "restarts", p->restarts);
    put_copy(p, "log", p->log);
    put_quoted(p, "workdir", p->workdir);
    put_quoted(p, "script", p->script);
    put_line(p, "run", run_line);
    put_line(p, "check", check_line);
    put_line(p, "args", args_line);
    put_select(p);
    put_copy(p, "image", o->image);
    put_copy(p, "claim", o->claim);
    put_copy(p, "namespace", o->namespace);
}

static int check_k8s(const struct reap_submit_plan *p, struct reap_err *err)
{
    if (strcmp(p->scheduler->name, "k8s") != 0 || (p->o->image && p->o->claim))
        return REAP_OK;
    return reap_fail(err, REAP_EINVAL,
                     "a job of Kubernetes needs --image, where the container "
                     "image of cluster/k8s/Containerfile is, and --claim, the "
                     "volume claim that holds dataset and store");
}

int reap_submit_plan(struct reap_submit_plan *p, const struct reap_options *o,
                     struct reap_err *err)
{
    int rc;

    memset(p, 0, sizeof(*p));
    p->o = o;
    rc = copy_command(p, err);
    if (!rc) {
        p->scheduler = reap_scheduler_find(o->args[0], err);
        rc = p->scheduler ? REAP_OK : REAP_EINVAL;
    }
    if (!rc)
        rc = parse_time(p, err);
    if (!rc)
        rc = check_texts(o, err);
    if (!rc)
        rc = parse_command(p, err);
    if (!rc && p->nodes > 1 &&
        !is_one_of(p->argv[1], "extract classify fit tune"))
        rc = reap_fail(err, REAP_EINVAL,
                       "%s runs on one node: leave --nodes out", p->argv[1]);
    if (!rc && p->nodes > 1 && !strcmp(p->scheduler->name, "local"))
        rc = reap_fail(err, REAP_EINVAL, "this machine is one node");
    if (!rc && p->nodes > 1 && !strcmp(p->scheduler->name, "k8s") &&
        !is_one_of(p->argv[1], "extract classify"))
        rc = reap_fail(err, REAP_EINVAL,
                       "%s runs in one pod of Kubernetes: leave --nodes out",
                       p->argv[1]);
    if (!rc)
        rc = check_k8s(p, err);
    if (!rc)
        rc = name_job(p, err);
    if (!rc)
        rc = find_places(p, err);
    if (rc)
        return rc;
    put_all(p);
    for (size_t i = 0; i < p->n; i++)
        if (!p->text[i])
            return reap_fail(err, REAP_ENOMEM, "no memory");
    return REAP_OK;
}

const char *reap_submit_template(const struct reap_submit_plan *p)
{
    return p->nodes > 1 ? p->scheduler->script : p->scheduler->script_one;
}

void reap_submit_plan_clear(struct reap_submit_plan *p)
{
    for (size_t i = 0; i < p->n; i++)
        reap_free(p->text[i]);
    reap_options_clear(&p->job);
    reap_free(p->argv);
    reap_free(p->sorted);
    memset(p, 0, sizeof(*p));
}
