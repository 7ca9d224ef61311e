/* What evaluating and reviewing open together: the store's view, names of
 * classes, true labels, groups, scores; and which class a label means. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/file/text.h"
#include "jobs/cli/remark.h"
#include "jobs/cli/words.h"
#include "jobs/judge/labelled.h"

static const char *view_name(const void *v, size_t i)
{
    return reap_store_view_name(v, i);
}

static const char *view_wnid(const void *v, size_t i)
{
    return reap_store_view_wnid(v, i);
}

static const char *group_name(const void *g, size_t i)
{
    return ((const struct reap_groups *)g)->name[i];
}

const char *reap_labelled_name(const struct reap_labelled *l, size_t class,
                               char *buf, size_t size)
{
    const char *name = l->groups ? group_name(l->groups, class)
                                 : reap_store_view_name(&l->view, class);

    if (!*name && !l->groups)
        name = reap_store_view_wnid(&l->view, class);
    if (!*name) {
        snprintf(buf, size, "%zu", class);
        return buf;
    }
    return reap_text_escape(
        buf, size, (struct reap_bytes){ (const uint8_t *)name, strlen(name) });
}

static int open_groups(struct reap_labelled *l, const char *path,
                       size_t classes, struct reap_err *err)
{
    const struct reap_groups_of of = { .classes = classes,
                                       .first =
                                           reap_store_view_background(&l->view),
                                       .ctx = &l->view,
                                       .wnid = view_wnid };

    if (!classes)
        return reap_fail(err, REAP_EINVAL,
                         "--groups: how many classes the store has is not "
                         "known");
    return reap_groups_open(&l->groups, path, &of, err);
}

/* How many classes the rows are about: with classify's --groups not as many as
 * there are logits. */
static size_t count_classes(const struct reap_labelled *l)
{
    const struct reap_schema *s = reap_store_schema(l->view.store);
    char text[32];

    if (reap_store_view_line(&l->view, "made_of", "classes", text,
                             sizeof(text)) &&
        strtoul(text, NULL, 10))
        return strtoul(text, NULL, 10);
    if (l->view.n_own)
        return l->view.n_own;
    for (uint32_t i = 0; i < s->n; i++)
        if (!strcmp(s->column[i].name, "probs"))
            return s->column[i].c;
    return 0;
}

int reap_labelled_open(struct reap_labelled *l,
                       const struct reap_labelled_args *a, struct reap_err *err)
{
    size_t classes;
    int rc;

    memset(l, 0, sizeof(*l));
    l->offset = a->offset;
    l->o = a->o;
    rc = reap_store_view_open(&l->view, a->store, err);

    if (!rc)
        rc = reap_store_view_labels(&l->view, a->labels, err);
    if (rc)
        return rc;
    classes = count_classes(l);
    if (a->groups)
        rc = open_groups(l, a->groups, classes, err);
    if (!rc)
        rc = reap_truth_open(&l->truth, a->truth, err);
    if (!rc)
        rc = reap_scores_open(&l->scores, l->view.store, classes, l->groups,
                              err);
    if (!rc && !reap_scores_classes(l->scores))
        rc = reap_fail(err, REAP_EFORMAT,
                       "%s: how many classes it has is not known", a->store);
    if (rc)
        return rc;
    l->n_classes = reap_scores_classes(l->scores);
    reap_progress_start(&l->line, l->o, "rows", 0);
    return reap_classes_new(&l->classes, classes, &l->view, view_name,
                            view_wnid, err);
}

static long group_of_label(const struct reap_labelled *l, const char *label)
{
    for (size_t i = 0; i < l->groups->n; i++)
        if (!strcmp(l->groups->name[i], label))
            return (long)i;
    return REAP_NO_CLASS;
}

/* The class of a label, which may be written as exports write it. */
static long labelled_class_of(const struct reap_labelled *l, const char *label)
{
    const long c = reap_classes_find(l->classes, label);
    char text[REAP_CLASS_NAME];

    if (c != REAP_NO_CLASS)
        return c;
    reap_text_escape(
        text, sizeof(text),
        (struct reap_bytes){ (const uint8_t *)label, strlen(label) });
    return reap_classes_find(l->classes, text);
}

long reap_labelled_truth(const struct reap_labelled *l,
                         const struct reap_row *row)
{
    const char *label = reap_truth_label(l->truth, row, 0);
    long c = REAP_NO_CLASS;

    if (!label)
        return REAP_NO_CLASS;
    if (l->groups)
        c = group_of_label(l, label);
    if (c >= 0)
        return c;
    c = labelled_class_of(l, label);
    if (c < 0)
        return c;
    c += l->offset;
    if (c < 0 ||
        (l->groups ? c >= (long)l->groups->classes : c >= (long)l->n_classes))
        return REAP_NO_CLASS;
    return l->groups ? l->groups->of[c] : c;
}

void reap_labelled_remark(const struct reap_labelled *l,
                          const struct reap_labelled_args *a,
                          const struct reap_options *o)
{
    char text[500];

    if (*reap_truth_remark(l->truth, false, text, sizeof(text)))
        reap_remark(o, "%s: %s", a->truth, text);
    if (!l->groups)
        return;
    if (l->groups->other)
        reap_remark(o,
                    "%s: %zu %s in no group of the file; put into a group "
                    "\"other\"",
                    a->groups, l->groups->other,
                    reap_plural(l->groups->other, "class is", "classes are"));
    if (!reap_scores_full(l->scores))
        reap_remark(o,
                    "only the %zu best classes are stored: groups are "
                    "summed from these",
                    reap_scores_top(l->scores));
}

void reap_labelled_rewind(struct reap_labelled *l)
{
    reap_progress_stop(&l->line);
    reap_progress_start(&l->line, l->o, "rows", 0);
    l->done = 0;
    reap_scores_rewind(l->scores);
}

int reap_labelled_next(struct reap_labelled *l, struct reap_scored *out,
                       struct reap_err *err)
{
    const int rc = reap_scores_next(l->scores, out, err);

    if (!rc)
        reap_progress_show(&l->line, ++l->done, l->view.rows, "");
    else
        reap_progress_stop(&l->line);
    return rc;
}

void reap_labelled_close(struct reap_labelled *l)
{
    reap_progress_stop(&l->line);
    reap_scores_close(&l->scores);
    reap_classes_free(&l->classes);
    reap_truth_close(&l->truth);
    reap_groups_close(&l->groups);
    reap_store_view_close(&l->view);
}
