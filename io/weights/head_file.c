/* A head as safetensors with a dozen texts of metadata, and the question
 * whether it was fitted on the embeddings at hand. Layers are computed by
 * engine/head/head_layers.c, bytes written by weights_write.c. */
#include <math.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/weights/head_file.h"
#include "io/weights/weights.h"
#include "io/weights/weights_write.h"

static const char VERSION[] = "1";

/* What decides an embedding, in the order of the store's lines. */
static const char *const decides[] = { "weights", "model", "input", "preset" };
enum { N_DECIDES = sizeof(decides) / sizeof(decides[0]), LINE = 640 };

/* Is this the line 'name=...'? */
static bool is_line(const char *line, const char *name)
{
    const size_t n = strlen(name);

    return !strncmp(line, name, n) && line[n] == '=';
}

/* The next line of '*text' in 'line', which it fits or is cut to. */
static bool next_line(const char **text, char *line)
{
    const size_t n = strcspn(*text, "\n");

    if (!**text)
        return false;
    snprintf(line, LINE, "%.*s", (int)n, *text);
    *text += n + ((*text)[n] == '\n');
    return true;
}

/* "output=NAME HxWxC f16 l2" of that column, without how it is stored. */
static bool is_output(char *line, const char *feature)
{
    const size_t n = strlen(feature);
    char *f16;

    if (!is_line(line, "output") || strncmp(line + 7, feature, n) != 0 ||
        line[7 + n] != ' ')
        return false;
    f16 = strstr(line + 7 + n, " f16");
    if (f16)
        memmove(f16, f16 + 4, strlen(f16 + 4) + 1);
    return true;
}

char *reap_head_embeddings(const char *fingerprint_text, const char *feature)
{
    char line[LINE], *all = reap_calloc(1, strlen(fingerprint_text) + 1);
    bool found = false;

    while (all && next_line(&fingerprint_text, line)) {
        bool take = is_output(line, feature);

        found = found || take;
        for (size_t i = 0; i < N_DECIDES && !take; i++)
            take = is_line(line, decides[i]);
        if (take)
            strcat(strcat(all, line), "\n");
    }
    if (!found) {
        reap_free(all);
        return NULL;
    }
    return all;
}

static int fingerprint(const char *text, char hex[65], struct reap_err *err)
{
    unsigned char sum[32];

    if (EVP_Digest(text, strlen(text), sum, NULL, EVP_sha256(), NULL) != 1)
        return reap_fail(err, REAP_EBUG, "no sha256 in libcrypto");
    for (size_t i = 0; i < sizeof(sum); i++)
        snprintf(hex + 2 * i, 3, "%02x", sum[i]);
    return REAP_OK;
}

static int head_file_no_memory(struct reap_err *err)
{
    return reap_fail(err, REAP_ENOMEM, "no memory for a head");
}

static int copy_labels(struct reap_head_file *f, char *const *labels,
                       struct reap_err *err)
{
    const size_t n = reap_head_classes(f->head);

    f->labels = reap_calloc(n, sizeof(*f->labels));
    if (!f->labels)
        return head_file_no_memory(err);
    f->n_labels = n;
    for (size_t i = 0; i < n; i++)
        if (!(f->labels[i] = reap_strdup(labels[i])))
            return head_file_no_memory(err);
    return REAP_OK;
}

int reap_head_file_new(struct reap_head_file **out, struct reap_head **head,
                       char *const *labels, size_t n,
                       const char *fingerprint_text, const char *feature,
                       const char *preset, const char *fit,
                       struct reap_err *err)
{
    struct reap_head_file *f = reap_calloc(1, sizeof(*f));
    int rc = f ? REAP_OK : head_file_no_memory(err);

