/* TIFF as Pillow has it: which kinds are read is its list (tiff_modes.def),
 * uncompressed strips and tiles are taken from the file as it does, all others
 * come through libtiff. libvips turns some kinds into other pixels. */
#include <string.h>

#include "engine/base/mem.h"
#include "io/codec/exif_tag.h"
#include "io/codec/tiff_mode.h"
#include "io/codec/tiff_unpack.h"
#include "io/image/decode_impl.h"

enum { XMP = 700 };

struct tiff_file {
    struct reap_tiff dir;
    struct reap_tiff_tags tags;
    struct reap_tiff_mode mode;
};

/* False with a reason. */
static bool tiff_begin(struct reap_decode *d, struct tiff_file *f,
                       struct reap_decoded *out)
{
    const char *fault = NULL;

    if (!reap_tiff_begin(&f->dir, d->bytes)) {
        reap_decode_fail(out, REAP_STATUS_truncated, "TIFF ends in its header");
        return false;
    }
    fault = reap_tiff_look(&f->dir, &f->tags, &f->mode);
    if (!fault && !reap_tiff_unpacks(&f->tags, &f->mode))
        fault = "a compression or planes that are not read";
    if (fault)
        reap_decode_fail(out, REAP_STATUS_unsupported, "TIFF with %s", fault);
    f->mode.scale = d->limits.depth16_scale;
    return !fault;
}

/* Pillow turns a TIFF upright by itself. */
static int tiff_orientation(const struct tiff_file *f)
{
    int o = reap_exif_tag_of(&f->dir);
    struct reap_tiff_entry e;

    if (o == REAP_EXIF_NONE && reap_tiff_find(&f->dir, XMP, &e) &&
        (e.type == 1 || e.type == 7))
        o = reap_exif_xmp((struct reap_bytes){ e.value, (size_t)e.count });
    return o >= 1 && o <= 8 ? o : 1;
}

static void tiff_open(struct reap_decode *d, struct reap_decoded *out)
{
    const struct reap_tiff_mode *m;
    struct tiff_file f;

    if (!tiff_begin(d, &f, out) ||
        !reap_decode_size(d, f.tags.h, f.tags.w, out))
        return;
    m = &f.mode;
    d->orientation = tiff_orientation(&f);
    out->flags |= (m->kind == REAP_TIFF_GREY ? REAP_FLAG_grey : 0) |
                  (m->kind == REAP_TIFF_CMYK ? REAP_FLAG_cmyk : 0) |
                  (m->alpha ? REAP_FLAG_alpha : 0) |
                  (m->bits > 8 ? REAP_FLAG_depth16 : 0);
}

static void tiff_read(struct reap_decode *d, const struct reap_window *want,
                      struct reap_decoded *out, struct reap_pixels *pixels)
{
    const bool white = d->limits.alpha == REAP_ALPHA_WHITE;
    struct tiff_file f;
    uint8_t *bands = NULL;
    enum reap_tiff_end end;
    size_t line;

    if (!tiff_begin(d, &f, out) ||
        !reap_decode_room(d, want->row1 - want->row0, out->w, out))
        return;
    end = reap_tiff_bands(&f.dir, &f.tags, &f.mode, d->limits.keep_truncated,
                          &bands);
    line = out->w * f.mode.bands;
    if (end == REAP_TIFF_NO_MEMORY)
        reap_decode_fail(out, REAP_STATUS_too_large, "TIFF: no memory");
    else if (end == REAP_TIFF_ENDS)
        reap_decode_fail(out, REAP_STATUS_truncated, "TIFF ends early");
    else if (end)
        reap_decode_fail(out,
                         end == REAP_TIFF_ODD ? REAP_STATUS_unsupported
                                              : REAP_STATUS_corrupt,
                         "TIFF with %s",
                         end == REAP_TIFF_ODD
                             ? "strips or tiles that are not read"
                             : "damaged pixels");
    for (size_t y = want->row0; !end && y < want->row1; y++)
        reap_tiff_rgb(&f.mode, bands + y * line, out->w, white,
                      d->pix + (y - want->row0) * 3 * out->w);
    reap_free(bands);
    reap_decode_rows(d, want, out, pixels);
}

const struct reap_codec reap_codec_tiff = { tiff_open, tiff_read };
