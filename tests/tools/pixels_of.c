/*
 * pixels_of [--threads N] < PATHS - what reap makes of image files
 *
 * Reads paths, a line each, and answers in their order, between tabs: status,
 * flags, height, width and sha256 of the pixels; height, width and sha256 of
 * the pixels upright (--orient apply); how many of PARTS random parts, decoded
 * alone, differ from the whole; the reason of what is refused. Pixels are RGB
 * in memory order, all formats are accepted. Thread I of N takes every Nth
 * file, and all files of a thread pass through the same decoders. For tests
 * that compare many files with another program, or in another order.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "engine/base/rng.h"
#include "io/image/decode.h"

enum { PARTS = 3, LINE = 512 };

struct job {
    char *path, line[LINE];
};

struct thread {
    struct job *job;
    size_t n, first, step;
    pthread_t id;
};

static struct reap_bytes slurp(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = NULL;
    long n = 0;

    if (f && !fseek(f, 0, SEEK_END) && (n = ftell(f)) > 0) {
        rewind(f);
        data = malloc((size_t)n);
        n = data ? (long)fread(data, 1, (size_t)n, f) : 0;
    }
    if (f)
        fclose(f);
    return (struct reap_bytes){ data, n > 0 ? (size_t)n : 0 };
}

static void digest(const struct reap_pixels *px, char out[65])
{
    const size_t w = px->have.col1 - px->have.col0,
                 h = px->have.row1 - px->have.row0;
    unsigned char sum[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *c = EVP_MD_CTX_new();

    EVP_DigestInit_ex(c, EVP_sha256(), NULL);
    for (size_t y = 0; y < h; y++)
        EVP_DigestUpdate(c, px->data + y * px->stride, 3 * w);
    EVP_DigestFinal_ex(c, sum, NULL);
    EVP_MD_CTX_free(c);
    for (size_t i = 0; i < 32; i++)
        sprintf(out + 2 * i, "%02x", sum[i]);
}

/* The pixels of 'want', or all of them where it is NULL. */
static bool decode(struct reap_decode *d, struct reap_bytes b,
                   const struct reap_window *want, struct reap_decoded *got,
                   struct reap_pixels *px)
{
    struct reap_window all;

    reap_decode_open(d, b, got);
    all = (struct reap_window){ 0, got->h, 0, got->w };
    if (!got->status)
        reap_decode_read(d, want ? want : &all, got, px);
    return !got->status;
}

/* Does a random part, decoded alone, differ from 'whole'? */
static bool part_differs(struct reap_decode *d, struct reap_bytes b, size_t h,
                         size_t w, const uint8_t *whole, uint64_t *chance)
{
    struct reap_window p = { .row0 = reap_rng_below(chance, h),
                             .col0 = reap_rng_below(chance, w) };
    struct reap_decoded got;
    struct reap_pixels px;

    p.row1 = p.row0 + 1 + reap_rng_below(chance, h - p.row0);
    p.col1 = p.col0 + 1 + reap_rng_below(chance, w - p.col0);
    if (!decode(d, b, &p, &got, &px) || got.h != h || got.w != w)
        return true;
    for (size_t y = p.row0; y < p.row1; y++)
        if (memcmp(px.data + (y - px.have.row0) * px.stride +
                       3 * (p.col0 - px.have.col0),
                   whole + 3 * (y * w + p.col0), 3 * (p.col1 - p.col0)) != 0)
            return true;
    return false;
}

static unsigned parts_differ(struct reap_decode *d, struct reap_bytes b,
                             const struct reap_pixels *px)
{
    const size_t h = px->have.row1, w = px->have.col1;
    uint8_t *whole = malloc(3 * h * w);
    uint64_t chance = h * 31 + w + b.len;
    unsigned n = 0;

    for (size_t y = 0; y < h; y++)
        memcpy(whole + 3 * y * w, px->data + y * px->stride, 3 * w);
    for (int i = 0; i < PARTS; i++)
        n += part_differs(d, b, h, w, whole, &chance);
    free(whole);
    return n;
}

static void answer(struct reap_decode *d, struct reap_decode *upright,
                   struct job *j)
{
    struct reap_bytes b = slurp(j->path);
    char sum[65] = "-", up[65] = "-", flags[200];
    struct reap_decoded got, turned = { 0 };
    struct reap_pixels px;
    unsigned differ = 0;

    if (decode(d, b, NULL, &got, &px)) {
        digest(&px, sum);
        differ = parts_differ(d, b, &px);
    }
    if (decode(upright, b, NULL, &turned, &px))
        digest(&px, up);
    snprintf(j->line, sizeof(j->line),
             "%s\t%s\t%zu\t%zu\t%s\t%zu\t%zu\t%s\t%u\t%s\n",
             reap_status_name(got.status),
             reap_flag_names(got.flags, flags, sizeof(flags)), got.h, got.w,
             sum, turned.h, turned.w, up, differ, got.status ? got.reason : "");
    free((void *)(uintptr_t)b.data);
}

static void *work(void *arg)
{
    const struct reap_limits all = { .formats = (1u << REAP_N_FORMATS) - 1 };
    struct reap_limits turn = all;
    struct reap_decode *d = NULL, *upright = NULL;
    struct thread *t = arg;

    turn.orient = true;
    if (reap_decode_new(&d, &all, false, NULL) ||
        reap_decode_new(&upright, &turn, false, NULL))
        exit(71);
    for (size_t i = t->first; i < t->n; i += t->step)
        answer(d, upright, &t->job[i]);
    reap_decode_free(&d);
    reap_decode_free(&upright);
    return NULL;
}

static size_t read_paths(struct job **out)
{
    struct job *job = NULL;
    char *line = NULL;
    size_t n = 0, room = 0;

    while (getline(&line, &room, stdin) > 0) {
        line[strcspn(line, "\n")] = '\0';
        job = realloc(job, (n + 1) * sizeof(*job));
        if (!job || !(job[n++].path = strdup(line)))
            exit(71);
    }
    free(line);
    *out = job;
    return n;
}

int main(int argc, char **argv)
{
    size_t threads = argc == 3 && !strcmp(argv[1], "--threads")
                         ? strtoul(argv[2], 0, 10)
                         : 1;
    struct thread *t = calloc(threads ? threads : 1, sizeof(*t));
    struct job *job;
    size_t n;

    if (!threads || !t || (argc != 1 && argc != 3)) {
        fprintf(stderr, "usage: pixels_of [--threads N] < PATHS\n");
        return 64;
    }
    n = read_paths(&job);
    for (size_t i = 0; i < threads; i++) {
        t[i] = (struct thread){ job, n, i, threads, 0 };
        if (pthread_create(&t[i].id, NULL, work, &t[i]))
            return 71;
    }
    for (size_t i = 0; i < threads; i++)
        pthread_join(t[i].id, NULL);
    for (size_t i = 0; i < n; i++) {
        fputs(job[i].line, stdout);
        free(job[i].path);
    }
    free(job);
    free(t);
    return 0;
}
