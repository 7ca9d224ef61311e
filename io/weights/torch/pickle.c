/*
 * The stack machine. Source: Lib/pickletools.py of CPython for the opcodes,
 * torch/_weights_only_unpickler.py for which of them a state_dict needs.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/file/le.h"
#include "io/weights/torch/pickle_impl.h"

enum { CHUNK = 512 };

struct reap_pk_chunk {
    struct reap_pk_chunk *older;
    size_t n;
    struct reap_pk value[CHUNK];
};

int reap_pk_refuse(const struct reap_pickle *p, struct reap_err *err,
                   const char *fmt, ...)
{
    char why[240];
    va_list args;

    va_start(args, fmt);
    vsnprintf(why, sizeof(why), fmt, args);
    va_end(args);
    return reap_fail(err, REAP_EFORMAT, "pickle opcode 0x%02x at byte %zu: %s",
                     p->op_at < p->bytes.len ? p->bytes.data[p->op_at] : 0u,
                     p->op_at, why);
}

static int pickle_no_memory(struct reap_err *err)
{
    return reap_fail(err, REAP_ENOMEM, "no memory for a pickle's values");
}

struct reap_pk *reap_pk_new(struct reap_pickle *p, enum reap_pk_kind kind,
                            struct reap_err *err)
{
    struct reap_pk *v;

    if (p->n_values == REAP_PK_VALUES) {
        reap_pk_refuse(p, err, "more than %d values", REAP_PK_VALUES);
        return NULL;
    }
    if (!p->chunk || p->chunk->n == CHUNK) {
        struct reap_pk_chunk *c = reap_calloc(1, sizeof(*c));

        if (!c) {
            pickle_no_memory(err);
            return NULL;
        }
        c->older = p->chunk;
        p->chunk = c;
    }
    p->n_values++;
    v = &p->chunk->value[p->chunk->n++];
    v->kind = kind;
    return v;
}

int reap_pk_append(struct reap_pk *to, struct reap_pk *item,
                   struct reap_err *err)
{
    if (to->n == to->room) {
        const size_t room = to->room * 2 + 4;
        struct reap_pk **wide =
            reap_realloc(to->item, room * sizeof(*to->item));

        if (!wide)
            return pickle_no_memory(err);
        to->item = wide;
        to->room = room;
    }
    to->item[to->n++] = item;
    return REAP_OK;
}

static int push(struct reap_pickle *p, struct reap_pk *v, struct reap_err *err)
{
    if (!v)
        return err ? err->code : REAP_EFORMAT; /* told by reap_pk_new() */
    if (p->n == REAP_PK_STACK)
        return reap_pk_refuse(p, err, "more than %d values at once",
                              REAP_PK_STACK);
    if (p->n == p->room) {
        const size_t room = p->room * 2 + 64;
        struct reap_pk **wide = reap_realloc(p->stack, room * sizeof(*wide));

        if (!wide)
            return pickle_no_memory(err);
        p->stack = wide;
        p->room = room;
    }
    p->stack[p->n++] = v;
    return REAP_OK;
}

/* What an open bracket keeps closed is not there for others. */
static size_t floor_of(const struct reap_pickle *p)
{
    return p->n_marks ? p->mark[p->n_marks - 1] : 0;
}

static int need(const struct reap_pickle *p, size_t n, struct reap_err *err)
{
    return p->n - floor_of(p) >= n
               ? REAP_OK
               : reap_pk_refuse(p, err, "%zu values are needed", n);
}

static int pickle_take(struct reap_pickle *p, size_t n, const uint8_t **from,
                       struct reap_err *err)
{
    if (n > p->bytes.len - p->at)
        return reap_pk_refuse(p, err, "it ends in the middle (cut off?)");
    *from = p->bytes.data + p->at;
    p->at += n;
    return REAP_OK;
}

/* A little-endian number of 'width' bytes, not signed. */
static int pickle_number(struct reap_pickle *p, int width, uint32_t *out,
                         struct reap_err *err)
{
    const uint8_t *b = NULL;
    int rc = pickle_take(p, (size_t)width, &b, err);

    if (rc)
        return rc;
    *out = width == 1 ? b[0] : width == 2 ? reap_le_get16(b) : reap_le_get32(b);
    return REAP_OK;
}

static int op_proto(struct reap_pickle *p, int arg, struct reap_err *err)
{
    uint32_t version = 0;
    int rc = pickle_number(p, 1, &version, err);

    (void)arg;
    if (!rc && version != 2)
        rc = reap_pk_refuse(p, err, "protocol %u; 2 is expected", version);
    return rc;
}

