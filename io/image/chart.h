/*
 * io/image/chart.h - a square table of counts as a picture
 *
 * Drawn by libvips, atomically written. Rows and columns bear their names where
 * these fit and libvips can write text, which needs fonts; the cells are the
 * same without. One thread at a time.
 */
#ifndef REAP_IO_IMAGE_CHART_H
#define REAP_IO_IMAGE_CHART_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

enum { REAP_CHART_MAX = 4096 }; /* rows at most */

/*
 * Draw 'count' (n, n), 1 <= n <= REAP_CHART_MAX, as 'path', a PNG: white is
 * none, the darkest blue all of a row. 'name' has n names; 'down' and 'across'
 * say what rows and columns are. Returns REAP_OK, REAP_ENOMEM or the codes of
 * reap_outfile_open() and commit().
 */
int reap_chart_write(const char *path, const uint32_t *count, size_t n,
                     const char *const *name, const char *down,
                     const char *across, struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_IO_IMAGE_CHART_H */
