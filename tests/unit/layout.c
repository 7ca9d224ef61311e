/* Layouts: what is known, what is not, every prefix and many flipped bits. */
#include <stdlib.h>
#include <string.h>

#include "io/dataset/layout.h"
#include "io/file/status.h"
#include "tests/guard.h"
#include "tests/tap.h"

#define BYTES(s) ((struct reap_bytes){ (const uint8_t *)(s), sizeof(s) - 1 })

/* channels 3, height 2, width 2, data 12 bytes, label -1 */
#define RAW                            \
    "\x08\x03\x10\x02\x18\x02\x22\x0c" \
    "abcdefghijkl\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
/* data 8 bytes of JPEG, label 7, encoded */
#define FILE_ "\x22\x08\xff\xd8\xff\xe0wxyz\x28\x07\x38\x01"

static struct reap_layout_scratch scratch;

static unsigned look(struct reap_bytes value, struct reap_image *out)
{
    memset(out, 0, sizeof(*out));
    return reap_layout_datum_image(value, &scratch, out);
}

static void test_known(void)
{
    const struct reap_layout *l = reap_layout_of(BYTES("\xff\xd8\xff\xe0"));

    ok(l && !strcmp(l->name, "encoded"), "JPEG is encoded");
    l = reap_layout_of(BYTES("RIFF\x10\0\0\0WEBPVP8 "));
    ok(l && !strcmp(l->name, "encoded"), "so is WebP");
    l = reap_layout_of(BYTES(RAW));
    ok(l && !strcmp(l->name, "datum"), "samples in a Datum");
    l = reap_layout_of(BYTES(FILE_));
    ok(l && !strcmp(l->name, "datum"), "a file in a Datum");
    ok(!reap_layout_of(BYTES("")), "nothing is nothing");
    ok(!reap_layout_of(BYTES("<html>")), "nor is text");
    ok(!reap_layout_of(BYTES("\x08\x03\x10\x02\x18\x02\x22\x03xyz")),
       "nor a Datum with too few samples");
    ok(!strcmp(reap_layout_magic(BYTES("\x80\x04\x95")), "a Python pickle"),
       "a pickle is named");
}

static void test_datum(void)
{
    struct reap_image i;

    ok(look(BYTES(RAW), &i) == REAP_STATUS_ok && i.raw && i.planar && i.bgr &&
           i.height == 2 && i.width == 2 && i.channels == 3,
       "samples: 2 x 2, 3 planes, BGR");
    ok(i.bytes.len == 12 && !memcmp(i.bytes.data, "abcdefghijkl", 12),
       "all twelve");
    ok(!strcmp(i.label, "-1"), "label %s", i.label);
    ok(look(BYTES(FILE_), &i) == REAP_STATUS_ok && !i.raw && i.bytes.len == 8 &&
           !strcmp(i.label, "7"),
       "a file, label 7");
    ok(look(BYTES(""), &i) == REAP_STATUS_empty, "an empty value");
    ok(look(BYTES("\x22\x00"), &i) == REAP_STATUS_empty, "an empty Datum");
    ok(look(BYTES("\x35\x00\x00\x80\x3f"), &i) == REAP_STATUS_corrupt,
       "features are no image");
    ok(look(BYTES("\x08\xff\xff\xff\xff\x07\x10\xff\xff\xff\xff\x07\x18\xff"
                  "\xff\xff\xff\x07\x22\x01x"),
            &i) == REAP_STATUS_corrupt,
       "sizes that overflow");
}

/* True if what is lent is as large as it says. */
static bool sound(struct reap_bytes value)
{
    struct reap_image i;
    volatile uint8_t sum = 0;
    const unsigned status = look(value, &i);

    (void)reap_layout_of(value);
    for (size_t k = 0; status == REAP_STATUS_ok && k < i.bytes.len; k++)
        sum = (uint8_t)(sum + i.bytes.data[k]);
    return status != REAP_STATUS_ok || !i.raw ||
           i.height * i.width * i.channels == i.bytes.len;
}

static void test_hostile(struct reap_bytes whole, const char *what)
{
    bool good = true;

    /* Each in memory of its own, so that a read behind it is seen. */
    for (size_t n = 0; n <= whole.len; n++) {
        uint8_t *p = guard_new(n ? n : 1);

        memcpy(p, whole.data, n);
        good = good && sound((struct reap_bytes){ p, n });
        guard_free(p, n ? n : 1);
    }
    ok(good, "%s: every prefix", what);
    for (size_t bit = 0; bit < 8 * whole.len; bit++) {
        uint8_t *p = guard_new(whole.len);

        memcpy(p, whole.data, whole.len);
        p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        good = good && sound((struct reap_bytes){ p, whole.len });
        guard_free(p, whole.len);
    }
    ok(good, "%s: every flipped bit", what);
}

static void test_find(void)
{
    const struct reap_layout *l;
    struct reap_err err = { 0 };
    struct reap_record rec[] = {
        { BYTES("a"), BYTES("") },
        { BYTES("b"), BYTES("<html>") },
        { BYTES("c"), BYTES("\x89PNG\r\n") },
        { BYTES("d"), BYTES("garbage") },
        { BYTES("e"), BYTES(RAW) },
        { BYTES("f"), BYTES("\x89PNG\r\n") },
        { BYTES("g"), BYTES(RAW) },
    };

    ok(!reap_layout_find(&l, rec, 4, &err) && l && !strcmp(l->name, "encoded"),
       "damaged ones do not count");
    ok(!reap_layout_find(&l, rec, 2, &err) && !l, "damaged ones alone");
    ok(!reap_layout_find(&l, rec, 6, &err) && l && !strcmp(l->name, "encoded"),
       "one stray record of another layout does not count");
    ok(reap_layout_find(&l, rec, 7, &err) == REAP_EFORMAT &&
           strstr(err.msg, "'c'") && strstr(err.msg, "'e'"),
       "two layouts: %s", err.msg);
}

int main(void)
{
    test_known();
    test_datum();
    test_hostile(BYTES(RAW), "samples");
    test_hostile(BYTES(FILE_), "a file");
    test_find();
    reap_layout_scratch_clear(&scratch);
    return done();
}
