#include <limits.h>
#include <pthread.h>
#include <string.h>

#include <tiffio.h>

#include "engine/base/mem.h"
#include "io/codec/tiff_unpack.h"

enum {
    RAW = 1,
    STRIPS = 273,
    ROWS = 278,
    TILE_W = 322,
    TILE_H = 323,
    TILES = 324
};

/* The image that is made, and the part of it that is at hand. */
struct canvas {
    const struct reap_tiff_mode *m;
    size_t w, h;
    uint8_t *bands;
};

/* Planes that Pillow takes for what they are: it reads all as 8 bits. */
static bool raw_planes(const struct reap_tiff_mode *m)
{
    if (m->kind == REAP_TIFF_YCBCR || m->invert || m->reverse ||
        m->premultiplied || m->samples != m->bands)
        return false;
    if (m->samples == 1)
        return m->bits == 8 || (m->bits == 1 && m->kind == REAP_TIFF_GREY);
    return m->bits == 8 && m->kind != REAP_TIFF_GREY &&
           m->kind != REAP_TIFF_PALETTE;
}

bool reap_tiff_unpacks(const struct reap_tiff_tags *g,
                       const struct reap_tiff_mode *m)
{
    static const unsigned known[] = { 1,     2,     3,     4,     5,
                                      6,     7,     8,     32771, 32773,
                                      32809, 32946, 34925, 50000 };
    size_t i = 0;

    while (i < sizeof(known) / sizeof(known[0]) && known[i] != g->compression)
        i++;
    if (i == sizeof(known) / sizeof(known[0]))
        return false;
    if (g->compression != RAW) /* Pillow would take the wrong order of bytes */
        return !(m->big && m->bits >= 16 && (m->has_sign || m->is_float)) &&
               !(m->separate && m->samples > 1 && m->samples != m->bands);
    if (m->reverse &&
        ((m->kind == REAP_TIFF_PALETTE && m->bits < 8) ||
         (m->kind == REAP_TIFF_GREY && m->bits == 8 && m->invert)))
        return false;
    return !m->separate || raw_planes(m);
}

/* Row 'y' from column 'x' on, 'n' pixels; 'plane' where bands lie apart. */
static void put_row(const struct canvas *c, size_t x, size_t y, size_t n,
                    unsigned plane, const uint8_t *in)
{
    uint8_t *to = c->bands + (y * c->w + x) * c->m->bands;

    if (!c->m->separate || c->m->samples == 1) {
        reap_tiff_unpack(c->m, in, n, to);
        reap_tiff_divide(c->m, n, to);
    } else if (plane < c->m->bands) {
        reap_tiff_unpack_plane(c->m, plane, in, n, to);
    }
}

/* Where uncompressed parts lie. */
struct parts {
    struct reap_tiff_entry at;
    uint64_t w, h, across, down, planes;
};

static bool number_at(const struct reap_tiff *t, unsigned tag, uint64_t *out)
{
    struct reap_tiff_entry e;

    if (!reap_tiff_find(t, tag, &e))
        return false;
    *out = reap_tiff_is_whole(e.type) ? reap_tiff_value(t, &e, 0) : 0;
    return true;
}

static bool parts_find(const struct reap_tiff *t, const struct canvas *c,
                       struct parts *p)
{
    p->w = c->w;
    p->h = c->h;
    if (reap_tiff_find(t, STRIPS, &p->at))
        (void)number_at(t, ROWS, &p->h);
    else if (!reap_tiff_find(t, TILES, &p->at) ||
             !number_at(t, TILE_W, &p->w) || !number_at(t, TILE_H, &p->h))
        return false;
    if (!p->w || !p->h || p->w > UINT32_MAX || !reap_tiff_is_whole(p->at.type))
        return false;
    p->planes = c->m->separate ? c->m->samples : 1;
    p->across = (c->w + p->w - 1) / p->w;
    p->down = p->h > c->h ? 1 : (c->h + p->h - 1) / p->h;
    return p->at.count == p->across * p->down * p->planes ||
           (p->w == c->w && p->h == c->h && !c->m->separate);
}

