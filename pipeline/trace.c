/* One write per line, so that lines of several processes do not mix. Nobody is
 * told of a failure: a trace must not change a run. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/out/create.h"
#include "io/file/limits.h"
#include "io/file/text.h"
#include "pipeline/trace.h"

static bool wanted(void)
{
    return getenv("REAP_TRACE") != NULL;
}

/* One write a line, so that lines of several processes do not mix. */
static void trace_append(const char *format, ...) REAP_PRINTF(1, 2);
static void trace_append(const char *format, ...)
{
    char line[128 + REAP_TEXT_ROOM(REAP_KEY_MAX)];
    int fd, n;
    va_list ap;

    va_start(ap, format);
    n = vsnprintf(line, sizeof(line), format, ap);
    va_end(ap);
    fd = reap_create_own(getenv("REAP_TRACE"), O_WRONLY | O_APPEND | O_CREAT);
    if (fd < 0)
        return;
    if (write(fd, line, (size_t)n) < 0) {
        /* The run does not depend on it. */
    }
    close(fd);
}

void reap_trace_lease(const struct reap_lease *l)
{
    char key[REAP_TEXT_ROOM(REAP_KEY_MAX)];

    if (!wanted())
        return;
    reap_text_escape(key, sizeof(key),
                     (struct reap_bytes){ l->key, l->key_len });
    trace_append("lease %ld %" PRIu64 " %" PRIu32 " %" PRIu32 " %s\n",
                 (long)getpid(), l->shard, l->attempt, l->count, key);
}

static void about_key(const char *word, struct reap_bytes key)
{
    char text[REAP_TEXT_ROOM(REAP_KEY_MAX)];

    if (wanted())
        trace_append("%s %ld %s\n", word, (long)getpid(),
                     reap_text_escape(text, sizeof(text), key));
}

void reap_trace_run(struct reap_bytes key)
{
    about_key("run", key);
}

void reap_trace_row(struct reap_bytes key)
{
    about_key("row", key);
}

void reap_trace_end(void)
{
    if (wanted())
        trace_append("end %ld\n", (long)getpid());
}
