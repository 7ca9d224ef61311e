/* Encoding and decoding by the table of messages: numbers, then texts, each
 * with its length checked. What a message means is left to serve.c and
 * worker.c. */
#include <string.h>

#include "cluster/wire.h"
#include "io/file/le.h"

enum { HEAD = 8, NUMBER = 8, LENGTH = 4 };

static const struct {
    const char *name;
    size_t numbers, texts;
} kind[] = {
#define MESSAGE(name, numbers, texts, about) { #name, numbers, texts },
#include "cluster/messages.def"
#undef MESSAGE
};

const char *reap_wire_name(enum reap_message_type type)
{
    return (unsigned)type < REAP_N_MESSAGES ? kind[type].name : "?";
}

size_t reap_wire_size(const struct reap_message *m)
{
    size_t size = HEAD + NUMBER * kind[m->type].numbers;

    for (size_t i = 0; i < kind[m->type].texts; i++) {
        if (m->text[i].len > REAP_WIRE_CHUNK)
            return 0;
        size += LENGTH + m->text[i].len;
    }
    return size <= REAP_WIRE_MAX ? size : 0;
}

void reap_wire_encode(const struct reap_message *m, uint8_t *out)
{
    uint8_t *p = out + HEAD;

    out[0] = 'R';
    out[1] = 'P';
    out[2] = REAP_WIRE_VERSION;
    out[3] = (uint8_t)m->type;
    for (size_t i = 0; i < kind[m->type].numbers; i++, p += NUMBER)
        reap_le_put64(p, m->number[i]);
    for (size_t i = 0; i < kind[m->type].texts; i++) {
        reap_le_put32(p, (uint32_t)m->text[i].len);
        p += LENGTH;
        if (m->text[i].len)
            memcpy(p, m->text[i].data, m->text[i].len);
        p += m->text[i].len;
    }
    reap_le_put32(out + 4, (uint32_t)(p - out - HEAD));
}

static int bad(struct reap_err *err, const char *what)
{
    return reap_fail(err, REAP_EFORMAT, "a message from another rank: %s",
                     what);
}

int reap_wire_decode(struct reap_message *m, const uint8_t *bytes, size_t len,
                     struct reap_err *err)
{
    size_t at = HEAD;

    memset(m, 0, sizeof(*m));
    if (len < HEAD || bytes[0] != 'R' || bytes[1] != 'P')
        return bad(err, "not a message of reap");
    if (bytes[2] != REAP_WIRE_VERSION)
        return bad(err, "of another version of reap");
    if (bytes[3] >= REAP_N_MESSAGES)
        return bad(err, "of no known type");
    if (reap_le_get32(bytes + 4) != len - HEAD)
        return bad(err, "its length is wrong");
    m->type = (enum reap_message_type)bytes[3];
    for (size_t i = 0; i < kind[m->type].numbers; i++, at += NUMBER) {
        if (len - at < NUMBER)
            return bad(err, "too short");
        m->number[i] = reap_le_get64(bytes + at);
    }
    for (size_t i = 0; i < kind[m->type].texts; i++) {
        if (len - at < LENGTH || len - at - LENGTH < reap_le_get32(bytes + at))
            return bad(err, "too short");
        m->text[i].len = reap_le_get32(bytes + at);
        m->text[i].data = bytes + at + LENGTH;
        at += LENGTH + m->text[i].len;
    }
    return at == len ? REAP_OK : bad(err, "too long");
}

const char *reap_wire_text(const struct reap_message *m, size_t i, char *out,
                           size_t size)
{
    size_t n = m->text[i].len < size - 1 ? m->text[i].len : size - 1;

    if (n)
        memcpy(out, m->text[i].data, n);
    out[n] = '\0';
    return out;
}