/* One strip or tile whose bytes begin at 'at'. */
static enum reap_tiff_end raw_part(const struct reap_tiff *t,
                                   const struct canvas *c,
                                   const struct parts *p, uint64_t x,
                                   uint64_t y, unsigned plane, uint64_t at)
{
    const uint64_t samples = p->planes > 1 ? 1 : c->m->samples;
    const uint64_t cols = c->w - x < p->w ? c->w - x : p->w;
    const uint64_t rows = c->h - y < p->h ? c->h - y : p->h;
    const uint64_t bytes = (cols * samples * c->m->bits + 7) / 8;
    uint64_t step = x + p->w > c->w ? p->w * samples * c->m->bits / 8 : 0;

    if (!step)
        step = bytes;
    if (step < bytes || (step > bytes && c->m->separate && c->m->odd_step))
        return REAP_TIFF_ODD;
    for (uint64_t i = 0; i < rows; i++, at += step) {
        if (at > t->b.len || bytes > t->b.len - at)
            return REAP_TIFF_ENDS;
        put_row(c, x, y + i, cols, plane, t->b.data + at);
    }
    return REAP_TIFF_FINE;
}

static enum reap_tiff_end raw_parts(const struct reap_tiff *t,
                                    const struct canvas *c, bool keep)
{
    enum reap_tiff_end end = REAP_TIFF_FINE;
    struct parts p;
    uint64_t first = 0;

    if (!parts_find(t, c, &p))
        return REAP_TIFF_ODD;
    if (p.w == c->w && p.h == c->h && !c->m->separate)
        first = p.at.count - 1; /* the last one counts */
    for (uint64_t i = first; i < p.at.count && !end; i++) {
        uint64_t k = i - first, of = k % (p.across * p.down);

        end = raw_part(t, c, &p, of % p.across * p.w, of / p.across * p.h,
                       (unsigned)(k / (p.across * p.down)),
                       reap_tiff_value(t, &p.at, i));
        if (end == REAP_TIFF_ENDS && keep)
            end = REAP_TIFF_FINE;
    }
    return end;
}

/* What libtiff reads from. */
struct memory {
    struct reap_bytes b;
    uint64_t at;
};

static tmsize_t memory_read(thandle_t h, void *to, tmsize_t n)
{
    struct memory *m = h;
    size_t left = m->at < m->b.len ? m->b.len - (size_t)m->at : 0;

    if ((size_t)n > left)
        n = (tmsize_t)left;
    memcpy(to, m->b.data + (n ? m->at : 0), (size_t)n);
    m->at += (uint64_t)n;
    return n;
}

static tmsize_t memory_write(thandle_t h, void *from, tmsize_t n)
{
    (void)h, (void)from, (void)n;
    return 0;
}

static toff_t memory_seek(thandle_t h, toff_t to, int whence)
{
    struct memory *m = h;

    m->at = whence == SEEK_CUR   ? m->at + to
            : whence == SEEK_END ? m->b.len + to
                                 : to;
    return m->at;
}

static toff_t memory_size(thandle_t h)
{
    return ((struct memory *)h)->b.len;
}

static int memory_close(thandle_t h)
{
    (void)h;
    return 0;
}

static pthread_once_t quiet_once = PTHREAD_ONCE_INIT;

static void quiet(void)
{
    TIFFSetErrorHandler(NULL);
    TIFFSetErrorHandlerExt(NULL);
    TIFFSetWarningHandler(NULL);
    TIFFSetWarningHandlerExt(NULL);
}

/* As many bytes a row as Pillow expects; what libtiff has more of is odd. */
static uint64_t row_bytes(const struct canvas *c, uint64_t w)
{
    const uint64_t bits = (uint64_t)c->m->bits * c->m->samples,
                   planes =
                       c->m->separate && c->m->samples > 1 ? c->m->samples : 1;

    return (w * bits / planes + 7) / 8;
}

