"""made_images.py - awkward image files of each kind, made of noise and slopes"""
import io
import os
import struct
import zlib

from PIL import Image

# MADE_SIZE=HxW makes them smaller; 22 x 27 is the least
H, W = (int(n) for n in os.environ.get("MADE_SIZE", "37x53").split("x"))


def picture(rng, mode="RGB", size=(W, H)):
    """Slopes, blocks and noise, so that every coder has something to do."""
    w, h = size
    bands = len(Image.new(mode, (1, 1)).getbands())
    px = bytearray()
    for y in range(h):
        for x in range(w):
            for c in range(bands):
                v = (x * 5 + y * 3 * (c + 1) + (40 if (x // 9 + y // 7) % 2 else 0)) % 256
                px.append((v + rng.randrange(24)) % 256)
    if mode == "1":
        return Image.frombytes("L", size, bytes(px[:w * h])).convert("1")
    if mode == "P":
        return Image.frombytes("RGB", size, bytes(picture(rng, "RGB", size).tobytes())).quantize(40)
    return Image.frombytes(mode, size, bytes(px))


def saved(im, kind, **more):
    f = io.BytesIO()
    im.save(f, kind, **more)
    return f.getvalue()


# JPEG

def segments(data):
    """(marker, whole bytes) up to SOS, then the rest."""
    at, out = 2, []
    while data[at + 1] != 0xda:
        n = 2 + struct.unpack(">H", data[at + 2:at + 4])[0]
        out.append((data[at + 1], data[at:at + n]))
        at += n
    return out, data[at:]


def joined(segs, rest):
    return b"\xff\xd8" + b"".join(s for _, s in segs) + rest


def scans(data):
    """Offsets of the SOS markers."""
    at, out = 2, []
    while at < len(data) - 3:
        if data[at] == 0xff and data[at + 1] == 0xda:
            out.append(at)
            at += 2
        elif data[at] == 0xff and data[at + 1] not in (0, 0xff) and not 0xd0 <= data[at + 1] <= 0xd9:
            at += 2 + struct.unpack(">H", data[at + 2:at + 4])[0]
        else:
            at += 1
    return out


def jpeg(rng):
    for name, size in (("a", (W, H)), ("b", (129, 66)), ("c", (17, 8)), ("d", (8, 300)), ("e", (7, 5))):
        for sub in (0, 1, 2):
            yield "%s_%d.jpg" % (name, sub), saved(picture(rng, "RGB", size), "JPEG", subsampling=sub, quality=85)
            p = saved(picture(rng, "RGB", size), "JPEG", subsampling=sub, progressive=True)
            yield "%s_%d_prog.jpg" % (name, sub), p
            s = scans(p)
            for i in range(1, len(s)):  # scans that are not there
                yield "%s_%d_prog%d.jpg" % (name, sub, i), p[:s[i]] + b"\xff\xd9"
            for i in range(1, len(s) - 1):
                yield "%s_%d_prog_without%d.jpg" % (name, sub, i), p[:s[i]] + p[s[i + 1]:]
    im = picture(rng)
    yield "grey.jpg", saved(im.convert("L"), "JPEG")
    yield "grey_prog.jpg", saved(im.convert("L"), "JPEG", progressive=True)
    cmyk = saved(picture(rng, "CMYK"), "JPEG")
    yield "cmyk.jpg", cmyk
    yield "cmyk_prog.jpg", saved(picture(rng, "CMYK"), "JPEG", progressive=True)
    segs, rest = segments(cmyk)
    yield "cmyk_no_adobe.jpg", joined([s for s in segs if s[0] != 0xee], rest)
    yield "rst.jpg", saved(im, "JPEG", restart_marker_blocks=2)
    yield "rst_rows.jpg", saved(im, "JPEG", restart_marker_rows=1)
    plain = saved(im, "JPEG")
    segs, rest = segments(plain)
    yield "no_dht.jpg", joined([s for s in segs if s[0] != 0xc4], rest)
    opt = saved(im, "JPEG", optimize=True)
    osegs, orest = segments(opt)
    yield "optimized.jpg", opt
    yield "optimized_no_dht.jpg", joined([s for s in osegs if s[0] != 0xc4], orest)
    yield "no_dqt.jpg", joined([s for s in segs if s[0] != 0xdb], rest)
    dhts = [i for i, s in enumerate(segs) if s[0] == 0xc4]
    for k in dhts:
        yield "no_dht_%d.jpg" % k, joined([s for i, s in enumerate(segs) if i != k], rest)
    psegs, prest = segments(saved(im, "JPEG", progressive=True))
    yield "prog_no_dht.jpg", joined([s for s in psegs if s[0] != 0xc4], prest)
    yield "no_eoi.jpg", plain[:-2]
    for n in (3, 4, 6, 10, 20, 40, 80, 200, 400):
        yield "cut_%d.jpg" % n, plain[:-n]
        yield "cut_eoi_%d.jpg" % n, plain[:-n] + b"\xff\xd9"
    for tail in (b"\0" * 5, b"\0" * 5000, b"\xff" * 3, b"hello", b"\xff\xd9" * 2, plain):
        yield "tail_%d.jpg" % len(tail), plain + tail
        yield "tail_no_eoi_%d.jpg" % len(tail), plain[:-2] + tail
    prog = saved(im, "JPEG", progressive=True)
    yield "prog_no_eoi.jpg", prog[:-2]
    yield "prog_zeros.jpg", prog[:-2] + b"\0" * 100
    sof = [i for i, s in enumerate(segs) if s[0] == 0xc0][0]
    for dh in (-20, -8, -1, 1, 3, 8, 16, 40):
        b = bytearray(segs[sof][1])
        b[5:7] = struct.pack(">H", H + dh)
        yield "height%+d.jpg" % dh, joined(segs[:sof] + [(0xc0, bytes(b))] + segs[sof + 1:], rest)
    for ids in (b"RGB", b"\1\2\3", b"\0\1\2", b"YCC"):
        b = bytearray(segs[sof][1])
        r = bytearray(rest)
        for i in range(3):
            b[10 + 3 * i] = ids[i]
            r[5 + 2 * i] = ids[i]
        for jfif in (True, False):
            s = segs[:sof] + [(0xc0, bytes(b))] + segs[sof + 1:]
            yield "ids_%s_%d.jpg" % (ids.hex(), jfif), joined([x for x in s if jfif or x[0] != 0xe0], bytes(r))
    for t in (0, 1, 2):
        adobe = (0xee, b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0" + bytes([t]))
        yield "adobe_%d.jpg" % t, joined([adobe] + [s for s in segs if s[0] != 0xe0], rest)
        yield "jfif_adobe_%d.jpg" % t, joined(segs[:1] + [adobe] + segs[1:], rest)
        cs, cr = segments(cmyk)
        yield "cmyk_adobe_%d.jpg" % t, joined([adobe] + [s for s in cs if s[0] != 0xee], cr)
    yield "com.jpg", joined(segs[:1] + [(0xfe, b"\xff\xfe\0\x0ahello!!!")] + segs[1:], rest)
    yield "fill.jpg", joined([(m, b"\xff\xff" + s) for m, s in segs], rest)
    yield "junk.jpg", joined([(m, s + b"\0\1\2") for m, s in segs], rest)
    f = io.BytesIO()
    im.save(f, "MPO", save_all=True, append_images=[picture(rng)])
    yield "two.mpo.jpg", f.getvalue()


# PNG

def chunk(name, body, crc=None):
    c = zlib.crc32(name + body) if crc is None else crc
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", c)


SIG = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def ihdr(w, h, depth, colour, lace=0):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, colour, 0, 0, lace))


def rows(rng, w, h, depth, colour, filters=(0, 1, 2, 3, 4)):
    n = (w * CHANNELS[colour] * depth + 7) // 8
    out = bytearray()
    for y in range(h):
        out.append(rng.choice(filters))
        out += bytes((i * 3 + y * 7 + rng.randrange(30)) % 256 for i in range(n))
    return bytes(out)


def adam7(rng, w, h, depth, colour):
    out = b""
    for x0, y0, dx, dy in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)):
        pw, ph = (w - x0 + dx - 1) // dx, (h - y0 + dy - 1) // dy
        if pw > 0 and ph > 0:
            out += rows(rng, pw, ph, depth, colour)
    return out


