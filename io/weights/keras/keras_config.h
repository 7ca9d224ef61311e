/*
 * io/weights/keras/keras_config.h - what a Keras model's own description says
 *
 * Inside io/. Weights alone do not tell the activations of dense layers, nor
 * whether a model does more than ResNet and a head: its JSON config does.
 */
#ifndef REAP_IO_WEIGHTS_KERAS_KERAS_CONFIG_H
#define REAP_IO_WEIGHTS_KERAS_KERAS_CONFIG_H

#include "io/weights/weights_impl.h"

/*
 * Read the config ("model_config" of .h5, config.json of .keras): activations
 * of the dense layers go to in->out->head, the epsilon of batch norms to
 * in->epsilon. Layers that would change results (Rescaling, Lambda, a maximum
 * pooled before a head) and activations that we lack are refused by name.
 * Returns REAP_OK, REAP_EFORMAT or REAP_ENOMEM.
 */
int reap_keras_config(struct reap_weights_in *in, const char *text, size_t len,
                      struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_IO_WEIGHTS_KERAS_KERAS_CONFIG_H */
