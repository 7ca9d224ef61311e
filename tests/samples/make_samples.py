"""The small weights files beside this script, for tests/unit/weights_samples.c.

    make_samples.py        makes those whose libraries are there

torch makes *.pth, keras with h5py the others. Element k of tensor j is
k % 64 + j, which every float type holds exactly; shapes are those of a stem
of four channels and a head of three classes.
"""
import os

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
    import collections
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


for make in (make_torch, make_keras, make_old):
    try:
        make()
        print(make.__name__, "done")
    except ImportError as e:
        print(make.__name__, "left out:", e)
