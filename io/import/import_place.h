/* io/import/import_place.h - the directory an import writes, and its lock */
#ifndef REAP_IO_IMPORT_IMPORT_PLACE_H
#define REAP_IO_IMPORT_IMPORT_PLACE_H

#include <stdbool.h>

#include "engine/base/err.h"

struct reap_import_place;

/* Make the directory, or see that an import made it; lock it. Returns REAP_OK,
 * REAP_ECREATE (it is something else, or another import holds it),
 * REAP_EACCESS, REAP_EIO (disk full) or REAP_ENOMEM. */
int reap_import_place_open(struct reap_import_place **out, const char *path,
                           struct reap_err *err) REAP_MUST_CHECK;

/* Unlock and free. 'forget': delete the directory and its files too, if
 * reap_import_place_open() made it. */
void reap_import_place_close(struct reap_import_place **p, bool forget);

#endif /* REAP_IO_IMPORT_IMPORT_PLACE_H */
