/* io/import/import_list.h - the inside of the lister; for import_list*.c */
#ifndef REAP_IO_IMPORT_IMPORT_LIST_H
#define REAP_IO_IMPORT_IMPORT_LIST_H

#include "io/import/import_impl.h"

enum { REAP_LIST_DEPTH_MAX = 100 };

/* The lister, and the folder that it is in. */
struct reap_listing {
    const struct reap_import_lister *from;
    struct reap_import *im;
    const char *real; /* where the source really is */
    bool archives;    /* how many members there are is not known */
    struct {
        dev_t dev;
        ino_t ino;
    } above[REAP_LIST_DEPTH_MAX]; /* the folders that lead here */
    size_t depth;
};

/* These return false to stop. */

/* A copy of 'like' to the jobs. */
bool reap_list_job(struct reap_listing *l, const struct reap_import_job *like);
/* The file or archive at 'path', which is really at 'real'. */
bool reap_list_at(struct reap_listing *l, enum reap_import_kind kind,
                  const char *path, const char *real, bool no_link);
/* All that is in a folder. */
bool reap_list_folder(struct reap_listing *l, const char *path,
                      const char *real);
/* The lines of a list. */
bool reap_list_lines(struct reap_listing *l, struct reap_list *of);

/* Count and name what cannot be listed. */
void reap_list_cannot(struct reap_listing *l, const char *path,
                      const char *why);

#endif /* REAP_IO_IMPORT_IMPORT_LIST_H */
