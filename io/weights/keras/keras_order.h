/*
 * io/weights/keras/keras_order.h - names of a Keras ResNet's layers by their
 * order
 *
 * Inside io/. Older .weights.h5 files number layers within their class and
 * keep no names.
 */
#ifndef REAP_IO_WEIGHTS_KERAS_KERAS_ORDER_H
#define REAP_IO_WEIGHTS_KERAS_KERAS_ORDER_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The name of convolution (or else batch norm) number i, from 0, of the network
 * that has 'convs' convolutions and 'norms' batch norms. False if there is no
 * such network or layer.
 */
bool reap_keras_order(size_t convs, size_t norms, bool conv, size_t i,
                      char *name, size_t size);

#endif /* REAP_IO_WEIGHTS_KERAS_KERAS_ORDER_H */
