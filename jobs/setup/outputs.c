/*
 * --features, --pooling, --top as a list of outputs, and as columns of a store.
 */
#include <stdio.h>
#include <string.h>

#include "jobs/cli/words.h"
#include "jobs/setup/outputs.h"

static int outputs_add(struct reap_outputs *out, char *name,
                       struct reap_err *err)
{
    for (size_t i = 0; i < out->n; i++)
        if (!strcmp(out->name[i], name))
            return reap_fail(err, REAP_EINVAL, "--features names %s twice",
                             name);
    if (out->n == REAP_MAX_OUTPUTS - 1)
        return reap_fail(err, REAP_EINVAL, "--features: at most %d at once",
                         REAP_MAX_OUTPUTS - 1);
    out->name[out->n++] = name;
    return REAP_OK;
}

static int split(struct reap_outputs *out, const char *list,
                 struct reap_err *err)
{
    char *save = NULL;
    int rc = REAP_OK;

    if (strlen(list) >= sizeof(out->text))
        return reap_fail(err, REAP_EINVAL, "--features: the list is too long");
    strcpy(out->text, list);
    for (char *name = strtok_r(out->text, ",", &save); name && !rc;
         name = strtok_r(NULL, ",", &save))
        rc = outputs_add(out, name, err);
    if (!rc && !out->n)
        rc = reap_fail(err, REAP_EINVAL, "--features: an empty list");
    return rc;
}

int reap_outputs_parse(struct reap_outputs *out, const struct reap_options *o,
                       bool classify, struct reap_err *err)
{
    static const char *const pool[] = { "none", "avg", "max", NULL };
    unsigned which;
    int rc;

    memset(out, 0, sizeof(*out));
    out->k = o->top_given ? o->top : 5;
    if (!out->k || out->k > 1000000)
        return reap_fail(err, REAP_EINVAL, "--top must be 1 or more");
    if (o->features && o->pooling)
        return reap_fail(err, REAP_EINVAL,
                         "--pooling is the short form of --features: give one");
    rc = reap_parse_word("pooling", o->pooling, pool, &which, err);
    if (rc)
        return rc;
    if (o->features)
        rc = split(out, o->features, err);
    else if (o->pooling)
        rc = split(out, pool[which], err);
    else if (!classify)
        rc = split(out, "avg", err);
    if (!rc && classify)
        out->name[out->n++] = "top";
    return rc;
}

static bool is_score(const char *name)
{
    return !strcmp(name, "logits") || !strcmp(name, "probs");
}

int reap_outputs_schema(const struct reap_engine *e,
                        const struct reap_options *o,
                        struct reap_schema *schema, unsigned *l2,
                        struct reap_err *err)
{
    static const char *const as[] = { "f32", "f16", NULL };
    unsigned f16;
    int rc = reap_parse_word("store-as", o->store_as, as, &f16, err);

    memset(schema, 0, sizeof(*schema));
    *l2 = 0;
    for (size_t i = 0; !rc && i < reap_engine_outputs(e); i++) {
        const struct reap_output *out = reap_engine_output(e, i);
        struct reap_column *c = &schema->column[schema->n++];

        snprintf(c->name, sizeof(c->name), "%s", out->name);
        c->kind = out->topk ? REAP_COLUMN_TOP
                  : f16     ? REAP_COLUMN_F16
                            : REAP_COLUMN_F32;
        c->h = (uint32_t)out->h;
        c->w = (uint32_t)out->w;
        c->c = (uint32_t)out->c;
        if (o->l2 && !out->topk && !is_score(out->name) && out->h == 1 &&
            out->w == 1)
            *l2 |= 1u << i;
    }
    return rc;
}
