/* One write per remark, so that those of several ranks do not mix. */
#include <stdarg.h>
#include <stdio.h>

#include "io/file/text.h"
#include "jobs/cli/progress.h"
#include "jobs/cli/remark.h"

void reap_remark(const struct reap_options *o, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    if (o->quiet)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    reap_progress_hide();
    fputs("reap: ", stderr);
    reap_text_line(stderr, text);
}
