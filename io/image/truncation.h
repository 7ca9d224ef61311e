/* io/image/truncation.h - does a file stop before its own structure says so */
#ifndef REAP_IO_IMAGE_TRUNCATION_H
#define REAP_IO_IMAGE_TRUNCATION_H

#include <stdbool.h>

#include "engine/base/bytes.h"
#include "io/image/decode.h"

/* Walks the chunks of a PNG, looks at the length of a WebP. False for other
 * formats. Never fails. */
bool reap_truncated(enum reap_format format, struct reap_bytes file);

#endif /* REAP_IO_IMAGE_TRUNCATION_H */
