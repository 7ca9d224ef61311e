/*
 * io/cache/hash_memo.h - the sha256 of a file that has not changed since
 *
 * Hashing a weights file takes longer than all else at a second start. What its
 * hash was is remembered with its device, inode, size and times of change,
 * in the folder "hashes" of io/cache/cache.h; a file that was changed less than
 * two seconds before it was hashed is not, as a later change may bear the same
 * time. Any thread.
 */
#ifndef REAP_IO_CACHE_HASH_MEMO_H
#define REAP_IO_CACHE_HASH_MEMO_H

#include <stdbool.h>
#include <sys/stat.h>

enum { REAP_MEMO_NOTE = 24 };

/* What was remembered of the file that 'st' tells of: its hash in hex, and a
 * word stored with it. False if nothing was. */
bool reap_hash_memo_find(const struct stat *st, char sha256[65],
                         char note[REAP_MEMO_NOTE]);

/* Remember it. 'st' was taken before the file was read. Where that cannot be
 * written nothing happens. */
void reap_hash_memo_put(const struct stat *st, const char *sha256,
                        const char *note);

#endif /* REAP_IO_CACHE_HASH_MEMO_H */
