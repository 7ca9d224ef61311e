/* reap duplicates STORE: groups of near duplicates, and which to keep. */
#include <jansson.h>
#include <stdlib.h>

#include "cluster/signals.h"
#include "io/file/limits.h"
#include "jobs/cli/cmd.h"
#include "jobs/cli/words.h"
#include "jobs/search/copies.h"
#include "jobs/search/listing.h"

enum { SHOWN = 20 }; /* groups on the screen */
static const double LEAST = .97;

struct cmd_duplicates {
    struct reap_vectors v;
    struct reap_copies found;
    struct reap_listing out;
    float least;
};

static size_t cmd_duplicates_same(const struct reap_copies *c)
{
    size_t n = 0;

    for (size_t i = 0; i < c->n; i++)
        n += c->copy[i].same;
    return n;
}

static void cmd_duplicates_csv(struct cmd_duplicates *c, size_t group,
                               const struct reap_copy *copy)
{
    char text[32];

    snprintf(text, sizeof(text), "%zu", group + 1);
    reap_listing_field(&c->out, text);
    reap_listing_row(&c->out, &c->v, copy->row);
    reap_listing_field(&c->out, copy->keep ? "yes" : "no");
    reap_listing_number(&c->out, (double)copy->cosine);
    reap_listing_field(&c->out, copy->same ? "yes" : "no");
    snprintf(text, sizeof(text), "%zu", copy->w);
    reap_listing_field(&c->out, copy->w ? text : "");
    snprintf(text, sizeof(text), "%zu", copy->h);
    reap_listing_field(&c->out, copy->h ? text : "");
    if (copy->h)
        reap_listing_number(&c->out, copy->sharp);
    else
        reap_listing_field(&c->out, "");
    reap_listing_end(&c->out);
}

static void cmd_duplicates_json(struct cmd_duplicates *c, size_t group,
                                const struct reap_copy *copy)
{
    json_t *one = json_pack("{sI}", "group", (json_int_t)(group + 1));

    reap_listing_json(one, &c->v, copy->row);
    json_object_set_new(one, "keep", json_boolean(copy->keep));
    json_object_set_new(one, "cosine", json_real((double)copy->cosine));
    json_object_set_new(one, "same_bytes", json_boolean(copy->same));
    if (copy->h) {
        json_object_set_new(one, "width", json_integer((json_int_t)copy->w));
        json_object_set_new(one, "height", json_integer((json_int_t)copy->h));
        json_object_set_new(one, "sharpness", json_real(copy->sharp));
    }
    reap_listing_object(c->out.to, one);
}

static void cmd_duplicates_text(struct cmd_duplicates *c,
                                const struct reap_copy *copy)
{
    char size[48] = "";

    if (copy->h)
        snprintf(size, sizeof(size), "%zux%zu", copy->w, copy->h);
    fprintf(c->out.to, "  %-4s  %6.4f  %-9s  %s", copy->keep ? "keep" : "",
            (double)copy->cosine, size, copy->same ? "(same bytes) " : "");
    reap_listing_text(&c->out, &c->v, copy->row);
}

static void cmd_duplicates_list(struct cmd_duplicates *c)
{
    const struct reap_copies *f = &c->found;

    if (c->out.form == REAP_LISTING_CSV)
        fputs("group,key,label,keep,cosine,same_bytes,width,height,sharpness\n",
              c->out.to);
    for (size_t g = 0; g < f->n_groups; g++) {
        if (c->out.form == REAP_LISTING_TEXT && g == SHOWN)
            break;
        if (c->out.form == REAP_LISTING_TEXT)
            fprintf(c->out.to, "\ngroup %zu, %zu rows\n", g + 1,
                    f->first[g + 1] - f->first[g]);
        for (size_t i = f->first[g]; i < f->first[g + 1]; i++)
            if (c->out.form == REAP_LISTING_CSV)
                cmd_duplicates_csv(c, g, &f->copy[i]);
            else if (c->out.form == REAP_LISTING_JSON)
                cmd_duplicates_json(c, g, &f->copy[i]);
            else
                cmd_duplicates_text(c, &f->copy[i]);
    }
    if (c->out.form == REAP_LISTING_TEXT && f->n_groups > SHOWN)
        fprintf(c->out.to, "\n%zu more groups; -o FILE.csv lists all\n",
                f->n_groups - SHOWN);
}

/* On the screen, before the groups or instead of them. */
static void cmd_duplicates_sum(const struct cmd_duplicates *c)
{
    const struct reap_copies *f = &c->found;
    const size_t same = cmd_duplicates_same(f), extra = f->n - f->n_groups;

    if (c->v.o->json && c->v.o->output)
        reap_listing_object(
            stdout,
            json_pack("{ss,sI,sf,sI,sI,sI,sI}", "store", c->v.view.path, "rows",
                      (json_int_t)c->v.n, "cosine", (double)c->least, "groups",
                      (json_int_t)f->n_groups, "in_groups", (json_int_t)f->n,
                      "extra", (json_int_t)extra, "same_bytes",
                      (json_int_t)same));
    if (c->v.o->json || c->v.o->quiet)
        return;
    printf("%zu %s, %zu %s of near duplicates (a cosine of %g or more)\n",
           c->v.n, reap_plural(c->v.n, "row", "rows"), f->n_groups,
           reap_plural(f->n_groups, "group", "groups"), (double)c->least);
    if (f->n_groups)
        printf("%zu rows are in groups; without %zu of them one of each group "
               "is left\n%zu %s byte for byte the same as another\n",
               f->n, extra, same, reap_plural(same, "row is", "rows are"));
}

static int cmd_duplicates_least(const struct reap_options *o, float *least,
                                struct reap_err *err)
{
    char *end;
    double x = LEAST;

    if (o->cosine)
        x = strtod(o->cosine, &end);
    if (o->cosine && (end == o->cosine || *end || !(x > 0) || !(x <= 1)))
        return reap_fail(err, REAP_EINVAL,
                         "--cosine %.40s: a number above 0 and up to 1 is "
                         "needed, such as 0.97",
                         o->cosine);
    *least = (float)x;
    return REAP_OK;
}

int reap_cmd_duplicates(const struct reap_options *o, struct reap_err *err)
{
    struct cmd_duplicates c = { .least = 0 };
    int rc;

    if (o->n_args != 1)
        return reap_fail(err, REAP_EINVAL,
                         "one STORE is needed, as in reap duplicates store "
                         "-o duplicates.csv");
    reap_signals_install();
    rc = cmd_duplicates_least(o, &c.least, err);
    if (rc)
        return rc;
    rc = reap_vectors_open(&c.v, o->args[0], o, err);
    if (!rc)
        rc = reap_listing_open(&c.out, o, err);
    if (!rc)
        rc = reap_copies_open(&c.found, &c.v, c.least, err);
    if (!rc)
        rc = reap_copies_choose(&c.found, &c.v, err);
    if (!rc) {
        cmd_duplicates_sum(&c);
        cmd_duplicates_list(&c);
    }
    rc = reap_listing_close(&c.out, rc, err);
    reap_copies_close(&c.found);
    reap_vectors_close(&c.v);
    return rc;
}
