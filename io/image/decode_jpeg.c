/* JPEG through libjpeg-turbo: its defaults are what Pillow uses. A decompressor
 * is made for each image, or tables of one would serve the next that lacks
 * them. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#include "engine/base/mem.h"
#include "io/image/decode_impl.h"
#include "io/codec/jpeg_io.h"
#include "io/codec/jpeg_smooth.h"
#include "io/codec/jpeg_walk.h"

enum {
    ROWS = 8,       /* rows asked for in one call */
    LEAST = 32,     /* columns: smooth upsampling is wrong in a few */
    BLOCK = 16,     /* columns whose transform is worth leaving out */
    MAX_SCANS = 500 /* a progressive file of more is an attack on time */
};

struct reap_jpeg {
    struct jpeg_decompress_struct c;
    struct jpeg_compress_struct filled; /* of what lacks scans */
    struct jpeg_error_mgr err;
    struct jpeg_progress_mgr progress;
    struct reap_jpeg_source source;
    struct reap_jpeg_sink sink;
    jmp_buf jump;
    bool made, filling; /* 'c' and 'filled' are to be destroyed */
    bool scans;
    int lacking;          /* the scan that met a marker too early */
    JDIMENSION last_good; /* in it, the last row that has its bytes */
    char words[JMSG_LENGTH_MAX];
    uint8_t *line; /* one row of CMYK */
    size_t line_room;
};

static void error_exit(j_common_ptr c)
{
    struct reap_jpeg *j = c->client_data;

    c->err->format_message(c, j->words);
    longjmp(j->jump, 1);
}

/* Level -1 is a warning, others are traces. */
static void emit_message(j_common_ptr c, int level)
{
    struct reap_jpeg *j = c->client_data;

    if (level >= 0)
        return;
    c->err->num_warnings++;
    if (c->err->msg_code == JWRN_HIT_MARKER && c->is_decompressor) {
        j->lacking = j->c.input_scan_number;
        j->last_good = j->c.input_iMCU_row;
    }
}

static void output_message(j_common_ptr c)
{
    (void)c; /* nothing is printed here */
}

static void count_scans(j_common_ptr c)
{
    struct reap_jpeg *j = c->client_data;

    if (j->c.input_scan_number > MAX_SCANS) {
        j->scans = true;
        snprintf(j->words, sizeof(j->words), "more than %d scans", MAX_SCANS);
        longjmp(j->jump, 1);
    }
    /* a scan that lacks nothing makes good what an earlier one lacked */
    if (j->c.input_scan_number != j->lacking)
        j->last_good = j->c.total_iMCU_rows;
}

static void jpeg_close(struct reap_jpeg *j)
{
    if (j->filling)
        jpeg_destroy_compress(&j->filled);
    if (j->made)
        jpeg_destroy_decompress(&j->c);
    j->filling = j->made = false;
}

/* Keep nothing of the image at hand. */
static void jpeg_end(struct reap_jpeg *j)
{
    jpeg_close(j);
    reap_free(j->sink.data);
    memset(&j->sink, 0, sizeof(j->sink));
}

void reap_jpeg_free(struct reap_jpeg **jp)
{
    struct reap_jpeg *j = *jp;

    if (!j)
        return;
    jpeg_end(j);
    reap_free(j->line);
    reap_free(j);
    *jp = NULL;
}

/* What became of an image whose decoding libjpeg gave up. */
static void gave_up(struct reap_jpeg *j, struct reap_decoded *out)
{
    int code = j->err.msg_code;
    unsigned status = REAP_STATUS_corrupt;

    if (j->scans)
        status = REAP_STATUS_corrupt;
    else if (code == JERR_OUT_OF_MEMORY || code == JERR_IMAGE_TOO_BIG)
        status = REAP_STATUS_too_large;
    else if (j->source.ended)
        status = REAP_STATUS_truncated;
    else if (code == JERR_SOF_UNSUPPORTED || code == JERR_BAD_PRECISION ||
             code == JERR_CONVERSION_NOTIMPL)
        status = REAP_STATUS_unsupported;
    reap_decode_fail(out, status, "JPEG: %s", j->words);
    jpeg_end(j);
}

/* Its bytes end before 'what'. */
static void jpeg_cut(struct reap_jpeg *j, const char *what,
                     struct reap_decoded *out)
{
    reap_decode_fail(out, REAP_STATUS_truncated, "JPEG ends in its %s", what);
    jpeg_end(j);
}

