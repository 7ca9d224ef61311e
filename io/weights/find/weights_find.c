/*
 * The networks in a file: a candidate stands under every prefix that has both a
 * stem and a first block; it is complete if its tensors are those of a row of
 * models.def. One is taken, by the user's word or by roles.def.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/net/guess.h"
#include "io/weights/find/find_head.h"
#include "io/weights/find/find_names.h"
#include "io/weights/find/find_tell.h"

enum { MOST = 64, BASIC_FEATURES = 512, FEATURES = 2048 };

struct network {
    enum reap_dialect dialect;
    char *prefix; /* ends in a dot, or is "" */
    size_t tensors;
    const struct reap_model *model; /* NULL: not complete */
    const struct reap_raw *closed;  /* a tensor of it without numbers */
    int rank;
    const char *role;
};

struct search {
    struct reap_weights_in *in;
    const char **sorted; /* all names */
    size_t n;
    struct network net[MOST];
};

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_there(const struct search *s, const char *name)
{
    return bsearch(&name, s->sorted, s->in->n, sizeof(name), by_name) != NULL;
}

static const struct {
    const char *word;
    int rank;
    const char *about;
} roles[] = {
#define ROLE(word, rank, about) { word, rank, about },
#include "io/weights/find/roles.def"
#undef ROLE
};

static void give_word(struct network *n, const char *word, size_t len)
{
    for (size_t i = 0; i < sizeof(roles) / sizeof(*roles); i++)
        if (strlen(roles[i].word) == len &&
            !strncmp(roles[i].word, word, len)) {
            n->rank += roles[i].rank;
            n->role = roles[i].about;
        }
}

/* What the prefix says: its parts between dots, and the words of these. */
static void give_role(struct network *n)
{
    size_t part, word;

    n->role = "";
    for (const char *at = n->prefix; *at; at += part + (at[part] == '.')) {
        part = strcspn(at, ".");
        give_word(n, at, part);
        for (size_t from = 0; from < part; from += word + 1) {
            word = strcspn(at + from, "._");
            if (word < part)
                give_word(n, at + from, word);
        }
    }
}

static int weights_find_add(struct search *s, enum reap_dialect d,
                            const char *name, size_t len, struct reap_err *err)
{
    struct network *n = &s->net[s->n];
    char block[REAP_FIND_NAME];

    if (s->n == MOST ||
        snprintf(block, sizeof(block), "%.*s%s", (int)len, name,
                 reap_dialects[d].block) >= (int)sizeof(block) ||
        !is_there(s, block))
        return REAP_OK;
    n->prefix = reap_calloc(1, len + 1);
    if (!n->prefix)
        return reap_fail(err, REAP_ENOMEM, "no memory for a prefix");
    memcpy(n->prefix, name, len);
    n->dialect = d;
    give_role(n);
    s->n++;
    return REAP_OK;
}

/* All prefixes under which a stem and a first block stand. */
static int anchors(struct search *s, struct reap_err *err)
{
    int rc = REAP_OK;

    for (size_t i = 0; !rc && i < s->in->n; i++) {
        const char *name = s->in->raw[i].name;
        const size_t len = strlen(name);

        for (int d = 0; !rc && d < REAP_DIALECTS; d++) {
            const size_t stem = strlen(reap_dialects[d].stem);

            if (len >= stem && (len == stem || name[len - stem - 1] == '.') &&
                !strcmp(name + len - stem, reap_dialects[d].stem))
                rc = weights_find_add(s, (enum reap_dialect)d, name, len - stem,
                                      err);
        }
    }
    return rc;
}

/* The name of a tensor of the network's trunk; false if it is none. */
static bool trunk(const struct network *n, const struct reap_raw *r,
                  char to[REAP_FIND_NAME])
{
    return reap_find_starts(r->name, n->prefix) &&
           reap_find_trunk_name(n->dialect, r->name + strlen(n->prefix), to);
}