    *out = NULL;
    if (!rc && n != reap_head_classes(*head))
        rc = reap_fail(err, REAP_EINVAL,
                       "%zu names, but the head has %zu classes", n,
                       reap_head_classes(*head));
    if (!rc &&
        !(f->embeddings = reap_head_embeddings(fingerprint_text, feature)))
        rc = reap_fail(err, REAP_EMISFIT, "the store has no column '%s'",
                       feature);
    if (!rc && !(f->fit = reap_strdup(fit ? fit : "")))
        rc = head_file_no_memory(err);
    if (!rc)
        rc = fingerprint(f->embeddings, f->fingerprint, err);
    if (!rc) {
        snprintf(f->feature, sizeof(f->feature), "%s", feature);
        snprintf(f->preset, sizeof(f->preset), "%s", preset ? preset : "");
        f->head = *head;
        rc = copy_labels(f, labels, err);
    }
    if (rc && f)
        f->head = NULL; /* still the caller's */
    if (rc)
        reap_head_file_free(&f);
    else
        *head = NULL;
    *out = f;
    return rc;
}

/* The two tensors of layer i. */
static int put_layer(struct reap_weights *w, const struct reap_head *h,
                     size_t i, struct reap_err *err)
{
    const struct reap_dense *d = &h->dense[i];
    struct reap_param *p;
    char name[64];
    int rc;

    snprintf(name, sizeof(name), "%s/kernel", d->name);
    rc = reap_params_add(w->params, name, 2, (size_t[]){ d->in, d->out }, &p,
                         err);
    if (rc)
        return rc;
    reap_head_get_kernel(h, i, p->data);
    snprintf(name, sizeof(name), "%s/bias", d->name);
    rc = reap_params_add(w->params, name, 1, &d->out, &p, err);
    if (!rc)
        memcpy(p->data, d->bias, d->out * sizeof(*p->data));
    return rc;
}

/* The texts by name, in both directions. */
static int put_notes(struct reap_weights *w, const struct reap_head_file *f,
                     struct reap_err *err)
{
    char temperature[32];
    const struct {
        const char *name, *text;
    } note[] = {
        { "reap.head", VERSION },          { "temperature", temperature },
        { "feature", f->feature },         { "embeddings", f->embeddings },
        { "fingerprint", f->fingerprint }, { "fit", f->fit },
    };
    int rc = REAP_OK;

    snprintf(temperature, sizeof(temperature), "%.9g",
             (double)f->head->temperature);
    for (size_t i = 0; i < sizeof(note) / sizeof(note[0]) && !rc; i++)
        rc = reap_weights_note(w, note[i].name, note[i].text, err);
    return rc;
}

int reap_head_file_write(const struct reap_head_file *f, const char *path,
                         struct reap_err *err)
{
    struct reap_weights w = { .labels = f->labels,
                              .n_labels = reap_head_classes(f->head),
                              .n_head = f->head->n },
                        *own = &w;
    int rc = reap_params_new(&w.params, err);

    for (size_t i = 0; i < f->head->n && !rc; i++) {
        w.head[i] = f->head->dense[i].act;
        rc = put_layer(own, f->head, i, err);
    }
    if (!rc)
        rc = put_notes(own, f, err);
    if (!rc)
        rc = reap_weights_write(own, NULL, f->preset, path, err);
    reap_params_free(&w.params);
    for (size_t i = 0; i < w.n_about; i++) {
        reap_free(w.about[i].name);
        reap_free(w.about[i].text);
    }
    reap_free(w.about);
    return rc;
}

/* Is it the kernel of a dense layer? Its length without "/kernel", or 0. */
static size_t kernel_of(const struct reap_param *p)
{
    const char *slash = strrchr(p->name, '/');

    return slash && !strcmp(slash, "/kernel") ? (size_t)(slash - p->name) : 0;
}

