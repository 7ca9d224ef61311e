/*
 * The opcodes. Source: Lib/pickletools.py of CPython; of its protocols 0 and 1
 * only what later ones still write.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/weights/torch/pickle_impl.h"

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

/* A little-endian number of 'width' bytes, not signed. */
static int number(struct reap_pickle *p, int width, uint64_t *out,
                  struct reap_err *err)
{
    const uint8_t *b = NULL;
    int rc = reap_pk_take(p, (size_t)width, &b, err);

    *out = 0;
    for (int i = width; !rc && i-- > 0;)
        *out = *out << 8 | b[i];
    return rc;
}

static int op_proto(struct reap_pickle *p, int arg, struct reap_err *err)
{
    uint64_t version = 0;
    int rc = number(p, 1, &version, err);

    (void)arg;
    if (!rc && (version < 2 || version > 5))
        rc = reap_pk_refuse(p, err, "protocol %" PRIu64 "; 2 to 5 are expected",
                            version);
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
    return reap_pk_push(p, v, err);
}

static int push_int(struct reap_pickle *p, int64_t n, struct reap_err *err)
{
    struct reap_pk *v = reap_pk_new(p, REAP_PK_INT, err);

    if (v)
        v->number = n;
    return reap_pk_push(p, v, err);
}

static int op_int(struct reap_pickle *p, int width, struct reap_err *err)
{
    uint64_t n = 0;
    int rc = number(p, width, &n, err);

    return rc ? rc : push_int(p, width == 4 ? (int32_t)n : (int64_t)n, err);
}

/* One of more than 64 bits (a random generator's state) is not kept. */
static int op_long(struct reap_pickle *p, int width, struct reap_err *err)
{
    const uint8_t *b = NULL;
    uint64_t n = 0, value = 0;
    struct reap_pk *v;
    int rc = number(p, width, &n, err);

    if (!rc && n > INT32_MAX)
        rc = reap_pk_refuse(p, err, "a number of %" PRIu64 " bytes", n);
    if (!rc)
        rc = reap_pk_take(p, n, &b, err);
    if (rc)
        return rc;
    if (n > 8) {
        v = reap_pk_new(p, REAP_PK_FLOAT, err);
        if (v)
            v->real = NAN;
        return reap_pk_push(p, v, err);
    }
    if (n && b[n - 1] & 0x80)
        value = ~(uint64_t)0;
    for (uint64_t i = n; i-- > 0;)
        value = value << 8 | b[i];
    return push_int(p, (int64_t)value, err);
}

/* Big-endian, alone among a pickle's numbers. */
static int op_float(struct reap_pickle *p, int arg, struct reap_err *err)
{
    const uint8_t *b = NULL;
    struct reap_pk *v;
    uint64_t bits = 0;
    int rc = reap_pk_take(p, 8, &b, err);

    (void)arg;
    if (rc)
        return rc;
    for (int i = 0; i < 8; i++)
        bits = bits << 8 | b[i];
    v = reap_pk_new(p, REAP_PK_FLOAT, err);
    if (v)
        memcpy(&v->real, &bits, sizeof(v->real));
    return reap_pk_push(p, v, err);
}

