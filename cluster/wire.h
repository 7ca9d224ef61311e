/*
 * cluster/wire.h - what ranks say to each other
 *
 * Messages of a versioned, length-checked form, little-endian:
 *
 *   0  'R' 'P', version, type      4  length of what follows      8  fields
 *
 * Numbers are 8 bytes; texts and bytes are a 4-byte length and the bytes. The
 * fields of each type are a row of messages.def. What arrives is not trusted:
 * a message that is short, long or of another version is refused.
 */
#ifndef REAP_CLUSTER_WIRE_H
#define REAP_CLUSTER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/bytes.h"
#include "engine/base/err.h"

enum reap_message_type {
#define MESSAGE(name, numbers, texts, about) REAP_MESSAGE_##name,
#include "cluster/messages.def"
#undef MESSAGE
    REAP_N_MESSAGES
};

enum {
    REAP_WIRE_TAG = 7, /* MPI's tag of all messages */
    REAP_WIRE_VERSION = 2,
    REAP_WIRE_NUMBERS = 6,
    REAP_WIRE_TEXTS = 3,
    REAP_WIRE_CHUNK = 1 << 18, /* bytes of a result in one message */
    REAP_WIRE_MAX = REAP_WIRE_CHUNK + 4096
};

/* A message taken apart; texts are lent by the bytes it came from. */
struct reap_message {
    enum reap_message_type type;
    uint64_t number[REAP_WIRE_NUMBERS];
    struct reap_bytes text[REAP_WIRE_TEXTS];
};

/* Bytes of the encoded message; 0 if its texts are too long. */
size_t reap_wire_size(const struct reap_message *m);

/* Encode into 'out', which holds reap_wire_size() bytes. */
void reap_wire_encode(const struct reap_message *m, uint8_t *out);

/* Take 'len' bytes apart; texts in '*m' are lent by 'bytes'. REAP_OK, or
 * REAP_EFORMAT, which says what is wrong. */
int reap_wire_decode(struct reap_message *m, const uint8_t *bytes, size_t len,
                     struct reap_err *err) REAP_MUST_CHECK;

/* "hello", "lease", ...; for messages and tests. */
const char *reap_wire_name(enum reap_message_type type);

/* A text of a message, cut to 'size' - 1 bytes, as a string in 'out'. */
const char *reap_wire_text(const struct reap_message *m, size_t i, char *out,
                           size_t size);

#endif /* REAP_CLUSTER_WIRE_H */
