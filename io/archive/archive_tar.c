/*
 * A tar, block by block: POSIX ustar and pax, GNU's long names, the oldest
 * kind. A header that its checksum contradicts costs the member it was of and
 * no other: the next good header is looked for. Blocks of zeros are passed
 * over, so that archives written one after another are read as one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/archive/archive_impl.h"

enum { BLOCK = 512, EXTRA_MAX = 1 << 20 };
/* Fields of a header: where and how long. */
enum { NAME = 0, NAME_LEN = 100, SIZE = 124, SIZE_LEN = 12 };
enum { SUM = 148, SUM_LEN = 8, TYPE = 156, LINK = 157, MAGIC = 257 };
enum { PREFIX = 345, PREFIX_LEN = 155, MAP_MORE = 482, MAP_MORE_STILL = 504 };
static const uint64_t len_max = (uint64_t)1 << 50;

/* What headers before a member's own say of it. */
struct extra {
    char *path, *link;
    uint64_t size;
    bool sized, sparse;
    const char *bad;
};

struct tar {
    struct reap_stream *s;
    struct extra extra;
    char path[NAME_LEN + PREFIX_LEN + 2], link[NAME_LEN + 1];
    char last[NAME_LEN + 1]; /* the name of a damaged header, if legible */
    char why[REAP_ARCHIVE_WHY];
    uint64_t left; /* bytes of the member not read yet, and its padding */
    size_t pad;
    bool named;  /* by its ending or magic it is a tar */
    bool began;  /* a good header was read */
    bool closed; /* after zeros, as at an archive's end */
    bool cut;
    bool holds, nameless; /* a header to be looked at; its name is lost */
    uint8_t held[BLOCK];
};

/* ---- numbers and checksums ---- */

static bool octal(const uint8_t *p, size_t n, uint64_t *out)
{
    size_t i = 0, digits = 0;

    *out = 0;
    while (i < n && p[i] == ' ')
        i++;
    for (; i < n && p[i] >= '0' && p[i] <= '7'; i++, digits++)
        *out = *out << 3 | (uint64_t)(p[i] - '0');
    while (i < n && (p[i] == ' ' || !p[i]))
        i++;
    return i == n || digits == n || (digits && i < n && !p[i - 1]);
}

/* Octal digits, or a binary number after a set first bit. */
static bool number(const uint8_t *p, size_t n, uint64_t *out)
{
    if (!(p[0] & 0x80))
        return octal(p, n, out);
    *out = p[0] & 0x3f;
    for (size_t i = 1; i < n; i++) {
        if (*out >> 55)
            return false;
        *out = *out << 8 | p[i];
    }
    return !(p[0] & 0x40);
}

/* Some writers summed signed bytes. */
bool reap_archive_tar_header(const uint8_t *block)
{
    uint64_t want, sum = 0;
    int64_t other = 0;

    if (!octal(block + SUM, SUM_LEN, &want))
        return false;
    for (size_t i = 0; i < BLOCK; i++) {
        const bool own = i >= SUM && i < SUM + SUM_LEN;

        sum += own ? ' ' : block[i];
        other += own ? ' ' : (int8_t)block[i];
    }
    return sum != SUM_LEN * (uint64_t)' ' &&
           (sum == want || other == (int64_t)want);
}

static uint64_t round_up(uint64_t size)
{
    return (size + BLOCK - 1) / BLOCK * BLOCK;
}

static bool all_zero(const uint8_t *block)
{
    for (size_t i = 0; i < BLOCK; i++)
        if (block[i])
            return false;
    return true;
}

/* ---- headers before the member's own ---- */

static void forget(struct extra *x)
{
    reap_free(x->path);
    reap_free(x->link);
    memset(x, 0, sizeof(*x));
}

static bool text(struct tar *t, char **to, const uint8_t *from, size_t n)
{
    char *p = reap_calloc(n + 1, 1);

    reap_free(*to);
    *to = p;
    if (!p || memchr(from, '\0', n)) {
        t->extra.bad = p ? "a zero byte in its name" : "no memory";
        return false;
    }
    memcpy(p, from, n);
    return true;
}

static bool is_key(const char *key, size_t n, const char *name)
{
    return n == strlen(name) && !memcmp(key, name, n);
}

static bool pax_value(struct tar *t, const char *key, size_t n_key,
                      const uint8_t *value, size_t n)
{
    struct extra *x = &t->extra;

    if (is_key(key, n_key, "path") || is_key(key, n_key, "GNU.sparse.name"))
        return text(t, &x->path, value, n);
    if (is_key(key, n_key, "linkpath"))
        return text(t, &x->link, value, n);
    if (n_key > 11 && !memcmp(key, "GNU.sparse.", 11))
        x->sparse = true;
    if (!is_key(key, n_key, "size"))
        return true;
    x->size = 0;
    x->sized = n > 0 && n < 19;
    for (size_t i = 0; i < n && x->sized; i++) {
        x->sized = value[i] >= '0' && value[i] <= '9';
        x->size = 10 * x->size + (uint64_t)(value[i] - '0');
    }
    return x->sized;
}

