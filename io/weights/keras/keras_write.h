/*
 * io/weights/keras/keras_write.h - write weights as Keras 3's .weights.h5
 *
 * /layers/CLASS[_N]/vars/I, numbered within their class in the order of the
 * model's layers, each with its name as Keras writes it since 3.6. What
 * model.load_weights() reads into keras.applications' network, or into one
 * functional model of it, its pooling and a head of dense layers.
 */
#ifndef REAP_IO_WEIGHTS_KERAS_KERAS_WRITE_H
#define REAP_IO_WEIGHTS_KERAS_KERAS_WRITE_H

#include "engine/net/net.h"
#include "io/weights/weights.h"

/*
 * Write the tensors of 'w', which those of 'net' are, to 'path', whole or not
 * at all. Returns REAP_OK, REAP_EINVAL (no network of Keras's), REAP_EMISFIT (a
 * tensor is missing), REAP_ENOMEM or what io/out/outfile.h returns.
 */
int reap_keras_write(const struct reap_weights *w, const struct reap_net *net,
                     const char *path, struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_IO_WEIGHTS_KERAS_KERAS_WRITE_H */
