/* Heads: run on their own, written, read back, held against embeddings; files
 * that are cut off, flipped or no heads are refused. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/head/head_layers.h"
#include "io/weights/head_file.h"
#include "io/weights/weights.h"
#include "tests/fill.h"
#include "tests/store_help.h"
#include "tests/tap.h"

enum { IN = 37, HIDDEN = 21, CLASSES = 3, ROWS = 5 };

static const char fingerprint_text[] =
    "weights=sha256:aa\nmodel=torchvision/resnet50\ninput=224x224\n"
    "classes=1000\npreset=torchvision-v1 resize=short:256\nclass=fp32\n"
    "output=avg 1x1x37 f16 l2\noutput=avg2 1x1x37\nalpha=drop\n";
static char red[] = "red", green[] = "gr\xc3\xbcn", blue[] = "\"blue\\";
static char *const labels[] = { red, green, blue };

static struct reap_head *sample(enum reap_activation last)
{
    const size_t width[] = { IN, HIDDEN, CLASSES };
    struct reap_head *h;

    if (reap_head_new(&h, 2, width, last, NULL))
        abort();
    fill_real(reap_head_weight(h, 0), IN * HIDDEN);
    fill_real(reap_head_bias(h, 0), HIDDEN);
    fill_real(reap_head_weight(h, 1), HIDDEN * CLASSES);
    fill_real(reap_head_bias(h, 1), CLASSES);
    h->temperature = 1.7f;
    return h;
}

/* One row in double. */
static void plain(const struct reap_head *h, const float *x, double *logit)
{
    double hidden[HIDDEN];

    for (size_t o = 0; o < HIDDEN; o++) {
        hidden[o] = (double)h->dense[0].bias[o];
        for (size_t i = 0; i < IN; i++)
            hidden[o] += (double)x[i] * (double)h->dense[0].weight[o * IN + i];
        hidden[o] = hidden[o] > 0 ? hidden[o] : 0;
    }
    for (size_t o = 0; o < CLASSES; o++) {
        logit[o] = (double)h->dense[1].bias[o];
        for (size_t i = 0; i < HIDDEN; i++)
            logit[o] += hidden[i] * (double)h->dense[1].weight[o * HIDDEN + i];
        logit[o] /= (double)h->temperature;
    }
}

static void runs(void)
{
    struct reap_head *h = sample(REAP_SIGMOID);
    float x[ROWS * IN], logits[ROWS * CLASSES], probs[ROWS * CLASSES];
    float one[CLASSES], *scratch;
    double worst = 0, want[CLASSES];
    int same = 0;

    fill_real(x, ROWS * IN);
    scratch = reap_aligned(reap_head_scratch(h, ROWS) * sizeof(*scratch));
    reap_head_run(h, ROWS, x, logits, probs, scratch);
    for (size_t r = 0; r < ROWS; r++) {
        plain(h, x + r * IN, want);
        for (size_t c = 0; c < CLASSES; c++) {
            const size_t at = r * CLASSES + c;

            worst = fmax(worst, fabs((double)logits[at] - want[c]));
            worst =
                fmax(worst, fabs((double)probs[at] - 1 / (1 + exp(-want[c]))));
        }
        reap_head_run(h, 1, x + r * IN, NULL, one, scratch);
        same += !memcmp(one, probs + r * CLASSES, sizeof(one));
    }
    ok(worst <= 1e-5, "a head gives what it should, within %.1e", worst);
    ok(same == ROWS, "the same bytes for a row alone");
    reap_free(scratch);
    reap_head_free(&h);
}

static struct reap_head_file *made(enum reap_activation last)
{
    struct reap_head *h = sample(last);
    struct reap_head_file *f;
    struct reap_err err = { 0 };

    if (reap_head_file_new(&f, &h, labels, CLASSES, fingerprint_text, "avg",
                           "torchvision-v1", "seed=1\n", &err))
        printf("# %s\n", err.msg);
    return f;
}

