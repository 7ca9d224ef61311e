/* Winograd transforms of bytes by themselves, every row of kernels.def that
 * this CPU can run: to the bit against B^T d B and against direct sums, with
 * the largest numbers there can be; buffers end at unmapped pages, canaries
 * stand beside each result. */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/cpu.h"
#include "engine/kern/kernels.h"
#include "tests/fill.h"
#include "tests/guard.h"
#include "tests/kern_help.h"
#include "tests/tap.h"

enum { A = 6, M = 4, C = REAP_PIXEL, CANARY = 0x5a, GAP = 64, ROUNDS = 40 };
enum { STEP_IN = 2 * C + GAP, STEP_OUT = 4 * C + GAP, ROW = (M + 2) * C };

/* As Lavin and Gray print them; G times 24, 6, 6, 24, 24, 6 and whole. */
static const int bt[A][A] = { { 4, 0, -5, 0, 1, 0 },  { 0, -4, -4, 1, 1, 0 },
                              { 0, 4, -4, -1, 1, 0 }, { 0, -2, -1, 2, 1, 0 },
                              { 0, 2, -1, -2, 1, 0 }, { 0, 4, 0, -5, 0, 1 } };
static const int g[A][3] = { { 6, 0, 0 }, { -1, -1, -1 }, { -1, 1, -1 },
                             { 1, 2, 4 }, { 1, -2, 4 },   { 0, 0, 6 } };

/* One tile of 64 channels: what goes in. */
struct tile {
    uint8_t *row[A]; /* 6 pixels each, before an unmapped page */
    int v[A][A][C];  /* B^T d B */
};

static void tile_new(struct tile *t)
{
    for (int i = 0; i < A; i++)
        t->row[i] = guard_new(A * C);
}

static void tile_free(struct tile *t)
{
    for (int i = 0; i < A; i++)
        guard_free(t->row[i], A * C);
}

/* Any bytes, or zeros and the largest only, and what they become. */
static void tile_fill(struct tile *t, bool extreme)
{
    for (int i = 0; i < A; i++)
        for (int k = 0; k < A * C; k++)
            t->row[i][k] =
                (uint8_t)(extreme ? (rand() >> 8) % 2 * 255 : rand() >> 8);
    for (int y = 0; y < A; y++)
        for (int x = 0; x < A; x++)
            for (int c = 0; c < C; c++) {
                int sum = 0;

                for (int i = 0; i < A; i++)
                    for (int j = 0; j < A; j++)
                        sum += bt[y][i] * bt[x][j] * t->row[i][j * C + c];
                t->v[y][x][c] = sum;
            }
}

/* The kernel's numbers are those of the matrix, and nothing else is written. */
static bool right_in(const struct kern *k, const struct tile *t)
{
    const size_t bytes = (A * A - 1) * STEP_IN + 2 * C;
    char *v = guard_new(bytes);
    const char *row[A];
    bool good = true;

    memset(v, CANARY, bytes);
    for (int i = 0; i < A; i++)
        row[i] = (const char *)t->row[i];
    ((reap_wino_in_fn *)k->fn)(row, v, STEP_IN);
    for (int n = 0; n < A * A; n++) {
        for (int c = 0; c < C; c++) {
            int16_t got;

            memcpy(&got, v + n * STEP_IN + 2 * c, sizeof(got));
            good &= got == t->v[n / A][n % A][c];
        }
        for (int i = 2 * C; i < STEP_IN && n < A * A - 1; i++)
            good &= v[n * STEP_IN + i] == CANARY;
    }
    guard_free(v, bytes);
    return good;
}

static void try_in(const struct kern *k)
{
    struct tile t;
    int wrong = 0, most = 0;

    tile_new(&t);
    for (int r = 0; r < ROUNDS; r++) {
        tile_fill(&t, r % 2);
        wrong += !right_in(k, &t);
    }
    /* The largest there is, 255 * 68, at number (1, 1). */
    for (int i = 0; i < A; i++)
        for (int j = 0; j < A; j++)
            memset(t.row[i] + j * C, bt[1][i] * bt[1][j] > 0 ? 255 : 0, C);
    memset(t.v, 0, sizeof(t.v));
    for (int y = 0; y < A; y++)
        for (int x = 0; x < A; x++)
            for (int c = 0; c < C; c++)
                for (int n = 0; n < A * A; n++)
                    t.v[y][x][c] += bt[y][n / A] * bt[x][n % A] *
                                    t.row[n / A][n % A * C + c];
    for (int n = 0; n < A * A; n++)
        if (abs(t.v[n / A][n % A][0]) > most)
            most = abs(t.v[n / A][n % A][0]);
    wrong += !right_in(k, &t) + (most != 17340);
    tile_free(&t);
    ok(!wrong, "%s: %d tiles are wrong", k->name, wrong);
}

/* Products of 'cin' channels of 64 outputs, wrapped to 32 bits, and the sums
 * that they stand for. */
struct sums {
    char *m; /* four blocks of A * A numbers of 16 int32 */
    int32_t *bias;
    float *scale;
    uint8_t *res;
    int32_t y[M][M][C];
};
enum { M_BLOCK = (A * A - 1) * STEP_OUT + 4 * C };

