#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "tests/golden_data.h"

static const char *python(void)
{
    const char *p = getenv("REAP_PYTHON");

    return p && *p ? p : "python3";
}

const char *golden_open(struct golden *g)
{
    char line[400];

    memset(g, 0, sizeof(*g));
    if (!getenv("REAP_SHARED"))
        return "REAP_SHARED is not set: no reference data";
    snprintf(line, sizeof(line),
             "'%s' -c 'import numpy, safetensors, PIL' 2>/dev/null", python());
    if (system(line))
        return "no Python with numpy, safetensors and Pillow (REAP_PYTHON)";
    strcpy(g->dir, "/tmp/reap-golden-XXXXXX");
    if (!mkdtemp(g->dir))
        return "no directory for the references";
    strcat(g->dir, "/");
    return NULL;
}

char *golden_path(const struct golden *g, char *to, size_t size,
                  const char *file)
{
    snprintf(to, size, "%s%s", g->dir, file);
    return to;
}

static void forget(struct golden *g)
{
    if (g->expected)
        reap_params_free(&g->expected);
    free(g->pixels);
    g->pixels = NULL;
}

static int read_pixels(struct golden *g)
{
    char path[128];
    FILE *f = fopen(golden_path(g, path, sizeof(path), "pixels.u8"), "rb");
    long size;

    if (!f)
        return -1;
    fseek(f, 0, SEEK_END);
    size = ftell(f);
    rewind(f);
    g->pixels = malloc((size_t)size + 1);
    g->n_pixels = g->pixels ? fread(g->pixels, 1, (size_t)size, f) : 0;
    fclose(f);
    return g->n_pixels == (size_t)size ? 0 : -1;
}

/* Each array: a line "name rank dims...", then its floats. */
static int read_expected(struct golden *g)
{
    char path[128], name[100];
    FILE *f = fopen(golden_path(g, path, sizeof(path), "expected.f32"), "rb");
    size_t rank, dim[REAP_PARAM_DIMS];
    struct reap_param *p;
    int bad = !f || reap_params_new(&g->expected, NULL);

    while (!bad && fscanf(f, "%99s %zu", name, &rank) == 2) {
        bad = rank > REAP_PARAM_DIMS;
        for (size_t i = 0; !bad && i < rank; i++)
            bad = fscanf(f, "%zu", &dim[i]) != 1;
        bad = bad || fgetc(f) != '\n' ||
              reap_params_add(g->expected, name, rank, dim, &p, NULL) ||
              fread(p->data, sizeof(float), p->count, f) != p->count;
    }
    if (f)
        fclose(f);
    return bad ? -1 : 0;
}

int golden_make(struct golden *g, const char *args)
{
    char line[600];

    forget(g);
    snprintf(line, sizeof(line), "'%s' tests/golden/shared/prepare.py '%s' %s",
             python(), g->dir, args);
    if (system(line))
        return -1;
    return read_pixels(g) || read_expected(g) ? -1 : 0;
}

const struct reap_param *golden_find(const struct golden *g, const char *name)
{
    return reap_params_find(g->expected, name);
}

double golden_error(size_t n, size_t c, const float *got, const float *want)
{
    double worst = 0;

    for (size_t i = 0; i < n; i++, got += c, want += c) {
        double most = 0, off = 0;

        for (size_t j = 0; j < c; j++) {
            const double d = fabs((double)got[j] - want[j]);

            most = fmax(most, fabs((double)want[j]));
            off = d <= off ? off : isnan(d) ? INFINITY : d;
        }
        worst = fmax(worst, off / most);
    }
    return worst;
}

void golden_close(struct golden *g)
{
    DIR *d = *g->dir ? opendir(g->dir) : NULL;
    char path[400];

    forget(g);
    for (struct dirent *e; d && (e = readdir(d));)
        if (e->d_name[0] != '.')
            unlink(golden_path(g, path, sizeof(path), e->d_name));
    if (d)
        closedir(d);
    if (*g->dir)
        rmdir(g->dir);
}
