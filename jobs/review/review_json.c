/*
 * Lists for review as JSON: tasks of Label Studio with predictions
 * (https://labelstud.io/guide/predictions) and FiftyOne's
 * FiftyOneImageClassificationDataset, whose labels.json maps the path of an
 * image without its ending to a class.
 */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/file/limits.h"
#include "io/out/outfile.h"
#include "io/file/text.h"
#include "jobs/cli/remark.h"
#include "jobs/judge/json_file.h"
#include "jobs/review/review_write.h"

enum { PATH_LEN = 4096 };

static json_t *class_json(const struct reap_review *r, int32_t class)
{
    char buf[REAP_CLASS_NAME];

    return class < 0 ? json_null()
                     : json_string(reap_labelled_name(&r->of, (size_t) class,
                                                      buf, sizeof(buf)));
}

static json_t *number_json(float v)
{
    return isfinite(v) ? json_real((double)v) : json_null();
}

static json_t *reasons_json(const struct reap_reviewed *row)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < REAP_N_REASONS; i++)
        if (row->why >> i & 1)
            json_array_append_new(list, json_string(reap_reason_name(i)));
    return list;
}

/* ---- Label Studio ---- */

static json_t *choice(const struct reap_review *r, int32_t class, float score,
                      const char *version)
{
    return json_pack("{ss,so,s[{ss,ss,ss,s{s[o]}}]}", "model_version", version,
                     "score", number_json(score), "result", "from_name",
                     "choice", "to_name", "image", "type", "choices", "value",
                     "choices", class_json(r, class));
}

/* The address of an image: what a key's bytes mean in an address is escaped. */
static char *address(const char *url, struct reap_bytes key)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
                                "uvwxyz0123456789-._~/";
    const size_t n = strlen(url);
    char *all = reap_calloc(REAP_TEXT_ROOM(n) + 3 * key.len + 1, 1), *to = all;

    if (!all)
        return NULL;
    reap_text_escape(all, REAP_TEXT_ROOM(n),
                     (struct reap_bytes){ (const uint8_t *)url, n });
    to += strlen(all);
    for (size_t i = 0; i < key.len; i++)
        if (key.data[i] && strchr(plain, key.data[i]))
            *to++ = (char)key.data[i];
        else
            to += snprintf(to, 4, "%%%02X", key.data[i]);
    return all;
}

static json_t *task(const struct reap_review *r,
                    const struct reap_reviewed *row, const char *url)
{
    char key[REAP_TEXT_ROOM(REAP_KEY_MAX)];
    json_t *predictions, *all;
    char *image = NULL;

    reap_text_escape(key, sizeof(key), row->key);
    image = address(url, row->key);
    if (!image)
        return NULL;
    predictions = json_array();
    json_array_append_new(predictions,
                          choice(r, row->guess, row->prob, "reap"));
    all = json_pack("{s{ss,ss,so,so,so},so}", "data", "image", image, "key",
                    key, "label", class_json(r, row->label), "suggested",
                    class_json(r, reap_review_suggested(r, row)), "reasons",
                    reasons_json(row), "predictions", predictions);
    reap_free(image);
    return all;
}

static void put_xml(FILE *to, const char *text)
{
    for (; *text; text++)
        if (strchr("<>&\"", *text))
            fprintf(to, "&#%d;", *text);
        else
            fputc(*text, to);
}

/* What Label Studio has to be told of the classes, besides the tasks. */
static int write_config(const struct reap_review *r, const char *path,
                        struct reap_err *err)
{
    char name[PATH_LEN], buf[REAP_CLASS_NAME];
    struct reap_outfile *f;
    FILE *to;
    int rc;

    if (strlen(path) + 20 > sizeof(name))
        return reap_fail(err, REAP_EINVAL, "-o: the path is too long");
    snprintf(name, sizeof(name), "%s.config.xml", path);
    rc = reap_outfile_open(&f, name, err);
    if (rc)
        return rc;
    to = reap_outfile_stream(f);
    fputs("<View>\n  <Image name=\"image\" value=\"$image\"/>\n"
          "  <Choices name=\"choice\" toName=\"image\" choice=\"single\">\n",
          to);
    for (size_t c = 0; c < r->of.n_classes; c++) {
        fputs("    <Choice value=\"", to);
        put_xml(to, reap_labelled_name(&r->of, c, buf, sizeof(buf)));
        fputs("\"/>\n", to);
    }
    fputs("  </Choices>\n</View>\n", to);
    return reap_outfile_commit(&f, err);
}

int reap_review_labelstudio(struct reap_review *r,
                            const struct reap_review_file *f,
                            struct reap_err *err)
{
    json_t *tasks = json_array();
    int rc = write_config(r, f->path, err);

    for (size_t i = 0; i < r->n_chosen && !rc; i++)
        if (json_array_append_new(
                tasks, task(r, &r->row[r->chosen[i]], f->url ? f->url : "")))
            rc = reap_fail(err, REAP_ENOMEM, "no memory for JSON");
    if (rc)
        json_decref(tasks);
    return rc ? rc : reap_json_file(tasks, f->path, err);
}

/* ---- FiftyOne ---- */

/* The path of the image without its ending. */
static void stem(const struct reap_reviewed *row, char *out, size_t size)
{
    char *dot, *slash;

    reap_text_escape(out, size, row->key);
    dot = strrchr(out, '.');
    slash = strrchr(out, '/');
    if (dot && (!slash || dot > slash + 1) && dot > out)
        *dot = '\0';
}

int reap_review_fiftyone(struct reap_review *r,
                         const struct reap_review_file *f, struct reap_err *err)
{
    json_t *classes = json_array(), *labels = json_object();
    size_t twins = 0;
    char key[REAP_TEXT_ROOM(REAP_KEY_MAX)], buf[REAP_CLASS_NAME];

    for (size_t c = 0; c < r->of.n_classes; c++)
        json_array_append_new(classes, json_string(reap_labelled_name(
                                           &r->of, c, buf, sizeof(buf))));
    for (size_t i = 0; i < r->n_chosen; i++) {
        const struct reap_reviewed *row = &r->row[r->chosen[i]];

        stem(row, key, sizeof(key));
        if (json_object_get(labels, key)) {
            twins++;
            continue;
        }
        json_object_set_new(
            labels, key,
            json_pack("{si,so,s{so,so,so}}", "label", row->guess, "confidence",
                      number_json(row->prob), "attributes", "true_label",
                      class_json(r, row->label), "suggested",
                      class_json(r, reap_review_suggested(r, row)), "reasons",
                      reasons_json(row)));
    }
    if (twins)
        reap_remark(f->o,
                    "%zu image%s left out: FiftyOne knows an image by its path "
                    "without the ending, and another one has the same",
                    twins, twins == 1 ? " is" : "s are");
    return reap_json_file(
        json_pack("{so,so}", "classes", classes, "labels", labels), f->path,
        err);
}
