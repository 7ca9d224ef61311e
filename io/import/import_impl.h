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

struct reap_list;

enum reap_import_kind {
    REAP_IMPORT_FILE,
    REAP_IMPORT_ARCHIVE,
    REAP_IMPORT_LINE /* of a list */
};

/* What it points to is in one piece of memory with it. */
struct reap_import_job {
    enum reap_import_kind kind;
    uint32_t source;
    bool no_link;     /* 'path' must not be one */
    const char *path; /* of a line: its text */
    const char *key;  /* of a file; what precedes an archive's keys */
    const struct reap_list *list;
    size_t line;
};

enum reap_item_kind {
    REAP_ITEM_FILE,  /* with its bytes */
    REAP_ITEM_KNOWN, /* has not changed since it was imported */
    REAP_ITEM_LINK,  /* the bytes of the record 'target' */
    REAP_ITEM_LABEL, /* of the archive's members with the stem 'key' */
    REAP_ITEM_END    /* of an archive: its labels are no longer needed */
};

/* What a file's source says of its label. */
enum reap_label_says {
    REAP_SAYS_NOTHING, /* what it had stays */
    REAP_SAYS_NONE,    /* it has none, unless something says one */
    REAP_SAYS_LABEL,
    REAP_SAYS_UNCLEAR /* which column is it? */
};

struct reap_import_item {
    enum reap_item_kind kind;
    enum reap_label_says says;
    uint32_t source, crc;
    uint32_t archive; /* number of the archive in this run; 0: of none */
    int64_t mtime;
    uint64_t size;                /* of what is known */
    struct reap_bytes key, value; /* in one piece of memory with the item */
    struct reap_bytes path;       /* the whole path if the key is not */
    struct reap_bytes target;
    char name[200]; /* what people call it, for messages */
    char label[REAP_LABEL_MAX + 1];
};

struct reap_sources;
struct reap_import_log;

/* One import, seen by all its threads. */
struct reap_import {
    const struct reap_import_args *args;
    struct reap_import_writer *writer;
    struct reap_sources *sources;
    struct reap_queue *jobs, *items;
    struct reap_list *lists;
    pthread_mutex_t mutex; /* guards what follows */
    struct reap_import_sum sum;
    struct reap_import_log *log;
    char conflict[400]; /* the first: two files with one key */
    int rc;             /* the first failure of a thread */
    struct reap_err err;
    size_t readers;    /* that still run */
    uint32_t archives; /* that were begun: their numbers in this run */
};

/* Add to a counter of im->sum under the mutex. */
void reap_import_add(struct reap_import *im, uint64_t *counter, uint64_t n);
/* Something that is seen and cannot be taken: counted, named. */
void reap_import_not_taken(struct reap_import *im, const char *name,
                           const char *why);
/* A label that cannot be kept: counted, named. */
void reap_import_label_lost(struct reap_import *im, const char *name,
                            const char *why);
/* A remark that counts for nothing. */
void reap_import_say(struct reap_import *im, const char *name,
                     const char *what);
/* The import cannot continue: keep the failure, stop the queues. */
void reap_import_fail(struct reap_import *im, int rc,
                      const struct reap_err *err);
/* No memory for 'what': as reap_import_fail(). False. */
bool reap_import_no_memory(struct reap_import *im, const char *what);
/* Put 'p' into a queue of 'im', or free it; false: all is stopped. */
bool reap_import_pass(struct reap_import *im, struct reap_queue *q, void *p,
                      size_t weight);
/* Has a failure or the caller stopped the import? */
bool reap_import_stopped(struct reap_import *im);

/* ---- the log of what was not taken ---- */

/* A log at DATASET/import.log; one of an earlier run goes. NULL: no memory. */
struct reap_import_log *reap_import_log_new(const char *out);
void reap_import_log_put(struct reap_import_log *l, const char *kind,
                         const char *name, const char *why);
/* False if it could not be written in full. */
bool reap_import_log_close(struct reap_import_log **l);

/* ---- keys and names ---- */

/* Has the name an image's ending? */
bool reap_import_is_image(const char *name);

/* Is a file or folder of this name one that programs leave behind? */
bool reap_import_is_skipped(const char *name, bool folder);
/* The same for any part of an archive member's path. */
bool reap_import_is_skipped_path(const char *path);

/* "a/b.jpg" of "./a//b.jpg", "/a/b.jpg" and, as tar does, of "../a/b.jpg";
 * 'prefix' and '/' before it if it is not empty. Owned: reap_free(). NULL: no
 * memory. */
char *reap_import_path(const char *prefix, const char *path);

/* "dir/name"; a name that is absolute stays as it is. Owned; NULL: no
 * memory. */
char *reap_import_join(const char *dir, const char *name);

/* A new item with room for 'len' bytes of value, which the caller fills; its
 * key comes from 'path' by the rules of io/import/import.h. NULL: no memory. */
struct reap_import_item *reap_import_item_new(const char *path, size_t len,
                                              uint8_t **value);

/* The key alone, to 'to' (REAP_KEY_MAX bytes). Returns its length. */
size_t reap_import_key(const char *path, uint8_t *to);

/* ---- sources: what a file's key and its owner follow from ---- */

enum reap_source_kind {
    REAP_SOURCE_FOLDER = 'd',
    REAP_SOURCE_ARCHIVE = 'a',
    REAP_SOURCE_FILES = 'f', /* a folder of which single files are named */
    REAP_SOURCE_OLD = 'o'    /* of an index before there were kinds */
};

struct reap_source {
    char *path, *prefix; /* where it really is; what its keys begin with */
    enum reap_source_kind kind;
    bool now; /* named by this command */
};

int reap_sources_new(struct reap_sources **out,
                     struct reap_err *err) REAP_MUST_CHECK;
