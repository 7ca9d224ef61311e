/*
 * engine/net/guess.h - which network a set of tensors belongs to, or comes near
 *
 * Inside engine/, and for io/weights/ to tell the networks in a file apart.
 * Names tell Keras from torchvision and V1 from V2, counts of blocks the depth,
 * shapes the groups and the width. Numbers are not looked at; a head is neither
 * wanted nor minded.
 */
#ifndef REAP_ENGINE_NET_GUESS_H
#define REAP_ENGINE_NET_GUESS_H

#include "engine/net/model.h"
#include "engine/net/params.h"

/* The row that fits best; NULL after REAP_EMISFIT's message. */
const struct reap_model *reap_model_guess(const struct reap_params *p,
                                          struct reap_err *err);

/* Are the tensors of 'p' exactly those of 'm'? */
bool reap_model_fits(const struct reap_model *m, const struct reap_params *p);

/*
 * The first three tensors, after 'skip' others, that are missing, of another
 * shape or not of 'm', as text in 'to', which is returned; "" if there are
 * none.
 */
const char *reap_model_differs(const struct reap_model *m,
                               const struct reap_params *p, size_t skip,
                               char *to, size_t size);

/* The row that has most tensors in common with 'p'; NULL if none has any. */
const struct reap_model *reap_model_nearest(const struct reap_params *p);

#endif /* REAP_ENGINE_NET_GUESS_H */
