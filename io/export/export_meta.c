/* F.meta.json: how the rows of an export were computed. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/mem.h"
#include "io/export/export_impl.h"
#include "io/out/outfile_rule.h"
#include "io/file/text.h"

/* Lines "name=value" as an object; several of one name as an array. */
static json_t *lines(const char *text)
{
    json_t *all = json_object();

    while (all && *text) {
        size_t end = strcspn(text, "\n"), name = strcspn(text, "=\n");
        char key[64];
        json_t *value, *old;

        if (name < end && name < sizeof(key)) {
            memcpy(key, text, name);
            key[name] = '\0';
            value = json_stringn_nocheck(text + name + 1, end - name - 1);
            old = json_object_get(all, key);
            if (json_is_array(old))
                json_array_append_new(old, value);
            else if (old)
                json_object_set_new_nocheck(all, key,
                                            json_pack("[O,o]", old, value));
            else
                json_object_set_new_nocheck(all, key, value);
        }
        text += end + (text[end] == '\n');
    }
    return all;
}

static json_t *columns(const struct reap_schema *s)
{
    static const char *const kind[] = { "f32", "f16", "top" };
    json_t *all = json_array();

    for (size_t i = 0; i < s->n; i++) {
        const struct reap_column *c = &s->column[i];

        json_array_append_new(all, json_pack("{s:s, s:s, s:[i,i,i]}", "name",
                                             c->name, "stored_as",
                                             kind[c->kind], "shape", (int)c->h,
                                             (int)c->w, (int)c->c));
    }
    return all;
}

static json_t *statuses(const uint64_t *counts)
{
    json_t *all = json_object();

    for (unsigned i = 0; i < REAP_N_STATUS; i++)
        if (counts[i])
            json_object_set_new(all, reap_status_name(i),
                                json_integer((json_int_t)counts[i]));
    return all;
}

static json_t *text_of(struct reap_store *s, const char *name)
{
    const char *text = reap_store_meta(s, name);
    json_t *j = text ? json_string(text) : NULL;

    return j ? j : json_null();
}

/* Is 'name' a file that this export writes? */
static bool is_mine(const struct reap_export *e, const char *name)
{
    static const char *const beside[] = { ".keys.txt", ".failed.tsv" };
    const char *slash = strrchr(e->args->path, '/');
    const char *base = slash ? slash + 1 : e->args->path;
    const char *dot = strrchr(base, '.'), *end = strrchr(name, '.');

    if (!strcmp(name, base))
        return true;
    for (size_t i = 0; e->numbers && i < 2; i++)
        if (strlen(name) > strlen(beside[i]) &&
            !strcmp(name + strlen(name) - strlen(beside[i]), beside[i]))
            return true;
    return e->numbers && dot && end && !strcmp(dot, end);
}

static bool exists(const struct reap_export *e, const char *name)
{
    const char *slash = strrchr(e->args->path, '/');
    const int n = slash ? (int)(slash + 1 - e->args->path) : 0;
    char path[4096];
    struct stat st;

    snprintf(path, sizeof(path), "%.*s%s", n, e->args->path, name);
    return !stat(path, &st);
}

static bool same_rows(const struct reap_export *e, const json_t *all)
{
    static const char *const name[][2] = { { "fingerprint", "fingerprint" },
                                           { "dataset", "dataset_id" } };

    for (size_t i = 0; i < 2; i++) {
        const char *is = reap_store_meta(e->args->store, name[i][1]);
        const char *was = json_string_value(json_object_get(all, name[i][0]));

        if (was && strcmp(was, is ? is : "") != 0)
            return false;
    }
    return true;
}

int reap_export_meta_check(const struct reap_export *e, struct reap_err *err)
{
    json_t *all, *one;
    const char *name;
    int rc = reap_sidecar_read(&all, e->meta, err);

    if (rc)
        return rc;
    if (!same_rows(e, all) && !reap_out_rule_forced())
        json_object_foreach(json_object_get(all, "files"), name,
                            one) if (!rc && !is_mine(e, name) &&
                                     exists(e, name)) rc =
            reap_fail(err, REAP_ECREATE,
                      "%s tells how %s was computed, from other "
                      "weights or images: choose another -o, or "
                      "--force to replace it",
                      e->meta, name);
    json_decref(all);
    return rc;
}

/* What is no longer there need not be remembered. */
static void forget_gone(const struct reap_export *e, json_t *files)
{
    const char *name;
    json_t *one;
    void *next;

    json_object_foreach_safe(files, next, name, one) if (!exists(e, name))
        json_object_del(files, name);
}

int reap_export_meta(const struct reap_export *e,
                     const struct reap_exported *counts, struct reap_err *err)
{
    struct reap_store *s = e->args->store;
    const char *fingerprint_text = reap_store_meta(s, "made_of");
    json_t *all;
    int rc = reap_sidecar_read(&all, e->meta, err);

    if (rc)
        return rc;
    json_object_set_new(all, "fingerprint", text_of(s, "fingerprint"));
    json_object_set_new(all, "made_of",
                        lines(fingerprint_text ? fingerprint_text : ""));
    json_object_set_new(all, "preset", text_of(s, "preset"));
    json_object_set_new(all, "versions", text_of(s, "versions"));
    json_object_set_new(all, "dataset", text_of(s, "dataset_id"));
    json_object_set_new(all, "columns", columns(e->schema));
    json_object_set_new(all, "complete",
                        json_boolean(reap_store_meta(s, "complete") != NULL));
    json_object_set_new(all, "rows", statuses(counts->by_status));
    json_object_set_new(all, "missing",
                        json_integer((json_int_t)counts->missing));
    json_object_set_new(all, "left_out",
                        json_integer((json_int_t)counts->gone));
    forget_gone(e, json_object_get(all, "files"));
    rc = reap_sidecar_write(all, e->meta, err);
    json_decref(all);
    return rc;
}
