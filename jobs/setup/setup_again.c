/* The store's own job, its options read back as a command line. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/store/fingerprint.h"
#include "jobs/setup/setup_again.h"

enum { MAX_ARGS = 256 };

/* The job's options as a command line, and what is given behind them, which
 * therefore counts. The words point into 'text'. */
static int command_line(char *text, char **argv)
{
    static const char *const taken[] = {
        "output",  "ranks", "hostfile",  "retry-failed",
        "changed", "prune", "dedicated", "time-limit",
        "json",    "quiet", "sample",    "dataset"
    };
    int argc = 2;
    char *save = NULL;

    for (char *line = strtok_r(text, "\n", &save); line && argc < MAX_ARGS - 2;
         line = strtok_r(NULL, "\n", &save)) {
        char *value = strchr(line, ' '), *name;
        bool left_out;

        if (value)
            *value++ = '\0';
        left_out = !reap_options_take(argv[1], line);
        for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
            left_out = left_out || !strcmp(line, taken[i]);
        if (left_out)
            continue;
        name = line - 2; /* the caller left room for the dashes */
        memcpy(name, "--", 2);
        argv[argc++] = name;
        if (value)
            argv[argc++] = value;
    }
    argv[argc] = NULL;
    return argc;
}

/* All lines of both texts, each with two bytes of room before it. Owned. */
static char *join_lines(const char *a, const char *b)
{
    const char *part[] = { a ? a : "", b ? b : "" };
    char *text = reap_calloc(3, strlen(part[0]) + strlen(part[1]) + 4);
    char *to = text;

    for (size_t i = 0; i < 2 && text; i++)
        for (const char *p = part[i]; *p;) {
            size_t n = strcspn(p, "\n");

            memcpy(to, "\n\n", 2);
            memcpy(to + 2, p, n);
            to += n + 2;
            *to++ = '\n';
            p += n + (p[n] == '\n');
        }
    return text;
}

/* Compare fingerprint_text with the store's: the same rows must come out. */
static int same_kind(const struct reap_store_view *v, const char *now,
                     struct reap_err *err)
{
    const char *then = reap_store_meta(v->store, "made_of");
    char old[150], new[150];

    while (then && *then && *now) {
        size_t a = strcspn(then, "\n"), b = strcspn(now, "\n");

        if (a != b || memcmp(then, now, a) != 0)
            return reap_fail(err, REAP_EMISFIT,
                             "these rows cannot be computed here: the store "
                             "has %s, this run %s",
                             reap_fingerprint_line(then, old, sizeof(old)),
                             reap_fingerprint_line(now, new, sizeof(new)));
        then += a + (then[a] == '\n');
        now += b + (now[b] == '\n');
    }
    return then && *then == *now
               ? REAP_OK
               : reap_fail(err, REAP_EMISFIT, "%s was made by another version",
                           v->path);
}

int reap_setup_again(struct reap_setup *setup, const struct reap_store_view *v,
                     const char *more, char **text, struct reap_err *err)
{
    char reap[] = "reap", classify[] = "classify", extract[] = "extract";
    char *argv[MAX_ARGS], *fingerprint_text;
    struct reap_options o;
    char as[128];
    bool top = reap_store_view_has_top(v);
    int rc, argc;

    *text = join_lines(reap_store_meta(v->store, "job"), more);
    if (!*text)
        return reap_fail(err, REAP_ENOMEM, "no memory for the job");
    argv[0] = reap;
    argv[1] = top ? classify : extract;
    argc = command_line(*text, argv);
    rc = reap_options_parse(&o, argc, argv, err);
    if (!rc)
        rc = reap_setup_begin(setup, &o, top, NULL, err);
    if (!rc) {
        /* In the store's arithmetic, even if there is a better one here. */
        reap_store_view_line(v, "made_of", "class", as, sizeof(as));
        rc = reap_setup_finish(setup, &o, reap_setup_arith(setup, as), err);
        if (rc)
            reap_setup_close(setup);
    }
    if (!rc) {
        fingerprint_text = reap_setup_fingerprint_text(setup, &o);
        rc = fingerprint_text ? same_kind(v, fingerprint_text, err)
                              : reap_fail(err, REAP_ENOMEM, "no memory");
        reap_free(fingerprint_text);
        if (rc)
            reap_setup_close(setup);
    }
    reap_options_clear(&o);
    return rc;
}
