/*
 * io/weights/torch/torch_state.h - the tensors inside a pickle of PyTorch's
 *
 * Inside io/: shared by the readers of both kinds of .pth file.
 */
#ifndef REAP_IO_WEIGHTS_TORCH_TORCH_STATE_H
#define REAP_IO_WEIGHTS_TORCH_TORCH_STATE_H

#include "io/weights/torch/pickle.h"
#include "io/weights/weights_impl.h"

/*
 * List all tensors that the pickle's value leads to, each under the path of its
 * keys ("state_dict.module.conv1.weight"), parts of pickled modules likewise.
 * 'where' of each is the index of its storage, 'offset' its first byte there,
 * both checked against the storage's size; 'data' is for the reader to set.
 * Arrays of numpy have 'from' instead, see reap_torch_decode(). Returns
 * REAP_OK, REAP_EFORMAT or REAP_ENOMEM.
 */
int reap_torch_list(struct reap_weights_in *in, const struct reap_pickle *p,
                    struct reap_err *err) REAP_MUST_CHECK;

/* The bytes of an array of numpy, r->from: inside the pickle, or decoded into
 * '*buffer', which is freed first. REAP_EFORMAT or REAP_ENOMEM. */
int reap_torch_decode(const struct reap_raw *r, uint8_t **buffer,
                      const uint8_t **data,
                      struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_IO_WEIGHTS_TORCH_TORCH_STATE_H */
