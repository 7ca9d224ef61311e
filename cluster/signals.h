/*
 * cluster/signals.h - what the outside asks of a run
 *
 * SIGUSR1 drains: finish what is leased, commit, exit 75. SIGTERM and SIGINT
 * stop: finish the batch in hand only. A second one of these ends the process
 * at once. The handlers set a flag; the run looks at it.
 */
#ifndef REAP_CLUSTER_SIGNALS_H
#define REAP_CLUSTER_SIGNALS_H

enum reap_asked { REAP_ASKED_NOTHING, REAP_ASKED_DRAIN, REAP_ASKED_STOP };

/* Install the handlers. Call before threads are started. */
void reap_signals_install(void);

enum reap_asked reap_signals_asked(void);

#endif /* REAP_CLUSTER_SIGNALS_H */
