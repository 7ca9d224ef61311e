"""Numbers that follow from a seed, and files of arrays; tests/sample.c keeps the
same rules.

A stream is splitmix64 (Steele, Lea and Flood 2014), begun by mixing a seed with
the bytes of a name. A number of 64 bits gives u = (number >> 11) / 2^53, and lo
+ u * (hi - lo) in double precision, rounded once to float32. A tensor of a
model has the stream "MODEL TENSOR" and a range by its name; it is filled in the
framework's own order of axes.
"""
import math

import numpy as np

MASK = (1 << 64) - 1


def mix(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def stream(seed, name):
    s = mix((seed + 0x9E3779B97F4A7C15) & MASK)
    for c in name.encode("ascii"):
        s = mix(((s ^ c) + 0x9E3779B97F4A7C15) & MASK)
    return s


def uniform(count, seed, name, lo, hi):
    with np.errstate(over="ignore"):
        z = np.uint64(stream(seed, name)) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(
            0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    u = (z >> np.uint64(11)).astype(np.float64) * 2.0 ** -53
    return (lo + u * (hi - lo)).astype(np.float32)


def kernel(model, name, shape):
    keras = not model.startswith("torchvision/")
    gain = 1.0
    if len(shape) == 2:
        gain = 3.0
    elif ".downsample." in name or "_0_conv/" in name:
        gain = 0.75  # projects the shortcut
    elif keras and not model.endswith("v2") and name.startswith("conv1_conv/"):
        gain = 1.0 / 64  # its pixels reach 150
    elif keras and model.endswith("v2") and "_3_conv/" in name:
        gain = 0.2  # no batch norm comes after it
    inputs = math.prod(shape) // shape[-1 if keras else 0]
    return gain * math.sqrt(6.0 / inputs)


def near_epsilon(name):
    """A batch norm whose variances are of the size of epsilon: it shows there."""
    return name.startswith(("bn1.", "conv1_bn/", "post_bn/"))


def last(model, name):
    """The last of a block, whose result is added to the shortcut."""
    basic = model in ("torchvision/resnet18", "torchvision/resnet34")
    return (".bn2." if basic else ".bn3.") in name or "_3_bn/" in name


def bounds(model, name, shape):
    dense = name.startswith(("fc.", "predictions/"))
    bias = name.endswith("bias")
    if len(shape) > 1:
        k = kernel(model, name, shape)
        return -k, k
    if name.endswith("mean"):
        return -0.15, 0.15
    if name.endswith(("var", "variance")):
        return (1e-4, 3e-4) if near_epsilon(name) else (0.5, 1.5)
    if name.endswith("/beta") or bias and not dense and model.startswith("torchvision/"):
        return -0.2, 0.1
    if bias:
        return (-0.5, 0.5) if dense else (-0.1, 0.1)
    if near_epsilon(name):
        return 0.02, 0.06
    return (0.1, 0.3) if last(model, name) else (0.5, 1.5)


def weight(model, name, shape, seed):
    lo, hi = bounds(model, name, shape)
    return uniform(math.prod(shape), seed, f"{model} {name}", lo, hi).reshape(shape)


def write(path, arrays):
    with open(path, "wb") as f:
        for name, a in arrays.items():
            a = np.asarray(a, dtype="<f4", order="C")
            f.write(" ".join([name, *map(str, (a.ndim, *a.shape))]).encode() + b"\n" + a.tobytes())
