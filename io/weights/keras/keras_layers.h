/*
 * io/weights/keras/keras_layers.h - the tree of layers in Keras 3's HDF5 files
 *
 * Inside io/: .weights.h5 files, and the one inside a .keras file. Layers are
 * /layers/CLASS[_N]/vars/I there; models inside models have layers again.
 */
#ifndef REAP_IO_WEIGHTS_KERAS_KERAS_LAYERS_H
#define REAP_IO_WEIGHTS_KERAS_KERAS_LAYERS_H

#include "io/weights/keras/h5.h"

/* Has the group such a tree? */
bool reap_keras_layers_in(hid_t group);

/*
 * List all variables as LAYER/VARIABLE. A layer's name is the attribute that
 * Keras writes since 3.6; without it, the order of layers in the networks that
 * we know tells. Returns REAP_OK, REAP_EFORMAT or REAP_ENOMEM.
 */
int reap_keras_layers(struct reap_weights_in *in, hid_t group,
                      struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_IO_WEIGHTS_KERAS_KERAS_LAYERS_H */
