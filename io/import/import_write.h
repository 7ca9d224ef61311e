/* io/import/import_write.h - the inside of the writer; for import_write*.c */
#ifndef REAP_IO_IMPORT_IMPORT_WRITE_H
#define REAP_IO_IMPORT_IMPORT_WRITE_H

#include "io/import/import_env.h"
#include "io/import/import_impl.h"
#include "io/import/import_place.h"

struct reap_import_writer {
    struct reap_import_env data, index;
    struct reap_import_place *place;
    struct reap_sources *sources;
    size_t n_sources; /* that are in the index */
    uint32_t run;
    bool fresh;  /* nothing was there at the start */
    bool labels; /* labels of archives are kept for their members */
    /* No reader is inside while the map moves or pages are committed. */
    pthread_mutex_t mutex;
};

/* Something to be said of an item once its batch is written. */
enum reap_note_kind {
    REAP_NOTE_CONFLICT,
    REAP_NOTE_TAKEN,
    REAP_NOTE_LABEL,
    REAP_NOTE_IDLE
};
struct reap_note {
    enum reap_note_kind kind;
    char name[200], why[300];
};

/* Both transactions of a batch, and what they did. */
struct reap_batch {
    struct reap_import *im;
    struct reap_import_writer *w;
    MDB_txn *data, *index;
    struct reap_import_sum did;
    struct reap_note *note;
    size_t notes, room;
};

/* Keys of the index that are no record's begin with a zero byte. */
enum { REAP_SOURCE_KEY_LEN = 11, REAP_PENDING_KEY_LEN = 26 };

MDB_val reap_write_val(struct reap_bytes b);
/* A source's key in 'buf' of REAP_SOURCE_KEY_LEN bytes. */
MDB_val reap_write_source_key(uint8_t *buf, uint32_t number);

int reap_write_begin(struct reap_import_writer *w, struct reap_batch *b,
                     struct reap_err *err) REAP_MUST_CHECK;
void reap_write_abort(struct reap_batch *b);
/* Both to disk; LMDB's code, '*file' is where it failed. */
int reap_write_commit(struct reap_batch *b, const char **file);
/* Room for more in both files. */
int reap_write_grow(struct reap_import_writer *w, size_t bytes,
                    struct reap_err *err) REAP_MUST_CHECK;

/* Keep something to say. False: no memory. */
bool reap_write_note(struct reap_batch *b, enum reap_note_kind kind,
                     const char *name, const char *why);

/* The index entry of 'key'; false if it has none. Lent until the next write. */
bool reap_write_entry(struct reap_batch *b, struct reap_bytes key,
                      struct reap_index_entry *out, int *mrc);
/* Give the entry the label of an item, as its source says; names a label that
 * contradicts one of this run. 'old': what was there, NULL if nothing. LMDB's
 * code. */
int reap_write_label(struct reap_batch *b, const struct reap_import_item *item,
                     const struct reap_index_entry *old,
                     struct reap_index_entry *entry, char *label);

/* Labels of archives, kept until their archive ends: LMDB's code each. */
int reap_write_pending(struct reap_batch *b,
                       const struct reap_import_item *item);
int reap_write_pending_end(struct reap_batch *b,
                           const struct reap_import_item *item);
/* The label that waits for a member, to 'item'; nothing if there is none. */
int reap_write_pending_find(struct reap_batch *b,
                            struct reap_import_item *item);
/* Drop those of a run that was stopped. */
int reap_write_pending_clear(struct reap_import_writer *w, MDB_txn *txn);

#endif /* REAP_IO_IMPORT_IMPORT_WRITE_H */