static void sums_new(struct sums *s)
{
    s->m = guard_new(4 * M_BLOCK);
    s->bias = guard_new(C * sizeof(*s->bias));
    s->scale = guard_new(C * sizeof(*s->scale));
    s->res = guard_new(M * ROW);
}

static void sums_free(struct sums *s)
{
    guard_free(s->m, 4 * M_BLOCK);
    guard_free(s->bias, C * sizeof(*s->bias));
    guard_free(s->scale, C * sizeof(*s->scale));
    guard_free(s->res, M * ROW);
}

/* One channel in of a tile for output o: pixels d, weights w. */
static void add(struct sums *s, int o, int d[A][A], int w[3][3])
{
    for (int y = 0; y < A; y++)
        for (int x = 0; x < A; x++) {
            char *at =
                s->m + o / 16 * M_BLOCK + (y * A + x) * STEP_OUT + o % 16 * 4;
            int64_t u = 0, v = 0;
            uint32_t sum;

            for (int i = 0; i < 9; i++)
                u += g[y][i / 3] * g[x][i % 3] * w[i / 3][i % 3];
            for (int i = 0; i < A * A; i++)
                v += bt[y][i / A] * bt[x][i % A] * d[i / A][i % A];
            memcpy(&sum, at, sizeof(sum));
            sum += (uint32_t)(u * v);
            memcpy(at, &sum, sizeof(sum));
        }
    for (int y = 0; y < M; y++)
        for (int x = 0; x < M; x++)
            for (int i = 0; i < 9; i++)
                s->y[y][x][o] += d[y + i / 3][x + i % 3] * w[i / 3][i % 3];
}

/* Any numbers; or, in the first round, the largest sums that are allowed, of
 * both signs: 115 * 9 * 255 * 127 is just below 2^25. */
static void sums_fill(struct sums *s, bool largest)
{
    const int cin = largest ? 115 : 1 + rand() / 7 % 20;
    int d[A][A], w[3][3];

    memset(s->m, 0, 4 * M_BLOCK);
    memset(s->y, 0, sizeof(s->y));
    for (int o = 0; o < C; o++) {
        for (int c = 0; c < cin; c++) {
            for (int i = 0; i < A * A; i++)
                d[i / A][i % A] = largest ? 255 : (rand() >> 8) & 255;
            for (int i = 0; i < 9; i++)
                w[i / 3][i % 3] =
                    largest ? (o % 2 ? 127 : -127) : rand() / 7 % 255 - 127;
            add(s, o, d, w);
        }
        s->bias[o] = rand() / 7 % 200001 - 100000;
        s->scale[o] = (largest ? 1.f / (1 << 18) : 1.f / (1 << 12)) *
                      (1 + (float)o / 100);
    }
    for (int i = 0; i < M * ROW; i++)
        s->res[i] = (uint8_t)(rand() >> 8);
}

static bool right_out(const struct kern *k, const struct sums *s, size_t ny,
                      size_t nx, bool res)
{
    const size_t bytes = (ny - 1) * ROW + nx * C;
    uint8_t *out = guard_new(bytes);
    const struct reap_wino_out o = { .m = s->m,
                                     .step = STEP_OUT,
                                     .m_block = M_BLOCK,
                                     .bias = (const float *)s->bias,
                                     .ny = ny,
                                     .nx = nx,
                                     .out = (char *)out,
                                     .res = res ? (const char *)s->res : NULL,
                                     .out_row = ROW,
                                     .res_row = ROW,
                                     .scale = s->scale,
                                     .res_scale = .3f };
    bool good = true;

    memset(out, CANARY, bytes);
    ((reap_wino_out_fn *)k->fn)(&o);
    for (size_t i = 0; i < bytes; i++) {
        const size_t y = i / ROW, x = i % ROW / C, c = i % C;
        float z;

        if (x >= nx) {
            good &= out[i] == CANARY;
            continue;
        }
        z = (float)(s->y[y][x][c] + s->bias[c]) * s->scale[c];
        if (res)
            z = fmaf(s->res[i], o.res_scale, z);
        good &= out[i] == (uint8_t)fminf(255, fmaxf(0, rintf(z)));
    }
    guard_free(out, bytes);
    return good;
}

static void try_out(const struct kern *k)
{
    struct sums s;
    int wrong = 0;

    sums_new(&s);
    for (int r = 0; r < ROUNDS / 4; r++) {
        sums_fill(&s, r == 0);
        for (size_t n = 0; n < M * M * 2; n++)
            wrong += !right_out(k, &s, 1 + n % M, 1 + n / M % M, n / (M * M));
    }
    sums_free(&s);
    ok(!wrong, "%s: %d tiles are wrong", k->name, wrong);
}

int main(void)
{
    unsigned cpu;

    fill_seed();
    if (reap_cpu_detect(&cpu, NULL))
        return 1;
    for (size_t i = 0; i < kern_n; i++) {
        const struct kern *k = &kern[i];
        const bool in = k->kind == KIND_wino_in;

        if ((!in && k->kind != KIND_wino_out) || !strstr(k->name, "int8"))
            continue; /* floats: kern_conv.c */
        if ((cpu & k->cpu) != k->cpu)
            skip("%s: not on this CPU, or REAP_CPU forbids it", k->name);
        else if (in)
            try_in(k);
        else
            try_out(k);
    }
    return done();
}
