/* reap info DATASET: records, layout, sizes, identity, labels, health. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "io/dataset/dataset.h"
#include "io/file/limits.h"
#include "io/file/status.h"
#include "io/file/text.h"
#include "jobs/cli/words.h"
#include "jobs/inspect/info.h"

enum { SAMPLES = 64, LABELS = 5, KEY_TEXT = 4 * REAP_KEY_MAX + 1 };

struct facts {
    const char *path;
    struct reap_dataset *ds;
    uint64_t file_bytes; /* of data.mdb */
    size_t samples, bad; /* looked at; of them not ok */
    uint64_t sample_bytes;
    char first[KEY_TEXT], last[KEY_TEXT], bad_key[KEY_TEXT];
    const char *bad_status;
    size_t n_labels; /* different ones in the samples, up to LABELS */
    char label[LABELS][REAP_LABEL_MAX + 1];
};

static bool data_file(const char *path, struct stat *st)
{
    char file[4096 + 16], where[4096];

    path = reap_dataset_where(path, where, sizeof(where));
    if (stat(path, st))
        return false;
    if (!S_ISDIR(st->st_mode))
        return S_ISREG(st->st_mode);
    snprintf(file, sizeof(file), "%.4096s/data.mdb", path);
    return !stat(file, st);
}

/* A directory with a data.mdb, or a file that begins as LMDB's do. */
bool reap_info_is_dataset(const char *path)
{
    static const unsigned char magic[] = { 0xde, 0xc0, 0xef, 0xbe };
    unsigned char head[20];
    struct stat dir, st;
    char where[4096];
    FILE *f;
    bool is;

    path = reap_dataset_where(path, where, sizeof(where));
    if (stat(path, &dir))
        return false;
    if (S_ISDIR(dir.st_mode))
        return data_file(path, &st);
    f = S_ISREG(dir.st_mode) ? fopen(path, "rb") : NULL;
    if (!f)
        return false;
    is = fread(head, 1, sizeof(head), f) == sizeof(head) &&
         !memcmp(head + 16, magic, sizeof(magic));
    fclose(f);
    return is;
}

static void add_label(struct facts *f, const char *label)
{
    if (!*label || f->n_labels == LABELS)
        return;
    for (size_t i = 0; i < f->n_labels; i++)
        if (!strcmp(f->label[i], label))
            return;
    snprintf(f->label[f->n_labels++], sizeof(f->label[0]), "%s", label);
}

static void look_into(struct facts *f, struct reap_cursor *c,
                      const struct reap_record *rec)
{
    struct reap_image image;
    uint32_t crc;
    const unsigned status =
        reap_dataset_image(f->ds, c, rec, REAP_LABEL_DATUM, &image, &crc);

    f->sample_bytes += rec->value.len;
    add_label(f, image.label);
    if (status != REAP_STATUS_ok && !f->bad++) {
        reap_text_escape(f->bad_key, sizeof(f->bad_key), rec->key);
        f->bad_status = reap_status_name(status);
    }
}

static int info_dataset_look(struct facts *f, struct reap_err *err)
{
    struct reap_record rec[SAMPLES];
    struct reap_cursor *c = NULL;
    struct stat st;
    int rc = reap_cursor_open(&c, f->ds, err);

    if (!rc)
        rc = reap_cursor_sample(c, rec, SAMPLES, &f->samples, err);
    for (size_t i = 0; i < f->samples && !rc; i++)
        look_into(f, c, &rec[i]);
    if (!rc && f->samples) {
        reap_text_escape(f->first, sizeof(f->first), rec[0].key);
        reap_text_escape(f->last, sizeof(f->last), rec[f->samples - 1].key);
    }
    if (data_file(f->path, &st))
        f->file_bytes = (uint64_t)st.st_size;
    reap_cursor_close(&c);
    return rc;
}

