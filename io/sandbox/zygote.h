/*
 * io/sandbox/zygote.h - clean children, forked at any time
 *
 * A process with threads, LMDB's maps or MPI must not fork helpers: they would
 * inherit all of it. So one process is forked before anything else has begun;
 * it does nothing but fork children for who asks, and ends with its parent. Any
 * thread may ask.
 */
#ifndef REAP_IO_SANDBOX_ZYGOTE_H
#define REAP_IO_SANDBOX_ZYGOTE_H

#include <stdbool.h>

#include "engine/base/err.h"

/* What a child does, with one end of a socket and a piece of memory (a memfd),
 * the only descriptors it has beside /dev/null as 0, 1 and 2. Its end ends the
 * child. */
typedef void reap_zygote_fn(int socket, int memory);

/* Fork the zygote, whose children run 'serve'. Call it before threads are
 * started and libraries are used. REAP_OK, REAP_ENOMEM. */
int reap_zygote_start(reap_zygote_fn *serve,
                      struct reap_err *err) REAP_MUST_CHECK;

/* Is there one to ask? */
bool reap_zygote_is_up(void);

/* Fork a child and give it copies of the two descriptors. REAP_OK once it was
 * asked for (a fork that fails shows as the end of the socket), else
 * REAP_ENOMEM. */
int reap_zygote_spawn(int socket, int memory,
                      struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_IO_SANDBOX_ZYGOTE_H */