static int op_stop(struct reap_pickle *p, int arg, struct reap_err *err)
{
    (void)arg;
    if (p->n != 1 || p->n_marks)
        return reap_pk_refuse(p, err, "%zu values are left; one is expected",
                              p->n);
    p->stopped = 1;
    return REAP_OK;
}

static int op_mark(struct reap_pickle *p, int arg, struct reap_err *err)
{
    (void)arg;
    if (p->n_marks == REAP_PK_MARKS)
        return reap_pk_refuse(p, err, "nested deeper than %d", REAP_PK_MARKS);
    p->mark[p->n_marks++] = p->n;
    return REAP_OK;
}

/* NONE, true, false, and empty collections: the argument is the kind, with
 * the number above it. */
static int op_new(struct reap_pickle *p, int arg, struct reap_err *err)
{
    struct reap_pk *v = reap_pk_new(p, (enum reap_pk_kind)(arg & 255), err);

    if (v)
        v->number = arg >> 8;
    return push(p, v, err);
}

static int push_int(struct reap_pickle *p, int64_t n, struct reap_err *err)
{
    struct reap_pk *v = reap_pk_new(p, REAP_PK_INT, err);

    if (v)
        v->number = n;
    return push(p, v, err);
}

static int op_int(struct reap_pickle *p, int width, struct reap_err *err)
{
    uint32_t n = 0;
    int rc = pickle_number(p, width, &n, err);

    return rc ? rc : push_int(p, width == 4 ? (int32_t)n : (int64_t)n, err);
}

static int op_long1(struct reap_pickle *p, int arg, struct reap_err *err)
{
    const uint8_t *b = NULL;
    uint32_t n = 0;
    uint64_t value = 0;
    int rc = pickle_number(p, 1, &n, err);

    (void)arg;
    if (!rc && n > 8)
        return reap_pk_refuse(p, err, "a number of %u bytes", n);
    if (!rc)
        rc = pickle_take(p, n, &b, err);
    if (rc)
        return rc;
    if (n && b[n - 1] & 0x80)
        value = ~(uint64_t)0;
    for (uint32_t i = n; i-- > 0;)
        value = value << 8 | b[i];
    return push_int(p, (int64_t)value, err);
}

static int op_float(struct reap_pickle *p, int arg, struct reap_err *err)
{
    const uint8_t *b = NULL;
    int rc = pickle_take(p, 8, &b, err);

    (void)arg;
    return rc ? rc : push(p, reap_pk_new(p, REAP_PK_FLOAT, err), err);
}

static int op_text(struct reap_pickle *p, int width, struct reap_err *err)
{
    const uint8_t *b = NULL;
    struct reap_pk *v;
    uint32_t n = 0;
    int rc = pickle_number(p, width, &n, err);

    if (!rc && n > REAP_PK_TEXT_LEN)
        return reap_pk_refuse(p, err, "a string of %u bytes", n);
    if (!rc)
        rc = pickle_take(p, n, &b, err);
    if (rc)
        return rc;
    v = reap_pk_new(p, REAP_PK_TEXT, err);
    if (v) {
        v->text = (const char *)b;
        v->len = n;
    }
    return push(p, v, err);
}

/* Put the values from 'from' on into one tuple. */
static int make_tuple(struct reap_pickle *p, size_t from, struct reap_err *err)
{
    struct reap_pk *t = reap_pk_new(p, REAP_PK_TUPLE, err);
    int rc = REAP_OK;

    for (size_t i = from; t && !rc && i < p->n; i++)
        rc = reap_pk_append(t, p->stack[i], err);
    if (rc)
        return rc;
    p->n = from;
    return push(p, t, err);
}

static int close_mark(struct reap_pickle *p, size_t *from, struct reap_err *err)
{
    if (!p->n_marks)
        return reap_pk_refuse(p, err, "no MARK before it");
    *from = p->mark[--p->n_marks];
    return REAP_OK;
}

/* The last 'n' values; -1: those after the mark. */
static int op_tuple(struct reap_pickle *p, int n, struct reap_err *err)
{
    size_t from = 0;
    int rc = n < 0 ? close_mark(p, &from, err) : need(p, (size_t)n, err);

    if (!rc && n >= 0)
        from = p->n - (size_t)n;
    return rc ? rc : make_tuple(p, from, err);
}

