"""The small weights files beside this script, for tests/unit/weights_samples.c.

    make_samples.py        makes those whose libraries are there

torch makes *.pth, keras with h5py the others; those of make_pickles() need
numpy alone and stand for what training programs leave beside the tensors. Element k of tensor j is
k % 64 + j, which every float type holds exactly; shapes are those of a stem
of four channels and a head of three classes.
"""
import argparse
import collections
import datetime
import io
import os
import pathlib
import pickle
import sys
import types
import zipfile

import numpy as np

KERAS = {  # name: shape, j
    "conv1_conv/kernel": ((3, 3, 3, 4), 0), "conv1_conv/bias": ((4,), 1),
    "conv1_bn/gamma": ((4,), 2), "conv1_bn/beta": ((4,), 3),
    "conv1_bn/moving_mean": ((4,), 4), "conv1_bn/moving_variance": ((4,), 5),
    "predictions/kernel": ((4, 3), 6), "predictions/bias": ((3,), 7),
}
TORCH = {
    "conv1.weight": ((4, 3, 3, 3), 0), "bn1.weight": ((4,), 2),
    "bn1.bias": ((4,), 3), "bn1.running_mean": ((4,), 4),
    "bn1.running_var": ((4,), 5), "fc.weight": ((3, 4), 6),
    "fc.bias": ((3,), 7),
}
HERE = os.path.dirname(os.path.abspath(__file__))


def at(name):
    return os.path.join(HERE, name)


def numbers(shape, j):
    n = int(np.prod(shape))
    return (np.arange(n) % 64 + j).astype(np.float32).reshape(shape)


def make_torch():
    import torch
    state = collections.OrderedDict(
        (k, torch.from_numpy(numbers(*v))) for k, v in TORCH.items())
    state["bn1.num_batches_tracked"] = torch.tensor(7)
    torch.save(state, at("plain.pth"))
    torch.save(state, at("plain_legacy.pth"),
               _use_new_zipfile_serialization=False)
    # as training leaves it: wrapped, of several types, not contiguous
    odd = collections.OrderedDict()
    for k, v in state.items():
        odd["module." + k] = v
    odd["module.conv1.weight"] = state["conv1.weight"].to(torch.bfloat16)
    odd["module.bn1.weight"] = state["bn1.weight"].to(torch.float16)
    odd["module.bn1.bias"] = torch.nn.Parameter(state["bn1.bias"].double())
    odd["module.fc.weight"] = state["fc.weight"].t().contiguous().t()
    shared = torch.cat([torch.zeros(5), state["bn1.running_mean"],
                        state["bn1.running_var"]])
    odd["module.bn1.running_mean"] = shared[5:9]
    odd["module.bn1.running_var"] = shared[9:]
    check = {"epoch": 3, "best": 0.5, "done": None, "ok": True,
             "state_dict": odd, "list": [1, 300, 70000, -5, 2 ** 40],
             "optimizer": {"state": {0: {"step": torch.tensor(1.0)}},
                           "param_groups": [{"lr": 0.1, "params": [0]}]}}
    torch.save(check, at("checkpoint.pth"))
    torch.save(check, at("checkpoint_legacy.pth"),
               _use_new_zipfile_serialization=False)
    torch.save({"a": torch.nn.Linear(1, 1)}, at("module.pth"))


def make_keras():
    import keras
    from keras import layers
    x = base_in = keras.Input((32, 32, 3))
    x = layers.Conv2D(4, 3, name="conv1_conv")(x)
    x = layers.BatchNormalization(epsilon=1.001e-5, name="conv1_bn")(x)
    x = base_out = layers.Activation("relu", name="conv1_relu")(x)
    flat = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    flat = layers.Dropout(0.5)(flat)
    flat = layers.Dense(3, activation="softmax", name="predictions")(flat)
    base = keras.Model(base_in, base_out, name="base")
    nested = keras.Sequential([
        keras.Input((32, 32, 3)), base, layers.GlobalAveragePooling2D(),
        layers.Dropout(0.5),
        layers.Dense(3, activation="sigmoid", name="predictions")],
        name="nested")
    for model, name in ((keras.Model(base_in, flat, name="flat"), "flat"),
                        (nested, "nested")):
        for layer in model.layers + base.layers:
            for v in layer.variables:
                key = f"{layer.name}/{v.name}"
                if key in KERAS:
                    v.assign(numbers(*KERAS[key]))
        model.save(at(f"{name}.keras"))
        model.save(at(f"{name}.h5"))
        model.save_weights(at(f"{name}.weights.h5"))