static int no_numbers(void *own, const struct reap_param *t, float *to,
                      struct reap_err *err)
{
    (void)own;
    (void)to;
    return reap_fail(err, REAP_EFORMAT, "%s: only its shape is known", t->name);
}

/* Is it complete? Names and shapes alone tell. */
static int weigh(struct search *s, struct network *n, struct reap_err *err)
{
    struct reap_params *p = NULL;
    struct reap_param *t;
    char name[REAP_FIND_NAME];
    bool twice = false;
    int rc = reap_params_new(&p, err);

    if (rc)
        return rc;
    reap_params_later(p,
                      &(struct reap_fetch_numbers){ NULL, no_numbers, NULL });
    for (size_t i = 0; !rc && i < s->in->n; i++) {
        const struct reap_raw *r = &s->in->raw[i];

        if (!trunk(n, r, name) || reap_find_counter(name))
            continue;
        n->tensors++;
        if (r->why && !n->closed)
            n->closed = r;
        twice = twice || reap_params_find(p, name);
        if (!twice)
            rc = reap_params_add(p, name, r->rank, r->dim, &t, err);
    }
    n->model = rc || twice ? NULL : reap_model_guess(p, NULL);
    if (n->model && !reap_model_fits(n->model, p))
        n->model = NULL;
    reap_params_free(&p);
    return rc;
}

/* Which of the two should be taken? Complete ones first. */
static bool better(const struct network *a, const struct network *b)
{
    if (!a->model != !b->model)
        return a->model != NULL;
    if (a->rank != b->rank)
        return a->rank > b->rank;
    return !a->model && a->tensors > b->tensors;
}

/* 3: it is that prefix; 2: under it; 1: that is part of it; 0: neither. */
static int matches(const struct network *n, const char *want)
{
    const size_t len = strlen(want), full = strlen(n->prefix);
    const size_t own = full ? full - 1 : 0; /* without its last dot */
    const char *at = n->prefix;

    if (own == len && !strncmp(n->prefix, want, len))
        return 3;
    if (!len)
        return 0;
    if (full > len && n->prefix[len] == '.' && !strncmp(at, want, len))
        return 2;
    for (at = strstr(at, want); at; at = strstr(at + 1, want))
        if ((at == n->prefix || at[-1] == '.') && (at[len] == '.' || !at[len]))
            return 1;
    return 0;
}

static int named(struct search *s, const char *want, struct network **out,
                 struct reap_err *err)
{
    char all[200];
    size_t at = 0;
    int best = 0, how;

    *out = NULL;
    for (size_t i = 0; i < s->n; i++) {
        how = matches(&s->net[i], want);
        if (how > best || (how && how == best && better(&s->net[i], *out))) {
            best = how;
            *out = &s->net[i];
        }
    }
    if (*out)
        return REAP_OK;
    all[0] = '\0';
    for (size_t i = 0; i < s->n && at < sizeof(all); i++)
        at += (size_t)snprintf(
            all + at, sizeof(all) - at, "%s%.*s", i ? ", " : "",
            (int)strlen(s->net[i].prefix) - (s->net[i].prefix[0] != '\0'),
            s->net[i].prefix);
    return reap_fail(err, REAP_EFORMAT,
                     "no network stands under '%s' in it; there %s %zu: %s",
                     want, s->n == 1 ? "is" : "are", s->n, all);
}

static int choose(struct search *s, struct network **out, struct reap_err *err)
{
    struct network *n = &s->net[0];

    if (s->in->want)
        return named(s, s->in->want, out, err);
    for (size_t i = 1; i < s->n; i++)
        if (better(&s->net[i], n))
            n = &s->net[i];
    *out = n;
    return REAP_OK;
}

/* Put 'to' in the place of the name. */
static int rename_raw(struct reap_raw *r, const char *to, struct reap_err *err)
{
    char *copy = reap_strdup(to);

    if (!copy)
        return reap_fail(err, REAP_ENOMEM, "no memory for names");
    reap_free(r->name);
    r->name = copy;
    return REAP_OK;
}