def png(rng):
    plte = chunk(b"PLTE", bytes((i * 7) % 256 for i in range(768)))
    end = chunk(b"IEND", b"")
    for colour, depths in ((0, (1, 2, 4, 8, 16)), (2, (8, 16)), (3, (1, 2, 4, 8)), (4, (8, 16)), (6, (8, 16))):
        for depth in depths:
            p = chunk(b"PLTE", bytes((i * 5) % 256 for i in range(3 * min(256, 1 << depth)))) if colour == 3 else b""
            for w, h in ((W, H), (1, 1), (9, 3), (3, 40)):
                d = zlib.compress(rows(rng, w, h, depth, colour))
                head = SIG + ihdr(w, h, depth, colour)
                name = "c%d_d%d_%dx%d" % (colour, depth, w, h)
                yield name + ".png", head + p + chunk(b"IDAT", d) + end
                i = zlib.compress(adam7(rng, w, h, depth, colour))
                yield name + "_lace.png", SIG + ihdr(w, h, depth, colour, 1) + p + chunk(b"IDAT", i) + end
                if w != W:
                    continue
                for t in (b"\0", b"\0\5", b"\0\5\0\6\0\7", bytes(range(200))):
                    yield name + "_trns%d.png" % len(t), head + p + chunk(b"tRNS", t) + chunk(b"IDAT", d) + end
                yield name + "_split.png", head + p + b"".join(chunk(b"IDAT", d[j:j + 13]) for j in range(0, len(d), 13)) + end
                yield name + "_no_end.png", head + p + chunk(b"IDAT", d)
                yield name + "_plte.png", head + plte + chunk(b"IDAT", d) + end
                yield name + "_few.png", head + p + chunk(b"IDAT", zlib.compress(rows(rng, w, h - 3, depth, colour))) + end
                yield name + "_many.png", head + p + chunk(b"IDAT", zlib.compress(rows(rng, w, h + 3, depth, colour))) + end
                yield name + "_adler.png", head + p + chunk(b"IDAT", d[:-4] + b"abcd") + end
                yield name + "_no_adler.png", head + p + chunk(b"IDAT", d[:-4]) + end
                yield name + "_cut.png", head + p + chunk(b"IDAT", d[:-9]) + end
                yield name + "_crc.png", head + p + chunk(b"IDAT", d, 7) + end
                yield name + "_after.png", head + p + chunk(b"IDAT", d + b"junkjunk") + end
                yield name + "_unknown.png", head + p + chunk(b"ABCD", b"x") + chunk(b"IDAT", d) + end
                yield name + "_between.png", head + p + chunk(b"IDAT", d[:30]) + chunk(b"tEXt", b"a\0b") + chunk(b"IDAT", d[30:]) + end
                yield name + "_empty_idat.png", head + p + chunk(b"IDAT", b"") + chunk(b"IDAT", d) + end
                yield name + "_no_plte.png", head + chunk(b"IDAT", d) + end
                yield name + "_short_plte.png", head + chunk(b"PLTE", b"abcdef") + chunk(b"IDAT", d) + end
                yield name + "_odd_plte.png", head + chunk(b"PLTE", b"abcdefgh") + chunk(b"IDAT", d) + end
                yield name + "_two_ihdr.png", head + ihdr(w + 2, h, depth, colour) + p + chunk(b"IDAT", d) + end
                yield name + "_gamma.png", head + chunk(b"gAMA", struct.pack(">I", 45455)) + chunk(b"sBIT", b"\5\5\5\5"[:CHANNELS[colour] if colour != 3 else 3]) + chunk(b"bKGD", b"\0" * 6) + p + chunk(b"IDAT", d) + end
                yield name + "_filter9.png", head + p + chunk(b"IDAT", zlib.compress(rows(rng, w, h, depth, colour, (0, 9)))) + end
                yield name + "_trailing.png", head + p + chunk(b"IDAT", d) + end + b"more"
    for depth, colour in ((3, 0), (16, 3), (4, 2), (8, 1), (8, 5), (8, 7), (32, 0)):
        yield "bad_%d_%d.png" % (depth, colour), SIG + ihdr(W, H, depth, colour) + chunk(b"IDAT", zlib.compress(bytes(5 * W * H * 8))) + end
    for w, h in ((0, 5), (5, 0), (1 << 31, 1), (70000, 70000)):
        yield "size_%d_%d.png" % (w, h), SIG + ihdr(w, h, 8, 0) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + end
    a = picture(rng, "RGBA")
    yield "apng.png", saved(a, "PNG", save_all=True, append_images=[picture(rng, "RGBA")])
    yield "apng_default.png", saved(a, "PNG", save_all=True, append_images=[picture(rng, "RGBA")], default_image=True)
    yield "level0.png", saved(picture(rng), "PNG", compress_level=0)


# WebP

