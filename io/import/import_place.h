/* io/import/import_place.h - the directory an import writes, and its lock */
#ifndef REAP_IO_IMPORT_IMPORT_PLACE_H
#define REAP_IO_IMPORT_IMPORT_PLACE_H

#include <stdbool.h>

#include "engine/base/err.h"

struct reap_import_place;

/* Make the directory, or see that an import made it; lock it. REAP_ECREATE if
 * it is something else or another import holds it; REAP_EACCESS. */
int reap_import_place_open(struct reap_import_place **out, const char *path,
                           struct reap_err *err) REAP_MUST_CHECK;

/* 'forget': delete the directory and its files, if this call made it. */
void reap_import_place_close(struct reap_import_place **p, bool forget);

#endif /* REAP_IO_IMPORT_IMPORT_PLACE_H */