/* Lines of "length key=value". */
static bool pax(struct tar *t, const uint8_t *p, size_t n)
{
    while (n) {
        const uint8_t *key, *is;
        size_t len = 0, i = 0;

        for (; i < n && i < 8 && p[i] >= '0' && p[i] <= '9'; i++)
            len = 10 * len + (size_t)(p[i] - '0');
        if (!i || i >= n || p[i] != ' ' || len <= i + 2 || len > n ||
            p[len - 1] != '\n')
            return false;
        key = p + i + 1;
        is = memchr(key, '=', len - i - 2);
        if (!is)
            return false;
        if (!pax_value(t, (const char *)key, (size_t)(is - key), is + 1,
                       (size_t)(p + len - 1 - (is + 1))))
            return false;
        p += len;
        n -= len;
    }
    return true;
}

static void cut(struct tar *t)
{
    const char *why = reap_stream_trouble(t->s);

    t->cut = true;
    if (!t->why[0])
        snprintf(t->why, sizeof(t->why), "%s", why ? why : "it is cut");
}

/* The data of a header that speaks of the next member. False: cut. */
static bool extra(struct tar *t, int type, uint64_t size)
{
    const size_t whole = (size_t)round_up(size);
    size_t n = (size_t)size;
    uint8_t *p;
    bool good = true;

    if (size > EXTRA_MAX || !(p = reap_calloc(whole + 1, 1))) {
        t->extra.bad = "its name is too long";
        if (reap_stream_skip(t->s, round_up(size)))
            return true;
        cut(t);
        return false;
    }
    if (reap_stream_read(t->s, p, whole) < whole) {
        cut(t);
        reap_free(p);
        return false;
    }
    if (type == 'x' || type == 'X')
        good = pax(t, p, n);
    while (n && !p[n - 1])
        n--;
    if (type == 'L')
        good = text(t, &t->extra.path, p, n);
    if (type == 'K')
        good = text(t, &t->extra.link, p, n);
    if (!good && !t->extra.bad)
        t->extra.bad = "the header that names it is damaged";
    reap_free(p);
    return true;
}

/* ---- members ---- */

/* A damaged header: what can be said of it. Does it name the next member? */
static bool damaged(struct tar *t, const uint8_t *block)
{
    const char *name = (const char *)block + NAME;
    const size_t n = strnlen(name, NAME_LEN);

    memcpy(t->last, name, n);
    t->last[n] = '\0';
    return strchr("xXLK", block[TYPE] ? block[TYPE] : '0') ||
           strstr(t->last, "PaxHeader") || strstr(t->last, "@LongLink");
}

/* The next block that is no zeros. False: the end. */
static bool next_block(struct tar *t, uint8_t *block)
{
    for (;;) {
        const size_t n = reap_stream_read(t->s, block, BLOCK);

        if (n < BLOCK) {
            if (n && !t->closed)
                cut(t);
            return false;
        }
        if (!all_zero(block))
            return true;
        t->closed = true;
    }
}

/* To the next good header, which is held if damaged ones were passed over:
 * '*lost'. False: there is neither. */
static bool header(struct tar *t, uint8_t *block, bool *lost)
{
    *lost = false;
    if (t->holds) {
        memcpy(block, t->held, BLOCK);
        t->holds = false;
        if (t->nameless)
            t->extra.bad = "the header that names it is damaged";
        t->nameless = false;
        return true;
    }
    while (next_block(t, block)) {
        t->closed = false;
        if (reap_archive_tar_header(block)) {
            t->began = true;
            if (*lost)
                memcpy(t->held, block, BLOCK);
            t->holds = *lost;
            return true;
        }
        if (!t->began && !t->named) {
            snprintf(t->why, sizeof(t->why), "%s",
                     "it is no tar archive, and holds none");
            return false;
        }
        if (!*lost)
            t->nameless = damaged(t, block);
        *lost = true;
    }
    return *lost;
}

static enum reap_member_kind kind_of(const struct tar *t, int type)
{
    const size_t n = strlen(t->path);

    switch (type) {
    case '1':
        return REAP_MEMBER_HARD_LINK;
    case '2':
        return REAP_MEMBER_SYMBOLIC_LINK;
    case '3':
    case '4':
    case '6':
        return REAP_MEMBER_OTHER;
    case '5':
    case 'D':
        return REAP_MEMBER_FOLDER;
    case 'M':
    case 'V':
        return REAP_MEMBER_OTHER;
    default:
        return n && t->path[n - 1] == '/' ? REAP_MEMBER_FOLDER
                                          : REAP_MEMBER_FILE;
    }
}

