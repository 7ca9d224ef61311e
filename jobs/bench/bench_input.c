/* Decode, resize and crop alone: images that lie in memory, to pixels. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/clock.h"
#include "engine/base/cpu.h"
#include "engine/base/mem.h"
#include "engine/kern/resample_ops.h"
#include "jobs/bench/bench.h"
#include "jobs/cli/threads.h"
#include "jobs/setup/preprocess.h"

enum { MAX_IMAGES = 2000, MAX_BYTES = 512 << 20, SECONDS = 2 };

struct input {
    struct reap_image *image; /* n of them, bytes owned */
    size_t n, bytes, threads;
    struct reap_prepare **prepare; /* one a thread */
    uint8_t **slot;
    size_t room;
    uint64_t *good; /* of the last pass, by thread */
};

/* Keep a copy; false if there is enough, or no memory. */
static bool bench_input_keep(struct input *in, const struct reap_image *image)
{
    uint8_t *copy = reap_calloc(image->bytes.len + 1, 1);

    if (!copy)
        return false;
    memcpy(copy, image->bytes.data, image->bytes.len);
    in->image[in->n] = *image;
    in->image[in->n++].bytes.data = copy;
    in->bytes += image->bytes.len;
    return in->n < MAX_IMAGES && in->bytes < MAX_BYTES;
}

static int from_dataset(struct input *in, const char *path, uint64_t limit,
                        struct reap_err *err)
{
    struct reap_dataset *ds = NULL;
    struct reap_cursor *c = NULL;
    struct reap_record rec;
    struct reap_image image;
    uint32_t crc;
    int rc = reap_dataset_open(&ds, path, err);

    if (!rc)
        rc = reap_cursor_open(&c, ds, err);
    if (!rc)
        rc = reap_cursor_seek(c, (struct reap_bytes){ NULL, 0 }, &rec, err);
    while (!rc && (!limit || in->n < limit)) {
        if (!reap_dataset_image(ds, c, &rec, REAP_LABEL_NONE, &image, &crc) &&
            !bench_input_keep(in, &image))
            break;
        rc = reap_cursor_next(c, &rec, err);
    }
    reap_cursor_close(&c);
    reap_dataset_close(&ds);
    return rc == REAP_ENOTFOUND ? REAP_OK : rc;
}

/* The whole of a file; false if it cannot be read. */
static bool slurp(const char *path, struct reap_image *image)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = NULL;
    long n = -1;

    if (f && !fseek(f, 0, SEEK_END))
        n = ftell(f);
    if (n > 0 && n < MAX_BYTES)
        data = reap_calloc((size_t)n, 1);
    if (data &&
        (fseek(f, 0, SEEK_SET) || fread(data, 1, (size_t)n, f) != (size_t)n)) {
        reap_free(data);
        data = NULL;
    }
    if (f)
        fclose(f);
    memset(image, 0, sizeof(*image));
    image->bytes = (struct reap_bytes){ data, data ? (size_t)n : 0 };
    return data != NULL;
}

static int from_folder(struct input *in, const char *path, uint64_t limit,
                       struct reap_err *err)
{
    struct dirent **list = NULL;
    int n = scandir(path, &list, NULL, alphasort);
    bool more = true;

    if (n < 0)
        return reap_fail(err, REAP_ENOTFOUND, "%s: %s", path, strerror(errno));
    for (int i = 0; i < n; i++) {
        struct reap_image image;
        char file[4200];

        snprintf(file, sizeof(file), "%s/%s", path, list[i]->d_name);
        if (more && list[i]->d_name[0] != '.' && (!limit || in->n < limit) &&
            slurp(file, &image)) {
            more = bench_input_keep(in, &image);
            reap_free((void *)(uintptr_t)image.bytes.data);
        }
        free(list[i]);
    }
    free(list);
    return REAP_OK;
}

/* Every thread does its share of all images once. */
static void pass(void *arg, size_t thread)
{
    struct input *in = arg;
    struct reap_prepared out;
    uint64_t good = 0;

    for (size_t i = thread; i < in->n; i += in->threads) {
        reap_prepare_run(in->prepare[thread], &in->image[i], in->slot[thread],
                         in->room, &out);
        good += out.status == REAP_STATUS_ok;
    }
    in->good[thread] = good;
}

static int open_threads(struct input *in, const struct reap_options *o,
                        struct reap_err *err)
{
    struct reap_preset preset;
    struct reap_limits limits;
    size_t h, w, idle;
    bool guessed;
    int rc = reap_preprocess_limits(o, &limits, err);

