/* A stream in place of stdout, whose text is looked through and passed on. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/file/text.h"
#include "jobs/cli/guard_stdout.h"

static struct {
    FILE *to; /* the stream that was stdout */
    bool json;
    char begun[4]; /* of a character that is not whole */
    size_t n_begun;
} guard;

static ssize_t pass_on(void *ctx, const char *text, size_t len)
{
    char first[8];
    size_t taken = 0;

    (void)ctx;
    if (guard.n_begun) {
        const size_t old = guard.n_begun, more = len < 4 ? len : 4;

        memcpy(first, guard.begun, old);
        memcpy(first + old, text, more);
        taken = reap_text_safe(guard.to, first, old + more, guard.json, false);
        guard.n_begun = 0;
        if (taken < old) { /* more than three bytes would have been taken */
            guard.n_begun = old + more - taken;
            memcpy(guard.begun, first + taken, guard.n_begun);
            return (ssize_t)len;
        }
        taken -= old;
    }
    taken +=
        reap_text_safe(guard.to, text + taken, len - taken, guard.json, false);
    guard.n_begun = len - taken;
    memcpy(guard.begun, text + taken, guard.n_begun);
    return fflush(guard.to) || ferror(guard.to) ? 0 : (ssize_t)len;
}

void reap_guard_stdout(bool json)
{
    const cookie_io_functions_t io = { .write = pass_on };
    FILE *f = fopencookie(NULL, "w", io);

    if (!f)
        return;
    setvbuf(f, NULL, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, BUFSIZ);
    guard.to = stdout;
    guard.json = json;
    stdout = f;
}