/* Append the values from 'from' on to the collection below them. */
static int extend(struct reap_pickle *p, size_t from, enum reap_pk_kind kind,
                  struct reap_err *err)
{
    struct reap_pk *to = from ? p->stack[from - 1] : NULL;
    int rc = REAP_OK;

    if (from <= floor_of(p) || to->kind != kind)
        return reap_pk_refuse(p, err, "no %s to add to",
                              kind == REAP_PK_DICT ? "dict" : "list");
    if (kind == REAP_PK_DICT && (p->n - from) % 2)
        return reap_pk_refuse(p, err, "a key without a value");
    for (size_t i = from; !rc && i < p->n; i++)
        rc = reap_pk_append(to, p->stack[i], err);
    p->n = from;
    return rc;
}

static int op_append(struct reap_pickle *p, int arg, struct reap_err *err)
{
    int rc = need(p, 2, err);

    (void)arg;
    return rc ? rc : extend(p, p->n - 1, REAP_PK_LIST, err);
}

static int op_setitem(struct reap_pickle *p, int arg, struct reap_err *err)
{
    int rc = need(p, 3, err);

    (void)arg;
    return rc ? rc : extend(p, p->n - 2, REAP_PK_DICT, err);
}

static int op_extend(struct reap_pickle *p, int kind, struct reap_err *err)
{
    size_t from = 0;
    int rc = close_mark(p, &from, err);

    return rc ? rc : extend(p, from, (enum reap_pk_kind)kind, err);
}

static int op_put(struct reap_pickle *p, int width, struct reap_err *err)
{
    uint32_t i = 0;
    int rc = pickle_number(p, width, &i, err);

    if (!rc)
        rc = need(p, 1, err);
    if (!rc && i >= REAP_PK_MEMO)
        rc = reap_pk_refuse(p, err, "memo %u", i);
    if (rc)
        return rc;
    if (i >= p->n_memo) {
        const size_t n = ((size_t)i + 1) * 2;
        struct reap_pk **wide = reap_realloc(p->memo, n * sizeof(*wide));

        if (!wide)
            return pickle_no_memory(err);
        memset(wide + p->n_memo, 0, (n - p->n_memo) * sizeof(*wide));
        p->memo = wide;
        p->n_memo = n;
    }
    p->memo[i] = p->stack[p->n - 1];
    return REAP_OK;
}

static int op_get(struct reap_pickle *p, int width, struct reap_err *err)
{
    uint32_t i = 0;
    int rc = pickle_number(p, width, &i, err);

    if (!rc && (i >= p->n_memo || !p->memo[i]))
        rc = reap_pk_refuse(p, err, "memo %u is empty", i);
    return rc ? rc : push(p, p->memo[i], err);
}

static int line(struct reap_pickle *p, const char **text, size_t *len,
                struct reap_err *err)
{
    const uint8_t *from = p->bytes.data + p->at;
    const uint8_t *end = memchr(from, '\n', p->bytes.len - p->at);

    if (!end || end - from > 200)
        return reap_pk_refuse(p, err, "its name does not end");
    *text = (const char *)from;
    *len = (size_t)(end - from);
    p->at += *len + 1;
    return REAP_OK;
}

static int op_global(struct reap_pickle *p, int arg, struct reap_err *err)
{
    const char *module = "", *name = "";
    size_t module_len = 0, name_len = 0;
    struct reap_pk *v = NULL;
    int rc = line(p, &module, &module_len, err);

    (void)arg;
    if (!rc)
        rc = line(p, &name, &name_len, err);
    if (!rc)
        rc = reap_pk_global(p, module, module_len, name, name_len, &v, err);
    return rc ? rc : push(p, v, err);
}

static int op_reduce(struct reap_pickle *p, int arg, struct reap_err *err)
{
    struct reap_pk *v = NULL;
    int rc = need(p, 2, err);

    (void)arg;
    if (!rc)
        rc = reap_pk_reduce(p, p->stack[p->n - 2], p->stack[p->n - 1], &v, err);
    if (rc)
        return rc;
    p->n -= 2;
    return push(p, v, err);
}

/* A state is only ever attached to a dict (its _metadata), and is dropped. */
static int op_build(struct reap_pickle *p, int arg, struct reap_err *err)
{
    int rc = need(p, 2, err);

    (void)arg;
    if (!rc && p->stack[p->n - 2]->kind != REAP_PK_DICT)
        rc = reap_pk_refuse(p, err, "a state for what is no OrderedDict");
    if (!rc)
        p->n--;
    return rc;
}

