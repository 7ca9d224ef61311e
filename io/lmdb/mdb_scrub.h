/*
 * io/lmdb/mdb_scrub.h - overwrite the pages that an LMDB file no longer uses
 *
 * What was removed stays in free pages until LMDB needs them. The caller is the
 * file's only writer and has no transaction open.
 */
#ifndef REAP_IO_LMDB_MDB_SCRUB_H
#define REAP_IO_LMDB_MDB_SCRUB_H

#include <lmdb.h>

#include "engine/base/err.h"

/* Overwrite the free pages of 'file', which 'env' has open. Returns REAP_OK;
 * REAP_EIO, also while another process reads what was there before. */
int reap_mdb_scrub(const char *file, MDB_env *env,
                   struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_IO_LMDB_MDB_SCRUB_H */
