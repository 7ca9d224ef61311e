/*
 * cluster/signals.h - what signals ask of a run
 *
 * SIGUSR1 drains: finish what is leased, commit, exit 75. SIGTERM and SIGINT
 * stop: finish the batch in hand only. A second one of these ends the process
 * at once. The handlers set a flag; the run looks at it. Any thread may ask.
 */
#ifndef REAP_CLUSTER_SIGNALS_H
#define REAP_CLUSTER_SIGNALS_H

enum reap_asked { REAP_ASKED_NOTHING, REAP_ASKED_DRAIN, REAP_ASKED_STOP };

/* Install the handlers. Call before threads are started. */
void reap_signals_install(void);

/* The most urgent thing that has been asked for so far. */
enum reap_asked reap_signals_asked(void);

#endif /* REAP_CLUSTER_SIGNALS_H */