/* What Pillow asks of the segments before it calls libjpeg. */
static bool segments_fit(struct reap_bytes b, struct reap_decoded *out)
{
    struct reap_jpeg_walk w;
    const char *fault = NULL;

    reap_jpeg_walk(&w, b);
    while (!fault && reap_jpeg_walk_next(&w))
        fault = reap_jpeg_walk_fault(&w);
    if (fault)
        reap_decode_fail(out,
                         w.marker == 0xdb ? REAP_STATUS_corrupt
                                          : REAP_STATUS_unsupported,
                         "JPEG with %s", fault);
    else if (w.end == REAP_JPEG_CUT)
        reap_decode_fail(out, REAP_STATUS_truncated,
                         "JPEG ends before its first scan");
    else if (w.end == REAP_JPEG_STRAY)
        reap_decode_fail(out, REAP_STATUS_corrupt,
                         "JPEG with a marker that does not exist");
    return !out->status;
}

static void decode_jpeg_make(struct reap_jpeg *j)
{
    jpeg_close(j);
    j->scans = false;
    j->lacking = 0;
    j->c.err = jpeg_std_error(&j->err);
    j->err.error_exit = error_exit;
    j->err.emit_message = emit_message;
    j->err.output_message = output_message;
    j->c.client_data = j;
    jpeg_create_decompress(&j->c);
    j->made = true;
    j->progress.progress_monitor = count_scans;
    j->c.progress = &j->progress;
}

static bool decode_jpeg_begin(struct reap_jpeg *j, struct reap_bytes b,
                              bool keep)
{
    decode_jpeg_make(j);
    reap_jpeg_source(&j->c, &j->source, b, keep);
    return jpeg_read_header(&j->c, TRUE) == JPEG_HEADER_OK;
}

static void jpeg_open(struct reap_decode *d, struct reap_decoded *out)
{
    struct reap_jpeg *j;
    int parts;

    if (!segments_fit(d->bytes, out))
        return;
    if (!d->jpeg && !(d->jpeg = reap_calloc(1, sizeof(*d->jpeg)))) {
        reap_decode_fail(out, REAP_STATUS_too_large, "JPEG: no memory");
        return;
    }
    j = d->jpeg;
    jpeg_end(j);
    if (setjmp(j->jump)) {
        gave_up(j, out);
        return;
    }
    if (!decode_jpeg_begin(j, d->bytes, d->limits.keep_truncated)) {
        jpeg_cut(j, "header", out);
        return;
    }
    parts = j->c.num_components;
    if (parts != 1 && parts != 3 && parts != 4) {
        reap_decode_fail(out, REAP_STATUS_unsupported, "JPEG of %d components",
                         parts);
        return;
    }
    if (!reap_decode_size(d, j->c.image_height, j->c.image_width, out))
        return;
    out->flags |= parts == 1 ? REAP_FLAG_grey : parts == 4 ? REAP_FLAG_cmyk : 0;
    j->c.out_color_space = parts == 4 ? JCS_CMYK : JCS_RGB;
    j->c.dct_method = d->fast_dct ? JDCT_IFAST : JDCT_ISLOW;
}

/* a * b / 255, rounded, as Pillow's MULDIV255. */
static unsigned muldiv255(unsigned a, unsigned b)
{
    unsigned t = a * b + 128;

    return ((t >> 8) + t) >> 8;
}

/* Pillow takes every CMYK JPEG as Adobe writes it, inverted: what is stored is
 * 255 - ink. Then its cmyk2rgb(). */
static void cmyk_row(const uint8_t *in, size_t n, uint8_t *out)
{
    for (size_t i = 0; i < n; i++, in += 4)
        for (size_t c = 0; c < 3; c++) {
            unsigned nk = in[3];

            *out++ = (uint8_t)(nk - muldiv255(255u - in[c], nk));
        }
}

/* One or a few rows from libjpeg to 'to'; how many. */
static size_t some_rows(struct reap_jpeg *j, uint8_t *to, size_t stride,
                        size_t most)
{
    JSAMPROW row[ROWS];
    size_t n = most < ROWS ? most : ROWS;

    if (j->c.out_color_space == JCS_CMYK) {
        row[0] = j->line;
        n = jpeg_read_scanlines(&j->c, row, 1);
        if (n)
            cmyk_row(j->line, j->c.output_width, to);
        return n;
    }
    for (size_t i = 0; i < n; i++)
        row[i] = to + i * stride;
    return jpeg_read_scanlines(&j->c, row, (JDIMENSION)n);
}

static bool line_room(struct reap_jpeg *j, struct reap_decoded *out)
{
    size_t need = 4 * (size_t)j->c.image_width;

    if (j->c.out_color_space != JCS_CMYK || need <= j->line_room)
        return true;
    reap_free(j->line);
    j->line = reap_aligned(need);
    j->line_room = j->line ? need : 0;
    if (!j->line)
        reap_decode_fail(out, REAP_STATUS_too_large, "JPEG: no memory");
    return j->line != NULL;
}

/*
 * Let libjpeg transform only the columns of 'want', if that leaves out a block
 * or more. At a cut its smooth upsampling lacks a neighbour, so a column more
 * is asked for on each side. CMYK, and what may be cut, is done whole.
 */
