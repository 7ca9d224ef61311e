"""Images for the golden sample: noise, ramps, shapes and text, in every format.

    make_images.py FOLDER    write the images and FOLDER/../files.tsv

Encoders differ between versions, so the images are kept in the tree; what they
should give is made from the kept ones (make_pixels.py). files.tsv says what is
known of a file by how it was made: the status that reap should give it (where
two are defensible, both), its flags, and why it is here. Needs numpy, Pillow,
and simplejpeg for chroma of 4:1:1 and 4:4:0.
"""
import io
import os
import struct
import sys
import zlib

import numpy as np
import simplejpeg
from PIL import Image, ImageCms, ImageDraw, ImageFilter, ImageFont

# ---- what is on them -------------------------------------------------------


def noise(w, h, seed, spread=255):
    return np.random.Generator(np.random.PCG64(seed)).integers(
        0, spread + 1, (h, w, 3), dtype=np.int64)


def ramps(w, h):
    """Red across, green down, blue along the diagonal."""
    y, x = np.mgrid[0:h, 0:w]
    return np.stack([255 * x // max(w - 1, 1), 255 * y // max(h - 1, 1),
                     255 * (x + y) // max(w + h - 2, 1)], 2)


def zones(w, h):
    """Rings that grow finer outwards, as far as one pixel: resizing shows."""
    y, x = np.mgrid[0:h, 0:w]
    r = (x - w / 2) ** 2 + (y - h / 2) ** 2
    return (127.5 + 127.5 * np.cos(np.pi * r / max(w, h)))[..., None]


def picture(a):
    return Image.fromarray(np.clip(a, 0, 255).astype(np.uint8))


def scene(w, h, seed=1):
    """A little of everything: ramps, rings, grain, shapes, text."""
    im = picture(0.6 * ramps(w, h) + 0.25 * zones(w, h) + noise(w, h, seed, 12))
    draw = ImageDraw.Draw(im)
    s = min(w, h)
    k = 5 + seed % 7
    draw.ellipse((w // k, h // k, w // k + s // 3, h // k + s // 3),
                 fill=(230, 60 + 20 * k, 30), outline=(0, 0, 0))
    draw.rectangle((w // 2, h // 2, w // 2 + s // 4, h // 2 + s // 5),
                   fill=(20, 40, 20 * k))
    draw.polygon([(w * 3 // 4, h // 8), (w - 2, h // 3), (w * 2 // 3, h // 3)],
                 fill=(250, 240, 40))
    draw.line((0, h - 1, w - 1, h // 2), fill=(255, 255, 255))
    if s >= 60:
        draw.text((w // 8, h * 3 // 4), f"embed {w} x {h}, seed {seed}",
                  font=ImageFont.load_default(max(10, s // 12)),
                  fill=(255, 255, 255))
    return im


# ---- how they are kept -----------------------------------------------------


def save(im, kind, **more):
    f = io.BytesIO()
    im.save(f, kind, **more)
    return f.getvalue()


def jpeg(im, quality=85, **more):
    return save(im, "JPEG", quality=quality, **more)


def exif(orientation):
    e = Image.Exif()
    e[0x0112] = orientation
    return e.tobytes()


def chunk(kind, data, crc=0):
    return (struct.pack(">I", len(data)) + kind + data +
            struct.pack(">I", zlib.crc32(kind + data) ^ crc))


def png(w, h, depth, colour, rows, interlace=0, extra=b"", crc=0):
    """Of packed rows, each without a filter."""
    return (b"\x89PNG\r\n\x1a\n" +
            chunk(b"IHDR", struct.pack(">2I5B", w, h, depth, colour, 0, 0,
                                       interlace)) + extra +
            chunk(b"IDAT", zlib.compress(b"".join(b"\0" + r for r in rows), 9),
                  crc) + chunk(b"IEND", b""))


def lines(a):
    return [np.ascontiguousarray(r).tobytes() for r in a]


def wide(a, low):
    """Samples of 16 bits whose high bytes are 'a'."""
    return (np.asarray(a).astype(np.uint16) * 256 + low).astype(">u2")


def passes(a):
    """The seven of Adam7."""
    out = []
    for y, x, dy, dx in ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4),
                         (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)):
        part = a[y::dy, x::dx]
        out += lines(part) if part.size else []
    return out


def inks(im, transform):
    """Four inks as Adobe stores them; transform 2 is YCCK."""
    k = Image.linear_gradient("L").resize(im.size)
    if transform == 0:
        return jpeg(Image.merge("CMYK", (*im.split(), k)))
    y, cb, cr = im.convert("YCbCr").split()
    flip = [c.point([255 - v for v in range(256)]) for c in (y, cb, cr, k)]
    data = jpeg(Image.merge("CMYK", flip), subsampling=0)
    at = data.index(b"Adobe") + 11
    return data[:at] + b"\2" + data[at + 1:]


def claim(data, w, h):
    """The same JPEG, but its header says another size."""
    at = data.index(b"\xff\xc0")
    return data[:at + 5] + struct.pack(">HH", h, w) + data[at + 9:]


def bmp(im, bits, top_down=False):
    """Bitmaps that Pillow does not write: 4 bits with a palette, or 32."""
    w, h = im.size
    if bits == 32:
        a = np.asarray(im)[..., ::-1]
        body = np.concatenate([a, np.full((h, w, 1), 9, np.uint8)], 2)
        table = b""
    else:
        p = im.quantize(16, dither=Image.Dither.NONE)
        a = np.pad(np.asarray(p), ((0, 0), (0, -w % 8)))
        body = a[:, ::2] << 4 | a[:, 1::2]
        table = b"".join(bytes((b, g, r, 0)) for r, g, b in np.resize(
            np.frombuffer(bytes(p.getpalette()[:48]).ljust(48, b"\0"), np.uint8), (16, 3)))
    if not top_down:
        body = body[::-1]
    at = 54 + len(table)
    pixels = np.ascontiguousarray(body.astype(np.uint8)).tobytes()
    return (b"BM" + struct.pack("<IHHI", at + len(pixels), 0, 0, at) +
            struct.pack("<IiiHHIIiiII", 40, w, -h if top_down else h, 1, bits,
                        0, len(pixels), 2835, 2835, 1 << bits if table else 0, 0) +
            table + pixels)


def cut(data, percent):
    return data[:len(data) * percent // 100]


# ---- the list --------------------------------------------------------------


class Sample(dict):
    """name -> (bytes, status, flags, note)"""

    def add(self, name, data, note, status="ok", flags=""):
        assert name not in self
        self[name] = (data, status, flags, note)


def jpegs(out):
    out.add("scene_420.jpg", jpeg(scene(480, 360, 1)), "plain")
    out.add("scene_420_odd.jpg", jpeg(scene(253, 191, 2), subsampling="4:2:0"), "odd sides")
    out.add("scene_422_odd.jpg", jpeg(scene(333, 251, 3), subsampling="4:2:2"), "odd sides")
    out.add("scene_444_tall.jpg", jpeg(scene(300, 451, 4), subsampling="4:4:4"), "upright")
    for kind, w, h in (("411", 257, 199), ("440", 261, 307)):
        a = np.ascontiguousarray(np.asarray(scene(w, h, 5)))
        out.add(f"scene_{kind}_odd.jpg", simplejpeg.encode_jpeg(a, 85, "RGB", kind),
                "rare chroma, odd sides")
    out.add("progressive.jpg", jpeg(scene(300, 400, 6), progressive=True), "in several scans")
    out.add("progressive_grey.jpg", jpeg(scene(150, 100, 7).convert("L"), progressive=True),
            "one component in several scans", flags="grey")
    out.add("grey_tall.jpg", jpeg(scene(240, 320, 8).convert("L")), "one component", flags="grey")
    out.add("cmyk.jpg", inks(scene(160, 120, 9), 0), "inks by Pillow's formula", flags="cmyk")
    out.add("ycck.jpg", inks(scene(160, 120, 10), 2), "inks as YCCK", flags="cmyk")
    out.add("rgb_stored.jpg", jpeg(scene(120, 90, 11), keep_rgb=True), "no YCbCr inside")
    out.add("restart.jpg", jpeg(scene(200, 150, 12), restart_marker_blocks=3), "restart markers")
    icc = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes())
    icc[24:36] = bytes(12)  # the date it was made
    out.add("profile_lab.jpg", jpeg(scene(100, 80, 13), icc_profile=bytes(icc)),
            "a colour profile is ignored")
    out.add("quality3.jpg", jpeg(scene(300, 200, 14), 3), "coarse tables")
    out.add("noise.jpg", jpeg(picture(noise(160, 160, 15)), 60), "nothing but noise")
    out.add("large_smooth.jpg", jpeg(scene(1600, 1200, 47).filter(ImageFilter.GaussianBlur(2)), 60),
            "over five times the crop")
    out.add("wide.jpg", jpeg(scene(800, 286, 16), 75), "wide")
    out.add("tall_260x700.jpg", jpeg(scene(260, 700, 17), 75),
            "over twice as tall as wide: columns first")
    out.add("exact_256.jpg", jpeg(scene(256, 256, 18)), "nothing to resize for 256")
    out.add("margin_77.jpg", jpeg(scene(256, 301, 19)), "an odd margin: halves to even")
    out.add("small.jpg", jpeg(scene(128, 160, 20)), "smaller than the crop")
    out.add("tiny.jpg", jpeg(scene(20, 24, 21)), "sides under 32", flags="tiny")
    out.add("pixel.jpg", jpeg(picture(ramps(1, 1))), "one pixel", flags="tiny")
    out.add("column.jpg", jpeg(picture(ramps(1, 300))), "one column", flags="tiny")
    out.add("row.jpg", jpeg(picture(ramps(300, 1))), "one row", flags="tiny")
    for n in range(1, 9):
        out.add(f"exif{n}.jpg", jpeg(scene(64, 48, 22), exif=exif(n)),
                "orientation, applied only when asked", flags="oriented" if n > 1 else "")
    base = jpeg(scene(120, 90, 23))
    out.add("trailing.jpg", base + bytes(range(256)), "bytes after the end")


def pngs(out):
    im = scene(80, 60, 24)
    a, grey = np.asarray(im), np.asarray(im.convert("L"))
    ramp = np.asarray(Image.linear_gradient("L").resize(im.size))
    pal = im.quantize(32, dither=Image.Dither.NONE)
    out.add("rgb.png", save(scene(160, 120, 25), "PNG", optimize=True), "8 bits a sample")
    out.add("grey.png", save(im.convert("L"), "PNG"), "grey", flags="grey")
    out.add("grey_alpha.png", png(80, 60, 8, 4, lines(np.stack([grey, ramp], 2))),
            "alpha dropped", flags="grey+alpha")
    out.add("rgb_alpha.png", png(80, 60, 8, 6, lines(np.dstack([a, ramp]))),
            "alpha dropped", flags="alpha")
    out.add("palette.png", save(pal, "PNG"), "palette")
    out.add("palette_alpha.png", save(pal, "PNG", transparency=bytes(range(0, 256, 8))),
            "alpha in the palette", flags="alpha")
    out.add("palette_2bit.png", save(im.quantize(4, dither=Image.Dither.NONE), "PNG", bits=2),
            "four colours")
    out.add("one_bit.png", save(im.convert("1", dither=Image.Dither.NONE), "PNG"),
            "black and white", flags="grey")
    out.add("grey16.png", png(80, 60, 16, 0, lines(wide(grey, 0x35))),
            "16 bits are clipped, or scaled when asked", flags="grey+depth16")
    out.add("grey16_dark.png", png(80, 60, 16, 0, lines((grey.astype(np.uint16) * 2).astype(">u2"))),
            "0 to 510 of 65535: clipping is not scaling", flags="grey+depth16")
    out.add("rgb16.png", png(80, 60, 16, 2, lines(wide(a, 0x5b))), "the high bytes", flags="depth16")
    out.add("grey_alpha16.png", png(80, 60, 16, 4, lines(wide(np.stack([grey, ramp], 2), 0x77))),
            "the high bytes", flags="grey+alpha+depth16")
    out.add("rgb_alpha16.png", png(80, 60, 16, 6, lines(wide(np.dstack([a, ramp]), 0x81))),
            "the high bytes", flags="alpha+depth16")
    out.add("interlaced.png", png(121, 91, 8, 2, passes(np.asarray(scene(121, 91, 26))), 1), "Adam7")
    out.add("interlaced_5x3.png", png(5, 3, 8, 2, passes(np.asarray(scene(5, 3, 27))), 1),
            "Adam7 with empty passes", flags="tiny")
    out.add("gamma.png", png(80, 60, 8, 2, lines(a), extra=chunk(b"gAMA", struct.pack(">I", 100000))),
            "gAMA is ignored")
    out.add("exif6.png", save(scene(64, 48, 22), "PNG", exif=exif(6)),
            "orientation", flags="oriented")
    out.add("named_wrongly.jpg", save(scene(48, 40, 28), "PNG"), "content decides, not the name")


def others(out):
    im = scene(100, 75, 29)
    pal = im.quantize(32, dither=Image.Dither.NONE)
    rgba = im.copy()
    rgba.putalpha(Image.linear_gradient("L").resize(im.size))
    frames = [scene(60, 45, s) for s in (30, 31)]
    out.add("lossy.webp", save(scene(200, 150, 32), "WEBP", quality=80), "lossy")
    out.add("lossless.webp", save(im, "WEBP", lossless=True), "lossless")
    out.add("alpha.webp", save(rgba, "WEBP", lossless=True, exact=True), "alpha dropped", flags="alpha")
    out.add("animated.webp", save(frames[0], "WEBP", save_all=True, append_images=frames[1:],
                                  lossless=True), "the first frame; such a file is RGBA", flags="alpha")
    out.add("exif8.webp", save(scene(64, 48, 22), "WEBP", lossless=True, exif=exif(8)),
            "orientation", flags="oriented")
    out.add("plain.gif", save(pal, "GIF", interlace=0), "palette")
    out.add("interlaced.gif", save(pal, "GIF", interlace=1), "rows in four passes")
    out.add("animated.gif", save(frames[0].quantize(16, dither=Image.Dither.NONE), "GIF", save_all=True,
                                 append_images=[frames[1].quantize(16, dither=Image.Dither.NONE)]),
            "the first frame")
    out.add("transparent.gif", save(pal, "GIF", transparency=3), "its colour stays", flags="alpha")
    out.add("rgb.bmp", save(scene(61, 45, 33), "BMP"), "rows padded to four bytes")
    out.add("palette.bmp", save(scene(61, 45, 34).quantize(64, dither=Image.Dither.NONE), "BMP"), "palette")
    out.add("one_bit.bmp", save(scene(61, 45, 35).convert("1", dither=Image.Dither.NONE), "BMP"),
            "black and white")
    out.add("four_bits.bmp", bmp(scene(61, 45, 36), 4), "sixteen colours")
    out.add("top_down.bmp", bmp(scene(40, 36, 37), 32, True), "32 bits, the first row first")
    out.add("raw.tiff", save(scene(60, 45, 38), "TIFF"), "not compressed")
    out.add("lzw.tiff", save(im, "TIFF", compression="tiff_lzw"), "LZW")
    out.add("deflate_grey.tiff", save(im.convert("L"), "TIFF", compression="tiff_adobe_deflate"),
            "deflate, grey", flags="grey")
    small = scene(50, 40, 48)
    out.add("palette.tiff", save(small.quantize(16, dither=Image.Dither.NONE), "TIFF"), "palette")
    out.add("cmyk.tiff", save(small.convert("CMYK"), "TIFF", compression="tiff_lzw"),
            "inks, not inverted", flags="cmyk")
    out.add("reversed.tiff", save(small.convert("L"), "TIFF", tiffinfo={266: 2}),
            "the lowest bit of a byte first", flags="grey")
    small.putalpha(Image.linear_gradient("L").resize(small.size))
    out.add("alpha.tiff", save(small, "TIFF", compression="tiff_lzw"), "alpha dropped", flags="alpha")
    out.add("pages.tiff", save(frames[0], "TIFF", save_all=True, append_images=frames[1:],
                               compression="tiff_lzw"), "the first page")
    out.add("exif6.tiff", save(scene(64, 48, 22), "TIFF", compression="tiff_lzw",
                               tiffinfo={0x0112: 6}), "Pillow turns TIFF by itself", flags="oriented")
    out.add("rgb.ppm", save(scene(40, 34, 39), "PPM"), "P6")
    out.add("grey.pgm", save(scene(40, 34, 40).convert("L"), "PPM"), "P5", flags="grey")


def broken(out):
    photo, more = scene(200, 150, 41), scene(80, 60, 42)
    whole = jpeg(photo)
    t = "truncated"
    for percent in (30, 60, 99):
        out.add(f"cut{percent}.jpg", cut(whole, percent), "ends early", t)
    out.add("cut_end_marker.jpg", whole[:-2], "all pixels, no end marker", "truncated|ok")
    out.add("cut60_progressive.jpg", cut(jpeg(photo, progressive=True), 60),
            "all pixels have a first value", t)
    out.add("cut60.png", cut(save(more, "PNG"), 60), "ends early", t)
    out.add("cut60.webp", cut(save(more, "WEBP", quality=80), 60), "ends early", t)
    out.add("cut95_lossless.webp", cut(save(more, "WEBP", lossless=True), 95), "ends early", t)
    out.add("cut60.gif", cut(save(more.quantize(32, dither=Image.Dither.NONE), "GIF"), 60),
            "ends early", "truncated|corrupt")
    out.add("cut60.bmp", cut(save(scene(61, 45, 43), "BMP"), 60), "ends early", "truncated|corrupt")
    out.add("cut60.ppm", cut(save(scene(40, 34, 44), "PPM"), 60), "ends early", "truncated|corrupt")
    out.add("cut60.tiff", cut(save(more, "TIFF", compression="tiff_lzw"), 60),
            "its directory is gone", "truncated|corrupt|unsupported")
    out.add("empty.jpg", b"", "no bytes", "empty")
    out.add("text.jpg", b"<!DOCTYPE html>\n<title>404 Not Found</title>\n", "an error page", "unsupported")
    out.add("noise.png", noise(30, 20, 45).astype(np.uint8).tobytes(), "no signature", "unsupported")
    out.add("shifted.jpg", b"\0\0" + jpeg(scene(40, 30, 46)), "no signature at its start", "unsupported")
    out.add("claims_40000.jpg", claim(whole, 40000, 40000), "1600 million pixels", "too_large")
    out.add("claims_none.jpg", claim(whole, 0, 150), "no columns", "corrupt")
    out.add("claims_taller.jpg", claim(jpeg(more), 80, 600), "a tenth of its rows, as Pillow takes it",
            flags="warned")
    out.add("wrong_sum.png", png(80, 60, 8, 2, lines(np.asarray(more)), crc=1),
            "Pillow does not look, libpng does", "corrupt")


def main():
    out = Sample()
    for part in (jpegs, pngs, others, broken):
        part(out)
    folder = sys.argv[1]
    with open(os.path.join(folder, "..", "files.tsv"), "w", newline="\n") as tsv:
        tsv.write("file\tstatus\tflags\tnote\n")
        for name, (data, status, flags, note) in sorted(out.items()):
            with open(os.path.join(folder, name), "wb") as f:
                f.write(data)
            tsv.write(f"{name}\t{status}\t{flags or '-'}\t{note}\n")
    print(len(out), "images,", sum(len(v[0]) for v in out.values()), "bytes")


if __name__ == "__main__":
    main()
