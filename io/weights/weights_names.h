/*
 * io/weights/weights_names.h - the names that files use, as engine/net/params.h
 * wants them
 *
 * Inside io/. Wrappers leave prefixes on every name (DataParallel's "module."),
 * other libraries and older versions have other spellings: tables here.
 */
#ifndef REAP_IO_WEIGHTS_WEIGHTS_NAMES_H
#define REAP_IO_WEIGHTS_WEIGHTS_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/err.h"

/*
 * Translate all names of one file in place; each is owned by the caller and is
 * replaced by another from reap_calloc() where it changes. A name that becomes
 * empty is of another network around the ResNet, and to be left out.
 * '*old_keras' tells whether they were spelled as Keras did before 2019
 * (res2a_branch2a), when batch norms had an epsilon of 1e-3. Returns REAP_OK or
 * REAP_ENOMEM.
 */
int reap_weights_names(char **name, size_t n, bool *old_keras,
                       struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_IO_WEIGHTS_WEIGHTS_NAMES_H */
