/*
 * io/import/import_impl.h - the inside of an import; for import*.c
 *
 *   lister --> jobs --> readers (threads) --> items --> writer (the caller)
 *
 * Both queues are bounded, the second by bytes: that is the back-pressure.
 */
#ifndef REAP_IO_IMPORT_IMPORT_IMPL_H
#define REAP_IO_IMPORT_IMPORT_IMPL_H

#include <pthread.h>
#include <sys/types.h>

#include "engine/base/bytes.h"
#include "io/dataset/dataset.h"
#include "io/dataset/index.h"
#include "io/file/limits.h"
#include "io/import/import.h"

/* ---- a queue of pointers, bounded by weight ---- */

struct reap_queue;

/* An empty queue for items of 'max_weight' together. REAP_OK or REAP_ENOMEM. */
int reap_queue_new(struct reap_queue **out, size_t max_weight,
                   struct reap_err *err) REAP_MUST_CHECK;
/* Waits for room. False if the queue was stopped or there is no memory: 'p' is
 * still the caller's. */
bool reap_queue_put(struct reap_queue *q, void *p, size_t weight);
/* NULL at the end, when stopped or, if 'ms' is not negative, after so long
 * with nothing there: then '*late' is true. */
void *reap_queue_get(struct reap_queue *q, int ms, bool *late);
/* The end once what is in it is taken. */
void reap_queue_end(struct reap_queue *q);
/* The end at once, for both sides. */
void reap_queue_stop(struct reap_queue *q);
/* What is left is freed by reap_free(). */
void reap_queue_free(struct reap_queue **q);

/* ---- what goes through them ---- */

enum reap_import_kind { REAP_IMPORT_FILE, REAP_IMPORT_ARCHIVE };

/* What it points to is in one piece of memory with it. */
struct reap_import_job {
    enum reap_import_kind kind;
    uint32_t source;
    const char *path, *other; /* 'other': where it is if not at 'path' */
    const char *key;          /* of a file; what precedes an archive's keys */
    const char *label;
};

struct reap_import_item {
    uint32_t source, crc;
    int64_t mtime;
    struct reap_bytes key, value; /* in one piece of memory with the item */
    struct reap_bytes path;       /* the whole path if the key is not */
    char label[REAP_LABEL_MAX + 1];
};

/* One import, seen by all its threads. */
struct reap_import {
    const struct reap_import_args *args;
    struct reap_import_writer *writer;
    struct reap_queue *jobs, *items;
    pthread_mutex_t mutex; /* guards what follows */
    struct reap_import_sum sum;
    int rc; /* the first failure of a thread */
    struct reap_err err;
    size_t readers; /* that still run */
};

/* Count under the mutex. */
void reap_import_count(struct reap_import *im, uint64_t found, uint64_t skipped,
                       uint64_t same);
/* A source that cannot be read: a remark, and counted. */
void reap_import_unreadable(struct reap_import *im, const char *path,
                            const char *why);
/* The import cannot continue: keep the failure, stop the queues. */
void reap_import_fail(struct reap_import *im, int rc,
                      const struct reap_err *err);
/* Put 'p' into a queue of 'im', or free it; false: all is stopped. */
bool reap_import_pass(struct reap_import *im, struct reap_queue *q, void *p,
                      size_t weight);
/* Has a failure or the caller stopped the import? */
bool reap_import_stopped(struct reap_import *im);

/* ---- keys ---- */

/* Has the name an image's ending? */
bool reap_import_is_image(const char *name);

/* "a/b.jpg" of "./a//b.jpg", "/a/b.jpg"; 'prefix' and '/' before it if it is
 * not empty. Owned: reap_free(). NULL: no memory. */
char *reap_import_path(const char *prefix, const char *path);

/*
 * A new item with room for 'len' bytes of value, which the caller fills; its
 * key comes from 'path' by the rules of io/import/import.h. NULL: no memory.
 */
struct reap_import_item *reap_import_item_new(const char *path, size_t len,
                                              uint8_t **value);

/* The key alone, to 'to' (REAP_KEY_MAX bytes). Returns its length. */
size_t reap_import_key(const char *path, uint8_t *to);

/* ---- the threads ---- */

/* See that all sources are there and of a known kind, before anything is made.
 * REAP_OK, REAP_ENOTFOUND, REAP_EACCESS or REAP_EFORMAT, naming the source. */
int reap_import_look(const struct reap_import_args *a,
                     struct reap_err *err) REAP_MUST_CHECK;
/* What the lister needs: 'number' holds the source number of each SRC; files in
 * the directory (dev, ino), the output, are left out. */
struct reap_import_lister {
    struct reap_import *im;
    const uint32_t *number;
    dev_t dev;
    ino_t ino;
};
/* List the sources to im->jobs, then end it. A thread's function: 'lister' is a
 * struct reap_import_lister; returns NULL. */
void *reap_import_list(void *lister);
/* Take jobs, put items, until the jobs end. 'im' is a struct reap_import. */
void *reap_import_read(void *im);
/* The members of an archive. */
void reap_import_archive(struct reap_import *im,
                         const struct reap_import_job *job);

/* ---- the writer ---- */

struct reap_import_writer;

/* Make or reopen the dataset, and lock it against other imports. REAP_OK,
 * REAP_ENOMEM or the codes of reap_import_place_open() and
 * reap_import_env_open(). */
int reap_import_writer_open(struct reap_import_writer **out, const char *path,
                            struct reap_err *err) REAP_MUST_CHECK;
/* Number the sources: 'number' receives one for each of 'n' paths. */
int reap_import_writer_sources(struct reap_import_writer *w,
                               const char *const *path, size_t n,
                               uint32_t *number,
                               struct reap_err *err) REAP_MUST_CHECK;
/* Is it there already, from the same source, of this size and time? Any
 * thread. */
bool reap_import_writer_knows(struct reap_import_writer *w,
                              struct reap_bytes key, uint32_t source,
                              uint64_t size, int64_t mtime);
/* One durable transaction; adds to records, changed, same and bytes. REAP_OK,
 * REAP_EINVAL (two files have one key: names both), REAP_EIO or REAP_ENOMEM. */
int reap_import_writer_put(struct reap_import_writer *w,
                           struct reap_import_item *const *item, size_t n,
                           struct reap_import_sum *sum,
                           struct reap_err *err) REAP_MUST_CHECK;
/* Records in the dataset. */
uint64_t reap_import_writer_total(struct reap_import_writer *w);
/* 'forget': delete what was made, if it holds nothing. */
void reap_import_writer_close(struct reap_import_writer **w, bool forget);

#endif /* REAP_IO_IMPORT_IMPORT_IMPL_H */
