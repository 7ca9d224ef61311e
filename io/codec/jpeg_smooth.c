/* Estimates of JPEG coefficients from the averages of 5 x 5 blocks. The weights
 * and the rules of where they apply are libjpeg-turbo 3's (its block smoothing,
 * after section K.8 of the JPEG standard). */
#include <string.h>

#include "io/codec/jpeg_smooth.h"

enum { SIDE = 5, WINDOW = SIDE * SIDE, N_GUESSED = 10 };

/* Of the first coefficients in zigzag order: the place in a block. */
static const int place[N_GUESSED] = { 0, 1, 8, 16, 9, 2, 3, 10, 17, 24 };

/* clang-format off */

/* Weights by row; sums are shifted right by 8. Where only averages are known,
 * these also make the average itself smooth. */
static const int alone[N_GUESSED][WINDOW] = {
    { -2, -6, -8, -6, -2,   -6, 6, 42, 6, -6,   -8, 42, 152, 42, -8,
      -6, 6, 42, 6, -6,     -2, -6, -8, -6, -2 },
    { -1, -1, 0, 1, 1,      -3, 13, 0, -13, 3,  -3, 38, 0, -38, 3,
      -3, 13, 0, -13, 3,    -1, -1, 0, 1, 1 },
    { -1, -3, -3, -3, -1,   -1, 13, 38, 13, -1, 0, 0, 0, 0, 0,
      1, -13, -38, -13, 1,  1, 3, 3, 3, 1 },
    { 0, 0, 1, 0, 0,        0, 2, 7, 2, 0,      0, -5, -14, -5, 0,
      0, 2, 7, 2, 0,        0, 0, 1, 0, 0 },
    { -1, 0, 0, 0, 1,       0, 9, 0, -9, 0,     0, 0, 0, 0, 0,
      0, -9, 0, 9, 0,       1, 0, 0, 0, -1 },
    { 0, 0, 0, 0, 0,        0, 2, -5, 2, 0,     1, 7, -14, 7, 1,
      0, 2, -5, 2, 0,       0, 0, 0, 0, 0 },
    { 0, 0, 0, 0, 0,        0, 1, 0, -1, 0,     0, 2, 0, -2, 0,
      0, 1, 0, -1, 0,       0, 0, 0, 0, 0 },
    { 0, 0, 0, 0, 0,        0, 1, -3, 1, 0,     0, 0, 0, 0, 0,
      0, -1, 3, -1, 0,      0, 0, 0, 0, 0 },
    { 0, 0, 0, 0, 0,        0, 1, 0, -1, 0,     0, -3, 0, 3, 0,
      0, 1, 0, -1, 0,       0, 0, 0, 0, 0 },
    { 0, 0, 0, 0, 0,        0, 1, 2, 1, 0,      0, 0, 0, 0, 0,
      0, -1, -2, -1, 0,     0, 0, 0, 0, 0 },
};

/* Where some other coefficient is known, too. */
static const int beside[N_GUESSED][WINDOW] = {
    [1] = { 0, 0, 0, 0, 0,    0, 0, 0, 0, 0,    -7, 50, 0, -50, 7 },
    [2] = { 0, 0, -7, 0, 0,   0, 0, 50, 0, 0,   0, 0, 0, 0, 0,
            0, 0, -50, 0, 0,  0, 0, 7, 0, 0 },
    [3] = { 0, 0, -1, 0, 0,   0, 0, 13, 0, 0,   0, 0, -24, 0, 0,
            0, 0, 13, 0, 0,   0, 0, -1, 0, 0 },
    [4] = { 0, -1, 0, 1, 0,   -1, 10, 0, -10, 1, 0, 0, 0, 0, 0,
            1, -10, 0, 10, -1, 0, 1, 0, -1, 0 },
    [5] = { 0, 0, 0, 0, 0,    0, 0, 0, 0, 0,    -1, 13, -24, 13, -1 },
};

/* clang-format on */

/* One component: where it is read from, where its guesses go. */
struct plane {
    j_decompress_ptr c;
    const jpeg_component_info *info;
    jvirt_barray_ptr from, to;
    int known[N_GUESSED], before[N_GUESSED]; /* bits that lack; -1: all */
    JDIMENSION last_good;
};

