/*
 * io/codec/jpeg_smooth.h - a progressive JPEG whose scans are not all there
 *
 * libjpeg guesses what such a file lacks from the average colours of the
 * blocks around. Its releases before 3.0.1 do so with errors at some edges,
 * and none does it right where columns are left out. Pillow 13 brings a later
 * one. So the guess is made here, on the coefficients, and the result is a
 * complete file that every release decodes alike.
 */
#ifndef REAP_IO_CODEC_JPEG_SMOOTH_H
#define REAP_IO_CODEC_JPEG_SMOOTH_H

#include <stdbool.h>
#include <stdio.h>

#include <jpeglib.h>

/* Has 'c', all of whose scans were read, coefficients to be guessed? */
bool reap_jpeg_lacks_scans(j_decompress_ptr c);

/*
 * Fill in the coefficients of 'c', which has read its header, and write them
 * through 'to', whose destination is set, as a sequential JPEG. In the last
 * scan, rows of blocks after 'last_good' lacked their bytes; '*last_good' is
 * looked at when the scans have been read. Errors leave through 'err' of
 * either object. Returns false if the bytes of 'c' end early.
 */
bool reap_jpeg_complete(j_decompress_ptr c, j_compress_ptr to,
                        const JDIMENSION *last_good);

#endif /* REAP_IO_CODEC_JPEG_SMOOTH_H */
