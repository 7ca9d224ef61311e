#define _DEFAULT_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "jobs/cli/terminal.h"

enum { USUAL = 80, MOST = 1000 };

static bool is_set(const char *name)
{
    const char *value = getenv(name);

    return value && *value;
}

bool reap_terminal(void)
{
    return is_set("TERM") && strcmp(getenv("TERM"), "dumb") != 0 &&
           isatty(STDERR_FILENO);
}

size_t reap_terminal_width(void)
{
    struct winsize size = { 0 };
    unsigned long columns = 0;

    if (!ioctl(STDERR_FILENO, TIOCGWINSZ, &size))
        columns = size.ws_col;
    if (!columns && is_set("COLUMNS"))
        columns = strtoul(getenv("COLUMNS"), NULL, 10);
    return columns > 0 && columns <= MOST ? columns : USUAL;
}

bool reap_terminal_colour(void)
{
    return reap_terminal() && !is_set("NO_COLOR");
}
