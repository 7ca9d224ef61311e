/*
 * io/store/store_lock.h - one run at a time writes a store
 *
 * On a local disk the holder has an flock on DIR/reap.lock, which the system
 * drops when the process ends, however it ends. Where that cannot be relied
 * upon the holder makes DIR/reap.held, which only one can make, and rewrites
 * it every 2 s (a thread of its own). Both files say who holds: host, boot,
 * process. A dead process of this host is found out at once, another host
 * after 30 s without a sign of life by the file server's clock.
 */
#ifndef REAP_IO_STORE_STORE_LOCK_H
#define REAP_IO_STORE_STORE_LOCK_H

#include <stdbool.h>

#include "engine/base/err.h"

struct reap_store_lock;

/*
 * Become the holder of 'dir'; with 'held' by the second way. Waits up to 15 s
 * (REAP_STORE_WAIT, in seconds, if that is set) for another holder to end.
 * Returns REAP_ECREATE, naming the holder, REAP_EACCESS, REAP_EIO, REAP_ENOMEM.
 */
int reap_store_lock_take(struct reap_store_lock **out, const char *dir,
                         bool held, struct reap_err *err) REAP_MUST_CHECK;

/* Are we still the holder? REAP_EIO if the lock was taken from us. */
int reap_store_lock_check(struct reap_store_lock *l,
                          struct reap_err *err) REAP_MUST_CHECK;

/* Without becoming the holder: REAP_OK if nobody is, else REAP_ECREATE. */
int reap_store_lock_look(const char *dir, bool held,
                         struct reap_err *err) REAP_MUST_CHECK;

/* Release '*l', which becomes NULL; NULL does nothing. */
/* Be the holder no longer; '*l' becomes NULL. NULL does nothing. */
void reap_store_lock_release(struct reap_store_lock **l);

#endif /* REAP_IO_STORE_STORE_LOCK_H */
