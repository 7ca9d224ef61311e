/* reap info STORE: what it holds, what made it, whether it is complete. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/store/fingerprint.h"
#include "jobs/cli/words.h"
#include "jobs/inspect/info.h"
#include "jobs/setup/store_view.h"

bool reap_info_is_store(const char *path)
{
    return reap_store_is(path);
}

/* What --complete says: 0, 65 or 75. */
static int verdict(const struct reap_store_view *v, struct reap_err *err)
{
    char max_bad[64];
    bool given =
        reap_store_view_line(v, "job", "max-bad", max_bad, sizeof(max_bad));
    bool yes;
    int rc;

    if (!v->complete)
        return reap_fail(err, REAP_ESTOPPED,
                         "%s is incomplete: run the same command again",
                         v->path);
    rc = reap_max_bad(given ? max_bad : NULL, v->bad, v->rows, &yes, err);
    if (rc)
        return rc;
    if (!yes)
        return reap_fail(err, REAP_EBADRECS,
                         "%s is complete, but %" PRIu64 " of %" PRIu64
                         " records are bad",
                         v->path, v->bad, v->rows);
    return REAP_OK;
}

static const char *const texts[] = { "fingerprint",  "dataset_id",
                                     "dataset_path", "preset",
                                     "versions",     "created",
                                     "command" };

static json_t *array_of_lines(const char *text)
{
    json_t *all = json_array();

    while (text && *text) {
        size_t end = strcspn(text, "\n");

        json_array_append_new(all, json_stringn(text, end));
        text += end + (text[end] == '\n');
    }
    return all;
}

static json_t *columns_json(const struct reap_schema *s)
{
    json_t *all = json_array();
    char text[64];

    for (size_t i = 0; i < s->n; i++)
        json_array_append_new(
            all,
            json_pack("{ss,ss,s[iii]}", "name", s->column[i].name, "is",
                      reap_store_view_column(&s->column[i], text, sizeof(text)),
                      "shape", (int)s->column[i].h, (int)s->column[i].w,
                      (int)s->column[i].c));
    return all;
}

/* Keys without a row, if no row has lost its key: reap verify counts. */
static uint64_t remaining(const struct reap_store_view *v)
{
    uint64_t keys = v->dataset ? reap_dataset_count(v->dataset) : 0;

    return keys > v->rows ? keys - v->rows : 0;
}

static void info_store_print_json(struct reap_store_view *v)
{
    json_t *all = json_object(), *status = json_object();

    for (unsigned i = 0; i < REAP_N_STATUS; i++)
        if (v->by_status[i])
            json_object_set_new(status, reap_status_name(i),
                                json_integer((json_int_t)v->by_status[i]));
    json_object_set_new(all, "kind", json_string("store"));
    json_object_set_new(all, "path", json_string(v->path));
    json_object_set_new(all, "rows", json_integer((json_int_t)v->rows));
    json_object_set_new(all, "status", status);
    json_object_set_new(all, "complete", json_boolean(v->complete));
    json_object_set_new(all, "limit", json_integer((json_int_t)v->limit));
    json_object_set_new(all, "keys", json_integer((json_int_t)v->keys));
    if (!v->complete && v->dataset)
        json_object_set_new(all, "remaining",
                            json_integer((json_int_t)remaining(v)));
    json_object_set_new(all, "bytes",
                        json_integer((json_int_t)reap_store_size(v->store)));
    json_object_set_new(all, "columns",
                        columns_json(reap_store_schema(v->store)));
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const char *text = reap_store_meta(v->store, texts[i]);

        json_object_set_new(all, texts[i],
                            text ? json_string(text) : json_null());
    }
    json_object_set_new(all, "made_of",
                        array_of_lines(reap_store_meta(v->store, "made_of")));
    json_object_set_new(all, "hosts",
                        array_of_lines(reap_store_meta(v->store, "hosts")));
    json_dumpf(all, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(all);
}

/* A text of several lines, indented below its name. */
static void print_lines(const char *name, const char *text)
{
    if (!text || !*text)
        return;
    printf("%s:\n", name);
    while (*text) {
        size_t end = strcspn(text, "\n");

        printf("    %.*s\n", (int)end, text);
        text += end + (text[end] == '\n');
    }
}

/* The fingerprint's lines as options, indented. */
static void print_settings(const char *text)
{
    char words[160];

    if (text && *text)
        puts("computed with:");
    while (text && *text) {
        printf("    %s\n", reap_fingerprint_line(text, words, sizeof(words)));
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
}

static void print_state(const struct reap_store_view *v)
{
    if (!v->complete && v->dataset)
        printf("complete:      no, about %" PRIu64
               " %s no row; run the same command again\n",
               remaining(v), reap_plural(remaining(v), "key has", "keys have"));
    else if (!v->complete)
        printf("complete:      no; run the same command again\n");
    else if (v->limit)
        printf("complete:      the first %" PRIu64 " %s\n", v->limit,
               reap_plural(v->limit, "key", "keys"));
    else
        printf("complete:      yes, %" PRIu64 " %s\n", v->keys,
               reap_plural(v->keys, "key", "keys"));
}

static void info_store_print_text(struct reap_store_view *v)
{
    const struct reap_schema *s = reap_store_schema(v->store);
    char text[64];

    printf("store:         %s, %.1f MB\n", v->path,
           (double)reap_store_size(v->store) / 1e6);
    print_state(v);
    printf("rows:          %" PRIu64, v->rows);
    for (unsigned i = 0; i < REAP_N_STATUS; i++)
        if (v->by_status[i])
            printf(", %" PRIu64 " %s", v->by_status[i], reap_status_name(i));
    putchar('\n');
    for (size_t i = 0; i < s->n; i++)
        printf("column:        %s, %s\n", s->column[i].name,
               reap_store_view_column(&s->column[i], text, sizeof(text)));
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const char *value = reap_store_meta(v->store, texts[i]);

        if (value)
            printf("%s:%*s%s\n", texts[i], 14 - (int)strlen(texts[i]), "",
                   value);
    }
    print_settings(reap_store_meta(v->store, "made_of"));
    print_lines("hosts", reap_store_meta(v->store, "hosts"));
}

int reap_info_store(const char *path, const struct reap_options *o,
                    struct reap_err *err)
{
    struct reap_store_view v;
    int rc = reap_store_view_open(&v, path, err);

    if (rc)
        return rc;
    if (!v.complete)
        reap_store_view_dataset(&v, o->dataset);
    if (o->json)
        info_store_print_json(&v);
    else if (!o->complete)
        info_store_print_text(&v);
    if (o->complete)
        rc = verdict(&v, err);
    reap_store_view_close(&v);
    return rc;
}
