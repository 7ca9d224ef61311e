/* Messages: what was put in comes out, and nothing else is believed. */
#include <stdlib.h>
#include <string.h>

#include "cluster/wire.h"
#include "tests/tap.h"

static struct reap_bytes bytes(const char *s)
{
    return (struct reap_bytes){ (const uint8_t *)s, strlen(s) };
}

/* Numbers and texts that differ from each other, all that a type has. */
static struct reap_message sample(enum reap_message_type type)
{
    struct reap_message m = { .type = type };

    for (size_t i = 0; i < REAP_WIRE_NUMBERS; i++)
        m.number[i] = 0x0102030405060708u * (i + 1);
    m.text[0] = bytes("a host or a key");
    m.text[1] = bytes("");
    m.text[2] = bytes("class=fp32\nmodel=x\n");
    return m;
}

static bool same_fields(const struct reap_message *a,
                        const struct reap_message *b)
{
    static const struct {
        size_t numbers, texts;
    } kind[] = {
#define MESSAGE(name, numbers, texts, about) { numbers, texts },
#include "cluster/messages.def"
#undef MESSAGE
    };

    if (a->type != b->type ||
        memcmp(a->number, b->number, 8 * kind[a->type].numbers) != 0)
        return false;
    for (size_t i = 0; i < kind[a->type].texts; i++)
        if (a->text[i].len != b->text[i].len ||
            memcmp(a->text[i].data, b->text[i].data, a->text[i].len) != 0)
            return false;
    return true;
}

/* A copy that ends where the message does, so that a sanitizer sees a read
 * behind it. Texts must lie inside. */
static bool is_safe(const uint8_t *from, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    struct reap_message m;
    bool good = true;

    memcpy(copy, from, len);
    if (!reap_wire_decode(&m, copy, len, NULL))
        for (size_t i = 0; i < REAP_WIRE_TEXTS; i++)
            good = good && (!m.text[i].data ||
                            (m.text[i].data >= copy &&
                             m.text[i].data + m.text[i].len <= copy + len));
    free(copy);
    return good;
}

static void test_type(enum reap_message_type type)
{
    struct reap_message m = sample(type), back;
    const char *name = reap_wire_name(type);
    size_t size = reap_wire_size(&m), prefixes = 0, unsafe = 0;
    uint8_t *b = calloc(1, size + 1);

    reap_wire_encode(&m, b);
    ok(!reap_wire_decode(&back, b, size, NULL) && same_fields(&m, &back),
       "%s comes back as it was: %zu bytes", name, size);
    for (size_t n = 0; n < size; n++)
        prefixes += reap_wire_decode(&back, b, n, NULL) == REAP_EFORMAT;
    ok(prefixes == size && reap_wire_decode(&back, b, size + 1, NULL),
       "%s: each prefix is refused, and a byte too many", name);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        unsafe += !is_safe(b, size);
        b[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    ok(!unsafe, "%s: no flipped bit points outside", name);
    free(b);
}

static void test_head(void)
{
    struct reap_message m = sample(REAP_MESSAGE_want), back;
    struct reap_err err;
    uint8_t b[64];

    reap_wire_encode(&m, b);
    b[2]++;
    ok(reap_wire_decode(&back, b, reap_wire_size(&m), &err) == REAP_EFORMAT &&
           strstr(err.msg, "version"),
       "another version is told: %s", err.msg);
    b[2]--;
    b[3] = REAP_N_MESSAGES;
    ok(reap_wire_decode(&back, b, reap_wire_size(&m), NULL) == REAP_EFORMAT,
       "an unknown type is refused");
    ok(!strcmp(reap_wire_name(REAP_N_MESSAGES), "?"), "and has no name");
}

static void test_texts(void)
{
    struct reap_message m = { .type = REAP_MESSAGE_result };
    uint8_t *much = calloc(1, REAP_WIRE_CHUNK + 1);
    char word[6];

    m.text[0] = (struct reap_bytes){ much, REAP_WIRE_CHUNK };
    ok(reap_wire_size(&m) && reap_wire_size(&m) <= REAP_WIRE_MAX,
       "a piece of a result fits a message");
    m.text[0].len++;
    ok(!reap_wire_size(&m), "a larger one does not");
    m.text[0] = bytes("too long for it");
    ok(!strcmp(reap_wire_text(&m, 0, word, sizeof(word)), "too l"),
       "a text is cut to its room");
    ok(!strcmp(reap_wire_text(&m, 1, word, sizeof(word)), ""),
       "a text that is not there is empty");
    free(much);
}

int main(void)
{
    for (int t = 0; t < REAP_N_MESSAGES; t++)
        test_type((enum reap_message_type)t);
    test_head();
    test_texts();
    return done();
}
