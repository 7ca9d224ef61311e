/*
 * io/weights/keras/h5.h - HDF5 files in memory, through libhdf5
 *
 * Inside io/. Only what weights files need: groups reached by hard links, text
 * attributes, and datasets of floats that lie in the file unfiltered. External
 * links and files, soft links, virtual datasets and filters are refused. The
 * library's own error messages are kept quiet. One thread at a time.
 */
#ifndef REAP_IO_WEIGHTS_KERAS_H5_H
#define REAP_IO_WEIGHTS_KERAS_H5_H

#include <hdf5.h>
#include <stdbool.h>

#include "io/weights/weights_impl.h"

struct reap_h5 {
    hid_t file;
    struct reap_bytes image; /* borrowed */
    uint8_t *owned;          /* the image, if it is ours to free */
    uint8_t *numbers;        /* of the tensor loaded last */
};

/* Open the image and make it the reader of 'in'. 'owned' is NULL or the image
 * itself, to be freed with it, also on failure. */
int reap_h5_open(struct reap_weights_in *in, struct reap_bytes image,
                 uint8_t *owned, struct reap_h5 **out,
                 struct reap_err *err) REAP_MUST_CHECK;

/* Is there a member of that name in the group, by whatever link? */
bool reap_h5_has(hid_t group, const char *name);

/* Open a group or dataset below 'from', by hard links alone. '*out' is for
 * H5Oclose(). REAP_OK or REAP_EFORMAT. */
int reap_h5_walk(hid_t from, const char *path, hid_t *out,
                 struct reap_err *err) REAP_MUST_CHECK;

/* The texts of an attribute, also if it is split over NAME0, NAME1, ...; each
 * owned, as is the list. '*n' is 0 if there is no such attribute. */
int reap_h5_texts(hid_t object, const char *name, char ***text, size_t *n,
                  struct reap_err *err) REAP_MUST_CHECK;

/* Free a list of 'n' texts; NULL does nothing. */
void reap_h5_texts_free(char **text, size_t n);

/* List the dataset at 'path' below 'from' as a tensor of that name. */
int reap_h5_tensor(struct reap_weights_in *in, hid_t from, const char *path,
                   const char *name, struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_IO_WEIGHTS_KERAS_H5_H */