def make_old():
    """As Keras 1 and 2 wrote it, with the names of keras-applications."""
    import h5py
    names = {"conv1": ["conv1/kernel:0", "conv1/bias:0"],
             "bn_conv1": ["bn_conv1/gamma:0", "bn_conv1/beta:0",
                          "bn_conv1/moving_mean:0",
                          "bn_conv1/moving_variance:0"],
             "activation_1": [],
             "fc1000": ["fc1000/kernel:0", "fc1000/bias:0"]}
    with h5py.File(at("old.h5"), "w") as f:
        f.attrs["layer_names"] = [n.encode() for n in names]
        j = 0
        for layer, paths in names.items():
            g = f.create_group(layer)
            g.attrs["weight_names"] = np.array([p.encode() for p in paths], "S")
            for p in paths:
                g.create_dataset(p, data=numbers(*list(KERAS.values())[j]))
                j += 1
    with h5py.File(at("other.h5"), "w") as f:
        f["data"] = np.zeros(3, np.float32)
    with h5py.File(at("linked.h5"), "w") as f:
        f.attrs["layer_names"] = [b"conv1"]
        f["conv1"] = h5py.ExternalLink("old.h5", "/conv1")
    with h5py.File(at("packed.h5"), "w") as f:
        f.attrs["layer_names"] = [b"conv1"]
        g = f.create_group("conv1")
        g.attrs["weight_names"] = [b"kernel"]
        g.create_dataset("kernel", data=np.zeros((3, 3, 3, 4), "f4"),
                         compression="gzip")


class Storage:
    def __init__(self, array):
        self.array = array


class Tensor:
    """Pickled as torch's: a call of a name, which need not exist here."""
    def __init__(self, array):
        self.storage = Storage(array)

    def __reduce__(self):
        a = self.storage.array
        steps = tuple(n // a.itemsize for n in a.strides)
        return sys.modules["torch._utils"]._rebuild_tensor_v2, (
            self.storage, 0, a.shape, steps, False, collections.OrderedDict())


class Evil:
    def __reduce__(self):
        return os.system, ("touch reap-was-here",)


def stand_in(module, name, kind=type):
    """A name that pickle writes as module.name; there is nothing behind it."""
    m = sys.modules.setdefault(module, types.ModuleType(module))
    f = type(name, (dict,), {}) if kind is type else (lambda *a: None)
    f.__module__, f.__name__, f.__qualname__ = module, name, name
    setattr(m, name, f)
    if "." in module:
        setattr(stand_in_parent(module), module.split(".")[1], m)
    return f


def stand_in_parent(module):
    parent = module.split(".")[0]
    return sys.modules.setdefault(parent, types.ModuleType(parent))


def zipped(name, obj, protocol):
    out, storages = io.BytesIO(), []

    class Pickler(pickle.Pickler):
        def persistent_id(self, o):
            if not isinstance(o, Storage):
                return None
            storages.append(o.array)
            return ("storage", stand_in("torch", "FloatStorage"),
                    str(len(storages) - 1), "cpu", o.array.size)

    Pickler(out, protocol).dump(obj)
    with zipfile.ZipFile(at(name), "w") as z:
        def put(member, data):
            z.writestr(zipfile.ZipInfo("a/" + member), data)
        put("data.pkl", out.getvalue())
        for i, a in enumerate(storages):
            put(f"data/{i}", a.tobytes())


def make_pickles():
    stand_in("torch._utils", "_rebuild_tensor_v2", None)
    attributes = stand_in("pytorch_lightning.utilities", "AttributeDict")
    state = {k: numbers(*v) for k, v in TORCH.items()}
    beside = {
        "args": argparse.Namespace(lr=0.1, mean=None, out=pathlib.PurePosixPath("x")),
        "best": np.float64(76.1), "seen": np.int64(3), "when": datetime.date(2026, 1, 2),
        "kept": collections.defaultdict(list, a=[1]), "set": {1, 2}, "none": frozenset((3,)),
        "random": 2 ** 100, "bytes": b"\x00\xff", "hyper": attributes(lr=0.1),
        "call": Evil(), "shape": slice(1, 2),
        "strings": np.array(["a", "bc"], object)}
    for protocol in range(2, 6):
        zipped(f"beside{protocol}.pth", dict(beside, state_dict={
            "module." + k: Tensor(v) for k, v in state.items()}), protocol)
        zipped(f"arrays{protocol}.pth", {"model": state}, protocol)
    zipped("evil.pth", {"state_dict": {"conv1.weight": Evil()}}, 2)


for make in (make_torch, make_keras, make_old, make_pickles):
    try:
        make()
        print(make.__name__, "done")
    except ImportError as e:
        print(make.__name__, "left out:", e)
