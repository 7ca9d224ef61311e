/*
 * cluster/peer.h - one other rank, over MPI
 *
 * A named receive that is always posted, sends that own their bytes, one at a
 * time and in order, and when it was last heard of. Nothing here blocks; all
 * calls come from the one thread that owns MPI.
 */
#ifndef REAP_CLUSTER_PEER_H
#define REAP_CLUSTER_PEER_H

#include "cluster/wire.h"

struct reap_peer;

/* Post the receive from 'rank'; a failure of MPI makes it a lost peer. REAP_OK
 * or REAP_ENOMEM. */
int reap_peer_open(struct reap_peer **out, int rank,
                   struct reap_err *err) REAP_MUST_CHECK;

/* Queue a message; it is copied. REAP_ENOMEM. */
int reap_peer_send(struct reap_peer *p, const struct reap_message *m,
                   struct reap_err *err) REAP_MUST_CHECK;

/*
 * Move sends along, and take a message if one has come: true and '*m' filled,
 * its texts lent until reap_peer_next(), which must follow before another can
 * come. A failure of MPI, or bytes that are no message, mark the peer as lost.
 */
bool reap_peer_poll(struct reap_peer *p, struct reap_message *m);
void reap_peer_next(struct reap_peer *p);

/* What is known of it. Lost: given up, by reap_peer_lose() or a failure of
 * MPI; nothing is sent to it or taken from it any more. */
size_t reap_peer_unsent(const struct reap_peer *p); /* messages */
/* Seconds without a word, of those in which it was polled: a pause of this
 * process, however long, counts for one second. */
double reap_peer_quiet(const struct reap_peer *p);
double reap_peer_spoke(const struct reap_peer *p); /* when it last sent */
bool reap_peer_lost(const struct reap_peer *p);
void reap_peer_lose(struct reap_peer *p);

/* Remember where the other one runs, from its hello or welcome; while it runs
 * here, reap_peer_gone() says whether its process has ended. */
void reap_peer_identify(struct reap_peer *p, uint64_t pid, uint64_t start,
                        const char *host);
bool reap_peer_gone(const struct reap_peer *p);

/* When the process 'pid' of this host started, in ticks since boot: with the
 * pid it names a process for good. 0: there is no such process. */
uint64_t reap_peer_start_time(uint64_t pid);

/* Free '*p', which becomes NULL; what MPI may still use of a lost peer is left
 * to MPI. NULL does nothing. */
void reap_peer_close(struct reap_peer **p);

#endif /* REAP_CLUSTER_PEER_H */
