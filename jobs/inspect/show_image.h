/* jobs/inspect/show_image.h - "reap show PHOTO" and "reap show DATASET KEY":
 * what the network would see of an image */
#ifndef REAP_JOBS_INSPECT_SHOW_IMAGE_H
#define REAP_JOBS_INSPECT_SHOW_IMAGE_H

#include "io/dataset/dataset.h"
#include "jobs/cli/options.h"

/*
 * Print size, format, status, flags and preset of 'image', called 'name', and
 * write its pixels where --pixels says. REAP_EFORMAT if it cannot be decoded,
 * REAP_EINVAL for options, REAP_ENOMEM, or the codes of reap_outfile_open().
 */
int reap_show_image(const char *name, const struct reap_image *image,
                    const struct reap_options *o,
                    struct reap_err *err) REAP_MUST_CHECK;

/* The same for an image file. */
int reap_show_photo(const char *path, const struct reap_options *o,
                    struct reap_err *err) REAP_MUST_CHECK;

/* The same for a record of a dataset; 'key' as it is or as exports write it.
 * REAP_ENOTFOUND if there is none. */
int reap_show_record(const char *path, const char *key,
                     const struct reap_options *o,
                     struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_JOBS_INSPECT_SHOW_IMAGE_H */
