/* Links by path, and paths gone through part by part. */
#include <string.h>

#include "engine/base/mem.h"
#include "io/archive/links.h"
#include "io/file/string_set.h"

enum { HOPS = 40, PATH_SIZE = 4096 };

struct link_to {
    char *to;
    bool hard;
};

struct reap_links {
    struct reap_string_set *paths;
    struct link_to *link; /* by the number of its path */
    size_t room;
};

struct reap_links *reap_links_new(void)
{
    struct reap_links *l = reap_calloc(1, sizeof(*l));

    if (l && reap_string_set_new(&l->paths, NULL))
        reap_links_free(&l);
    return l;
}

void reap_links_free(struct reap_links **l)
{
    struct reap_links *old = *l;

    if (!old)
        return;
    *l = NULL;
    for (size_t i = 0; i < old->room; i++)
        reap_free(old->link[i].to);
    reap_free(old->link);
    if (old->paths)
        reap_string_set_free(&old->paths);
    reap_free(old);
}

bool reap_links_add(struct reap_links *l, const char *path, const char *to,
                    bool hard)
{
    uint32_t i;
    char *copy;

    if (reap_string_set_add(l->paths, path, &i, NULL))
        return false;
    if (i >= l->room) {
        const size_t room = 2 * l->room + 16;
        struct link_to *p = reap_realloc(l->link, room * sizeof(*p));

        if (!p)
            return false;
        memset(p + l->room, 0, (room - l->room) * sizeof(*p));
        l->link = p;
        l->room = room;
    }
    copy = reap_strdup(to);
    if (!copy)
        return false;
    reap_free(l->link[i].to);
    l->link[i] = (struct link_to){ copy, hard };
    return true;
}

size_t reap_links_count(const struct reap_links *l)
{
    return reap_string_set_count(l->paths);
}

const char *reap_links_path(const struct reap_links *l, size_t i)
{
    return reap_string_set_text(l->paths, i);
}

/* Take the last part of a path away; false: there is none. */
static bool up(char *path)
{
    char *slash = strrchr(path, '/');

    if (!*path)
        return false;
    *(slash ? slash : path) = '\0';
    return true;
}

/* 'rest' with 'to' before it; false: too long. */
static bool before(char *rest, const char *to)
{
    const size_t n = strlen(to), m = strlen(rest);

    if (n + m + 2 > PATH_SIZE)
        return false;
    memmove(rest + n + 1, rest, m + 1);
    memcpy(rest, to, n);
    rest[n] = '/';
    return true;
}

/* Go along 'rest' from 'at', over links. NULL, or why not. */
static const char *walk(const struct reap_links *l, char *at, char *rest)
{
    int hops = 0;

    while (*rest) {
        const size_t n = strcspn(rest, "/"), m = strlen(at);
        uint32_t i;

        if (n == 2 && !memcmp(rest, "..", 2)) {
            if (!up(at))
                return "a link that leads out of the archive";
        } else if (n && !(n == 1 && *rest == '.')) {
            if (m + n + 2 > PATH_SIZE)
                return "a link to too long a path";
            if (m)
                at[m] = '/';
            memcpy(at + m + (m > 0), rest, n);
            at[m + (m > 0) + n] = '\0';
        }
        memmove(rest, rest + n + (rest[n] == '/'),
                strlen(rest + n + (rest[n] == '/')) + 1);
        i = reap_string_set_find(l->paths, at);
        if (!n || i == UINT32_MAX)
            continue;
        if (++hops > HOPS)
            return "a link that leads in a circle";
        if (!l->link[i].hard && l->link[i].to[0] == '/')
            return "a link that leads out of the archive";
        if (!before(rest, l->link[i].to))
            return "a link to too long a path";
        if (l->link[i].hard)
            *at = '\0';
        else
            (void)up(at);
    }
    return NULL;
}

char *reap_links_resolve(const struct reap_links *l, size_t i, const char **why)
{
    char at[PATH_SIZE] = "", rest[PATH_SIZE];
    const char *path = reap_links_path(l, i);

    *why = "a link at too long a path";
    if (strlen(path) >= PATH_SIZE)
        return NULL;
    memcpy(rest, path, strlen(path) + 1);
    *why = walk(l, at, rest);
    if (*why)
        return NULL;
    *why = "no memory";
    return reap_strdup(at);
}