static unsigned plane_count(const struct canvas *c)
{
    return c->m->separate && c->m->samples > 1 ? c->m->bands : 1;
}

static enum reap_tiff_end lib_tiles(TIFF *tif, const struct canvas *c)
{
    uint32_t tw = 0, th = 0;
    enum reap_tiff_end end = REAP_TIFF_FINE;
    uint64_t line, size;
    uint8_t *buf;

    if (!TIFFGetField(tif, TIFFTAG_TILEWIDTH, &tw) ||
        !TIFFGetField(tif, TIFFTAG_TILELENGTH, &th) || !tw || !th)
        return REAP_TIFF_ODD;
    line = row_bytes(c, tw);
    if (line > INT_MAX / th || TIFFTileSize(tif) > (tmsize_t)(line * th))
        return REAP_TIFF_ODD;
    size = line * th;
    if (!(buf = reap_calloc(1, size)))
        return REAP_TIFF_NO_MEMORY;
    for (size_t y = 0; y < c->h && !end; y += th)
        for (size_t x = 0; x < c->w && !end; x += tw)
            for (unsigned k = 0; k < plane_count(c) && !end; k++) {
                size_t n = c->w - x < tw ? c->w - x : tw;

                if (TIFFReadTile(tif, buf, (uint32_t)x, (uint32_t)y, 0,
                                 (uint16_t)k) == -1)
                    end = REAP_TIFF_DAMAGED;
                for (size_t i = 0; !end && i < th && y + i < c->h; i++)
                    put_row(c, x, y + i, n, k, buf + i * line);
            }
    reap_free(buf);
    return end;
}

static enum reap_tiff_end lib_strips(TIFF *tif, const struct canvas *c)
{
    uint32_t rows = 0;
    enum reap_tiff_end end = REAP_TIFF_FINE;
    const uint64_t line = (uint64_t)TIFFScanlineSize(tif);
    uint8_t *buf;

    if (!TIFFGetField(tif, TIFFTAG_ROWSPERSTRIP, &rows) || rows > c->h)
        rows = (uint32_t)c->h;
    if (!rows || !line || line > row_bytes(c, c->w) || line > INT_MAX / rows)
        return REAP_TIFF_ODD;
    if (!(buf = reap_calloc(1, row_bytes(c, c->w) * (rows + 1))))
        return REAP_TIFF_NO_MEMORY;
    for (size_t y = 0; y < c->h && !end; y += rows)
        for (unsigned k = 0; k < plane_count(c) && !end; k++) {
            uint32_t strip = TIFFComputeStrip(tif, (uint32_t)y, (uint16_t)k);

            if (TIFFReadEncodedStrip(tif, strip, buf,
                                     (tmsize_t)(line * rows)) == -1)
                end = REAP_TIFF_DAMAGED;
            for (size_t i = 0; !end && i < rows && y + i < c->h; i++)
                put_row(c, 0, y + i, c->w, k, buf + i * line);
        }
    reap_free(buf);
    return end;
}

/* YCbCr that may be subsampled: libtiff makes RGB of it, strip by strip. */
static enum reap_tiff_end lib_rgb(TIFF *tif, const struct canvas *c)
{
    enum reap_tiff_end end = REAP_TIFF_DAMAGED;
    uint32_t rows = 0, *buf = NULL;
    char words[1024] = "";
    TIFFRGBAImage im;

