#!/usr/bin/env python3
"""pixels_beside.py - reap's pixels beside Pillow's, over files made and damaged

Makes awkward files of each kind (made_images.py), damages copies of them at
random, and compares what build/tests/tools/pixels_of and Pillow make of each:
pixels, pixels upright, and who refuses what. Prints a line per kind and one
per file of which both made pixels, but not the same; such files are kept.

  differ   both read it and the pixels are not the same: a fault
  only us  reap reads what Pillow refuses: at most 1 in 1,000
  only it  Pillow reads what reap refuses
  parts    a part decoded alone differs from the whole: a fault

Exits 1 if there is a fault. Pillow 13 is the reference.
"""
import argparse
import collections
import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import warnings

from PIL import Image, ImageOps

import made_images

warnings.simplefilter("ignore")
KIND = {"MPO": "JPEG", "DIB": "BMP"}


def peer(path):
    """(status, pixels, pixels upright) as Pillow has them."""
    def one(turn):
        with Image.open(path) as im:
            kind = im.format
            im.load()
            im = ImageOps.exif_transpose(im) if turn else im
            rgb = im.convert("RGB")
            return kind, "%dx%d %s" % (rgb.height, rgb.width, hashlib.sha256(rgb.tobytes()).hexdigest())
    try:
        kind, plain = one(False)
    except Exception as e:  # whatever it raises is a refusal
        return "refused: " + repr(e)[:90], None, None
    try:
        return kind, plain, one(True)[1]
    except Exception as e:
        return kind, plain, "refused: " + repr(e)[:90]


def ours(tool, paths):
    r = subprocess.run([tool], input="\n".join(paths) + "\n", capture_output=True, text=True, errors="replace")
    lines = r.stdout.splitlines()
    if r.returncode or len(lines) != len(paths):
        return None
    out = []
    for line in lines:
        f = line.split("\t")
        if f[0] != "ok":
            out.append((f[0] + ": " + f[9], None, None, 0))
        else:
            out.append((f[1], "%sx%s %s" % (f[2], f[3], f[4]), "%sx%s %s" % (f[5], f[6], f[7]), int(f[8])))
    return out


def damaged(data, rng):
    """A copy of data with something wrong."""
    b = bytearray(data)
    way = rng.randrange(9)
    near = min(len(b), rng.choice([40, 200, 700, len(b)]))
    at = rng.randrange(near) if near else 0
    if way <= 2:
        for _ in range(rng.choice([1, 1, 2, 5])):
            b[rng.randrange(near)] ^= 1 << rng.randrange(8)
    elif way == 3:
        for _ in range(rng.choice([1, 1, 2, 4])):
            b[rng.randrange(near)] = rng.choice([0, 1, 2, 3, 4, 8, 16, 32, 127, 128, 254, 255, rng.randrange(256)])
    elif way == 4:
        del b[rng.randrange(len(b)):]
    elif way == 5:
        del b[at:at + rng.choice([1, 2, 4, 12, 50])]
    elif way == 6:
        b[at:at] = bytes(rng.randrange(256) for _ in range(rng.choice([1, 2, 4, 30])))
    elif way == 7:
        n = rng.choice([4, 12, 60])
        b[at:at] = b[at:at + n]
    else:
        n = rng.choice([2, 8, 100, 1000])
        b[at:at + n] = bytes(min(n, len(b) - at))
    return bytes(b)


class Tally:
    def __init__(self, keep, verbose):
        self.n = collections.defaultdict(collections.Counter)
        self.keep, self.verbose, self.faults = keep, verbose, 0

    def kept(self, path, kind, what):
        if not self.keep:
            return path
        os.makedirs(self.keep, exist_ok=True)
        name = "%s/%s-%d-%s" % (self.keep, what, sum(self.n[kind].values()), os.path.basename(path))
        shutil.copy(path, name)
        return name

    def note(self, kind, path, us, it):
        n = self.n[kind]
        n["files"] += 1
        if us[1] is None and it[1] is None:
            return
        if it[1] is None:
            n["only us"] += 1
            if "only-us" in self.verbose:
                print("only us", kind, self.kept(path, kind, "only_us"), it[0])
            return
        n["Pillow reads"] += 1
        if us[1] is None:
            n["only it"] += 1
            if "only-it" in self.verbose:
                print("only it", kind, self.kept(path, kind, "only_it"), us[0])
            return
        what = "differ" if us[1] != it[1] else "turned" if it[2][0] != "r" and us[2] != it[2] else "parts" if us[3] else ""
        if what:
            n[what] += 1
            self.faults += 1
            print(what, kind, self.kept(path, kind, what), us[0], us[1][:20], it[1][:20])

    def show(self):
        for kind, n in sorted(self.n.items()):
            print("%-8s %6d files, Pillow reads %6d; differ %d, turned %d, parts %d, only us %d, only it %d" % (
                kind, n["files"], n["Pillow reads"], n["differ"], n["turned"], n["parts"], n["only us"], n["only it"]))
            self.faults += n["only us"] > n["files"] / 1000 + 1
        sys.stdout.flush()


def batch(tool, files, tally):
    """files: (kind, path)."""
    got = ours(tool, [p for _, p in files])
    if got is None:
        if len(files) == 1:
            print("died", tally.kept(files[0][1], files[0][0], "died"))
            tally.faults += 1
            return
        half = len(files) // 2
        batch(tool, files[:half], tally)
        batch(tool, files[half:], tally)
        return
    for (kind, path), us in zip(files, got):
        tally.note(kind, path, us, peer(path))


def main():
    a = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    a.add_argument("files", nargs="*", help="more files to begin with")
    a.add_argument("--tool", default="build/tests/tools/pixels_of")
    a.add_argument("--kinds", default="jpeg,png,webp,gif,bmp,tiff,ppm,orient")
    a.add_argument("--rounds", type=int, default=20, help="damaged copies of each file")
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--keep", help="a folder for files of which something is wrong")
    a.add_argument("--say", default="", help="only-us,only-it: print these, too")
    o = a.parse_args()
    rng = random.Random(o.seed)
    tally = Tally(o.keep, o.say.split(","))
    made = []
    for kind in o.kinds.split(","):
        for name, data in made_images.made(kind, random.Random(o.seed)):
            made.append((kind, name, data))
    for path in o.files:
        with open(path, "rb") as f:
            made.append((os.path.splitext(path)[1][1:].lower(), os.path.basename(path), f.read()))
    with tempfile.TemporaryDirectory() as t:
        for round_ in range(o.rounds + 1):
            files = []
            for i, (kind, name, data) in enumerate(made):
                path = "%s/%d_%d_%s" % (t, round_, i, name)
                with open(path, "wb") as f:
                    f.write(damaged(data, rng) if round_ else data)
                files.append((kind, path))
            batch(o.tool, files, tally)
            for _, path in files:
                os.unlink(path)
            if not round_:
                print("as made:")
                tally.show()
    print("and %d damaged copies of each:" % o.rounds)
    tally.show()
    sys.exit(bool(tally.faults))


if __name__ == "__main__":
    main()
