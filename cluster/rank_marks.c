/* Lines appended with one write each, so that ranks may write at the same time,
 * and their reader in the supervisor. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cluster/rank_marks.h"
#include "engine/base/clock.h"
#include "io/out/create.h"

static const double BEAT = 5; /* seconds */

bool reap_rank_marks_wanted(void)
{
    return getenv(REAP_RANK_MARKS) != NULL;
}

/* The supervisor made the file: it is not made anew once it was taken away. */
static void rank_marks_append(const char *line)
{
    const char *path = getenv(REAP_RANK_MARKS);
    int fd = path ? reap_create_own(path, O_WRONLY | O_APPEND) : -1;

    if (fd < 0)
        return;
    if (write(fd, line, strlen(line)) < 0) {
        /* Nobody can be told here, and the run does not depend on it. */
    }
    close(fd);
}

void reap_rank_mark(const char *word)
{
    char line[32];

    snprintf(line, sizeof(line), "%s\n", word);
    rank_marks_append(line);
}

static void *beat_on(void *p)
{
    for (;;) {
        reap_rank_mark("beat");
        reap_nap(BEAT);
    }
    return p;
}

void reap_rank_marks_beat(void)
{
    pthread_attr_t attr;
    pthread_t thread;

    if (!reap_rank_marks_wanted() || pthread_attr_init(&attr))
        return;
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &attr, beat_on, NULL)) {
        /* Without a first beat the supervisor waits for none. */
    }
    pthread_attr_destroy(&attr);
}

void reap_rank_marks_end(int status)
{
    char line[32];

    snprintf(line, sizeof(line), "end %d\n", status);
    rank_marks_append(line);
}

void reap_rank_marks_read(const char *path, struct reap_rank_marks *out)
{
    FILE *f = fopen(path, "r");
    char line[64];

    memset(out, 0, sizeof(*out));
    while (f && fgets(line, sizeof(line), f)) {
        const bool beat = !strcmp(line, "beat\n");

        out->length += !beat ? strlen(line) : 0;
        out->beats += beat;
        out->ready += !strcmp(line, "ready\n");
        out->met |= !strcmp(line, "met\n");
        out->hello |= !strcmp(line, "hello\n");
        out->time |= !strcmp(line, "time\n");
        out->drain |= !strcmp(line, "drain\n");
        out->ended |= sscanf(line, "end %d", &out->status) == 1;
    }
    if (f)
        fclose(f);
}
