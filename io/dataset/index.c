/* An entry of the index as bytes and back; index.h shows its layout. Opening
 * and writing index.mdb is left to dataset.c and io/import. */
#include <string.h>

#include "io/dataset/index.h"
#include "io/file/le.h"
#include "io/file/limits.h"

enum {
    SIZE = 0,
    MTIME = 8,
    CRC = 16,
    SOURCE = 20,
    RUN = 24,
    LABEL_LEN = 28,
    SAID = 0x8000, /* bits of the label's length */
    TWICE = 0x4000,
    PATH_MAX_ = REAP_INDEX_MAX - REAP_INDEX_HEAD - REAP_LABEL_MAX
};

static size_t index_put(uint8_t *to, struct reap_bytes b, size_t max)
{
    const size_t n = b.len < max ? b.len : max;

    if (n)
        memcpy(to, b.data, n);
    return n;
}

size_t reap_index_encode(uint8_t *to, const struct reap_index_entry *e)
{
    size_t label, path;

    reap_le_put64(to + SIZE, e->size);
    reap_le_put64(to + MTIME, (uint64_t)e->mtime);
    reap_le_put32(to + CRC, e->crc);
    reap_le_put32(to + SOURCE, e->source);
    reap_le_put32(to + RUN, e->run);
    label = index_put(to + REAP_INDEX_HEAD, e->label, REAP_LABEL_MAX);
    reap_le_put16(to + LABEL_LEN, (uint16_t)(label | (e->said ? SAID : 0) |
                                             (e->twice ? TWICE : 0)));
    path = index_put(to + REAP_INDEX_HEAD + label, e->path, PATH_MAX_);
    return REAP_INDEX_HEAD + label + path;
}

bool reap_index_decode(struct reap_bytes from, struct reap_index_entry *out)
{
    const uint8_t *p = from.data;
    size_t label;
    unsigned bits;

    if (from.len < REAP_INDEX_HEAD)
        return false;
    bits = reap_le_get16(p + LABEL_LEN);
    label = bits & (TWICE - 1);
    if (label > from.len - REAP_INDEX_HEAD)
        return false;
    out->size = reap_le_get64(p + SIZE);
    out->mtime = (int64_t)reap_le_get64(p + MTIME);
    out->crc = reap_le_get32(p + CRC);
    out->source = reap_le_get32(p + SOURCE);
    out->run = reap_le_get32(p + RUN);
    out->said = bits & SAID;
    out->twice = bits & TWICE;
    out->label = (struct reap_bytes){ p + REAP_INDEX_HEAD, label };
    out->path = (struct reap_bytes){ p + REAP_INDEX_HEAD + label,
                                     from.len - REAP_INDEX_HEAD - label };
    return true;
}