static int op_persistent(struct reap_pickle *p, int arg, struct reap_err *err)
{
    struct reap_pk *v = NULL;
    int rc = need(p, 1, err);

    (void)arg;
    if (!rc)
        rc = reap_pk_persistent(p, p->stack[p->n - 1], &v, err);
    if (rc)
        return rc;
    p->n--;
    return push(p, v, err);
}

static const struct {
    int (*run)(struct reap_pickle *p, int arg, struct reap_err *err);
    int arg;
} ops[256] = {
    [0x80] = { op_proto, 0 },
    ['.'] = { op_stop, 0 },
    ['('] = { op_mark, 0 },
    ['c'] = { op_global, 0 },
    ['R'] = { op_reduce, 0 },
    ['b'] = { op_build, 0 },
    ['Q'] = { op_persistent, 0 },
    ['}'] = { op_new, REAP_PK_DICT },
    [']'] = { op_new, REAP_PK_LIST },
    [')'] = { op_new, REAP_PK_TUPLE },
    ['N'] = { op_new, REAP_PK_NONE },
    [0x88] = { op_new, REAP_PK_BOOL | 1 << 8 },
    [0x89] = { op_new, REAP_PK_BOOL },
    ['t'] = { op_tuple, -1 },
    [0x85] = { op_tuple, 1 },
    [0x86] = { op_tuple, 2 },
    [0x87] = { op_tuple, 3 },
    ['a'] = { op_append, 0 },
    ['e'] = { op_extend, REAP_PK_LIST },
    ['s'] = { op_setitem, 0 },
    ['u'] = { op_extend, REAP_PK_DICT },
    ['X'] = { op_text, 4 },
    ['U'] = { op_text, 1 },
    ['J'] = { op_int, 4 },
    ['K'] = { op_int, 1 },
    ['M'] = { op_int, 2 },
    [0x8a] = { op_long1, 0 },
    ['G'] = { op_float, 0 },
    ['q'] = { op_put, 1 },
    ['r'] = { op_put, 4 },
    ['h'] = { op_get, 1 },
    ['j'] = { op_get, 4 },
};

static int pickle_run(struct reap_pickle *p, struct reap_err *err)
{
    int rc = REAP_OK;

    while (!rc && !p->stopped) {
        const uint8_t *op = NULL;

        p->op_at = p->at;
        rc = pickle_take(p, 1, &op, err);
        if (!rc && !ops[*op].run)
            rc =
                reap_pk_refuse(p, err, "it is not one that a state_dict needs");
        if (!rc)
            rc = ops[*op].run(p, ops[*op].arg, err);
    }
    return rc;
}

int reap_pickle_load(struct reap_pickle **out, struct reap_bytes bytes,
                     size_t at, size_t *end, struct reap_err *err)
{
    struct reap_pickle *p = reap_calloc(1, sizeof(*p));
    struct reap_err own = { 0 };
    int rc;

    *out = NULL;
    if (!p)
        return pickle_no_memory(err);
    p->bytes = bytes;
    p->at = at;
    rc = pickle_run(p, err ? err : &own);
    if (rc) {
        reap_pickle_free(&p);
        return rc;
    }
    *end = p->at;
    *out = p;
    return REAP_OK;
}

const struct reap_pk *reap_pickle_top(const struct reap_pickle *p)
{
    return p->stack[0];
}

size_t reap_pickle_storages(const struct reap_pickle *p)
{
    return p->n_storage;
}

const struct reap_pk *reap_pickle_storage(const struct reap_pickle *p, size_t i)
{
    return p->storage[i];
}

void reap_pickle_free(struct reap_pickle **p)
{
    struct reap_pk_chunk *c, *older;

    if (!*p)
        return;
    for (c = (*p)->chunk; c; c = older) {
        older = c->older;
        for (size_t i = 0; i < c->n; i++)
            reap_free(c->value[i].item);
        reap_free(c);
    }
    reap_free((*p)->stack);
    reap_free((*p)->memo);
    reap_free((*p)->storage);
    reap_free(*p);
    *p = NULL;
}

int reap_pk_is(const struct reap_pk *v, const char *s)
{
    return v->kind == REAP_PK_TEXT && v->len == strlen(s) &&
           !memcmp(v->text, s, v->len);
}

const struct reap_pk *reap_pk_get(const struct reap_pk *dict, const char *key)
{
    for (size_t i = dict->n; i >= 2; i -= 2)
        if (reap_pk_is(dict->item[i - 2], key))
            return dict->item[i - 1];
    return NULL;
}
