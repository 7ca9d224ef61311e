"""What Keras gives when it fits a head, in double precision, on made embeddings.

    make_heads.py    write heads.f32

Rows are made (made.py): row i belongs to class i % 10 and is the larger of zero
and the sum of the class's centre and noise, in float32. Batches of 50 are taken
in order for four epochs: Dense(16, relu) with Dense(10), and Dense(10) alone, by
Adam at its defaults; with class weights; with SGD, momentum and an L2 penalty;
and with several labels a row: i % 10, 3 * i % 10. Needs keras and tensorflow.
"""
import os
import types

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras  # noqa: E402
import keras.src.optimizers.adam as adam  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

import made  # noqa: E402

ROWS, IN, HIDDEN, CLASSES, BATCH, EPOCHS, SEED = 250, 256, 16, 10, 50, 4, 1


def exact_adam():
    """Cast Adam's constants as they are: tf.cast() would take 0.999 through
    float32 even where all is float64, and be off by 1e-5 of the first steps."""
    def cast(x, dtype):
        return tf.constant(x, dtype) if isinstance(x, float) else keras.ops.cast(x, dtype)
    adam.ops = types.SimpleNamespace(**{**vars(keras.ops), "cast": cast})


def rows():
    centre = made.uniform(CLASSES * IN, SEED, "centres", -1, 1).reshape(CLASSES, IN)
    noise = made.uniform(ROWS * IN, SEED, "noise", -2, 2).reshape(ROWS, IN)
    labels = np.arange(ROWS) % CLASSES
    return np.maximum(centre[labels] + noise, np.float32(0)), labels


def first(name, shape):
    far = (6 / sum(shape)) ** 0.5
    return made.uniform(shape[0] * shape[1], SEED, name, -far, far).reshape(shape)


def fit(name, hidden=0, several=False, weights=None, optimizer=None, l2=0.0):
    x, y = rows()
    penalty = keras.regularizers.L2(l2) if l2 else None
    layers = [keras.layers.Dense(CLASSES, kernel_regularizer=penalty)]
    if hidden:
        layers.insert(0, keras.layers.Dense(hidden, activation="relu", kernel_regularizer=penalty))
    net = keras.Sequential([keras.Input((IN,))] + layers)
    for i, layer in enumerate(layers):
        layer.kernel.assign(first(f"{name} kernel {i}", tuple(layer.kernel.shape)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    if several:
        y = np.eye(CLASSES)[y] + np.eye(CLASSES)[3 * y % CLASSES] > 0
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
    net.compile(optimizer or keras.optimizers.Adam(), loss)
    losses = []
    for at in list(range(0, ROWS, BATCH)) * EPOCHS:
        px, py = x[at:at + BATCH].astype(np.float64), y[at:at + BATCH]
        each = None if weights is None else weights[py]
        losses.append(float(loss(py, net(px), sample_weight=each)))
        net.train_on_batch(px, py, sample_weight=each)
    out = {f"{name}/losses": losses}
    for i, layer in enumerate(layers):
        out[f"{name}/kernel{i}"] = np.asarray(layer.kernel)
        out[f"{name}/bias{i}"] = np.asarray(layer.bias)
    if hidden:
        out[f"{name}/logits"] = np.asarray(net(x.astype(np.float64)))
    print(f"{name}: loss {losses[0]:.4f} to {losses[-1]:.4f}")
    return out


if __name__ == "__main__":
    os.chdir(os.path.dirname(os.path.abspath(__file__)))
    keras.config.set_dtype_policy("float64")
    keras.config.set_floatx("float64")
    exact_adam()
    by_class = 0.5 + np.arange(CLASSES) / 8
    sgd = keras.optimizers.SGD(0.01, momentum=0.9)
    made.write("heads.f32", fit("mlp", HIDDEN) | fit("linear") | fit("weighted", weights=by_class) |
               fit("sgd", optimizer=sgd, l2=1e-2) | fit("several", several=True))