static void round_trip(void)
{
    struct reap_head_file *f = made(REAP_SIGMOID), *g = NULL;
    const char *path = scratch("head.safetensors");
    struct reap_err err = { 0 };

    ok(!reap_head_file_write(f, path, &err) &&
           !reap_head_file_read(&g, path, &err),
       "a head is written and read: %s", err.msg);
    if (!g)
        return;
    ok(g->head->n == 2 && reap_head_in(g->head) == IN &&
           !memcmp(f->head->own, g->head->own,
                   ((IN + 1) * HIDDEN + (HIDDEN + 1) * CLASSES) *
                       sizeof(float)),
       "with all its numbers");
    ok(g->head->temperature == 1.7f && reap_head_file_multi(g) &&
           g->head->dense[0].act == REAP_RELU,
       "temperature and activations");
    ok(!strcmp(g->labels[1], green) && !strcmp(g->labels[2], blue),
       "class names");
    ok(!strcmp(g->feature, "avg") && !strcmp(g->preset, "torchvision-v1") &&
           !strcmp(g->fit, "seed=1\n") && reap_head_file_l2(g) &&
           !strcmp(g->fingerprint, f->fingerprint),
       "and what it was fitted on");
    reap_head_file_free(&f);
    reap_head_file_free(&g);
}

static void fits(void)
{
    struct reap_head_file *f = made(REAP_SOFTMAX);
    struct reap_err err = { 0 };
    char other[sizeof(fingerprint_text) + 16];
    char *at;

    ok(!reap_head_file_fits(f, fingerprint_text, NULL, &err),
       "fits its own store");
    strcpy(other, fingerprint_text);
    at = strstr(other, " f16");
    memmove(at, at + 4, strlen(at + 4) + 1);
    strcpy(strstr(other, "alpha"), "alpha=white\n");
    ok(!reap_head_file_fits(f, other, NULL, &err),
       "and one that keeps floats and other statuses");
    memcpy(strstr(other, ":aa"), ":bb", 3);
    ok(reap_head_file_fits(f, other, NULL, &err) == REAP_EMISFIT &&
           strstr(err.msg, "weights was sha256:aa and is sha256:bb"),
       "not that of another model: %s", err.msg);
    ok(!reap_head_file_fits(f, other, "sha256:aa", &err),
       "but one whose weights were quantised from it");
    strcpy(other, fingerprint_text);
    at = strstr(other, " l2");
    memmove(at, at + 3, strlen(at + 3) + 1);
    ok(reap_head_file_fits(f, other, NULL, &err) == REAP_EMISFIT,
       "nor vectors of another length: %s", err.msg);
    strcpy(strstr(other, "avg 1x1"), "max 1x1x37\n");
    ok(reap_head_file_fits(f, other, NULL, &err) == REAP_EMISFIT,
       "nor another column: %s", err.msg);
    reap_head_file_free(&f);
}

static void no_level(void)
{
    const char *was = getenv("REAP_CPU");
    char *keep = was ? strdup(was) : NULL;
    struct reap_head *bad;
    struct reap_err err = { 0 };

    setenv("REAP_CPU", "fast", 1);
    ok(reap_head_new(&bad, 1, (size_t[]){ 2, 3 }, REAP_SOFTMAX, &err) ==
               REAP_EINVAL &&
           !bad,
       "nor one for no CPU: %s", err.msg);
    if (keep)
        setenv("REAP_CPU", keep, 1);
    else
        unsetenv("REAP_CPU");
    free(keep);
}

static void wrong_calls(void)
{
    const size_t width[] = { 3, 0 };
    struct reap_head *h = sample(REAP_SOFTMAX), *bad;
    struct reap_head_file *f;
    struct reap_err err = { 0 };

    ok(reap_head_new(&bad, 1, width, REAP_SOFTMAX, &err) == REAP_EINVAL && !bad,
       "no layer of width 0: %s", err.msg);
    ok(reap_head_new(&bad, 9, width, REAP_SOFTMAX, &err) == REAP_EINVAL,
       "nor nine of them: %s", err.msg);
    ok(reap_head_new(&bad, 1, (size_t[]){ (size_t)1 << 40, (size_t)1 << 40 },
                     REAP_SOFTMAX, &err) == REAP_ENOMEM,
       "nor more numbers than can be counted");
    ok(reap_head_file_new(&f, &h, labels, 2, fingerprint_text, "avg", NULL,
                          NULL, &err) == REAP_EINVAL &&
           h && !f,
       "names are counted: %s", err.msg);
    ok(reap_head_file_new(&f, &h, labels, CLASSES, fingerprint_text, "max",
                          NULL, NULL, &err) == REAP_EMISFIT &&
           h,
       "columns are looked for: %s", err.msg);
    reap_head_free(&h);
}

