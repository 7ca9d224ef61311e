"""Make references ready for a C program (tests/golden_data.h).

    prepare.py OUT topology EXPECTED WEIGHTS GEOMETRY PHOTOS
    prepare.py OUT pqf
    prepare.py OUT fit-head
    prepare.py OUT tune

Writes OUT/weights.safetensors, OUT/pixels.u8 and OUT/expected.f32. GEOMETRY is
short:R,C (short edge R bilinear, centre C), warp:HxW (bilinear) or
nearest:HxW; PHOTOS is how many of the photos to take. The pixels are checked
against the sums that the references hold. Needs numpy, safetensors, Pillow.
"""
import hashlib
import os
import sys

import numpy as np
from PIL import Image

SHARED = os.environ["REAP_SHARED"]
GOLDEN = os.path.join(SHARED, "golden")
sys.path.insert(0, os.path.join(GOLDEN, "topologies"))
sys.dont_write_bytecode = True


def short_centre(im, short, crop):
    w, h = im.size
    long = int(short * max(w, h) / min(w, h))
    im = im.resize((short, long) if w <= h else (long, short), Image.BILINEAR)
    left, top = (int(round((n - crop) / 2.0)) for n in im.size)
    return im.crop((left, top, left + crop, top + crop))


def pixels(name, geometry):
    im = Image.open(os.path.join(SHARED, "photos", name)).convert("RGB")
    kind, numbers = geometry.split(":")
    if kind == "short":
        im = short_centre(im, *map(int, numbers.split(",")))
    else:
        h, w = map(int, numbers.split("x"))
        im = im.resize((w, h), Image.NEAREST if kind == "nearest" else Image.BILINEAR)
    return np.asarray(im)


def write(out, crops, expected):
    with open(os.path.join(out, "pixels.u8"), "wb") as f:
        for c in crops:
            f.write(np.ascontiguousarray(c).tobytes())
    with open(os.path.join(out, "expected.f32"), "wb") as f:
        for name, a in expected.items():
            a = np.asarray(a, dtype="<f4", order="C")
            f.write(" ".join([name, *map(str, (a.ndim, *a.shape))]).encode() + b"\n")
            f.write(a.tobytes())


def topology(out, expected, weights, geometry, photos):
    import make_weights
    n = int(photos)
    ref = np.load(os.path.join(GOLDEN, "topologies", "expected", expected + ".npz"))
    made = make_weights.make(weights, int(ref["seed"]))
    make_weights.save_safetensors(weights, made, os.path.join(out, "weights.safetensors"))
    crops = [pixels(str(p), geometry) for p in ref["photos"][:n]]
    for c, want in zip(crops, ref["input_sha256"]):
        if hashlib.sha256(np.ascontiguousarray(c).tobytes()).hexdigest() != str(want):
            sys.exit("Pillow gives other pixels than the references were made with")
    arrays = {k: ref[k][:n] for k in ("embedding", "embedding_max", "logits", "softmax",
                                      "hidden", "values", "mean", "std", "min", "max")
              if k in ref}
    if "at" in ref:
        arrays["at"] = ref["at"]
    write(out, crops, arrays)


def pqf(out):
    ref = np.load(os.path.join(GOLDEN, "pqf_torchvision.npz"))
    link = os.path.join(out, "weights.safetensors")
    if os.path.lexists(link):
        os.unlink(link)
    os.symlink(os.path.join(SHARED, "weights", "resnet50_pqf.safetensors"), link)
    crops = [pixels(str(p), "short:256,224") for p in ref["names"]]
    arrays = {k: ref[k] for k in ("embedding", "embedding_max16", "logits", "layer4_hwc",
                                  "embedding_f64_10", "logits_f64_10")}
    for name in ref["stages"]:
        for what in ("shape", "mean", "std", "values", "at"):
            arrays[f"{name}/{what}"] = ref[f"stage/{name}/{what}"]
    write(out, crops, arrays)


def glorot(shape, seed):
    """As golden/fit/make_fit.py begins."""
    u = np.random.Generator(np.random.PCG64(seed)).random(shape)
    return ((2 * u - 1) * np.sqrt(6 / sum(shape))).astype(np.float32)


def fit_head(out):
    ref = np.load(os.path.join(GOLDEN, "fit", "fit.npz"))
    arrays = {k: ref["head/" + k] for k in ("losses", "w1", "b1", "w2", "b2", "logits")}
    arrays["labels"] = ref["labels"]
    arrays["x"] = np.load(os.path.join(GOLDEN, "pqf_torchvision.npz"))["embedding"]
    arrays["first1"], arrays["first2"] = glorot((2048, 16), 11), glorot((16, 10), 12)
    write(out, [], arrays)


def tune(out):
    """The fine-tuning of golden/fit; the head begins as make_fit.py says."""
    ref = np.load(os.path.join(GOLDEN, "fit", "fit.npz"))
    os.symlink(os.path.join(SHARED, "weights", "resnet50_pqf.safetensors"),
               os.path.join(out, "weights.safetensors"))
    crops = [pixels(str(p), "short:256,224") for p in ref["tune/photos"]]
    arrays = {k: ref[k] for k in ref if k.startswith("tune/grad/")}
    arrays["losses"] = ref["tune/losses"]
    arrays["labels"] = ref["labels"][:len(crops)]
    arrays["head"] = glorot((2048, 10), 21).T
    write(out, crops, arrays)


if __name__ == "__main__":
    {"topology": topology, "pqf": pqf, "fit-head": fit_head, "tune": tune}[sys.argv[2]](sys.argv[1], *sys.argv[3:])