    if (!TIFFRGBAImageOK(tif, words) || !TIFFRGBAImageBegin(&im, tif, 1, words))
        return REAP_TIFF_ODD;
    im.req_orientation = ORIENTATION_TOPLEFT;
    if (!TIFFGetField(
            tif, TIFFIsTiled(tif) ? TIFFTAG_TILELENGTH : TIFFTAG_ROWSPERSTRIP,
            &rows) ||
        rows > c->h)
        rows = (uint32_t)c->h;
    if (!rows)
        goto out;
    buf = reap_calloc(c->w * rows, sizeof(*buf));
    end = buf ? REAP_TIFF_FINE : REAP_TIFF_NO_MEMORY;
    for (size_t y = 0; y < c->h && !end; y += rows) {
        uint32_t n = (uint32_t)(c->h - y < rows ? c->h - y : rows);

        im.row_offset = (int)y;
        if (!TIFFRGBAImageGet(&im, buf, (uint32_t)c->w, n))
            end = REAP_TIFF_DAMAGED;
        for (size_t i = 0; i < c->w * n && !end; i++) {
            uint8_t *to = c->bands + 3 * (y * c->w + i);

            to[0] = (uint8_t)TIFFGetR(buf[i]);
            to[1] = (uint8_t)TIFFGetG(buf[i]);
            to[2] = (uint8_t)TIFFGetB(buf[i]);
        }
    }
out:
    TIFFRGBAImageEnd(&im);
    reap_free(buf);
    return end;
}

static enum reap_tiff_end lib_parts(TIFF *tif, const struct canvas *c, bool rgb)
{
    uint32_t w = 0, h = 0;
    enum reap_tiff_end end;

    if (!TIFFGetField(tif, TIFFTAG_IMAGEWIDTH, &w) ||
        !TIFFGetField(tif, TIFFTAG_IMAGELENGTH, &h) || w != c->w || h != c->h)
        return REAP_TIFF_ODD;
    if (rgb)
        return lib_rgb(tif, c);
    end = TIFFIsTiled(tif) ? lib_tiles(tif, c) : lib_strips(tif, c);
    /* what is not known to be plain alpha is taken for associated */
    if (!end && c->m->separate && c->m->samples > 1)
        reap_tiff_divide(c->m, c->w * c->h, c->bands);
    return end;
}

static enum reap_tiff_end lib_read(const struct reap_tiff *t,
                                   const struct reap_tiff_tags *g,
                                   struct canvas *c, struct reap_tiff_mode *m)
{
    struct memory mem = { t->b, 0 };
    enum reap_tiff_end end;
    bool rgb = false;
    TIFF *tif;

    pthread_once(&quiet_once, quiet);
    tif = TIFFClientOpen("", "rm", &mem, memory_read, memory_write, memory_seek,
                         memory_close, memory_size, NULL, NULL);
    if (!tif)
        return REAP_TIFF_DAMAGED;
    /* libdeflate gives zeros for a strip that holds more than it should */
    if (g->compression == COMPRESSION_ADOBE_DEFLATE ||
        g->compression == COMPRESSION_DEFLATE)
        TIFFSetField(tif, TIFFTAG_DEFLATE_SUBCODEC, DEFLATE_SUBCODEC_ZLIB);
    m->big = false; /* libtiff gives this machine's order */
    m->reverse = false;
    m->premultiplied |= m->separate && m->odd_step && m->alpha;
    if (g->photometric == 6) {
        rgb = !(g->compression == COMPRESSION_JPEG && !m->separate);
        m->kind = REAP_TIFF_RGB;
        m->bands = 3;
        if (!rgb)
            TIFFSetField(tif, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
    }
    end = lib_parts(tif, c, rgb);
    TIFFClose(tif);
    return end;
}

enum reap_tiff_end reap_tiff_bands(const struct reap_tiff *t,
                                   const struct reap_tiff_tags *g,
                                   struct reap_tiff_mode *m, bool keep,
                                   uint8_t **bands)
{
    struct canvas c = { m, (size_t)g->w, (size_t)g->h, NULL };

    *bands = c.bands = reap_calloc(c.w * c.h, 4);
    if (!c.bands)
        return REAP_TIFF_NO_MEMORY;
    if (g->compression == RAW)
        return raw_parts(t, &c, keep);
    return lib_read(t, g, &c, m);
}
