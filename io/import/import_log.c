/* What was not taken and which labels were lost, all of it, in a file beside
 * the dataset: a terminal shows only the first few. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "io/file/text.h"
#include "io/import/import_impl.h"
#include "io/out/create.h"

struct reap_import_log {
    char path[4096];
    FILE *f; /* opened when there is something to say */
    bool failed;
};

struct reap_import_log *reap_import_log_new(const char *out)
{
    struct reap_import_log *l = reap_calloc(1, sizeof(*l));

    if (!l)
        return NULL;
    if (snprintf(l->path, sizeof(l->path), "%s/" REAP_IMPORT_LOG, out) >=
        (int)sizeof(l->path))
        l->failed = true;
    else
        unlink(l->path);
    return l;
}

static void open_log(struct reap_import_log *l)
{
    const int fd = reap_create_own(l->path, O_WRONLY | O_CREAT | O_EXCL);

    l->f = fd < 0 ? NULL : fdopen(fd, "w");
    if (!l->f && fd >= 0)
        close(fd);
    l->failed = !l->f;
}

static void put_text(FILE *f, const char *text)
{
    char escaped[REAP_TEXT_ROOM(400)];

    fputs(reap_text_escape(
              escaped, sizeof(escaped),
              (struct reap_bytes){ (const uint8_t *)text, strnlen(text, 400) }),
          f);
}

void reap_import_log_put(struct reap_import_log *l, const char *kind,
                         const char *name, const char *why)
{
    if (!l->f && !l->failed)
        open_log(l);
    if (l->failed)
        return;
    fprintf(l->f, "%s\t", kind);
    put_text(l->f, name);
    putc('\t', l->f);
    put_text(l->f, why);
    putc('\n', l->f);
}

bool reap_import_log_close(struct reap_import_log **l)
{
    struct reap_import_log *old = *l;
    bool good = true;

    if (!old)
        return true;
    *l = NULL;
    if (old->f)
        good = !fclose(old->f);
    good = good && !old->failed;
    reap_free(old);
    return good;
}
