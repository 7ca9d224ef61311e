/* The stack machine: values, stack, start and end. What opcodes do is
 * pickle_ops.c's, what names mean pickle_torch.c's. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
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

int reap_pk_push(struct reap_pickle *p, struct reap_pk *v, struct reap_err *err)
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

int reap_pk_take(struct reap_pickle *p, size_t n, const uint8_t **from,
                 struct reap_err *err)
{
    if (n > p->bytes.len - p->at)
        return reap_pk_refuse(p, err, "it ends in the middle (cut off?)");
    *from = p->bytes.data + p->at;
    p->at += n;
    return REAP_OK;
}

struct reap_pk *reap_pk_text(struct reap_pickle *p, enum reap_pk_kind kind,
                             const char *text, size_t len, struct reap_err *err)
{
    struct reap_pk *v = reap_pk_new(p, kind, err);

    if (v) {
        v->text = text;
        v->len = len;
    }
    return v;
}

static int pickle_run(struct reap_pickle *p, struct reap_err *err)
{
    int rc = REAP_OK;

    while (!rc && !p->stopped) {
        const uint8_t *op = NULL;

        p->op_at = p->at;
        rc = reap_pk_take(p, 1, &op, err);
        if (!rc)
            rc = reap_pk_step(p, *op, err);
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

/* The name at the bottom of calls of calls; NULL if there is none. */
static const struct reap_pk *named(const struct reap_pk *v)
{
    for (int depth = 0; v && depth < 4; depth++) {
        if (v->kind == REAP_PK_NAME)
            return v;
        v = v->kind == REAP_PK_OBJECT ? v->item[REAP_PO_MAKER] : NULL;
    }
    return NULL;
}

const char *reap_pk_maker(const struct reap_pk *v, char *to, size_t size)
{
    const struct reap_pk *name = named(v);

    if (name)
        snprintf(to, size, "%.*s.%.*s", (int)name->item[0]->len,
                 name->item[0]->text, (int)name->item[1]->len,
                 name->item[1]->text);
    else
        snprintf(to, size, "an unknown object");
    return to;
}

const struct reap_pk *reap_pk_get(const struct reap_pk *dict, const char *key)
{
    for (size_t i = dict->n; i >= 2; i -= 2)
        if (reap_pk_is(dict->item[i - 2], key))
            return dict->item[i - 1];
    return NULL;
}