static bool known_whole(const int *bits)
{
    for (int i = 1; i < N_GUESSED; i++)
        if (bits[i])
            return false;
    return true;
}

bool reap_jpeg_lacks_scans(j_decompress_ptr c)
{
    bool lacks = false;

    if (!c->progressive_mode || !c->coef_bits)
        return false;
    for (int i = 0; i < c->num_components; i++) {
        const JQUANT_TBL *q = c->comp_info[i].quant_table;

        if (!q || c->coef_bits[i][0] < 0)
            return false;
        for (int k = 0; k < N_GUESSED; k++)
            if (!q->quantval[place[k]])
                return false;
        lacks |= !known_whole(c->coef_bits[i]);
    }
    return lacks;
}

static JBLOCKROW block_row(const struct plane *p, jvirt_barray_ptr of,
                           JDIMENSION row, boolean write)
{
    return p->c->mem->access_virt_barray((j_common_ptr)p->c, of, row, 1,
                                         write)[0];
}

/* A row above the image is its first, one below it its last. Rows are counted
 * as libjpeg does: in its last row of MCUs, only those that exist. */
static void near_rows(const struct plane *p, JDIMENSION mcu, JDIMENSION row,
                      JDIMENSION count, JDIMENSION near[SIDE])
{
    const JDIMENSION at = mcu * (JDIMENSION)p->info->v_samp_factor + row,
                     seen = mcu * count + row,
                     all = count * p->c->total_iMCU_rows;

    near[2] = at;
    near[1] = seen > 0 ? at - 1 : at;
    near[0] = seen > 1 ? at - 2 : near[1];
    near[3] = seen + 1 < all ? at + 1 : at;
    near[4] = seen + 2 < all ? at + 2 : near[3];
}

/* The averages around block 'x' of rows whose averages are 'dc'. */
static void window_at(const struct plane *p, JCOEF *const dc[SIDE],
                      JDIMENSION x, int window[WINDOW])
{
    const JDIMENSION last = p->info->width_in_blocks - 1;

    for (size_t r = 0; r < SIDE; r++)
        for (size_t k = 0; k < SIDE; k++) {
            JDIMENSION col = x + (JDIMENSION)k < 2 ? 0 : x + (JDIMENSION)k - 2;

            window[r * SIDE + k] = dc[r][col < last ? col : last];
        }
}

static long weighted(const int weight[WINDOW], const int window[WINDOW])
{
    long sum = 0;

    for (size_t i = 0; i < WINDOW; i++)
        sum += (long)weight[i] * window[i];
    return sum;
}

/* sum / (256 q), rounded, and no more than the 'lack' bits allow. */
static int guess(long sum, long q, int lack)
{
    int v = (int)(((q << 7) + (sum < 0 ? -sum : sum)) / (q << 8));

    if (lack > 0 && v >= 1 << lack)
        v = (1 << lack) - 1;
    return sum < 0 ? -v : v;
}

static void fill_block(const struct plane *p, const int *lack,
                       const int window[WINDOW], JCOEFPTR block)
{
    const UINT16 *q = p->info->quant_table->quantval;
    bool only_dc = true;

    for (int i = 1; i < N_GUESSED; i++)
        only_dc &= lack[i] == -1;
    for (int i = 1; i < (only_dc ? N_GUESSED : 6); i++)
        if (lack[i] && !block[place[i]])
            block[place[i]] = (JCOEF)guess(
                q[0] * weighted(only_dc ? alone[i] : beside[i], window),
                q[place[i]], lack[i]);
    if (only_dc)
        block[0] = (JCOEF)guess(q[0] * weighted(alone[0], window), q[0], 0);
}

/* Averages of one row of blocks into 'dc'. */
static void take_dc(const struct plane *p, JDIMENSION row, JCOEF *dc)
{
    JBLOCKROW from = block_row(p, p->from, row, FALSE);

    for (JDIMENSION x = 0; x < p->info->width_in_blocks; x++)
        dc[x] = from[x][0];
}

