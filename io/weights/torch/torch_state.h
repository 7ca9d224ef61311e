/*
 * io/weights/torch/torch_state.h - the state_dict inside a pickle of PyTorch's
 *
 * Inside io/: shared by the readers of both kinds of .pth file.
 */
#ifndef REAP_IO_WEIGHTS_TORCH_TORCH_STATE_H
#define REAP_IO_WEIGHTS_TORCH_TORCH_STATE_H

#include "io/weights/torch/pickle.h"
#include "io/weights/weights_impl.h"

/*
 * List the tensors of the state_dict: the object itself, or what stands under
 * "state_dict", "model", "model_state_dict" or "net" in it. 'where' of each is
 * the index of its storage, 'offset' its first byte there, both checked against
 * the storage's size; 'data' is for the reader to set. Returns REAP_OK,
 * REAP_EFORMAT or REAP_ENOMEM.
 */
int reap_torch_list(struct reap_weights_in *in, const struct reap_pickle *p,
                    struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_IO_WEIGHTS_TORCH_TORCH_STATE_H */
