/* The golden sample for shell tests; NAME is one of networks/NAME.f32.
 *   sample weights NAME FILE           the made weights, as safetensors
 *   sample compare NAME avg KEYS NPY   how far an exported array is off; exits
 *                                      with 1 if that is over the bound
 *   sample top NAME                    a line an image: key, five labels */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/weights/weights_write.h"
#include "tests/golden_data.h"
#include "tests/sample.h"

enum { N = 2, TOP = 5, NPY_HEAD = 10 };

static const double bound = 2e-6; /* as tests/golden/sample_networks.c */
static const char *const images[N] = { "scene_420.jpg", "noise.jpg" };

/* "torchvision_resnet18" is torchvision/resnet18, "keras_resnet50" resnet50. */
static const char *model(char *name)
{
    if (!strncmp(name, "keras_", 6))
        return name + 6;
    if (strchr(name, '_'))
        *strchr(name, '_') = '/';
    return name;
}

static int weights(char *name, const struct reap_params *want, const char *file)
{
    const uint64_t seed = (uint64_t)sample_array(want, "seed", 0)->data[0];
    struct reap_weights w = { .params =
                                  sample_weights(model(name), 1000, seed) };
    struct reap_err err = { 0 };
    int rc = reap_weights_write(&w, NULL, NULL, file, &err);

    if (rc)
        fprintf(stderr, "%s\n", err.msg);
    reap_params_free(&w.params);
    return rc != 0;
}

static char *slurp(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    long size = f && !fseek(f, 0, SEEK_END) ? ftell(f) : -1;
    char *data = size < 0 ? NULL : calloc(1, (size_t)size + 1);

    if (!data || fseek(f, 0, SEEK_SET) ||
        fread(data, 1, (size_t)size, f) != (size_t)size) {
        fprintf(stderr, "%s cannot be read\n", path);
        exit(2);
    }
    fclose(f);
    *n = (size_t)size;
    return data;
}

/* The line of 'keys' that is 'key', counted from 0. */
static size_t line_of(const char *keys, const char *key)
{
    const size_t n = strlen(key);
    size_t line = 0;

    for (const char *at = keys; *at; line++) {
        if (!strncmp(at, key, n) && at[n] == '\n')
            return line;
        at += strcspn(at, "\n");
        at += *at == '\n';
    }
    fprintf(stderr, "%s is not among the keys\n", key);
    exit(2);
}

static int compare(const struct reap_param *want, const char *keys_path,
                   const char *npy_path)
{
    const size_t c = want->dim[1];
    size_t n, at;
    char *keys = slurp(keys_path, &n), *npy = slurp(npy_path, &n);
    float *rows = malloc(N * c * sizeof(*rows));
    double off;

    at = NPY_HEAD + (size_t)(unsigned char)npy[8] +
         ((size_t)(unsigned char)npy[9] << 8);
    for (size_t i = 0; i < N; i++) {
        const size_t row = at + line_of(keys, images[i]) * c * sizeof(float);

        if (row + c * sizeof(float) > n)
            return 2;
        memcpy(rows + i * c, npy + row, c * sizeof(float));
    }
    off = golden_error(N, c, rows, want->data);
    printf("%.1e\n", off);
    free(keys);
    free(npy);
    free(rows);
    return !(off <= bound);
}

static int top(const struct reap_params *want)
{
    const float *index = sample_array(want, "top_index", 2)->data;

    for (size_t i = 0; i < N; i++) {
        printf("%s", images[i]);
        for (size_t k = 0; k < TOP; k++)
            printf(",%.0f", (double)index[i * TOP + k]);
        printf("\n");
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct reap_params *want;
    char file[100];
    int rc = 64;

    if (argc < 3)
        return rc;
    snprintf(file, sizeof(file), "networks/%s.f32", argv[2]);
    want = sample_arrays(file);
    if (!strcmp(argv[1], "weights") && argc == 4)
        rc = weights(argv[2], want, argv[3]);
    else if (!strcmp(argv[1], "compare") && argc == 6)
        rc = compare(sample_array(want, argv[3], 2), argv[4], argv[5]);
    else if (!strcmp(argv[1], "top"))
        rc = top(want);
    reap_params_free(&want);
    return rc;
}
