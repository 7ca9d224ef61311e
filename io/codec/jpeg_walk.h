/*
 * io/codec/jpeg_walk.h - the segments of a JPEG before its first scan
 *
 * In the order, and over the stray bytes, in which Pillow sees them: what it
 * refuses before it asks libjpeg is refused here, and where it takes metadata
 * from, they are taken from. Never reads past the bytes.
 */
#ifndef REAP_IO_CODEC_JPEG_WALK_H
#define REAP_IO_CODEC_JPEG_WALK_H

#include <stdbool.h>

#include "engine/base/bytes.h"

enum reap_jpeg_end {
    REAP_JPEG_SCAN,  /* the first scan begins */
    REAP_JPEG_CUT,   /* the bytes end before it */
    REAP_JPEG_STRAY, /* a marker that does not exist */
};

struct reap_jpeg_walk {
    struct reap_bytes file;
    size_t at;              /* of the byte after the next 0xff */
    unsigned marker;        /* second byte of the segment's marker */
    struct reap_bytes body; /* after its length */
    enum reap_jpeg_end end; /* once there are no more */
};

/* Begin at a file's first bytes, which are those of a JPEG. */
void reap_jpeg_walk(struct reap_jpeg_walk *w, struct reap_bytes file);

/* Go to the next segment; false if there is none. The last is the header of
 * the first scan (marker 0xda). */
bool reap_jpeg_walk_next(struct reap_jpeg_walk *w);

/* What is wrong with a segment, in words, or NULL. */
const char *reap_jpeg_walk_fault(const struct reap_jpeg_walk *w);

#endif /* REAP_IO_CODEC_JPEG_WALK_H */