    if (!rc)
        rc = reap_preprocess_preset(o, "", NULL, &preset, &guessed, err);
    if (rc)
        return rc;
    in->threads = o->threads ? o->threads : reap_threads_default(&idle);
    reap_preset_size(&preset, &h, &w);
    in->room = h * w * 3 * (preset.norm.float_in ? sizeof(float) : 1);
    in->prepare = reap_calloc(in->threads, sizeof(struct reap_prepare *));
    in->slot = reap_calloc(in->threads, sizeof(*in->slot));
    in->good = reap_calloc(in->threads, sizeof(*in->good));
    if (!in->prepare || !in->slot || !in->good)
        return reap_fail(err, REAP_ENOMEM, "no memory");
    for (size_t i = 0; i < in->threads && !rc; i++) {
        in->slot[i] = reap_aligned(in->room);
        if (!in->slot[i])
            return reap_fail(err, REAP_ENOMEM, "no memory");
        rc = reap_prepare_new(&in->prepare[i], &preset, &limits, err);
    }
    return rc;
}

static int bench_input_measure(struct input *in, double seconds, double *rate,
                               struct reap_err *err)
{
    double end = reap_clock() + seconds;
    int rc;

    *rate = 0;
    do {
        double t = reap_clock();
        uint64_t good = 0;

        rc = reap_bench_team(in->threads, pass, in, err);
        t = reap_clock() - t;
        for (size_t i = 0; i < in->threads; i++)
            good += in->good[i];
        if (!rc && !good)
            rc = reap_fail(err, REAP_EFORMAT, "no image could be decoded");
        if (!rc && t > 0 && (double)good / t > *rate)
            *rate = (double)good / t;
    } while (!rc && reap_clock() < end);
    return rc;
}

static void bench_input_print(const struct input *in,
                              const struct reap_options *o, double rate)
{
    struct reap_resample_ops ops;
    const char *isa;
    unsigned cpu;
    json_t *line;

    if (reap_cpu_detect(&cpu, NULL))
        cpu = 0;
    reap_resample_ops_init(&ops, cpu);
    isa = reap_bench_isa(ops.variant);
    if (!o->json) {
        printf("input: %.1f images/s, %s, %zu thread%s (%zu images)\n", rate,
               ops.variant, in->threads, in->threads > 1 ? "s" : "", in->n);
        return;
    }
    line = json_pack("{ss,ss,sI,sf,sI}", "who", "reap", "what", "pixels",
                     "threads", (json_int_t)in->threads, "img_per_s", rate,
                     "images", (json_int_t)in->n);
    if (isa)
        json_object_set_new(line, "isa", json_string(isa));
    json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(line);
}

static void bench_input_close_all(struct input *in)
{
    for (size_t i = 0; i < in->n; i++)
        reap_free((void *)(uintptr_t)in->image[i].bytes.data);
    for (size_t i = 0; i < in->threads; i++) {
        if (in->prepare)
            reap_prepare_free(&in->prepare[i]);
        if (in->slot)
            reap_free(in->slot[i]);
    }
    reap_free(in->image);
    reap_free(in->prepare);
    reap_free(in->slot);
    reap_free(in->good);
}

/* A folder with LMDB's file in it, or that file. */
static bool is_dataset(const char *path)
{
    char file[4200];
    struct stat st;

    snprintf(file, sizeof(file), "%s/data.mdb", path);
    return !stat(file, &st) || (!stat(path, &st) && S_ISREG(st.st_mode));
}

int reap_bench_input(const struct reap_options *o, struct reap_err *err)
{
    struct input in = { .n = 0 };
    double rate;
    int rc;

    if (o->n_args != 2)
        return reap_fail(err, REAP_EINVAL,
                         "reap bench input DATASET or a folder of images: one "
                         "is needed");
    in.image = reap_calloc(MAX_IMAGES + 1, sizeof(*in.image));
    if (!in.image)
        return reap_fail(err, REAP_ENOMEM, "no memory");
    rc = is_dataset(o->args[1]) ? from_dataset(&in, o->args[1], o->limit, err)
                                : from_folder(&in, o->args[1], o->limit, err);
    if (!rc && !in.n)
        rc = reap_fail(err, REAP_ENOTFOUND, "%s holds no images", o->args[1]);
    if (!rc)
        rc = open_threads(&in, o, err);
    if (!rc)
        rc = bench_input_measure(&in, o->seconds ? (double)o->seconds : SECONDS,
                                 &rate, err);
    if (!rc)
        bench_input_print(&in, o, rate);
    bench_input_close_all(&in);
    return rc;
}
