/* A file of groups read line by line into "class -> group"; every index, range
 * and wnid is checked against the classes there are. Lines and columns are
 * io/file/table.h's. */
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/head/head.h"
#include "io/file/table.h"
#include "io/labels/groups.h"

enum { GROUPS_MAX = 1 << 20, DIGITS = 65 };

/* A file while it is read. */
struct reading {
    struct reap_groups *g;
    const struct reap_groups_of *of;
    struct reap_table *table;
    const char *path;
};

static int wrong(const struct reading *r, struct reap_err *err,
                 const char *what, const char *which)
{
    return reap_fail(err, REAP_EFORMAT, "%s, line %zu: %s (\"%.60s\")", r->path,
                     reap_table_line(r->table), what, which);
}

/* A whole number at '*s', which is moved past it. */
static bool groups_number(const char **s, size_t *out)
{
    const size_t n = strspn(*s, "0123456789");

    if (!n || n > 9)
        return false;
    *out = strtoul(*s, NULL, 10);
    *s += n;
    return true;
}

static int find_wnid(const struct reading *r, const char *wnid, size_t *out)
{
    const struct reap_groups_of *of = r->of;

    for (size_t i = 0; of->wnid && i < of->classes; i++) {
        const char *is = of->wnid(of->ctx, i);

        if (is && !strcmp(is, wnid)) {
            *out = i;
            return REAP_OK;
        }
    }
    return REAP_ENOTFOUND;
}

/* Put the classes 'from' to 'to' into a group. */
static int groups_put(struct reading *r, const char *member, size_t from,
                      size_t to, size_t group, struct reap_err *err)
{
    if (from > to || to >= r->of->classes)
        return reap_fail(err, REAP_EFORMAT,
                         "%s, line %zu: no such classes (\"%.60s\"): there are "
                         "%zu",
                         r->path, reap_table_line(r->table), member,
                         r->of->classes - r->of->first);
    for (size_t i = from; i <= to; i++) {
        if (r->g->of[i] >= 0 && r->g->of[i] != (int32_t)group)
            return wrong(r, err, "a class of another group", member);
        r->g->of[i] = (int32_t)group;
    }
    return REAP_OK;
}

static int put_member(struct reading *r, char *member, size_t group,
                      struct reap_err *err)
{
    const char *s = member;
    size_t from, to;

    if (!groups_number(&s, &from)) {
        if (find_wnid(r, member, &from))
            return wrong(r, err,
                         "a member is an index, a range or a WordNet id of "
                         "these classes",
                         member);
        return groups_put(r, member, from, from, group, err);
    }
    to = from;
    if (*s == '-') {
        s++;
        if (!groups_number(&s, &to))
            return wrong(r, err, "a range needs both ends, such as 0-6",
                         member);
    }
    if (*s)
        return wrong(r, err, "unexpected text after the number", member);
    return groups_put(r, member, from + r->of->first, to + r->of->first, group,
                      err);
}

static int name_group(struct reading *r, size_t i, const char *name,
                      struct reap_err *err)
{
    struct reap_groups *g = r->g;

    if (i > g->n || i == GROUPS_MAX)
        return wrong(r, err, "groups must be numbered from 0 without gaps",
                     name);
    if (!*name)
        return wrong(r, err, "a group without a name", name);
    if (i < g->n)
        return strcmp(g->name[i], name)
                   ? wrong(r, err, "this number has another name above", name)
                   : REAP_OK;
    for (size_t j = 0; j < g->n; j++)
        if (!strcmp(g->name[j], name))
            return wrong(r, err, "this name has another number above", name);
    if (!(g->n & (g->n - 1))) { /* room for 1, 2, 4, ... and "other" */
        const char **more =
            reap_realloc(g->name, (2 * g->n + 2) * sizeof(*more));

        if (!more)
            return reap_fail(err, REAP_ENOMEM, "no memory for groups");
        g->name = more;
    }
    g->name[g->n++] = name;
    return REAP_OK;
}