/* Kernels in the order of the file, each taking what the last one gives. */
static int chain(const struct reap_weights *w, const struct reap_param **kernel,
                 size_t *width, size_t *n, struct reap_err *err)
{
    *n = 0;
    for (size_t i = 0; i < reap_params_count(w->params); i++) {
        const struct reap_param *p = reap_params_at(w->params, i);

        if (!kernel_of(p))
            continue;
        if (p->rank != 2 || *n == REAP_HEAD_LAYERS ||
            (*n && p->dim[0] != width[*n]))
            return reap_fail(err, REAP_EFORMAT,
                             "%s: at most %d dense layers are expected, each "
                             "taking what the one before gives",
                             p->name, REAP_HEAD_LAYERS);
        kernel[*n] = p;
        width[*n] = p->dim[0];
        width[++*n] = p->dim[1];
    }
    if (!*n || reap_params_count(w->params) != 2 * *n)
        return reap_fail(err, REAP_EFORMAT,
                         "%zu tensors for %zu dense layers; a kernel and a "
                         "bias of each are expected",
                         reap_params_count(w->params), *n);
    return REAP_OK;
}

static bool all_finite(const struct reap_param *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (!isfinite(p->data[i]))
            return false;
    return true;
}

static int take_layer(struct reap_head *h, size_t i,
                      const struct reap_weights *w,
                      const struct reap_param *kernel, struct reap_err *err)
{
    const size_t n = kernel_of(kernel);
    const struct reap_param *bias;
    char name[64];

    if (n + sizeof("/bias") > sizeof(name) || n >= sizeof(h->dense[i].name))
        return reap_fail(err, REAP_EFORMAT, "%s: the name is too long",
                         kernel->name);
    snprintf(h->dense[i].name, sizeof(h->dense[i].name), "%.*s", (int)n,
             kernel->name);
    snprintf(name, sizeof(name), "%s/bias", h->dense[i].name);
    bias = reap_params_find(w->params, name);
    if (!bias || bias->rank != 1 || bias->count != h->dense[i].out)
        return reap_fail(err, REAP_EFORMAT, "%s: %zu numbers are expected",
                         name, h->dense[i].out);
    if (!all_finite(kernel) || !all_finite(bias))
        return reap_fail(
            err, REAP_EFORMAT,
            "%s: holds a number that is not finite (NaN or infinity)",
            h->dense[i].name);
    reap_head_set_kernel(h, i, kernel->data);
    memcpy(reap_head_bias(h, i), bias->data, bias->count * sizeof(float));
    h->dense[i].act = w->head[i];
    return REAP_OK;
}

static int take_layers(struct reap_head_file *f, const struct reap_weights *w,
                       struct reap_err *err)
{
    const struct reap_param *kernel[REAP_HEAD_LAYERS];
    size_t width[REAP_HEAD_LAYERS + 1], n;
    int rc = chain(w, kernel, width, &n, err);

    if (rc)
        return rc;
    if (w->n_head != n ||
        (w->head[n - 1] != REAP_SOFTMAX && w->head[n - 1] != REAP_SIGMOID))
        return reap_fail(err, REAP_EFORMAT,
                         "metadata: head: %zu activations are expected, the "
                         "last softmax or sigmoid",
                         n);
    rc = reap_head_new(&f->head, n, width, w->head[n - 1], err);
    for (size_t i = 0; i < n && !rc; i++)
        rc = take_layer(f->head, i, w, kernel[i], err);
    return rc;
}

static int take_labels(struct reap_head_file *f, const struct reap_weights *w,
                       struct reap_err *err)
{
    if (w->n_labels != reap_head_classes(f->head))
        return reap_fail(err, REAP_EFORMAT,
                         "metadata: labels: %zu names for %zu classes",
                         w->n_labels, reap_head_classes(f->head));
    return copy_labels(f, w->labels, err);
}

static int take_notes(struct reap_head_file *f, const struct reap_weights *w,
                      struct reap_err *err)
{
    const char *temperature = reap_weights_about(w, "temperature"),
               *feature = reap_weights_about(w, "feature"),
               *embeddings = reap_weights_about(w, "embeddings"),
               *fit = reap_weights_about(w, "fit");
    char *end = NULL;

