#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/file/string_set.h"
#include "io/weights/find/find_tell.h"

enum { TOLD = 12, TEXT = 1024 };

struct reap_find_tell {
    const char *prefix;
    struct reap_string_set *things;
};

int reap_find_tell_new(struct reap_find_tell **out, const char *prefix,
                       struct reap_err *err)
{
    struct reap_find_tell *t = reap_calloc(1, sizeof(*t));
    int rc;

    *out = NULL;
    if (!t)
        return reap_fail(err, REAP_ENOMEM, "no memory for what is left out");
    t->prefix = prefix;
    rc = reap_string_set_new(&t->things, err);
    if (rc)
        reap_free(t);
    else
        *out = t;
    return rc;
}

/* As many parts as the name shares with the prefix, and one more. */
int reap_find_tell_add(struct reap_find_tell *t, const char *name,
                       struct reap_err *err)
{
    char thing[TEXT];
    size_t shared = 0, len;
    uint32_t number;

    for (size_t i = 0; name[i] && name[i] == t->prefix[i]; i++)
        if (name[i] == '.')
            shared = i + 1;
    len = shared + strcspn(name + shared, ".");
    snprintf(thing, sizeof(thing), "%.*s", (int)len, name);
    return reap_string_set_add(t->things, thing, &number, err);
}

int reap_find_tell_text(const struct reap_find_tell *t, char **text,
                        struct reap_err *err)
{
    const size_t n = reap_string_set_count(t->things);
    char to[TEXT];
    size_t at = 0, told = 0;

    *text = NULL;
    if (!n)
        return REAP_OK;
    for (; told < n && told < TOLD; told++) {
        const char *thing = reap_string_set_text(t->things, told);
        const char *between = !told ? "" : told + 1 == n ? " and " : ", ";

        if (at + strlen(between) + strlen(thing) + 24 > sizeof(to))
            break;
        at +=
            (size_t)snprintf(to + at, sizeof(to) - at, "%s%s", between, thing);
    }
    if (told < n)
        snprintf(to + at, sizeof(to) - at, "%s%zu more", told ? " and " : "",
                 n - told);
    *text = reap_strdup(to);
    return *text ? REAP_OK : reap_fail(err, REAP_ENOMEM, "no memory");
}

void reap_find_tell_free(struct reap_find_tell **t)
{
    if (!*t)
        return;
    reap_string_set_free(&(*t)->things);
    reap_free(*t);
    *t = NULL;
}