static void names(struct tar *t, const uint8_t *h)
{
    const char *name = (const char *)h + NAME, *link = (const char *)h + LINK,
               *prefix = (const char *)h + PREFIX;
    const int n = (int)strnlen(name, NAME_LEN),
              p = memcmp(h + MAGIC, "ustar", 6)
                      ? 0
                      : (int)strnlen(prefix, PREFIX_LEN);

    snprintf(t->path, sizeof(t->path), "%.*s%s%.*s", p, prefix, p ? "/" : "", n,
             name);
    snprintf(t->link, sizeof(t->link), "%.*s", (int)strnlen(link, NAME_LEN),
             link);
}

/* A good header's member. False: it is one that speaks of the next. */
static bool member(struct tar *t, const uint8_t *h, uint64_t size,
                   struct reap_member *m)
{
    const int type = h[TYPE];
    const struct extra *x = &t->extra;

    if (strchr("xXgLK", type ? type : '0'))
        return false;
    names(t, h);
    m->kind = kind_of(t, type);
    m->path = x->path ? x->path : t->path;
    m->link = x->link ? x->link : t->link;
    m->bad = x->bad;
    if (!m->bad && (x->sparse || type == 'S'))
        m->bad = "stored as a sparse file, which is not read";
    if (m->kind != REAP_MEMBER_FILE && m->kind != REAP_MEMBER_OTHER)
        size = 0;
    else if (x->sized)
        size = x->size;
    m->size = t->left = size;
    t->pad = (size_t)(-size % BLOCK);
    return true;
}

static bool pass_member(struct tar *t)
{
    const bool whole = reap_stream_skip(t->s, t->left + t->pad);

    if (!whole && t->left + t->pad)
        cut(t);
    t->left = t->pad = 0;
    return whole;
}

static bool bad_header(struct tar *t, struct reap_member *m)
{
    m->path = t->last;
    m->bad = "its header is damaged";
    return true;
}

/* Blocks of a sparse member's map, after its header. */
static void pass_map(struct tar *t, const uint8_t *h)
{
    uint8_t block[BLOCK];
    bool more = h[TYPE] == 'S' && h[MAP_MORE];

    while (more && reap_stream_read(t->s, block, BLOCK) == BLOCK)
        more = block[MAP_MORE_STILL];
}

static bool tar_next(void *self, struct reap_member *m)
{
    struct tar *t = self;
    uint8_t h[BLOCK];
    uint64_t size;
    bool lost;

    if (t->cut || !pass_member(t))
        return false;
    forget(&t->extra);
    while (header(t, h, &lost)) {
        if (lost)
            return bad_header(t, m);
        if (!number(h + SIZE, SIZE_LEN, &size) || size > len_max) {
            t->nameless = damaged(t, h);
            return bad_header(t, m);
        }
        if (member(t, h, size, m)) {
            pass_map(t, h);
            return true;
        }
        if (h[TYPE] != 'g') {
            if (!extra(t, h[TYPE], size))
                return false;
        } else if (!reap_stream_skip(t->s, round_up(size))) {
            cut(t);
            return false;
        }
    }
    return false;
}

static const char *tar_read(void *self, uint8_t *to, size_t len)
{
    struct tar *t = self;
    const size_t n = len < t->left ? len : (size_t)t->left;

    if (reap_stream_read(t->s, to, n) == n) {
        t->left -= n;
        return n == len ? NULL : "it ends early";
    }
    cut(t);
    return t->why;
}

static const char *tar_trouble(const void *self)
{
    const struct tar *t = self;
    const char *why = reap_stream_trouble(t->s);

    if (why || t->why[0])
        return why ? why : t->why;
    if (!t->began)
        return "no member of it can be read";
    return t->closed ? NULL : "its end is missing: is it cut?";
}

static void tar_close(void *self)
{
    struct tar *t = self;

    forget(&t->extra);
    reap_stream_close(&t->s);
    reap_free(t);
}

const struct reap_archive_kind reap_archive_tar = { tar_next, tar_read,
                                                    tar_trouble, tar_close };

int reap_archive_tar_open(void **self, const char *path, uint64_t most,
                          bool named, struct reap_err *err)
{
    struct tar *t = reap_calloc(1, sizeof(*t));
    int rc;

    *self = t;
    if (!t)
        return reap_fail(err, REAP_ENOMEM, "%s: no memory to read it", path);
    t->named = named;
    rc = reap_stream_open(&t->s, path, most, err);
    if (rc)
        reap_free(t);
    return rc;
}
