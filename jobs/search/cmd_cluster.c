/* reap cluster STORE: rows in clusters, with sizes, medoids and purity. */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "cluster/signals.h"
#include "io/file/limits.h"
#include "io/file/text.h"
#include "jobs/cli/cmd.h"
#include "jobs/cli/remark.h"
#include "jobs/cli/words.h"
#include "jobs/search/clusters.h"
#include "jobs/search/listing.h"

enum { MOST = 100000 };

struct cmd_cluster {
    struct reap_vectors v;
    struct reap_clusters found;
    struct reap_listing out;
};

/* The label that most rows of a cluster bear, as text. */
static const char *cluster_label(const struct cmd_cluster *c,
                                 const struct reap_cluster *of, char *buf,
                                 size_t size)
{
    const char *label =
        of->label < 0 ? ""
                      : reap_string_set_text(c->v.labels, (size_t)of->label);

    return reap_text_escape(
        buf, size,
        (struct reap_bytes){ (const uint8_t *)label, strlen(label) });
}

static void cluster_text(const struct cmd_cluster *c)
{
    const struct reap_clusters *f = &c->found;
    const double purity = reap_clusters_purity(f);
    char key[REAP_TEXT_ROOM(REAP_KEY_MAX)], label[REAP_TEXT_ROOM(256)];

    printf("%zu %s, %zu %s, mean cosine with the centre %.4f, silhouette "
           "%.4f\n",
           c->v.n, reap_plural(c->v.n, "row", "rows"), f->k,
           reap_plural(f->k, "cluster", "clusters"), f->m.sum / (double)c->v.n,
           f->silhouette);
    if (!isnan(purity))
        printf("purity %.4f: the share of labelled rows with the most frequent "
               "label of\ntheir cluster\n",
               purity);
    printf("\n%7s %8s %8s  %-20s %s\n", "cluster", "rows", "cosine", "label",
           "medoid");
    for (size_t i = 0; i < f->k; i++) {
        const struct reap_cluster *of = &f->cluster[i];
        char share[40] = "";

        if (of->most)
            snprintf(share, sizeof(share), "%.13s (%.0f %%)",
                     cluster_label(c, of, label, sizeof(label)),
                     100 * (double)of->most / (double)of->labelled);
        printf("%7zu %8zu %8.4f  %-20s %s\n", i + 1, of->rows, of->cosine,
               share,
               reap_vectors_key_text(&c->v, of->medoid, key, sizeof(key)));
    }
}

static void cluster_json(const struct cmd_cluster *c)
{
    const struct reap_clusters *f = &c->found;
    const double purity = reap_clusters_purity(f);
    char key[REAP_TEXT_ROOM(REAP_KEY_MAX)], label[REAP_TEXT_ROOM(256)];
    json_t *list = json_array(), *all;

    for (size_t i = 0; i < f->k; i++) {
        const struct reap_cluster *of = &f->cluster[i];
        json_t *one = json_pack(
            "{sI,sI,sf,ss}", "cluster", (json_int_t)(i + 1), "rows",
            (json_int_t)of->rows, "cosine", of->cosine, "medoid",
            reap_vectors_key_text(&c->v, of->medoid, key, sizeof(key)));

        if (of->most) {
            json_object_set_new(
                one, "label",
                json_string(cluster_label(c, of, label, sizeof(label))));
            json_object_set_new(
                one, "label_share",
                json_real((double)of->most / (double)of->labelled));
        }
        json_array_append_new(list, one);
    }
    all = json_pack("{ss,sI,sf,sf,sb,so}", "store", c->v.view.path, "rows",
                    (json_int_t)c->v.n, "mean_cosine",
                    f->m.sum / (double)c->v.n, "silhouette", f->silhouette,
                    "converged", (int)f->m.settled, "clusters", list);
    if (!isnan(purity))
        json_object_set_new(all, "purity", json_real(purity));
    reap_listing_object(stdout, all);
}

/* A line for each row. */
static void cluster_rows(struct cmd_cluster *c)
{
    if (c->out.form == REAP_LISTING_CSV)
        fputs("key,label,cluster,cosine,medoid\n", c->out.to);
    for (size_t i = 0; i < c->v.n; i++) {
        const size_t at = reap_clusters_of(&c->found, i);
        const bool medoid = c->found.cluster[at].medoid == i;
        const double cosine = (double)c->found.m.best[i].cosine;
        char number[24];
        json_t *one;

        if (c->out.form == REAP_LISTING_CSV) {
            snprintf(number, sizeof(number), "%zu", at + 1);
            reap_listing_row(&c->out, &c->v, i);
            reap_listing_field(&c->out, number);
            reap_listing_number(&c->out, cosine);
            reap_listing_field(&c->out, medoid ? "yes" : "no");
            reap_listing_end(&c->out);
            continue;
        }
        one = json_object();
        reap_listing_json(one, &c->v, i);
        json_object_set_new(one, "cluster", json_integer((json_int_t)at + 1));
        json_object_set_new(one, "cosine", json_real(cosine));
        json_object_set_new(one, "medoid", json_boolean(medoid));
        reap_listing_object(c->out.to, one);
    }
}

int reap_cmd_cluster(const struct reap_options *o, struct reap_err *err)
{
    struct cmd_cluster c = { .out = { .to = NULL } };
    size_t k = 0;
    int rc = REAP_OK;

    if (o->n_args != 1)
        return reap_fail(err, REAP_EINVAL,
                         "one STORE is needed, as in reap cluster store -k 20");
    reap_signals_install();
    if (o->k && strcmp(o->k, "auto") != 0)
        rc = reap_vectors_k(o, 0, MOST, &k, err);
    if (rc)
        return rc;
    rc = reap_vectors_open(&c.v, o->args[0], o, err);
    if (!rc)
        rc = reap_listing_open(&c.out, o, err);
    if (!rc && k > c.v.n)
        reap_remark(o, "-k %zu: there %s only %zu %s", k,
                    reap_plural(c.v.n, "is", "are"), c.v.n,
                    reap_plural(c.v.n, "row", "rows"));
    if (!rc)
        rc = reap_clusters_open(&c.found, &c.v, k, o->seed, err);
    if (!rc && c.out.file)
        cluster_rows(&c);
    if (!rc && o->json)
        cluster_json(&c);
    else if (!rc && !o->quiet)
        cluster_text(&c);
    if (!rc && !c.found.m.settled)
        reap_remark(o, "rows still moved after %d rounds",
                    REAP_CLUSTERS_ROUNDS);
    rc = reap_listing_close(&c.out, rc, err);
    reap_clusters_close(&c.found);
    reap_vectors_close(&c.v);
    return rc;
}
