/*
 * engine/net/guess.h - which network a set of tensors belongs to
 *
 * Inside engine/. Names tell Keras from torchvision and V1 from V2, counts of
 * blocks the depth, shapes the groups and the width.
 */
#ifndef REAP_ENGINE_NET_GUESS_H
#define REAP_ENGINE_NET_GUESS_H

#include "engine/net/model.h"
#include "engine/net/params.h"

/* The row that fits best; NULL after REAP_EMISFIT's message. */
const struct reap_model *reap_model_guess(const struct reap_params *p,
                                          struct reap_err *err);

#endif /* REAP_ENGINE_NET_GUESS_H */