/* A run of bytes of 'arg' & 15 bytes' length; the kind stands above that. */
static int op_run(struct reap_pickle *p, int arg, struct reap_err *err)
{
    const uint8_t *b = NULL;
    uint64_t n = 0;
    int rc = number(p, arg & 15, &n, err);

    if (!rc && n > p->bytes.len)
        rc =
            reap_pk_refuse(p, err, "a text of %" PRIu64 " bytes (cut off?)", n);
    if (!rc)
        rc = reap_pk_take(p, n, &b, err);
    if (rc)
        return rc;
    return reap_pk_push(
        p,
        reap_pk_text(p, (enum reap_pk_kind)(arg >> 4), (const char *)b, n, err),
        err);
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
    return reap_pk_push(p, t, err);
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

/* Append the values from 'from' on to the collection below them: an inert
 * object keeps what it would hold under keys, and nothing else. */
static int extend(struct reap_pickle *p, size_t from, enum reap_pk_kind kind,
                  struct reap_err *err)
{
    struct reap_pk *to = from ? p->stack[from - 1] : NULL;
    int rc = REAP_OK;

    if (from > floor_of(p) && to->kind == REAP_PK_OBJECT) {
        if (kind == REAP_PK_LIST) {
            p->n = from;
            return REAP_OK;
        }
        to = to->item[REAP_PO_BODY];
    }
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

/* A new collection of the values after the mark. */
static int op_collect(struct reap_pickle *p, int kind, struct reap_err *err)
{
    struct reap_pk *v = reap_pk_new(p, (enum reap_pk_kind)kind, err);
    size_t from = 0;
    int rc = v ? close_mark(p, &from, err) : err->code;

    if (!rc && kind == REAP_PK_DICT && (p->n - from) % 2)
        rc = reap_pk_refuse(p, err, "a key without a value");
    for (size_t i = from; !rc && i < p->n; i++)
        rc = reap_pk_append(v, p->stack[i], err);
    if (rc)
        return rc;
    p->n = from;
    return reap_pk_push(p, v, err);
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

static int memoize(struct reap_pickle *p, uint64_t i, struct reap_err *err)
{
    if (i >= REAP_PK_MEMO)
        return reap_pk_refuse(p, err, "memo %" PRIu64, i);
    if (i >= p->n_memo) {
        const size_t n = ((size_t)i + 1) * 2;
        struct reap_pk **wide = reap_realloc(p->memo, n * sizeof(*wide));

        if (!wide)
            return reap_fail(err, REAP_ENOMEM, "no memory for a memo");
        memset(wide + p->n_memo, 0, (n - p->n_memo) * sizeof(*wide));
        p->memo = wide;
        p->n_memo = n;
    }
    p->memoized += !p->memo[i];
    p->memo[i] = p->stack[p->n - 1];
    return REAP_OK;
}

/* Under the number that follows; of no bytes: the next one. */
static int op_put(struct reap_pickle *p, int width, struct reap_err *err)
{
    uint64_t i = 0;
    int rc = number(p, width, &i, err);

    if (!width)
        i = p->memoized;
    if (!rc)
        rc = need(p, 1, err);
    return rc ? rc : memoize(p, i, err);
}

static int op_get(struct reap_pickle *p, int width, struct reap_err *err)
{
    uint64_t i = 0;
    int rc = number(p, width, &i, err);

    if (!rc && (i >= p->n_memo || !p->memo[i]))
        rc = reap_pk_refuse(p, err, "memo %" PRIu64 " is empty", i);
    return rc ? rc : reap_pk_push(p, p->memo[i], err);
}

/* Leave a value out; or, as CPython does, an open bracket above it. */
static int op_pop(struct reap_pickle *p, int arg, struct reap_err *err)
{
    (void)arg;
    if (p->n_marks && p->mark[p->n_marks - 1] == p->n) {
        p->n_marks--;
        return REAP_OK;
    }
    if (need(p, 1, err))
        return REAP_EFORMAT;
    p->n--;
    return REAP_OK;
}

static int op_pop_mark(struct reap_pickle *p, int arg, struct reap_err *err)
{
    size_t from = 0;
    int rc = close_mark(p, &from, err);

    (void)arg;
    if (!rc)
        p->n = from;
    return rc;
}

static int op_dup(struct reap_pickle *p, int arg, struct reap_err *err)
{
    int rc = need(p, 1, err);

    (void)arg;
    return rc ? rc : reap_pk_push(p, p->stack[p->n - 1], err);
}

/* How much follows: what we take is bounded by the file all the same. */
static int op_frame(struct reap_pickle *p, int arg, struct reap_err *err)
{
    uint64_t n;

    (void)arg;
    return number(p, 8, &n, err);
}

static int op_nothing(struct reap_pickle *p, int arg, struct reap_err *err)
{
    (void)arg;
    return need(p, 1, err);
}

static int line(struct reap_pickle *p, struct reap_pk **text,
                struct reap_err *err)
{
    const uint8_t *from = p->bytes.data + p->at;
    const uint8_t *end = memchr(from, '\n', p->bytes.len - p->at);

    if (!end || end - from > 400)
        return reap_pk_refuse(p, err, "its name does not end");
    p->at += (size_t)(end - from) + 1;
    *text = reap_pk_text(p, REAP_PK_TEXT, (const char *)from,
                         (size_t)(end - from), err);
    return *text ? REAP_OK : err->code;
}

static int op_global(struct reap_pickle *p, int arg, struct reap_err *err)
{
    struct reap_pk *module = NULL, *name = NULL, *v = NULL;
    int rc = line(p, &module, err);

    (void)arg;
    if (!rc)
        rc = line(p, &name, err);
    if (!rc)
        rc = reap_pk_global(p, module, name, &v, err);
    return rc ? rc : reap_pk_push(p, v, err);
}

static int op_stack_global(struct reap_pickle *p, int arg, struct reap_err *err)
{
    struct reap_pk *v = NULL;
    int rc = need(p, 2, err);

    (void)arg;
    if (!rc && (p->stack[p->n - 2]->kind != REAP_PK_TEXT ||
                p->stack[p->n - 1]->kind != REAP_PK_TEXT))
        rc = reap_pk_refuse(p, err, "a name that is no text");
    if (!rc)
        rc = reap_pk_global(p, p->stack[p->n - 2], p->stack[p->n - 1], &v, err);
    if (rc)
        return rc;
    p->n -= 2;
    return reap_pk_push(p, v, err);
}

/* What is called, its arguments; NEWOBJ_EX has named ones above them. */
static int op_reduce(struct reap_pickle *p, int named, struct reap_err *err)
{
    const size_t n = named ? 3 : 2;
    struct reap_pk *v = NULL;
    int rc = need(p, n, err);

    if (!rc)
        rc = reap_pk_reduce(p, p->stack[p->n - n], p->stack[p->n - n + 1], &v,
                            err);
    if (rc)
        return rc;
    p->n -= n;
    return reap_pk_push(p, v, err);
}

static int op_build(struct reap_pickle *p, int arg, struct reap_err *err)
{
    int rc = need(p, 2, err);

    (void)arg;
    if (!rc)
        rc = reap_pk_build(p, p->stack[p->n - 2], p->stack[p->n - 1], err);
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
    return reap_pk_push(p, v, err);
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
    ['l'] = { op_collect, REAP_PK_LIST },
    ['d'] = { op_collect, REAP_PK_DICT },
    ['0'] = { op_pop, 0 },
    ['1'] = { op_pop_mark, 0 },
    ['2'] = { op_dup, 0 },
    ['X'] = { op_run, REAP_PK_TEXT << 4 | 4 },
    ['U'] = { op_run, REAP_PK_TEXT << 4 | 1 },
    ['T'] = { op_run, REAP_PK_TEXT << 4 | 4 },
    [0x8c] = { op_run, REAP_PK_TEXT << 4 | 1 },
    [0x8d] = { op_run, REAP_PK_TEXT << 4 | 8 },
    ['B'] = { op_run, REAP_PK_BYTES << 4 | 4 },
    ['C'] = { op_run, REAP_PK_BYTES << 4 | 1 },
    [0x8e] = { op_run, REAP_PK_BYTES << 4 | 8 },
    [0x96] = { op_run, REAP_PK_BYTES << 4 | 8 },
    ['J'] = { op_int, 4 },
    ['K'] = { op_int, 1 },
    ['M'] = { op_int, 2 },
    [0x8a] = { op_long, 1 },
    [0x8b] = { op_long, 4 },
    ['G'] = { op_float, 0 },
    ['q'] = { op_put, 1 },
    ['r'] = { op_put, 4 },
    [0x94] = { op_put, 0 },
    ['h'] = { op_get, 1 },
    ['j'] = { op_get, 4 },
    [0x81] = { op_reduce, 0 },
    [0x92] = { op_reduce, 1 },
    [0x93] = { op_stack_global, 0 },
    [0x8f] = { op_new, REAP_PK_LIST }, /* a set, for us */
    [0x90] = { op_extend, REAP_PK_LIST },
    [0x91] = { op_collect, REAP_PK_LIST },
    [0x95] = { op_frame, 0 },
    [0x98] = { op_nothing, 0 }, /* a buffer becomes read-only */
};

int reap_pk_step(struct reap_pickle *p, uint8_t op, struct reap_err *err)
{
    if (!ops[op].run)
        return reap_pk_refuse(p, err, "it is not one that a checkpoint needs");
    return ops[op].run(p, ops[op].arg, err);
}