static void decode_jpeg_choose(struct reap_decode *d,
                               const struct reap_window *want,
                               const struct reap_decoded *out,
                               struct reap_window *have)
{
    struct reap_jpeg *j = d->jpeg;
    JDIMENSION from, n;

    *have = (struct reap_window){ 0, out->h, 0, out->w };
    if (d->limits.keep_truncated || j->c.out_color_space != JCS_RGB)
        return;
    have->row0 = want->row0;
    have->row1 = want->row1;
    if ((want->col0 <= BLOCK && want->col1 + BLOCK >= out->w) ||
        out->w - want->col0 < LEAST)
        return;
    from = want->col0 ? (JDIMENSION)want->col0 - 1 : 0;
    n = (JDIMENSION)(want->col1 < out->w ? want->col1 + 1 : out->w) - from;
    n = n < LEAST ? LEAST : n;
    jpeg_crop_scanline(&j->c, &from, &n);
    have->col0 = from;
    have->col1 = from + n;
}

/* Rows up to 'end' into d->pix; false where the file ends before. */
static bool rows_until(struct reap_decode *d, size_t end, uint8_t *to,
                       size_t stride)
{
    struct reap_jpeg *j = d->jpeg;

    while (j->c.output_scanline < end) {
        size_t n = some_rows(j, to, stride, end - j->c.output_scanline);

        if (!n)
            return false;
        to += stride * n;
    }
    return true;
}

/* A scan that is skipped goes on without its bytes, so the end is noticed
 * by the source. */
static bool skip_until(struct reap_jpeg *j, size_t row)
{
    if (j->c.output_scanline < row)
        (void)jpeg_skip_scanlines(&j->c,
                                  (JDIMENSION)row - j->c.output_scanline);
    return j->source.keep || !j->source.ended;
}

/* What follows the rows wanted is parsed as well, and its last row made, or a
 * file that is cut there would not be noticed. */
static bool all_rows(struct reap_decode *d, const struct reap_window *have,
                     size_t h, size_t stride)
{
    struct reap_jpeg *j = d->jpeg;
    uint8_t *spare = d->pix + (have->row1 - have->row0) * stride;

    if (!skip_until(j, have->row0) ||
        !rows_until(d, have->row1, d->pix, stride) || !skip_until(j, h - 1) ||
        !rows_until(d, h, spare, stride))
        return false;
    (void)jpeg_finish_decompress(&j->c); /* the end marker may lack */
    return true;
}

/*
 * Read all scans of a progressive file, and begin to make rows. Where some
 * scans lack, it is first made a file that has them; 'j->sink' then holds it.
 * False if the bytes end early.
 */
static bool decode_jpeg_start(struct reap_decode *d)
{
    struct reap_jpeg *j = d->jpeg;
    const J_COLOR_SPACE is = j->c.jpeg_color_space, as = j->c.out_color_space;

    if (!jpeg_start_decompress(&j->c))
        return false;
    if (!reap_jpeg_lacks_scans(&j->c))
        return true;
    if (!decode_jpeg_begin(j, d->bytes, d->limits.keep_truncated))
        return false;
    j->filled.err = j->c.err;
    j->filled.client_data = j;
    jpeg_create_compress(&j->filled);
    j->filling = true;
    reap_jpeg_sink(&j->filled, &j->sink);
    if (!reap_jpeg_complete(&j->c, &j->filled, &j->last_good))
        return false;
    (void)decode_jpeg_begin(j, (struct reap_bytes){ j->sink.data, j->sink.len },
                            false);
    j->c.jpeg_color_space = is;
    j->c.out_color_space = as;
    j->c.dct_method = d->fast_dct ? JDCT_IFAST : JDCT_ISLOW;
    return jpeg_start_decompress(&j->c);
}

static void jpeg_read(struct reap_decode *d, const struct reap_window *want,
                      struct reap_decoded *out, struct reap_pixels *pixels)
{
    struct reap_jpeg *j = d->jpeg;
    struct reap_window *have = &pixels->have;

    if (!line_room(j, out))
        return;
    if (setjmp(j->jump)) {
        gave_up(j, out);
        return;
    }
    if (!decode_jpeg_start(d)) {
        jpeg_cut(j, "scans", out);
        return;
    }
    decode_jpeg_choose(d, want, out, have);
    pixels->stride = 3 * (have->col1 - have->col0);
    if (reap_decode_room(d, have->row1 - have->row0 + 1,
                         have->col1 - have->col0, out) &&
        !all_rows(d, have, out->h, pixels->stride))
        reap_decode_fail(out, REAP_STATUS_truncated,
                         "JPEG ends early, near row %u of %zu",
                         j->c.output_scanline, out->h);
    if (j->err.num_warnings)
        out->flags |= REAP_FLAG_warned;
    jpeg_end(j);
    pixels->data = d->pix;
}

const struct reap_codec reap_codec_jpeg = { jpeg_open, jpeg_read };