static int weights_find_take(struct search *s, const struct network *n,
                             struct reap_err *err)
{
    const bool basic = n->model && n->model->family == REAP_TV_BASIC;
    struct reap_find_tell *left = NULL;
    struct reap_find_head head;
    char name[REAP_FIND_NAME];
    int rc = reap_find_tell_new(&left, n->prefix, err);

    if (!rc)
        reap_find_head(s->in, n->dialect, n->prefix,
                       basic ? BASIC_FEATURES : FEATURES, &head);
    for (size_t i = 0; !rc && i < s->in->n; i++) {
        struct reap_raw *r = &s->in->raw[i];

        if (reap_find_starts(r->name, "reap."))
            continue; /* our own: scales for int8 */
        if (trunk(n, r, name)) {
            rc = rename_raw(r, name, err);
            continue;
        }
        if (reap_find_head_name(&head, r->name, name)) {
            rc = rename_raw(r, name, err);
            continue;
        }
        rc = reap_find_tell_add(left, r->name, err);
        r->name[0] = '\0';
    }
    if (!rc)
        rc = reap_find_tell_text(left, &s->in->out->left_out, err);
    reap_find_tell_free(&left);
    return rc;
}

/* What others may be told: prefixes without their last dots. */
static int list_candidates(struct search *s, const struct network *taken,
                           struct reap_err *err)
{
    struct reap_weights *w = s->in->out;

    w->candidate = reap_calloc(s->n, sizeof(*w->candidate));
    if (!w->candidate)
        return reap_fail(err, REAP_ENOMEM, "no memory for candidates");
    for (size_t i = 0; i < s->n; i++) {
        struct network *n = &s->net[i];
        const size_t len = strlen(n->prefix);

        w->candidate[i] = (struct reap_candidate){
            .prefix = reap_strdup(n->prefix),
            .model = n->model ? n->model->name : NULL,
            .role = n->role,
            .tensors = n->tensors,
            .taken = n == taken,
        };
        if (!w->candidate[i].prefix)
            return reap_fail(err, REAP_ENOMEM, "no memory for candidates");
        if (len)
            w->candidate[i].prefix[len - 1] = '\0';
        w->n_candidates++;
    }
    return REAP_OK;
}

static int weights_find_run(struct search *s, bool *found, struct reap_err *err)
{
    struct network *n;
    int rc = anchors(s, err);

    for (size_t i = 0; !rc && i < s->n; i++)
        rc = weigh(s, &s->net[i], err);
    if (rc || !s->n)
        return rc;
    rc = choose(s, &n, err);
    if (!rc && n->closed)
        return reap_fail(err, REAP_EFORMAT, "%s: %s", n->closed->name,
                         n->closed->why);
    if (!rc)
        rc = list_candidates(s, n, err);
    if (!rc && *reap_dialects[n->dialect].preset && !*s->in->out->preset) {
        strcpy(s->in->out->preset, reap_dialects[n->dialect].preset);
        strcpy(s->in->out->preset_from, "the makers' names of its tensors");
    }
    if (!rc)
        rc = weights_find_take(s, n, err);
    *found = !rc;
    return rc;
}

int reap_weights_choose(struct reap_weights_in *in, bool *found,
                        struct reap_err *err)
{
    struct search *s = reap_calloc(1, sizeof(*s));
    int rc = REAP_OK;

    *found = false;
    if (s) {
        s->in = in;
        s->sorted = reap_calloc(in->n + 1, sizeof(*s->sorted));
    }
    if (!s || !s->sorted) {
        reap_free(s);
        return reap_fail(err, REAP_ENOMEM, "no memory for names");
    }
    for (size_t i = 0; i < in->n; i++)
        s->sorted[i] = in->raw[i].name;
    qsort(s->sorted, in->n, sizeof(*s->sorted), by_name);
    rc = weights_find_run(s, found, err);
    for (size_t i = 0; i < s->n; i++)
        reap_free(s->net[i].prefix);
    reap_free(s->sorted);
    reap_free(s);
    return rc;
}
