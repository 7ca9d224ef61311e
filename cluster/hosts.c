#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cluster/hosts.h"
#include "io/out/create.h"
#include "engine/base/clock.h"
#include "engine/base/mem.h"

enum { LINE = 512, WORDS = 16 };

struct host {
    char line[LINE], name[256];
    pid_t asked; /* 0: nobody to ask */
    bool answers;
};

static bool is_here(const char *name)
{
    char here[256] = "";

    gethostname(here, sizeof(here) - 1);
    return !strcmp(name, "localhost") || !strncmp(name, "127.", 4) ||
           !strcmp(name, here);
}

/* In the child: AGENT HOST true. */
static void ask_host(const char *name)
{
    const char *agent = getenv("OMPI_MCA_plm_rsh_agent");
    char text[1024], *arg[WORDS + 3], *save = NULL;
    int n = 0, null = open("/dev/null", O_RDWR);

    snprintf(text, sizeof(text), "%s",
             agent && *agent ? agent
                             : "ssh -o BatchMode=yes -o ConnectTimeout=10 -o "
                               "StrictHostKeyChecking=no");
    text[strcspn(text, ":")] = '\0'; /* the first of several */
    for (char *w = strtok_r(text, " ", &save); w && n < WORDS;
         w = strtok_r(NULL, " ", &save))
        arg[n++] = w;
    arg[n++] = (char *)(size_t)name;
    arg[n++] = (char *)(size_t) "true";
    arg[n] = NULL;
    for (int fd = 0; fd < 3 && null >= 0; fd++)
        dup2(null, fd);
    setsid();
    execvp(arg[0], arg);
    _exit(127);
}

static int hosts_read(FILE *f, struct host **out, size_t *n,
                      struct reap_err *err)
{
    char line[LINE];

    while (fgets(line, sizeof(line), f)) {
        struct host *more, h = { .answers = false };

        line[strcspn(line, "\r\n")] = '\0';
        if (sscanf(line, " %255[^ \t#:]", h.name) != 1)
            continue;
        snprintf(h.line, sizeof(h.line), "%s", line);
        more = reap_realloc(*out, (*n + 1) * sizeof(*more));
        if (!more)
            return reap_fail(err, REAP_ENOMEM, "no memory for the hosts");
        *out = more;
        more[(*n)++] = h;
    }
    return REAP_OK;
}

static void ask_all(struct host *h, size_t n)
{
    fflush(NULL);
    for (size_t i = 0; i < n; i++) {
        h[i].answers = is_here(h[i].name);
        if (h[i].answers)
            continue;
        h[i].asked = fork();
        if (!h[i].asked)
            ask_host(h[i].name);
    }
}

static void hosts_wait(struct host *h, size_t n, double seconds)
{
    const double end = reap_clock() + seconds;
    size_t open = 1;

    while (open) {
        const bool late = reap_clock() > end;

        open = 0;
        for (size_t i = 0; i < n; i++) {
            int status;

            if (h[i].asked <= 0)
                continue;
            if (late)
                kill(-h[i].asked, SIGKILL), kill(h[i].asked, SIGKILL);
            if (waitpid(h[i].asked, &status, late ? 0 : WNOHANG)) {
                h[i].answers =
                    !late && WIFEXITED(status) && !WEXITSTATUS(status);
                h[i].asked = 0;
            } else {
                open++;
            }
        }
        if (open)
            reap_nap(0.05);
    }
}

static int hosts_write(const struct host *h, size_t n, const char *to,
                       struct reap_err *err)
{
    const int fd = reap_create_own(to, O_WRONLY | O_CREAT | O_TRUNC);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;

    for (size_t i = 0; f && i < n; i++)
        if (h[i].answers)
            fprintf(f, "%s\n", h[i].line);
    if (f && !fclose(f))
        return REAP_OK;
    return reap_fail(err, REAP_EIO, "%s: %s", to, strerror(errno));
}

int reap_hosts_answering(const char *from, const char *to, double seconds,
                         size_t *lost, char *names, size_t size,
                         struct reap_err *err)
{
    FILE *f = fopen(from, "r");
    struct host *h = NULL;
    size_t n = 0;
    int rc = f ? hosts_read(f, &h, &n, err)
               : reap_fail(err, REAP_EIO, "%s: %s", from, strerror(errno));

    *lost = 0;
    names[0] = '\0';
    if (f)
        fclose(f);
    if (!rc && !getenv("SLURM_JOB_ID")) {
        ask_all(h, n);
        hosts_wait(h, n, seconds);
        for (size_t i = 0; i < n; i++)
            if (!h[i].answers) {
                const size_t at = strlen(names);

                snprintf(names + at, size - at, "%s%s", at ? ", " : "",
                         h[i].name);
                ++*lost;
            }
    }
    if (!rc && *lost && *lost == n)
        rc = reap_fail(err, REAP_ENOTFOUND, "no host of %s answers: %s", from,
                       names);
    if (!rc && *lost)
        rc = hosts_write(h, n, to, err);
    reap_free(h);
    return rc;
}
