#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "jobs/submit/script.h"

enum { TEMPLATE_MAX = 1 << 20 };

static const char *builtin(const char *name)
{
    for (const struct reap_template *t = reap_templates; t->name; t++)
        if (!strcmp(t->name, name))
            return t->text;
    return NULL;
}

/* The site's own template, opened; NULL if there is none. */
static FILE *open_own(const char *name, char *path, size_t size)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    int n = config && *config ? snprintf(path, size, "%s/reap/%s", config, name)
                              : snprintf(path, size, "%s/.config/reap/%s",
                                         home ? home : "", name);

    return n < (int)size && *path == '/' ? fopen(path, "r") : NULL;
}

static int script_read(FILE *f, const char *path, char **out,
                       struct reap_err *err)
{
    char *text = reap_calloc(1, TEMPLATE_MAX + 1);
    size_t n;

    if (!text)
        return reap_fail(err, REAP_ENOMEM, "no memory");
    n = fread(text, 1, TEMPLATE_MAX, f);
    if (ferror(f) || !feof(f) || strlen(text) != n) {
        reap_free(text);
        return reap_fail(err, REAP_EIO, "%s: %s", path,
                         ferror(f) ? strerror(errno) : "no text");
    }
    *out = text;
    return REAP_OK;
}

static const struct reap_value *value_of(const struct reap_value *v, size_t n,
                                         const char *name, size_t len)
{
    for (size_t i = 0; i < n; i++)
        if (strlen(v[i].name) == len && !strncmp(v[i].name, name, len))
            return &v[i];
    return NULL;
}

/* Write one line, or nothing where a name has no value. REAP_EFORMAT and the
 * name in '*bad' for one that is unknown. */
static int fill_line(FILE *f, const char *line, size_t len,
                     const struct reap_value *v, size_t n, const char **bad)
{
    for (int pass = 0; pass < 2; pass++) /* first look, then write */
        for (size_t i = 0; i < len;) {
            const struct reap_value *x;
            const char *name = line + i + 2;
            size_t k;

            if (len - i < 4 || strncmp(line + i, "{{", 2) != 0) {
                if (pass)
                    putc(line[i], f);
                i++;
                continue;
            }
            k = strcspn(name, "}\n");
            x = value_of(v, n, name, k);
            *bad = name;
            if (!x || strncmp(name + k, "}}", 2) != 0)
                return REAP_EFORMAT;
            if (!x->value || !*x->value)
                return REAP_OK;
            if (pass)
                fputs(x->value, f);
            i += k + 4;
        }
    putc('\n', f);
    return REAP_OK;
}

static int fill(const char *text, const char *name,
                const struct reap_value *value, size_t n, char **out,
                struct reap_err *err)
{
    size_t size, number = 1;
    char *made = NULL;
    const char *bad = "";
    FILE *f = open_memstream(&made, &size);
    int rc = f ? REAP_OK : REAP_ENOMEM;

    for (; !rc && *text; number++) {
        size_t len = strcspn(text, "\n");

        rc = fill_line(f, text, len, value, n, &bad);
        text += len + (text[len] == '\n');
    }
    if (f && fclose(f) && !rc)
        rc = REAP_ENOMEM;
    if (!rc)
        *out = reap_strdup(made);
    free(made);
    if (rc == REAP_EFORMAT)
        return reap_fail(err, rc, "%s, line %zu: no value is called {{%.*s}}",
                         name, number - 1, (int)strcspn(bad, "}\n"), bad);
    return rc || !*out ? reap_fail(err, REAP_ENOMEM, "no memory") : REAP_OK;
}

int reap_script_fill(const char *name, const struct reap_value *value, size_t n,
                     char **out, char **from, struct reap_err *err)
{
    char path[4096], *own = NULL;
    FILE *f = open_own(name, path, sizeof(path));
    int rc = REAP_OK;

    *out = *from = NULL;
    if (f) {
        rc = script_read(f, path, &own, err);
        fclose(f);
    }
    if (!rc)
        rc = fill(own ? own : builtin(name), own ? path : name, value, n, out,
                  err);
    if (!rc && own)
        *from = reap_strdup(path);
    reap_free(own);
    return rc;
}
