/* io/import/import_env.h - an LMDB file that import writes: opened, grown,
 * closed */
#ifndef REAP_IO_IMPORT_IMPORT_ENV_H
#define REAP_IO_IMPORT_IMPORT_ENV_H

#include <lmdb.h>
#include <stdbool.h>

#include "engine/base/err.h"

struct reap_import_env {
    MDB_env *env;
    MDB_dbi dbi;
    char file[4096];
};

/*
 * Open or make the file 'name' in 'dir', a directory's data.mdb or ('single') a
 * file of its own; what is there is checked first. The caller holds the
 * dataset's lock. Returns REAP_OK or the codes of reap_mdb_check() and
 * reap_dataset_fail().
 */
int reap_import_env_open(struct reap_import_env *e, const char *dir,
                         const char *name, bool single,
                         struct reap_err *err) REAP_MUST_CHECK;

/* Enlarge the map by half or 'more' bytes. No transaction may be open. REAP_EIO
 * or REAP_ENOMEM. */
int reap_import_env_grow(struct reap_import_env *e, size_t more,
                         struct reap_err *err) REAP_MUST_CHECK;

/* Records in it. */
size_t reap_import_env_entries(const struct reap_import_env *e);

/* Close it; an '*e' that is zero or closed already stays so. */
void reap_import_env_close(struct reap_import_env *e);

#endif /* REAP_IO_IMPORT_IMPORT_ENV_H */
