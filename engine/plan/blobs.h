/*
 * engine/plan/blobs.h - where packed weights are kept from one start to the
 * next
 *
 * The engine knows no files: a caller that has a place to keep a block of bytes
 * implements these calls (io/cache/blob_cache.h). A blob is constant, and may
 * be shared with other processes. Nothing depends on a blob being there: each
 * call may find none, for any reason, and the weights are packed again.
 */
#ifndef REAP_ENGINE_PLAN_BLOBS_H
#define REAP_ENGINE_PLAN_BLOBS_H

#include <stddef.h>

/* One thread at a time. */
struct reap_blobs {
    void *own;
    /*
     * The blob of 'len' bytes that is kept under 'key', some bytes that tell
     * all that decides it. 64-byte aligned, borrowed until let_go(). NULL:
     * there is none, and the caller makes it; others that want the
     * same may be waiting meanwhile, until keep() or give_up().
     */
    const void *(*take)(void *own, const void *key, size_t key_len, size_t len);
    /* Keep 'data' under the key of the last take(). Returns what take() would
     * now, which spares the caller its own copy; or NULL. */
    const void *(*keep)(void *own, const void *data, size_t len);
    void (*give_up)(void *own);
    void (*let_go)(void *own, const void *blob, size_t len);
};

#endif /* REAP_ENGINE_PLAN_BLOBS_H */
