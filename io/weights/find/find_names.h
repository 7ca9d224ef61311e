/*
 * io/weights/find/find_names.h - how libraries name the tensors of a ResNet
 *
 * Rows of dialects.def. A name behind its network's prefix becomes the one that
 * torchvision has for it, or is no part of the network.
 */
#ifndef REAP_IO_WEIGHTS_FIND_FIND_NAMES_H
#define REAP_IO_WEIGHTS_FIND_FIND_NAMES_H

#include <stdbool.h>
#include <stddef.h>

enum { REAP_FIND_NAME = 512 };

enum reap_dialect {
#define DIALECT(name, stem, block, preset) REAP_DIALECT_##name,
#include "io/weights/find/dialects.def"
#undef DIALECT
    REAP_DIALECTS
};

struct reap_dialect_row {
    const char *stem, *block, *preset;
};

extern const struct reap_dialect_row reap_dialects[REAP_DIALECTS];

/* Does 's' begin with 'with'? */
bool reap_find_starts(const char *s, const char *with);

/*
 * The name that torchvision has for 'rest', which follows the prefix of a
 * network: in 'to', true if it stands in the stem or in one of the stages, be
 * it one that a ResNet has or not; false if it stands elsewhere.
 */
bool reap_find_trunk_name(enum reap_dialect d, const char *rest,
                          char to[REAP_FIND_NAME]);

/* Is it a counter of training, which no network needs? */
bool reap_find_counter(const char *name);

#endif /* REAP_IO_WEIGHTS_FIND_FIND_NAMES_H */
