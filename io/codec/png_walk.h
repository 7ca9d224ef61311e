/*
 * io/codec/png_walk.h - the chunks of a PNG
 *
 * In the order in which Pillow sees them, with what it checks before and after
 * the pixels; the pixels themselves are left to a library. Never reads past
 * the bytes.
 */
#ifndef REAP_IO_CODEC_PNG_WALK_H
#define REAP_IO_CODEC_PNG_WALK_H

#include <stdbool.h>

#include "engine/base/bytes.h"

struct reap_png_walk {
    struct reap_bytes file;
    size_t at; /* of the next chunk */
    char name[5];
    struct reap_bytes body;
    bool pixels;  /* a chunk of pixels has come */
    bool cut;     /* the bytes end before a chunk does */
    bool bad_sum; /* the checksum of this chunk is wrong */
};

/* Begin at a file's first bytes, which are those of a PNG. */
void reap_png_walk(struct reap_png_walk *w, struct reap_bytes file);

/* Go to the next chunk; false after IEND and where the bytes end. */
bool reap_png_walk_next(struct reap_png_walk *w);

/*
 * What makes Pillow refuse a file, in words, or NULL: a wrong checksum before
 * the pixels, a chunk that is too short, or one that unpacks to more than a
 * megabyte. '*cut' says whether the bytes end early.
 */
const char *reap_png_fault(struct reap_bytes file, bool *cut);

enum { REAP_PNG_TEXT_MAX = 1 << 20 };

/*
 * Unpack 'packed' into 'out' of REAP_PNG_TEXT_MAX bytes. Returns the length,
 * 0 if it is damaged, SIZE_MAX if there is more.
 */
size_t reap_png_unpack(struct reap_bytes packed, uint8_t *out);

#endif /* REAP_IO_CODEC_PNG_WALK_H */
