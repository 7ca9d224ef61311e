/*
 * io/out/outfile_sidecar.h - what reap notes about files that it wrote
 *
 * F.meta.json beside F.npy is a JSON object; its member "files" holds, for each
 * file by name, the sha256 of its bytes, how many there are, and its shape.
 * That is how a later command knows that reap wrote a file and that nobody has
 * changed it since. Exports put how rows were computed beside "files"; members
 * that are not known here stay. One thread at a time.
 */
#ifndef REAP_IO_OUT_OUTFILE_SIDECAR_H
#define REAP_IO_OUT_OUTFILE_SIDECAR_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

enum { REAP_SHAPE_DIMS = 8 };

/* 60 x 512 float32; or 60 lines. */
struct reap_shape {
    char type[12]; /* "" is no shape at all */
    size_t dims;
    uint64_t dim[REAP_SHAPE_DIMS];
};

enum reap_wrote {
    REAP_WROTE_NOT, /* or nothing tells so */
    REAP_WROTE,
    REAP_WROTE_CHANGED /* by somebody, since */
};

/* The default name: 'path' with .meta.json for its ending. */
void reap_sidecar_path(const char *path, char *to, size_t size);

/*
 * Did reap write the file 'path'? Asked are 'sidecar' (may be NULL) and what
 * stands beside the file under its own name or the beginning of it. Reads the
 * whole file if one of them lists it; then 'hash' is its sha256, else "".
 */
enum reap_wrote reap_sidecar_ask(const char *sidecar, const char *path,
                                 char hash[65]);

/* The object in 'sidecar', an empty one if there is no such file; owned.
 * REAP_ECREATE if the file is somebody else's. */
int reap_sidecar_read(json_t **out, const char *sidecar,
                      struct reap_err *err) REAP_MUST_CHECK;

/* Write it, whole or not at all; the codes of reap_outfile_open(). */
int reap_sidecar_write(const json_t *all, const char *sidecar,
                       struct reap_err *err) REAP_MUST_CHECK;

/*
 * Note that the file 'path' has, or is about to get, these bytes. 'before' may
 * be NULL, or is a hash that the file is allowed to have as well, until it is
 * noted again: then a stop at any moment leaves a file that is known.
 */
int reap_sidecar_note(const char *sidecar, const char *path, const char *sha256,
                      uint64_t bytes, const struct reap_shape *shape,
                      const char *before, struct reap_err *err) REAP_MUST_CHECK;

/* sha256 of the file behind 'fd', from its beginning; 0, or -1 and errno. */
int reap_sidecar_hash(int fd, char hex[65]);

/* "60 x 512 float32", in 'buf', which is returned; "" for no shape. */
char *reap_shape_words(const struct reap_shape *s, char *buf, size_t size);

#endif /* REAP_IO_OUT_OUTFILE_SIDECAR_H */