static void health(const struct facts *f, char *to, size_t size)
{
    const size_t n = reap_dataset_count(f->ds),
                 indexed = reap_dataset_indexed(f->ds);

    if (f->bad)
        snprintf(to, size, "%zu of %zu samples cannot be used, such as %s: %s",
                 f->bad, f->samples, f->bad_key, f->bad_status);
    else if (indexed && indexed < n)
        snprintf(to, size, "unfinished: run the import again");
    else
        snprintf(to, size, "good, by %zu samples", f->samples);
}

static void print_index(const struct facts *f)
{
    const size_t n = reap_dataset_indexed(f->ds);

    if (n)
        printf("index     checksums of %zu %s\n", n,
               reap_plural(n, "record", "records"));
    else
        printf("index     none: bit rot would not be noticed\n");
}

static double mean(const struct facts *f)
{
    return f->samples ? (double)f->sample_bytes / (double)f->samples : 0;
}

static void info_dataset_print(const struct facts *f)
{
    char words[2 * KEY_TEXT];

    printf("dataset   %s\n", f->path);
    printf("records   %zu\n", reap_dataset_count(f->ds));
    printf("layout    %s\n", reap_dataset_layout(f->ds));
    printf("id        %s\n", reap_dataset_id(f->ds));
    printf("size      %.1f MB, about %.0f bytes a record\n",
           1e-6 * (double)f->file_bytes, mean(f));
    if (f->samples)
        printf("keys      %s ... %s\n", f->first, f->last);
    for (size_t i = 0; i < f->n_labels; i++)
        printf("%s%s%s", i ? ", " : "labels    ", f->label[i],
               i + 1 < f->n_labels     ? ""
               : f->n_labels == LABELS ? ", ...\n"
                                       : "\n");
    for (size_t i = 0; reap_dataset_reserved(f->ds, i); i++)
        printf("reserved  %s (no record)\n", reap_dataset_reserved(f->ds, i));
    if (!reap_dataset_locked(f->ds))
        printf("locks     none here: do not write to it while it is read\n");
    print_index(f);
    health(f, words, sizeof(words));
    printf("health    %s\n", words);
}

static int info_dataset_print_json(const struct facts *f, struct reap_err *err)
{
    char words[2 * KEY_TEXT];
    json_t *labels = json_array(), *reserved = json_array(), *all;

    health(f, words, sizeof(words));
    for (size_t i = 0; i < f->n_labels; i++)
        json_array_append_new(labels, json_string(f->label[i]));
    for (size_t i = 0; reap_dataset_reserved(f->ds, i); i++)
        json_array_append_new(reserved,
                              json_string(reap_dataset_reserved(f->ds, i)));
    all = json_pack(
        "{ss,ss,sI,ss,ss,sI,sf,ss,ss,so,so,sb,sI,ss}", "kind", "dataset",
        "path", f->path, "records", (json_int_t)reap_dataset_count(f->ds),
        "layout", reap_dataset_layout(f->ds), "id", reap_dataset_id(f->ds),
        "bytes", (json_int_t)f->file_bytes, "mean_value", mean(f), "first_key",
        f->first, "last_key", f->last, "labels", labels, "reserved", reserved,
        "locks", (int)reap_dataset_locked(f->ds), "indexed",
        (json_int_t)reap_dataset_indexed(f->ds), "health", words);
    if (!all)
        return reap_fail(err, REAP_ENOMEM, "no memory for JSON");
    json_dumpf(all, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(all);
    return REAP_OK;
}

int reap_info_dataset(const char *path, const struct reap_options *o,
                      struct reap_err *err)
{
    struct facts f = { .path = path };
    int rc = REAP_OK;

    if (o->complete)
        rc = reap_fail(err, REAP_EINVAL,
                       "%s is a dataset; --complete asks about stores", path);
    if (!rc)
        rc = reap_dataset_open(&f.ds, path, err);
    if (!rc)
        rc = info_dataset_look(&f, err);
    if (!rc && o->json)
        rc = info_dataset_print_json(&f, err);
    else if (!rc)
        info_dataset_print(&f);
    reap_dataset_close(&f.ds);
    return rc;
}
