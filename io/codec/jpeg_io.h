/*
 * io/codec/jpeg_io.h - where libjpeg reads and writes
 *
 * Bytes in memory. What ends early suspends libjpeg, as it does in Pillow: a
 * file that lacks its end marker is whole when all of its rows came, and is
 * truncated otherwise. Or an end marker is made up and what is there is kept.
 */
#ifndef REAP_IO_CODEC_JPEG_IO_H
#define REAP_IO_CODEC_JPEG_IO_H

#include <stdbool.h>
#include <stdio.h>

#include <jpeglib.h>

#include "engine/base/bytes.h"

struct reap_jpeg_source {
    struct jpeg_source_mgr pub;
    bool keep;  /* make up an end marker, with a warning */
    bool ended; /* more bytes were asked for than there are */
};

/* Let 'c' read 'bytes', which are borrowed. */
void reap_jpeg_source(j_decompress_ptr c, struct reap_jpeg_source *s,
                      struct reap_bytes bytes, bool keep);

struct reap_jpeg_sink {
    struct jpeg_destination_mgr pub;
    uint8_t *data; /* owned: reap_free() it, whether or not all went well */
    size_t len, room;
};

/* Let 'c' write into '*s', which is zeros. */
void reap_jpeg_sink(j_compress_ptr c, struct reap_jpeg_sink *s);

#endif /* REAP_IO_CODEC_JPEG_IO_H */