static char *slurp(const char *path, size_t *len)
{
    FILE *in = fopen(path, "rb");
    char *bytes = malloc(1 << 16);

    if (!in || !bytes)
        abort();
    *len = fread(bytes, 1, 1 << 16, in);
    fclose(in);
    return bytes;
}

static int read_bytes(const char *bytes, size_t len, struct reap_err *err)
{
    const char *path = scratch("bad");
    FILE *to = fopen(path, "wb");
    struct reap_head_file *f;
    int rc;

    if (!to || fwrite(bytes, 1, len, to) != len || fclose(to))
        abort();
    rc = reap_head_file_read(&f, path, err);
    reap_head_file_free(&f);
    return rc;
}

/* The text 'from' of the header becomes 'to' of the same length. */
static void change(const char *file, size_t len, const char *from,
                   const char *to, const char *what)
{
    char *copy = malloc(len), *at = NULL;
    struct reap_err err = { 0 };

    if (!copy)
        abort();
    memcpy(copy, file, len);
    for (size_t i = 0; i + strlen(from) < len && !at; i++)
        if (!memcmp(copy + i, from, strlen(from)))
            at = copy + i;
    if (at)
        memcpy(at, to, strlen(to));
    ok(at && read_bytes(copy, len, &err) == REAP_EFORMAT, "%s: %s", what,
       err.msg);
    free(copy);
}

static void hostile(void)
{
    struct reap_head_file *f = made(REAP_SOFTMAX);
    struct reap_err err = { 0 };
    size_t len, bad = 0;
    char *file;

    if (reap_head_file_write(f, scratch("whole"), &err))
        abort();
    file = slurp(scratch("whole"), &len);
    for (size_t n = 0; n < len; n += n < 2000 ? 13 : 101)
        bad += read_bytes(file, n, &err) == REAP_OK;
    ok(!bad, "no file that ends early is read");
    change(file, len, "reap.head", "reap.tail", "no mark");
    change(file, len, "\"reap.head\":\"1", "\"reap.head\":\"7", "a later one");
    change(file, len, "\"relu", "\"what", "an unknown activation");
    change(file, len, "softmax", "linear_", "no probabilities");
    change(file, len, "\"temperature\":\"1", "\"temperature\":\"-",
           "a negative temperature");
    change(file, len, "\"feature", "\"fixture", "no feature");
    change(file, len, "dense_1/bias", "dense_2/bias", "a bias of nobody");
    change(file, len, "dense/kernel", "dense/kornel", "no kernel");
    memset(file + len - 4, 0xff, 4);
    ok(read_bytes(file, len, &err) == REAP_EFORMAT, "NaN: %s", err.msg);
    ok(read_bytes("hello", 5, &err) == REAP_EFORMAT, "no such file: %s",
       err.msg);
    free(file);
    reap_head_file_free(&f);
}

static void no_memory(void)
{
    struct reap_head_file *f = made(REAP_SOFTMAX), *g;
    const char *path = scratch("again");
    struct reap_err err = { 0 };
    int rc = REAP_ENOMEM, odd = 0;
    long i;

    if (reap_head_file_write(f, path, &err))
        abort();
    for (i = 1; rc && i < 500; i++) {
        reap_mem_fail_at(i);
        rc = reap_head_file_read(&g, path, &err);
        odd += rc ? rc != REAP_ENOMEM || g : 0;
        reap_head_file_free(&g);
    }
    reap_mem_fail_at(0);
    ok(!rc && i > 10 && !odd, "each of %ld allocations fails once", i - 2);
    reap_head_file_free(&f);
}

int main(void)
{
    fill_seed();
    scratch_new();
    runs();
    round_trip();
    fits();
    wrong_calls();
    no_level();
    hostile();
    no_memory();
    scratch_delete();
    return done();
}