static int read_line(struct reading *r, char **column, size_t n,
                     struct reap_err *err)
{
    const char *s = column[0];
    char *save = NULL;
    size_t i;
    int rc;

    if (n < 3)
        return wrong(r, err, "number, tab, name, tab, members are needed",
                     column[0]);
    if (!groups_number(&s, &i) || *s)
        return wrong(r, err, "not the number of a group", column[0]);
    rc = name_group(r, i, column[1], err);
    for (char *m = strtok_r(column[2], ", ", &save); m && !rc;
         m = strtok_r(NULL, ", ", &save))
        rc = put_member(r, m, i, err);
    return rc;
}

/* Classes of no group; a group of theirs if there are any. */
static void add_other(struct reap_groups *g)
{
    for (size_t i = 0; i < g->classes; i++)
        if (g->of[i] < 0) {
            g->of[i] = (int32_t)g->n;
            g->other++;
        }
    if (g->other)
        g->name[g->n++] = "other";
}

static int digest(struct reap_groups *g, struct reap_err *err)
{
    EVP_MD_CTX *sha = EVP_MD_CTX_new();
    uint8_t sum[EVP_MAX_MD_SIZE];
    bool good = sha && EVP_DigestInit_ex(sha, EVP_sha256(), NULL);

    for (size_t i = 0; good && i < g->n; i++)
        good = EVP_DigestUpdate(sha, g->name[i], strlen(g->name[i]) + 1);
    for (size_t i = 0; good && i < g->classes; i++) {
        const uint32_t v = (uint32_t)g->of[i];
        const uint8_t le[] = { (uint8_t)v, (uint8_t)(v >> 8),
                               (uint8_t)(v >> 16), (uint8_t)(v >> 24) };

        good = EVP_DigestUpdate(sha, le, sizeof(le));
    }
    good = good && EVP_DigestFinal_ex(sha, sum, NULL);
    EVP_MD_CTX_free(sha);
    g->sha256 = good ? reap_calloc(1, DIGITS) : NULL;
    for (size_t i = 0; g->sha256 && i < DIGITS / 2; i++)
        snprintf(g->sha256 + 2 * i, 3, "%02x", sum[i]);
    return g->sha256 ? REAP_OK
                     : reap_fail(err, REAP_ENOMEM, "no memory for groups");
}

int reap_groups_open(struct reap_groups **out, const char *path,
                     const struct reap_groups_of *of, struct reap_err *err)
{
    struct reading r = { .of = of, .path = path };
    char *column[4];
    size_t n;
    int rc;

    *out = r.g = reap_calloc(1, sizeof(*r.g));
    if (!r.g || !(r.g->of = reap_calloc(of->classes + 1, sizeof(*r.g->of)))) {
        reap_groups_close(out);
        return reap_fail(err, REAP_ENOMEM, "no memory for groups");
    }
    r.g->classes = of->classes;
    for (size_t i = 0; i < of->classes; i++)
        r.g->of[i] = -1;
    rc = reap_table_open(&r.table, path, err);
    while (!rc && (n = reap_table_next(r.table, column, 4)))
        if (*column[0] != '#')
            rc = read_line(&r, column, n, err);
    if (!rc && !r.g->n)
        rc = reap_fail(err, REAP_EFORMAT, "%s: there is no group in it", path);
    if (!rc) {
        add_other(r.g);
        rc = digest(r.g, err);
    }
    r.g->own = r.table;
    if (rc)
        reap_groups_close(out);
    return rc;
}

void reap_groups_sum(const struct reap_groups *g, const float *from, float *to)
{
    reap_head_group(g->of, g->classes, from, g->n, to);
}

void reap_groups_close(struct reap_groups **g)
{
    struct reap_table *table;

    if (!*g)
        return;
    table = (*g)->own;
    reap_table_close(&table);
    reap_free((*g)->name);
    reap_free((*g)->of);
    reap_free((*g)->sha256);
    reap_free(*g);
    *g = NULL;
}
