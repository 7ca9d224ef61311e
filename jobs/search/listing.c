#include <jansson.h>
#include <string.h>

#include "io/file/limits.h"
#include "io/file/text.h"
#include "jobs/search/listing.h"

int reap_listing_open(struct reap_listing *l, const struct reap_options *o,
                      struct reap_err *err)
{
    const char *ending = o->output ? strrchr(o->output, '.') : NULL;
    int rc;

    memset(l, 0, sizeof(*l));
    l->to = stdout;
    l->safe = o->csv_safe;
    l->form = o->json ? REAP_LISTING_JSON : REAP_LISTING_TEXT;
    if (!o->output)
        return REAP_OK;
    if (ending && !strcmp(ending, ".csv"))
        l->form = REAP_LISTING_CSV;
    else if (ending && !strcmp(ending, ".jsonl"))
        l->form = REAP_LISTING_JSON;
    else
        return reap_fail(err, REAP_EINVAL,
                         "-o %.200s: a name that ends in .csv or .jsonl is "
                         "needed",
                         o->output);
    rc = reap_outfile_open(&l->file, o->output, err);
    if (!rc)
        l->to = reap_outfile_stream(l->file);
    return rc;
}

static void comma(struct reap_listing *l)
{
    if (l->fields++)
        putc(',', l->to);
}

void reap_listing_field(struct reap_listing *l, const char *text)
{
    comma(l);
    if (l->safe)
        reap_text_csv_safe(l->to, text);
    else
        reap_text_csv(l->to, text);
}

void reap_listing_number(struct reap_listing *l, double x)
{
    comma(l);
    reap_text_float(l->to, (float)x);
}

void reap_listing_end(struct reap_listing *l)
{
    putc('\n', l->to);
    l->fields = 0;
}

/* A label comes from strangers, too. */
static const char *label_text(const struct reap_vectors *v, size_t i, char *buf,
                              size_t size)
{
    const char *label = reap_vectors_label(v, i);

    return reap_text_escape(
        buf, size,
        (struct reap_bytes){ (const uint8_t *)label, strlen(label) });
}

void reap_listing_row(struct reap_listing *l, const struct reap_vectors *v,
                      size_t i)
{
    char text[REAP_TEXT_ROOM(REAP_KEY_MAX)];

    reap_listing_field(l, reap_vectors_key_text(v, i, text, sizeof(text)));
    reap_listing_field(l, label_text(v, i, text, sizeof(text)));
}

void reap_listing_json(void *to, const struct reap_vectors *v, size_t i)
{
    char text[REAP_TEXT_ROOM(REAP_KEY_MAX)];

    json_object_set_new(
        to, "key",
        json_string(reap_vectors_key_text(v, i, text, sizeof(text))));
    if (v->row[i].label >= 0)
        json_object_set_new(to, "label",
                            json_string(label_text(v, i, text, sizeof(text))));
}

void reap_listing_text(const struct reap_listing *l,
                       const struct reap_vectors *v, size_t i)
{
    char text[REAP_TEXT_ROOM(REAP_KEY_MAX)];

    fprintf(l->to, "%s", reap_vectors_key_text(v, i, text, sizeof(text)));
    if (v->row[i].label >= 0)
        fprintf(l->to, "  [%s]", label_text(v, i, text, sizeof(text)));
    putc('\n', l->to);
}

void reap_listing_object(FILE *to, void *object)
{
    json_dumpf(object, to, JSON_COMPACT | JSON_REAL_PRECISION(9));
    putc('\n', to);
    json_decref(object);
}

int reap_listing_close(struct reap_listing *l, int rc, struct reap_err *err)
{
    if (!rc && l->file)
        rc = reap_outfile_commit(&l->file, err);
    reap_outfile_abort(&l->file);
    return rc;
}
