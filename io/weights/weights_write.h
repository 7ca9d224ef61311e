/*
 * io/weights/weights_write.h - write weights as safetensors
 *
 * What reap converts carries its own metadata: model, preset, activations of
 * the head, class names, and the notes of reap_weights_note().
 * io/weights/weights.h reads them back.
 */
#ifndef REAP_IO_WEIGHTS_WEIGHTS_WRITE_H
#define REAP_IO_WEIGHTS_WEIGHTS_WRITE_H

#include "io/weights/weights.h"

/*
 * Write all tensors of 'w' to 'path', whole or not at all. 'model' and 'preset'
 * may be NULL. Returns REAP_OK or what io/out/outfile.h returns.
 */
int reap_weights_write(const struct reap_weights *w, const char *model,
                       const char *preset, const char *path,
                       struct reap_err *err) REAP_MUST_CHECK;

/* The same for a file that reap keeps for itself (reap_outfile_open_own()). */
int reap_weights_write_own(const struct reap_weights *w, const char *path,
                           struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_IO_WEIGHTS_WEIGHTS_WRITE_H */
