/* Handlers that only set a flag. What a drain means is for the loops that ask
 * (local.c, worker.c, supervise.c). */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cluster/signals.h"
#include "engine/base/err.h"

/* Set by the handlers alone. */
static volatile sig_atomic_t asked;

static void on_drain(int number)
{
    (void)number;
    if (asked == REAP_ASKED_NOTHING)
        asked = REAP_ASKED_DRAIN;
}

static void on_stop(int number)
{
    (void)number;
    if (asked == REAP_ASKED_STOP)
        _exit(reap_exit_status(REAP_ESTOPPED));
    asked = REAP_ASKED_STOP;
}

void reap_signals_install(void)
{
    struct sigaction a;

    memset(&a, 0, sizeof(a));
    sigemptyset(&a.sa_mask);
    a.sa_flags = SA_RESTART;
    a.sa_handler = on_drain;
    sigaction(SIGUSR1, &a, NULL);
    a.sa_handler = on_stop;
    sigaction(SIGTERM, &a, NULL);
    sigaction(SIGINT, &a, NULL);
    a.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &a, NULL);
}

enum reap_asked reap_signals_asked(void)
{
    return (enum reap_asked)asked;
}