    f->head->temperature = temperature ? strtof(temperature, &end) : 0;
    if (!end || *end || !(f->head->temperature > 0) ||
        !isfinite(f->head->temperature))
        return reap_fail(err, REAP_EFORMAT,
                         "metadata: temperature: a number above 0 is expected");
    if (!feature || !*feature || strlen(feature) >= sizeof(f->feature) ||
        !embeddings)
        return reap_fail(err, REAP_EFORMAT,
                         "metadata: feature and embeddings are expected");
    strcpy(f->feature, feature);
    strcpy(f->preset, w->preset);
    strcpy(f->sha256, w->sha256);
    f->embeddings = reap_strdup(embeddings);
    f->fit = reap_strdup(fit ? fit : "");
    if (!f->embeddings || !f->fit)
        return head_file_no_memory(err);
    return fingerprint(f->embeddings, f->fingerprint, err);
}

static int head_file_take(struct reap_head_file *f,
                          const struct reap_weights *w, struct reap_err *err)
{
    const char *version = reap_weights_about(w, "reap.head");
    int rc;

    if (!version)
        return reap_fail(err, REAP_EFORMAT,
                         "not a head that reap fit wrote; weights of a whole "
                         "network go to --weights");
    if (strcmp(version, VERSION) != 0)
        return reap_fail(err, REAP_EFORMAT,
                         "a head of version %.20s; this reap reads %s", version,
                         VERSION);
    rc = take_layers(f, w, err);
    if (!rc)
        rc = take_labels(f, w, err);
    return rc ? rc : take_notes(f, w, err);
}

int reap_head_file_read(struct reap_head_file **out, const char *path,
                        struct reap_err *err)
{
    struct reap_weights *w = NULL;
    int rc = reap_weights_read(&w, path, err);

    *out = NULL;
    if (rc)
        return rc;
    *out = reap_calloc(1, sizeof(**out));
    rc = *out ? head_file_take(*out, w, err) : head_file_no_memory(err);
    if (rc)
        reap_head_file_free(out);
    reap_weights_free(&w);
    return rc ? reap_wrap(err, rc, "%s", path) : REAP_OK;
}

/* The value of 'name=...' in 'text', in 'buf'. */
static const char *value_of(const char *text, const char *name, char *buf)
{
    while (next_line(&text, buf))
        if (is_line(buf, name))
            return memmove(buf, buf + strlen(name) + 1,
                           strlen(buf) - strlen(name));
    return strcpy(buf, "nothing");
}

int reap_head_file_fits(const struct reap_head_file *f,
                        const char *fingerprint_text,
                        const char *quantized_from, struct reap_err *err)
{
    char *is = reap_head_embeddings(fingerprint_text, f->feature);
    char was_line[LINE], now_line[LINE];
    int rc = REAP_OK;

    if (!is)
        return reap_fail(err, REAP_EMISFIT,
                         "the head was fitted on '%s', which is not there",
                         f->feature);
    for (size_t i = 0; i <= N_DECIDES && !rc; i++) {
        const char *name = i < N_DECIDES ? decides[i] : "output";
        const char *a = value_of(f->embeddings, name, was_line),
                   *b = value_of(is, name, now_line);

        if (!strcmp(a, b) ||
            (!i && quantized_from && !strcmp(a, quantized_from)))
            continue;
        rc = reap_fail(err, REAP_EMISFIT,
                       "the head was fitted on other embeddings: %s was %.120s "
                       "and is %.120s",
                       name, a, b);
    }
    reap_free(is);
    return rc;
}

bool reap_head_file_multi(const struct reap_head_file *f)
{
    return f->head->dense[f->head->n - 1].act == REAP_SIGMOID;
}

bool reap_head_file_l2(const struct reap_head_file *f)
{
    char line[LINE];
    const size_t n = strlen(value_of(f->embeddings, "output", line));

    return n > 3 && !strcmp(line + n - 3, " l2");
}

void reap_head_file_free(struct reap_head_file **f)
{
    if (!*f)
        return;
    for (size_t i = 0; i < (*f)->n_labels; i++)
        reap_free((*f)->labels[i]);
    reap_free((*f)->labels);
    reap_free((*f)->embeddings);
    reap_free((*f)->fit);
    reap_head_free(&(*f)->head);
    reap_free(*f);
    *f = NULL;
}
