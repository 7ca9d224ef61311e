/*
 * io/weights/keras/hdf5_child.h - run a reader of weights in a process of its
 * own
 *
 * Inside io/. libhdf5 was not written for files of strangers: a flipped bit can
 * make it crash. It runs in a child that can open nothing and whose end, of
 * whatever kind, is an answer; what it read comes back through memory and is
 * checked like any file.
 */
#ifndef REAP_IO_WEIGHTS_KERAS_HDF5_CHILD_H
#define REAP_IO_WEIGHTS_KERAS_HDF5_CHILD_H

#include "io/weights/weights_impl.h"

/*
 * As fn(in, err) would: the tensors are listed in 'in', format, head and
 * epsilon are set. A child that crashes, hangs for a minute of computing or
 * wants more memory than a file of that size can need is REAP_EFORMAT.
 */
int reap_hdf5_child_run(struct reap_weights_in *in, reap_weights_fn *fn,
                        struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_IO_WEIGHTS_KERAS_HDF5_CHILD_H */