def webp(rng):
    for mode in ("RGB", "RGBA"):
        for size in ((W, H), (1, 1), (16, 64), (3, 2)):
            im = picture(rng, mode, size)
            for name, more in (("lossy", {}), ("low", {"quality": 5}), ("lossless", {"lossless": True}),
                               ("exact", {"lossless": True, "exact": True}), ("alpha", {"alpha_quality": 20})):
                yield "%s_%s_%d.webp" % (mode, name, size[0]), saved(im, "WEBP", **more)
    yield "anim.webp", saved(picture(rng), "WEBP", save_all=True, append_images=[picture(rng)], duration=50)
    yield "anim_alpha.webp", saved(picture(rng, "RGBA"), "WEBP", save_all=True, append_images=[picture(rng, "RGBA")])
    yield "meta.webp", saved(picture(rng), "WEBP", icc_profile=b"x" * 31, xmp=b"<x/>", exif=exif(1))
    yield "tail.webp", saved(picture(rng), "WEBP") + b"tail"


# GIF

def gif_codes(px, bits, rng, clear_every=0):
    """LZW by a plain encoder; sub-blocks and end."""
    clear, end = 1 << bits, (1 << bits) + 1
    acc = n = 0
    out = bytearray()

    def put(code, size):
        nonlocal acc, n
        acc |= code << n
        n += size
        while n >= 8:
            out.append(acc & 255)
            acc >>= 8
            n -= 8

    table, size = {bytes([i]): i for i in range(clear)}, bits + 1
    put(clear, size)
    nxt, cur, done = end + 1, b"", 0
    for p in px:
        done += 1
        if cur + bytes([p]) in table:
            cur += bytes([p])
            continue
        put(table[cur], size)
        if nxt < 4096:
            table[cur + bytes([p])] = nxt
            nxt += 1
            if nxt > (1 << size) and size < 12:
                size += 1
        if clear_every and done % clear_every == 0:
            put(clear, size)
            table, size, nxt = {bytes([i]): i for i in range(clear)}, bits + 1, end + 1
        cur = bytes([p])
    put(table[cur], size)
    put(end, size)
    if n:
        out.append(acc & 255)
    block = rng.choice([255, 255, 7])
    return bytes([bits]) + b"".join(bytes([len(out[i:i + block])]) + bytes(out[i:i + block]) for i in range(0, len(out), block)) + b"\0"