void reap_sources_free(struct reap_sources **s);
size_t reap_sources_count(struct reap_sources *s);
/* Borrowed; stays as it is but for 'now'. */
const struct reap_source *reap_sources_at(struct reap_sources *s, size_t i);
/* The number of a source in '*number'; a new one keeps 'prefix'. 'now': it may
 * own files from here on. Any thread. REAP_ENOMEM. */
int reap_sources_add(struct reap_sources *s, enum reap_source_kind kind,
                     const char *path, const char *prefix, bool now,
                     uint32_t *number, struct reap_err *err) REAP_MUST_CHECK;
/* Whom to ask whether a source has a record of a path already. */
typedef bool reap_sources_has(void *ctx, const char *path, uint32_t source);
void reap_sources_ask(struct reap_sources *s, reap_sources_has *has, void *ctx);
/*
 * The source that owns the file (or archive) at 'path', an absolute one, and
 * what its key is, "" if it has none. False: no source owns it. '*key' is
 * owned: reap_free(), NULL: no memory.
 */
bool reap_sources_owner(struct reap_sources *s, const char *path,
                        uint32_t *number, char **key);

/* ---- lists ---- */

/* Paths and labels that a line may mean, the likeliest first. */
enum { REAP_GUESSES = 12 };
struct reap_list_guess {
    const char *path, *label;
    enum reap_label_says says;
};

struct reap_list {
    struct reap_list *next;
    char *path, *dir;        /* as typed; where its folder really is */
    uint32_t source;         /* files beside it */
    char delimiter;          /* between columns; '\0': as each line looks */
    bool header;             /* its first line names columns */
    bool by_columns, strict; /* and in no other way */
    size_t path_column, label_column; /* SIZE_MAX: none */
};

/* Look at the first line: what columns there are. REAP_OK, or REAP_EINVAL if
 * --columns names one that is not there. '*say': what should be said of it, or
 * "". */
int reap_list_look(struct reap_list *l, const char *columns, const char *line,
                   char *say, size_t size,
                   struct reap_err *err) REAP_MUST_CHECK;
/* What a line may mean: pointers into 'buf', which has room for REAP_GUESSES
 * times 3 lines, each with its NUL. Returns how many. */
size_t reap_list_guess(const struct reap_list *l, const char *line, char *buf,
                       struct reap_list_guess *out);
/* "UTF-16 text" and its like, NULL if the bytes may be a list. */
const char *reap_list_refused(const uint8_t *head, size_t n);
void reap_lists_free(struct reap_list **l);

/* ---- the threads ---- */

/* See that a source is there and of a known kind, before anything is made.
 * REAP_OK if one is; else the first one's REAP_ENOTFOUND, REAP_EACCESS or
 * REAP_EFORMAT, naming it. */
int reap_import_look(const struct reap_import_args *a,
                     struct reap_err *err) REAP_MUST_CHECK;
/* What the lister needs: files in the directory (dev, ino), the output, are
 * left out. */
struct reap_import_lister {
    struct reap_import *im;
    dev_t dev;
    ino_t ino;
};
/* List the sources to im->jobs, then end it. A thread's function: 'lister' is a
 * struct reap_import_lister; returns NULL. */
void *reap_import_list(void *lister);
/* Take jobs, put items, until the jobs end. 'im' is a struct reap_import. */
void *reap_import_read(void *im);
/* The open file 'fd', which stays open, to the items. */
void reap_import_file(struct reap_import *im, int fd, const char *name,
                      const char *key, uint32_t source,
                      const struct reap_list_guess *label);
/* A line of a list. */
void reap_import_line(struct reap_import *im,
                      const struct reap_import_job *job);
/* The members of an archive. */
void reap_import_archive(struct reap_import *im,
                         const struct reap_import_job *job);

/* ---- the writer ---- */

struct reap_import_writer;

/* Make or reopen the dataset, and lock it against other imports; load its
 * sources. REAP_OK, REAP_ENOMEM or the codes of reap_import_place_open() and
 * reap_import_env_open(). */
int reap_import_writer_open(struct reap_import_writer **out, const char *path,
                            struct reap_sources *sources,
                            struct reap_err *err) REAP_MUST_CHECK;
/* Is it there already, from the same source, of this size and time? Any
 * thread. */
bool reap_import_writer_knows(struct reap_import_writer *w,
                              struct reap_bytes key, uint32_t source,
                              uint64_t size, int64_t mtime);
/* Has this source a record of this path? Any thread; a reap_sources_has. */
bool reap_import_writer_has(void *w, const char *path, uint32_t source);
/* One durable transaction; counts in im->sum, names what cannot be put.
 * REAP_OK, REAP_EIO or REAP_ENOMEM. */
int reap_import_writer_put(struct reap_import *im,
                           struct reap_import_item *const *item, size_t n,
                           struct reap_err *err) REAP_MUST_CHECK;
/* Remove the records of the folders and archives named now that this run did
 * not come to; '*removed' counts. Codes as above. */
int reap_import_writer_sync(struct reap_import_writer *w, uint64_t *removed,
                            struct reap_err *err) REAP_MUST_CHECK;
/* Remove records by key: all or, with REAP_ENOTFOUND, none. */
int reap_import_writer_delete(struct reap_import_writer *w,
                              const char *const *key, size_t n,
                              struct reap_err *err) REAP_MUST_CHECK;
/* Records in the dataset. */
uint64_t reap_import_writer_total(struct reap_import_writer *w);
/* 'forget': delete what was made, if it holds nothing. */
void reap_import_writer_close(struct reap_import_writer **w, bool forget);

#endif /* REAP_IO_IMPORT_IMPORT_IMPL_H */