static void fill_row(const struct plane *p, JDIMENSION mcu, JDIMENSION row,
                     JDIMENSION count, JCOEF *const dc[SIDE])
{
    const int *lack = mcu > p->last_good ? p->before : p->known;
    const JDIMENSION w = p->info->width_in_blocks;
    JDIMENSION near[SIDE];
    JBLOCKROW to;
    int window[WINDOW];

    near_rows(p, mcu, row, count, near);
    for (size_t i = 0; i < SIDE; i++)
        take_dc(p, near[i], dc[i]);
    to = block_row(p, p->to, near[2], TRUE);
    memcpy(to, block_row(p, p->from, near[2], FALSE), w * sizeof(JBLOCK));
    for (JDIMENSION x = 0; x < w; x++) {
        window_at(p, dc, x, window);
        fill_block(p, lack, window, to[x]);
    }
}

static void fill_plane(const struct plane *p)
{
    j_common_ptr c = (j_common_ptr)p->c;
    const size_t bytes = p->info->width_in_blocks * sizeof(JCOEF);
    const JDIMENSION v = (JDIMENSION)p->info->v_samp_factor;
    JCOEF *dc[SIDE];

    for (size_t i = 0; i < SIDE; i++)
        dc[i] = c->mem->alloc_large(c, JPOOL_IMAGE, bytes);
    for (JDIMENSION mcu = 0; mcu < p->c->total_iMCU_rows; mcu++) {
        JDIMENSION count = v;

        if (mcu + 1 == p->c->total_iMCU_rows)
            count = p->info->height_in_blocks - mcu * v;
        for (JDIMENSION row = 0; row < count; row++)
            fill_row(p, mcu, row, count, dc);
    }
}

static void plane_find(struct plane *p, j_decompress_ptr c, int i,
                       jvirt_barray_ptr *from, jvirt_barray_ptr *to,
                       JDIMENSION last_good)
{
    *p = (struct plane){ .c = c,
                         .info = &c->comp_info[i],
                         .from = from[i],
                         .to = to[i],
                         .last_good = last_good };
    for (int k = 1; k < N_GUESSED; k++) {
        p->known[k] = c->coef_bits[i][k];
        p->before[k] = c->input_scan_number > 1
                           ? c->coef_bits[i + c->num_components][k]
                           : -1;
    }
}

/* Room for as many blocks of each component as there are. */
static void ask_planes(j_decompress_ptr c, jvirt_barray_ptr *to)
{
    for (int i = 0; i < c->num_components; i++) {
        const jpeg_component_info *p = &c->comp_info[i];
        JDIMENSION h = (JDIMENSION)p->h_samp_factor,
                   v = (JDIMENSION)p->v_samp_factor;

        to[i] = c->mem->request_virt_barray(
            (j_common_ptr)c, JPOOL_IMAGE, TRUE,
            (p->width_in_blocks + h - 1) / h * h,
            (p->height_in_blocks + v - 1) / v * v, v);
    }
}

bool reap_jpeg_complete(j_decompress_ptr c, j_compress_ptr to,
                        const JDIMENSION *last_good)
{
    jvirt_barray_ptr *from = jpeg_read_coefficients(c), filled[MAX_COMPONENTS];
    jpeg_scan_info scan[MAX_COMPS_IN_SCAN];

    if (!from)
        return false;
    ask_planes(c, filled);
    c->mem->realize_virt_arrays((j_common_ptr)c);
    for (int i = 0; i < c->num_components; i++) {
        struct plane p;

        plane_find(&p, c, i, from, filled, *last_good);
        fill_plane(&p);
        scan[i] = (jpeg_scan_info){ 1, { i }, 0, DCTSIZE2 - 1, 0, 0 };
    }
    jpeg_copy_critical_parameters(c, to);
    to->num_scans = c->num_components;
    to->scan_info = scan;
    /* damaged files have coefficients that Huffman codes have no room for */
    to->arith_code = TRUE;
    jpeg_write_coefficients(to, filled);
    jpeg_finish_compress(to);
    return true;
}