def gif_file(rng, w=20, h=15, bits=4, screen=None, at=(0, 0), glob=True, local=False, trans=None, lace=False, back=0,
             before=b"", clear_every=0, size=None, end=b";", version=b"GIF89a", extra=0):
    sw, sh = screen or (w, h)
    pal = bytes((i * 37 + 11) % 256 for i in range(3 << bits))
    out = version + struct.pack("<HHBBB", sw, sh, (0x80 | (bits - 1)) if glob else 0, back, 0) + (pal if glob else b"")
    out += before
    if trans is not None:
        out += b"\x21\xf9\x04\x01\0\0" + bytes([trans]) + b"\0"
    out += b"," + struct.pack("<HHHHB", at[0], at[1], w, h, (0x80 | (bits - 1) if local else 0) | (0x40 if lace else 0))
    out += bytes(255 - b for b in pal) if local else b""
    n = w * h if size is None else size
    px = [(i // 3 + rng.randrange(2)) % (1 << bits) for i in range(n + extra)]
    return out + gif_codes(px, max(2, bits), rng, clear_every) + end


def gif(rng):
    for bits in (1, 2, 4, 7, 8):
        yield "b%d.gif" % bits, gif_file(rng, bits=bits)
        yield "b%d_lace.gif" % bits, gif_file(rng, bits=bits, lace=True, w=13, h=23)
        yield "b%d_big.gif" % bits, gif_file(rng, bits=bits, w=150, h=90)
        yield "b%d_clear.gif" % bits, gif_file(rng, bits=bits, w=50, h=40, clear_every=97)
    yield "screen.gif", gif_file(rng, screen=(40, 30), at=(5, 6))
    yield "screen_trans.gif", gif_file(rng, screen=(40, 30), at=(5, 6), trans=3)
    yield "screen_back.gif", gif_file(rng, screen=(40, 30), at=(5, 6), back=7)
    yield "outside.gif", gif_file(rng, screen=(10, 10), at=(5, 6))
    yield "outside_trans.gif", gif_file(rng, screen=(10, 10), at=(5, 6), trans=5)
    yield "outside_lace.gif", gif_file(rng, screen=(10, 10), at=(5, 6), lace=True)
    yield "local.gif", gif_file(rng, local=True)
    yield "local_only.gif", gif_file(rng, local=True, glob=False)
    yield "no_palette.gif", gif_file(rng, glob=False)
    yield "no_palette_trans.gif", gif_file(rng, glob=False, trans=4, screen=(30, 30))
    yield "trans_big.gif", gif_file(rng, trans=200, screen=(30, 30))
    yield "local_trans_big.gif", gif_file(rng, bits=2, local=True, trans=200, screen=(30, 30))
    yield "no_end.gif", gif_file(rng, end=b"")
    yield "tail.gif", gif_file(rng, end=b";more bytes")
    yield "short.gif", gif_file(rng, size=100)
    yield "long.gif", gif_file(rng, extra=50)
    yield "g87.gif", gif_file(rng, version=b"GIF87a")
    yield "comment.gif", gif_file(rng, before=b"\x21\xfe\x05hello\0\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0")
    yield "two_control.gif", gif_file(rng, before=b"\x21\xf9\x04\x01\0\0\x02\0", trans=1, screen=(30, 30))
    yield "control_off.gif", gif_file(rng, before=b"\x21\xf9\x04\x01\0\0\x02\0\x21\xf9\x04\0\0\0\x03\0", screen=(30, 30))
    yield "dispose2.gif", gif_file(rng, before=b"\x21\xf9\x04\x09\0\0\x02\0", screen=(30, 30))
    yield "junk_before.gif", gif_file(rng, before=b"\0\0xy")
    grey = bytearray(gif_file(rng, bits=8))
    grey[13:13 + 768] = bytes(i // 3 for i in range(768))
    yield "grey.gif", bytes(grey)
    yield "anim.gif", saved(picture(rng, "P"), "GIF", save_all=True, append_images=[picture(rng, "P")])
    yield "pil.gif", saved(picture(rng, "P"), "GIF")
    yield "pil_grey.gif", saved(picture(rng, "L"), "GIF")


# BMP

def bmp_file(bits, data, w=W, h=H, comp=0, head=40, pal=b"", masks=b"", colours=0, gap=0, offset=None):
    if head == 12:
        info = struct.pack("<IHHHH", 12, w, h & 0xffff, 1, bits)
    else:
        info = struct.pack("<IiiHHIIiiII", head, w, h, 1, bits, comp, len(data), 2835, 2835, colours, 0)
        if head > 40:
            info += masks + bytes(head - 40 - len(masks))
            masks = b""
    off = 14 + len(info) + len(masks) + len(pal) + gap
    body = info + masks + pal + bytes(gap) + data
    return b"BM" + struct.pack("<IHHI", 14 + len(body), 0, 0, off if offset is None else offset) + body


def noise(rng, n):
    return bytes(rng.randrange(256) for _ in range(n))


def bmp_palette(n, grey=False, size=4):
    return b"".join(bytes([i % 256 if grey else i * 7 % 256, i % 256 if grey else i * 5 % 256, i % 256 if grey else 255 - i % 256] + [0] * (size - 3)) for i in range(n))


def rle(rng, w, h, four, ends=True):
    out = bytearray()
    for y in range(h):
        x = 0
        while x < w:
            way = rng.randrange(12)
            if way < 6:
                n = min(w - x + rng.choice([0, 0, 0, 2]), rng.randrange(1, 12))
                out += bytes([n, rng.randrange(256)])
                x += n
            elif way < 10 and w - x > 4:
                n = rng.randrange(3, min(12, w - x) + 1)
                nb = (n + 1) // 2 if four else n
                out += bytes([0, n]) + noise(rng, nb) + (b"\0" if nb % 2 else b"")
                x += n
            elif way == 10 and w - x > 3:
                out += bytes([0, 2, 2, 0])
                x += 2
            else:
                break
        out += b"\0\0"
    return bytes(out) + (b"\0\1" if ends else b"")


def bmp(rng):
    for bits, n in ((1, 2), (4, 16), (8, 256)):
        stride = (W * bits + 31) // 32 * 4
        d = noise(rng, stride * H)
        for grey in (False, True):
            g = "grey" if grey else "col"
            yield "b%d_%s.bmp" % (bits, g), bmp_file(bits, d, pal=bmp_palette(n, grey))
            yield "b%d_%s_os2.bmp" % (bits, g), bmp_file(bits, d, head=12, pal=bmp_palette(n, grey, 3))
            yield "b%d_%s_os2v2.bmp" % (bits, g), bmp_file(bits, d, head=64, pal=bmp_palette(n, grey))
        yield "b%d_down.bmp" % bits, bmp_file(bits, d, h=-H, pal=bmp_palette(n))
        yield "b%d_few.bmp" % bits, bmp_file(bits, d, pal=bmp_palette(n // 2), colours=n // 2)
        yield "b%d_many.bmp" % bits, bmp_file(bits, d, pal=bmp_palette(300), colours=300)
        yield "b%d_gap.bmp" % bits, bmp_file(bits, d, pal=bmp_palette(n), gap=6)
        yield "b%d_bw.bmp" % bits, bmp_file(bits, d, pal=b"\0\0\0\0\xff\xff\xff\0", colours=2)
        yield "b%d_wb.bmp" % bits, bmp_file(bits, d, pal=b"\xff\xff\xff\0\0\0\0\0", colours=2)
        yield "b%d_one.bmp" % bits, bmp_file(bits, d, pal=b"\0\0\0\0", colours=1)
        yield "b%d_offset.bmp" % bits, bmp_file(bits, d, pal=bmp_palette(n), offset=54)
        yield "b%d_offset0.bmp" % bits, bmp_file(bits, d, pal=bmp_palette(n), offset=0)
        yield "b%d_cut.bmp" % bits, bmp_file(bits, d[:-1], pal=bmp_palette(n))
        yield "b%d_wide.bmp" % bits, bmp_file(bits, d + noise(rng, stride * 3), pal=bmp_palette(n))
        for head in (52, 56, 64, 108, 124):
            yield "b%d_v%d.bmp" % (bits, head), bmp_file(bits, d, head=head, pal=bmp_palette(n))
    for bits in (16, 24, 32):
        stride = (W * bits + 31) // 32 * 4
        d = noise(rng, stride * H)
        for head in (12, 40, 52, 56, 64, 108, 124):
            yield "b%d_h%d.bmp" % (bits, head), bmp_file(bits, d, head=head)
        yield "b%d_down.bmp" % bits, bmp_file(bits, d, h=-H)
        yield "b%d_pal.bmp" % bits, bmp_file(bits, d, pal=bmp_palette(20), colours=20)
        for m in ((0xf800, 0x7e0, 0x1f, 0), (0x7c00, 0x3e0, 0x1f, 0), (0xff0000, 0xff00, 0xff, 0), (0xff, 0xff00, 0xff0000, 0),
                  (0xff0000, 0xff00, 0xff, 0xff000000), (0xff, 0xff00, 0xff0000, 0xff000000), (0xff000000, 0xff0000, 0xff00, 0),
                  (0xff000000, 0xff0000, 0xff00, 0xff), (0xff000000, 0xff00, 0xff, 0), (0xff000000, 0xff00, 0xff, 0xff0000),
                  (0, 0, 0, 0), (0xf00, 0xf0, 0xf, 0xf000), (0x3ff00000, 0xffc00, 0x3ff, 0)):
            name = "_".join("%x" % x for x in m)
            yield "b%d_m40_%s.bmp" % (bits, name), bmp_file(bits, d, comp=3, masks=struct.pack("<III", *m[:3]))
            for head in (52, 56, 64, 108, 124):
                yield "b%d_m%d_%s.bmp" % (bits, head, name), bmp_file(bits, d, comp=3, head=head, masks=struct.pack("<IIII", *m)[:head - 40])
    for four in (False, True):
        for ends in (False, True):
            for w, h in ((W, H), (12, 8), (13, 9)):
                n = 16 if four else 256
                for grey in (False, True):
                    yield "rle%d_%d_%d_%d.bmp" % (4 if four else 8, ends, w, grey), bmp_file(
                        4 if four else 8, rle(rng, w, h, four, ends), w, h, 2 if four else 1, pal=bmp_palette(n, grey))
        for bits in (1, 4, 8, 24):
            yield "rle%d_in%d.bmp" % (four, bits), bmp_file(bits, rle(rng, W, H, four), comp=2 if four else 1, pal=bmp_palette(1 << bits if bits < 9 else 0))
        yield "rle%d_down.bmp" % four, bmp_file(4 if four else 8, rle(rng, W, H, four), h=-H, comp=2 if four else 1, pal=bmp_palette(16 if four else 256))
        yield "rle%d_bw.bmp" % four, bmp_file(4 if four else 8, rle(rng, W, H, four), comp=2 if four else 1, pal=b"\0\0\0\0\xff\xff\xff\0", colours=2)
        yield "rle%d_few.bmp" % four, bmp_file(4 if four else 8, rle(rng, W, H, four), comp=2 if four else 1, pal=bmp_palette(7), colours=7)
    for comp in (4, 5, 6, 11):
        yield "comp%d.bmp" % comp, bmp_file(24, noise(rng, (W * 3 + 3) // 4 * 4 * H), comp=comp)
    for bits in (2, 5, 64, 0):
        yield "bits%d.bmp" % bits, bmp_file(bits, noise(rng, 8000))
    im = picture(rng)
    for mode in ("1", "L", "P", "RGB", "RGBA"):
        yield "pil_%s.bmp" % mode, saved(picture(rng, mode), "BMP")
    yield "size.bmp", bmp_file(24, saved(im, "BMP")[54:], w=0)


# PNM

def ppm(rng):
    for top in (1, 2, 3, 15, 100, 254, 255, 256, 1000, 4095, 65534, 65535):
        for kind, bands in ((2, 1), (3, 3), (5, 1), (6, 3)):
            v = [rng.randrange(top + 1) for _ in range(W * H * bands)]
            head = b"P%d\n%d %d\n%d\n" % (kind, W, H, top)
            if kind < 4:
                body = b" ".join(b"%d" % x for x in v) + b"\n"
            else:
                body = bytes(v) if top < 256 else struct.pack(">%dH" % len(v), *v)
            yield "p%d_%d.ppm" % (kind, top), head + body
            if top in (100, 255, 1000, 65535):
                yield "p%d_%d_tail.ppm" % (kind, top), head + body + b"# tail\n1 2 3 4\n"
                yield "p%d_%d_cut.ppm" % (kind, top), head + body[:-3]
                yield "p%d_%d_comment.ppm" % (kind, top), b"P%d # c\n# d\n%d # e\n%d\n# f\n%d\n" % (kind, W, H, top) + body
                yield "p%d_%d_cr.ppm" % (kind, top), b"P%d\r%d\r%d\r%d\r" % (kind, W, H, top) + body
                yield "p%d_%d_crlf.ppm" % (kind, top), b"P%d\r\n%d %d\r\n%d\r\n" % (kind, W, H, top) + body
                if kind < 4:
                    yield "p%d_%d_lines.ppm" % (kind, top), head + body.replace(b" ", b"\n# x 9\n", 40).replace(b" ", b"\t\r\n")
                    yield "p%d_%d_more.ppm" % (kind, top), head + body.replace(b" ", b" %d " % (top + 1), 1)
                    yield "p%d_%d_minus.ppm" % (kind, top), head + body.replace(b" ", b" -1 ", 1)
                    yield "p%d_%d_word.ppm" % (kind, top), head + body.replace(b" ", b" a ", 1)
                    yield "p%d_%d_plus.ppm" % (kind, top), head + body.replace(b" ", b" +1 ", 3)
                    yield "p%d_%d_zeros.ppm" % (kind, top), head + body.replace(b" ", b" 0001 ", 3)
                    yield "p%d_%d_under.ppm" % (kind, top), head + body.replace(b" ", b" 1_0 ", 3)
                    yield "p%d_%d_long.ppm" % (kind, top), head + body.replace(b" ", b" 00000000001 ", 3)
                else:
                    yield "p%d_%d_over.ppm" % (kind, top), head + b"\xff" * len(body)
    bits = [[rng.randrange(2) for _ in range(W)] for _ in range(H)]
    packed = b"".join(bytes(sum(b << (7 - i) for i, b in enumerate((r + [0] * 8)[k:k + 8])) for k in range(0, W, 8)) for r in bits)
    flat = "".join(str(b) for r in bits for b in r).encode()
    yield "p4.pbm", b"P4\n%d %d\n" % (W, H) + packed
    yield "p4_cut.pbm", b"P4\n%d %d\n" % (W, H) + packed[:-1]
    yield "p1.pbm", b"P1\n%d %d\n" % (W, H) + flat
    yield "p1_spaces.pbm", b"P1\n%d %d\n" % (W, H) + b" ".join(flat[i:i + 1] for i in range(len(flat)))
    yield "p1_comment.pbm", b"P1\n%d %d\n" % (W, H) + flat[:200] + b"# 1 0 x\n" + flat[200:]
    yield "p1_cut.pbm", b"P1\n%d %d\n" % (W, H) + flat[:-5]
    yield "p1_two.pbm", b"P1\n%d %d\n" % (W, H) + flat.replace(b"1", b"2", 1)
    yield "p1_more.pbm", b"P1\n%d %d\n" % (W, H) + flat + b"xyz"
    for head in (b"P6 5 4 0\n", b"P6 5 4 65536\n", b"P6 0 4 255\n", b"P6 -5 4 255\n", b"P6 5x 4 255\n", b"P65 4 255\n", b"P6#c\n5 4 255\n",
                 b"P6\v5\f4 255\n", b"P6 00005 4 255\n", b"P6 00000000005 4 255\n", b"P6 5 4 255#c\n", b"P6 +5 4 255 ", b"P6 1_0 4 255 ", b"P7 5 4 255\n",
                 b"P0 5 4 255\n", b"P5 5 4 2#5\n5\n", b"P6\n5 4\n255\r\n", b"Pf 5 4 -1.0\n", b"PyP 5 4 255\n"):
        yield "head_%s.ppm" % head.hex()[:40], head + noise(rng, 80)


# TIFF

TYPE = {"B": 1, "H": 3, "I": 4, "b": 6, "h": 8, "i": 9, "f": 11, "d": 12, "Q": 16}


def tiff_file(tags, strips, big_endian=False, bigtiff=False, tiled=False, jumble=False):
    """tags: {tag: (type, values)}; strips: bodies."""
    e = ">" if big_endian else "<"
    tags = dict(tags)
    tags[324 if tiled else 273] = ("Q" if bigtiff else "I", [0] * len(strips))
    tags[325 if tiled else 279] = ("I", [len(s) for s in strips])
    order = "MM" if big_endian else "II"
    head = order.encode() + (struct.pack(e + "HHHQ", 43, 8, 0, 16) if bigtiff else struct.pack(e + "HI", 42, 8))
    room = 8 if bigtiff else 4
    n = len(tags)
    at = len(head) + (8 + 20 * n + 8 if bigtiff else 2 + 12 * n + 4)
    where, extra = {}, b""
    for t, (f, v) in sorted(tags.items()):
        size = len(v) if f in ("A", "U") else struct.calcsize(e + f) * len(v)
        if size > room:
            where[t] = at + len(extra)
            extra += bytes(size + size % 2)
    body, offsets = b"", []
    for s in strips:
        offsets.append(at + len(extra) + len(body))
        body += s + bytes(len(s) % 2)
    tags[324 if tiled else 273] = (tags[324 if tiled else 273][0], offsets)
    out = head + struct.pack(e + ("Q" if bigtiff else "H"), n)
    extra = bytearray(extra)
    base = at
    for t, (f, v) in sorted(tags.items()):
        raw = bytes(v) if f in ("A", "U") else b"".join(struct.pack(e + f, x) for x in v)
        count = len(v)
        typ = {"A": 2, "U": 7}.get(f) or TYPE[f]
        if t in where:
            extra[where[t] - base:where[t] - base + len(raw)] = raw
            field = struct.pack(e + ("Q" if bigtiff else "I"), where[t])
        else:
            field = raw + bytes(room - len(raw))
        out += struct.pack(e + "HH" + ("Q" if bigtiff else "I"), t, typ, count) + field
    return out + struct.pack(e + ("Q" if bigtiff else "I"), 0) + bytes(extra) + body


def packbits(data):
    out = b""
    for i in range(0, len(data), 100):
        part = data[i:i + 100]
        out += bytes([len(part) - 1]) + part
    return out


def tiff_cases(rng, photo, bps, extra=(), fmt=None, fill=None, planar=None, comp=1, rows_=None, tile=None, big_endian=False,
               bigtiff=False, pred=None, w=W, h=H, spp=None, more=None, data=None):
    spp_ = spp or len(bps)
    tags = {256: ("I", [w]), 257: ("I", [h]), 258: ("H", list(bps)), 259: ("H", [comp]), 262: ("H", [photo]), 277: ("H", [spp_])}
    if extra:
        tags[338] = ("H", list(extra))
    if fmt:
        tags[339] = ("H", list(fmt))
    if fill:
        tags[266] = ("H", [fill])
    if planar:
        tags[284] = ("H", [planar])
    if pred:
        tags[317] = ("H", [pred])
    if photo == 3:
        n = 1 << bps[0] if bps[0] <= 8 else 256
        tags[320] = ("H", [(i * 517) % 65536 for i in range(3 * n)])
    tags.update(more or {})
    bits = sum(bps) if planar != 2 else bps[0]
    planes = spp_ if planar == 2 else 1
    cw, ch = tile or (w, rows_ or h)
    if tile:
        tags[322], tags[323] = ("I", [cw]), ("I", [ch])
    else:
        tags[278] = ("I", [ch])
    across, down = -(-w // cw), -(-h // ch)
    strips = []
    for _ in range(planes):
        for y in range(down):
            for _ in range(across):
                hh = ch if tile else min(ch, h - y * ch)
                raw = data(hh, cw) if data else bytes((i * 3 + y * 5 + rng.randrange(40)) % 256 for i in range((cw * bits + 7) // 8 * hh))
                strips.append(zlib.compress(raw) if comp in (8, 32946) else packbits(raw) if comp == 32773 else raw)
    return tiff_file(tags, strips, big_endian, bigtiff, bool(tile))


def tiff(rng):
    kinds = [(0, (1,)), (1, (1,)), (0, (2,)), (1, (2,)), (0, (4,)), (1, (4,)), (0, (8,)), (1, (8,)), (3, (1,)), (3, (2,)), (3, (4,)), (3, (8,)),
             (1, (12,)), (0, (12,)), (0, (16,)), (1, (16,)), (1, (32,)), (0, (32,)), (2, (8, 8, 8)), (2, (16, 16, 16)), (2, (8, 8, 8, 8)),
             (2, (16,) * 4), (2, (32,) * 3), (2, (4, 4, 4)), (2, (5, 6, 5)), (5, (8,) * 4), (5, (16,) * 4), (6, (8, 8, 8)), (8, (8, 8, 8)), (8, (16,) * 3), (6, (8,)),
             (9, (8,) * 3), (10, (8,) * 3), (32844, (16,)), (4, (1,)), (2, (8,)), (1, (8, 8)), (3, (16,)), (1, (64,))]
    for photo, bps in kinds:
        name = "p%d_%s" % (photo, "x".join(map(str, bps)))
        for be in (False, True):
            n = name + ("_be" if be else "")
            yield n + ".tif", tiff_cases(rng, photo, bps, big_endian=be)
            yield n + "_strips.tif", tiff_cases(rng, photo, bps, big_endian=be, rows_=8)
            yield n + "_tiles.tif", tiff_cases(rng, photo, bps, big_endian=be, tile=(16, 16))
            yield n + "_zip.tif", tiff_cases(rng, photo, bps, big_endian=be, comp=8, rows_=8)
            yield n + "_zip_tiles.tif", tiff_cases(rng, photo, bps, big_endian=be, comp=8, tile=(16, 32))
            yield n + "_bits.tif", tiff_cases(rng, photo, bps, big_endian=be, comp=32773, rows_=5)
            yield n + "_bigtiff.tif", tiff_cases(rng, photo, bps, big_endian=be, bigtiff=True)
            yield n + "_planar.tif", tiff_cases(rng, photo, bps, big_endian=be, planar=2, rows_=8)
            yield n + "_planar1.tif", tiff_cases(rng, photo, bps, big_endian=be, planar=2)
            yield n + "_planar_zip.tif", tiff_cases(rng, photo, bps, big_endian=be, planar=2, comp=8, rows_=8)
            yield n + "_planar_tiles.tif", tiff_cases(rng, photo, bps, big_endian=be, planar=2, tile=(16, 16))
            yield n + "_planar_zip_tiles.tif", tiff_cases(rng, photo, bps, big_endian=be, planar=2, comp=8, tile=(16, 16))
            yield n + "_fill2.tif", tiff_cases(rng, photo, bps, big_endian=be, fill=2)
            yield n + "_fill2_zip.tif", tiff_cases(rng, photo, bps, big_endian=be, fill=2, comp=8)
            for fmt in (1, 2, 3, 4):
                yield n + "_fmt%d.tif" % fmt, tiff_cases(rng, photo, bps, big_endian=be, fmt=(fmt,) * len(bps))
                yield n + "_fmt%d_zip.tif" % fmt, tiff_cases(rng, photo, bps, big_endian=be, fmt=(fmt,) * len(bps), comp=8)
            yield n + "_fmt1_short.tif", tiff_cases(rng, photo, bps, big_endian=be, fmt=(1,))
            if bps[0] in (8, 16, 32):
                yield n + "_pred2.tif", tiff_cases(rng, photo, bps, big_endian=be, pred=2, comp=8)
                yield n + "_pred2_raw.tif", tiff_cases(rng, photo, bps, big_endian=be, pred=2)
        for extra in ((0,), (1,), (2,), (3,), (999,), (0, 0), (1, 0), (2, 0), (0, 0, 0), (2, 0, 0)):
            b = tuple(bps) + (bps[0],) * len(extra)
            n = name + "_x" + "_".join(map(str, extra))
            yield n + ".tif", tiff_cases(rng, photo, b, extra)
            yield n + "_zip.tif", tiff_cases(rng, photo, b, extra, comp=8, big_endian=True)
            yield n + "_planar.tif", tiff_cases(rng, photo, b, extra, planar=2)
            yield n + "_planar_zip.tif", tiff_cases(rng, photo, b, extra, planar=2, comp=8)
            yield n + "_tiles.tif", tiff_cases(rng, photo, b, extra, tile=(16, 16))
        yield name + "_one_bps.tif", tiff_cases(rng, photo, bps, more={258: ("H", [bps[0]])})
        yield name + "_more_bps.tif", tiff_cases(rng, photo, bps, more={258: ("H", list(bps) + [bps[0]])})
        yield name + "_wide_tile.tif", tiff_cases(rng, photo, bps, tile=(64, 64))
        yield name + "_wide_tile_zip.tif", tiff_cases(rng, photo, bps, tile=(64, 64), comp=8)
    im = picture(rng)
    for comp in ("tiff_lzw", "jpeg", "packbits", "tiff_adobe_deflate", "tiff_deflate", "zstd", "lzma", "webp", "raw"):
        for mode in ("RGB", "L", "RGBA", "CMYK", "YCbCr", "LA", "P"):
            try:
                yield "%s_%s.tif" % (comp, mode), saved(picture(rng, mode) if mode != "YCbCr" else im.convert("YCbCr"), "TIFF", compression=comp)
            except (OSError, ValueError, KeyError, SystemError):
                pass
    for comp in ("group3", "group4", "tiff_ccitt"):
        yield "%s.tif" % comp, saved(picture(rng, "1"), "TIFF", compression=comp)
        yield "%s_lsb.tif" % comp, saved(picture(rng, "1"), "TIFF", compression=comp, tiffinfo={266: 2})
    for mode in ("I;16", "I", "F"):
        x = Image.frombytes("L", (W, H), bytes(rng.randrange(256) for _ in range(W * H))).convert("I")
        yield "pil_%s.tif" % mode.replace(";", ""), saved(x.convert(mode) if mode != "I;16" else x.point(lambda i: i * 3).convert("I;16"), "TIFF")
    for o in range(0, 11):
        yield "orient_%d.tif" % o, tiff_cases(rng, 2, (8, 8, 8), more={274: ("H", [o])})
        yield "orient_zip_%d.tif" % o, tiff_cases(rng, 2, (8, 8, 8), comp=8, more={274: ("I", [o])})
    floats = lambda h, w: struct.pack("<%df" % (h * w), *[rng.uniform(-50, 400) for _ in range(h * w)])
    yield "floats.tif", tiff_cases(rng, 1, (32,), fmt=(3,), data=floats)
    yield "floats_zip.tif", tiff_cases(rng, 1, (32,), fmt=(3,), comp=8, data=floats)
    yield "floats_pred3.tif", tiff_cases(rng, 1, (32,), fmt=(3,), comp=8, pred=3, data=floats)
    yield "two_pages.tif", saved(im, "TIFF", save_all=True, append_images=[picture(rng)])


# Orientation

def exif(value, typ="H", big_endian=False, count=1, tag=0x112, twice=None, prefix=b"Exif\0\0"):
    e = ">" if big_endian else "<"
    n = {"B": 1, "A": 2, "H": 3, "I": 4, "b": 6, "U": 7, "h": 8, "i": 9, "f": 11, "d": 12, "R": 5, "S": 10, "L": 13, "Q": 16, "X": 200}[typ]
    values = [value] * count if not isinstance(value, (list, tuple)) else value
    raw = {"A": lambda: b"".join(b"%d" % v for v in values), "U": lambda: bytes(values), "R": lambda: struct.pack(e + "II", value, 1),
           "S": lambda: struct.pack(e + "ii", value, 1), "L": lambda: struct.pack(e + "I", value), "X": lambda: struct.pack(e + "I", value)}.get(
        typ, lambda: b"".join(struct.pack(e + typ, v) for v in values))()
    size = 1 + (twice is not None)
    at = 8 + 2 + 12 * size + 4
    field = raw + bytes(4 - len(raw)) if len(raw) <= 4 else struct.pack(e + "I", at)
    cnt = {"A": len(raw), "U": len(raw)}.get(typ, len(values))
    out = (b"MM\0*" if big_endian else b"II*\0") + struct.pack(e + "I", 8) + struct.pack(e + "H", size)
    out += struct.pack(e + "HHI", tag, n, cnt) + field
    if twice is not None:
        out += struct.pack(e + "HHIHH", 0x112, 3, 1, twice, 0)
    out += struct.pack(e + "I", 0) + (raw if len(raw) > 4 else b"")
    return prefix + out


def xmp(text):
    return b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description ' + text + b"/></x:xmpmeta>"


def app1(body):
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


XAP = b"http://ns.adobe.com/xap/1.0/\0"


def orientations():
    """(name, EXIF block or None, XMP or None)."""
    for v in range(0, 11):
        yield "h%d" % v, exif(v), None
    for typ in "BAHIbUhifdRSLQX":
        for be in (False, True):
            yield "t%s%d" % (typ, be), exif(6 if typ not in "fd" else 6.0, typ, be), None
    for typ in "ihbI":
        yield "neg%s" % typ, exif(-3 if typ != "I" else 1 << 20, typ), None
    yield "count2", exif((6, 3), "H"), None
    yield "count3", exif((6, 3, 8), "H"), None
    yield "count0", exif((), "H"), None
    yield "float_half", exif(6.5, "f"), None
    yield "twice", exif(6, twice=3), None
    yield "first_bad_type", exif(6, "X", twice=3), None
    yield "other_tag", exif(6, tag=0x111), None
    yield "no_prefix", exif(6, prefix=b""), None
    yield "two_prefix", exif(6, prefix=b"Exif\0\0" * 2), None
    yield "three_prefix", exif(6, prefix=b"Exif\0\0" * 3), None
    yield "cut", exif(6)[:-6], None
    yield "cut_more", exif(6)[:-14], None
    yield "cut_head", exif(6)[:12], None
    yield "bad_head", b"Exif\0\0XX*\0" + exif(6)[10:], None
    yield "empty", b"Exif\0\0", None
    yield "bigtiff_head", b"Exif\0\0II+\0" + exif(6)[10:], None
    yield "odd_magic", b"Exif\0\0MM*\0" + exif(6, big_endian=True)[10:], None
    yield "ii_mm_magic", b"Exif\0\0II\0*" + exif(6)[10:], None
    for i, t in enumerate((b'tiff:Orientation="6"', b"tiff:Orientation='6'", b'tiff:Orientation = "6"', b'tiff:Orientation="0"', b'tiff:Orientation="9"',
                           b'tiff:Orientation="3" tiff:Orientation="6"', b"><tiff:Orientation>8</tiff:Orientation><a ", b'tiff:Orientation="62"',
                           b'exif:Orientation="6"', b'tiff:Orientation=""  tiff:Orientation="3"')):
        yield "xmp%d" % i, None, xmp(t)
        yield "xmp%d_exif1" % i, exif(1), xmp(t)
        yield "xmp%d_exif_other" % i, exif(6, tag=0x10f), xmp(t)
        yield "xmp%d_exif3" % i, exif(3), xmp(t)


def orient(rng):
    im = picture(rng)
    segs, rest = segments(saved(im, "JPEG"))
    plain = saved(im, "PNG")
    z = plain.index(b"IDAT") - 4
    web = saved(im, "WEBP")
    for name, e, x in orientations():
        add = ([(0xe1, app1(e))] if e else []) + ([(0xe1, app1(XAP + x))] if x else [])
        yield name + ".jpg", joined(segs[:1] + add + segs[1:], rest)
        yield name + "_swapped.jpg", joined(segs[:1] + add[::-1] + segs[1:], rest)
        yield name + "_late.jpg", joined(segs + add, rest)
        c = chunk(b"eXIf", e) if e else b""
        raw = b"\nexif\n%8d\n" % len(e) + e.hex().encode() + b"\n" if e else b""
        i = chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + x) if x else b""
        yield name + ".png", plain[:z] + c + i + plain[z:]
        yield name + "_end.png", plain[:-12] + c + i + plain[-12:]
        if e:
            yield name + "_no_prefix.png", plain[:z] + chunk(b"eXIf", e[6:]) + i + plain[z:]
            yield name + "_raw_ztxt.png", plain[:z] + chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(raw)) + i + plain[z:]
            yield name + "_raw_text.png", plain[:z] + chunk(b"tEXt", b"Raw profile type exif\0" + raw) + i + plain[z:]
            yield name + "_raw_app1.png", plain[:z] + chunk(b"zTXt", b"Raw profile type APP1\0\0" + zlib.compress(raw)) + plain[z:]
        if x:
            yield name + "_itxt_z.png", plain[:z] + c + chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(x)) + plain[z:]
            yield name + "_text.png", plain[:z] + c + chunk(b"tEXt", b"XML:com.adobe.xmp\0" + x) + plain[z:]
        vp8 = web[12:]
        flags = (8 if e else 0) | (4 if x else 0)
        body = b"VP8X" + struct.pack("<I", 10) + bytes([flags, 0, 0, 0]) + struct.pack("<I", W - 1)[:3] + struct.pack("<I", H - 1)[:3] + vp8
        for tag, data in ((b"EXIF", e), (b"XMP ", x)):
            if data:
                body += tag + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)
        yield name + ".webp", b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body
        noflag = body[:8] + b"\0" + body[9:]
        yield name + "_noflag.webp", b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + noflag
        if x:
            yield name + ".tif", tiff_cases(rng, 2, (8, 8, 8), more={700: ("B", list(x))})
            yield name + "_u.tif", tiff_cases(rng, 2, (8, 8, 8), more={700: ("U", list(x)), 274: ("H", [1])})
    for typ, v in (("B", [6]), ("I", [6]), ("h", [6]), ("i", [6]), ("f", [6.0]), ("d", [6.0]), ("H", [6, 3]), ("H", [9]), ("b", [6]), ("A", list(b"6"))):
        for comp in (1, 8):
            yield "tag_%s%d_%d.tif" % (typ, len(v), comp), tiff_cases(rng, 2, (8, 8, 8), comp=comp, more={274: (typ, v)})
    a, b = exif(6), exif(3)
    two = [(0xe1, app1(a)), (0xe1, app1(b))]
    yield "two.jpg", joined(segs[:1] + two + segs[1:], rest)
    yield "two_swapped.jpg", joined(segs[:1] + two[::-1] + segs[1:], rest)
    long_ = exif(6) + bytes(200)
    yield "parts.jpg", joined(segs[:1] + [(0xe1, app1(long_[:30])), (0xe1, app1(b"Exif\0\0" + long_[30:]))] + segs[1:], rest)
    yield "first_empty.jpg", joined(segs[:1] + [(0xe1, app1(b"Exif\0\0")), (0xe1, app1(a))] + segs[1:], rest)
    yield "two_xmp.jpg", joined(segs[:1] + [(0xe1, app1(XAP + xmp(b'tiff:Orientation="6"'))), (0xe1, app1(XAP + xmp(b'tiff:Orientation="3"')))] + segs[1:], rest)
    yield "two_xmp_empty.jpg", joined(segs[:1] + [(0xe1, app1(XAP + xmp(b'tiff:Orientation="6"'))), (0xe1, app1(XAP))] + segs[1:], rest)
    yield "app2.jpg", joined(segs[:1] + [(0xe2, app1(a).replace(b"\xff\xe1", b"\xff\xe2", 1))] + segs[1:], rest)
    yield "after_junk.jpg", joined(segs[:1] + [(0xe1, b"\0\0junk" + app1(a))] + segs[1:], rest)
    yield "two.png", plain[:z] + chunk(b"eXIf", a[6:]) + chunk(b"eXIf", b[6:]) + plain[z:]
    yield "before_and_end.png", plain[:z] + chunk(b"eXIf", a[6:]) + plain[z:-12] + chunk(b"eXIf", b[6:]) + plain[-12:]
    yield "exif_and_raw.png", plain[:z] + chunk(b"eXIf", a[6:]) + chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n      40\n" + b.hex().encode())) + plain[z:]
    yield "crc.png", plain[:z] + chunk(b"eXIf", a[6:], 5) + plain[z:]
    yield "end_crc.png", plain[:-12] + chunk(b"eXIf", a[6:], 5) + plain[-12:]


MAKERS = {"jpeg": jpeg, "png": png, "webp": webp, "gif": gif, "bmp": bmp, "ppm": ppm, "tiff": tiff, "orient": orient}


def made(kind, rng):
    """(name, bytes) of a kind."""
    return MAKERS[kind](rng)
