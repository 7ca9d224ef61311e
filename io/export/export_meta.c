/* F.meta.json: how the rows of an export were computed. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/export/export_impl.h"
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

int reap_export_meta(const struct reap_export *e,
                     const struct reap_exported *counts, struct reap_err *err)
{
    struct reap_store *s = e->args->store;
    const char *fingerprint_text = reap_store_meta(s, "made_of");
    struct reap_outfile *f = NULL;
    json_t *all = json_object();
    int rc;

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
    rc = reap_export_beside(&f, e, ".meta.json", err);
    if (!rc && json_dumpf(all, reap_outfile_stream(f), JSON_INDENT(2)))
        rc = reap_fail(err, REAP_EIO, "%s.meta.json: cannot be written",
                       e->stem);
    if (!rc) {
        fputc('\n', reap_outfile_stream(f));
        rc = reap_outfile_commit(&f, err);
    }
    reap_outfile_abort(&f);
    json_decref(all);
    return rc;
}
