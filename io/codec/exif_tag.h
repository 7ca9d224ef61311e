/*
 * io/codec/exif_tag.h - which way up an image is, as EXIF and XMP say it
 *
 * By the rules of Pillow's getexif(), types and damage included.
 */
#ifndef REAP_IO_CODEC_EXIF_TAG_H
#define REAP_IO_CODEC_EXIF_TAG_H

#include "io/codec/tiff_dir.h"

enum { REAP_EXIF_NONE = -1 }; /* nothing is said: XMP may say it */

/* The orientation in an EXIF block, with or without "Exif\0\0" before its TIFF
 * header: 1 to 8, REAP_EXIF_NONE, or another number, which means upright. */
int reap_exif_tag(struct reap_bytes exif);

/* The same of a TIFF file. */
int reap_exif_tag_of(const struct reap_tiff *t);

/* The digit that an XMP packet gives, or REAP_EXIF_NONE. */
int reap_exif_xmp(struct reap_bytes xmp);

#endif /* REAP_IO_CODEC_EXIF_TAG_H */
