"""Largest difference of probabilities between reap's and a framework's.

    framework_probs.py keras|torch WEIGHTS CLASSES HIDDEN PROBS.npy PIXELS.npy...

Loads WEIGHTS, strictly, into ResNet-50 with Dense(HIDDEN, relu), Dropout and
Dense(CLASSES, softmax) behind the average pool, and runs the pixels (RGB bytes
behind resize and crop), normalised as the framework's own presets say.
"""
import os
import sys

import numpy as np

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
who, weights, classes, hidden, probs, *pixels = sys.argv[1:]
classes, hidden = int(classes), int(hidden)
x = np.stack([np.load(p) for p in pixels]).astype(np.float32)


def by_keras():
    import keras
    app = keras.applications.resnet
    base = app.ResNet50(weights=None, include_top=False, pooling="avg",
                        input_shape=x.shape[1:])
    y = keras.layers.Dense(hidden, activation="relu")(base.output)
    y = keras.layers.Dropout(.5)(y)
    y = keras.layers.Dense(classes, activation="softmax")(y)
    model = keras.Model(base.input, y)
    model.load_weights(weights)
    return model.predict(app.preprocess_input(x.copy()), verbose=0)


def by_torch():
    import torch
    import torchvision
    from safetensors.torch import load_file
    model = torchvision.models.resnet50(weights=None)
    model.fc = torch.nn.Sequential(
        torch.nn.Linear(2048, hidden), torch.nn.ReLU(), torch.nn.Dropout(.5),
        torch.nn.Linear(hidden, classes))
    model.load_state_dict(load_file(weights))
    mean, std = np.array([.485, .456, .406]), np.array([.229, .224, .225])
    y = ((x / 255 - mean) / std).astype(np.float32).transpose(0, 3, 1, 2)
    with torch.no_grad():
        return torch.softmax(model.eval()(torch.tensor(y.copy())), 1).numpy()


got, want = {"keras": by_keras, "torch": by_torch}[who](), np.load(probs)
if got.shape != want.shape:
    sys.exit(f"shapes {got.shape} and {want.shape}")
print("%.1e" % np.abs(got - want).max())
sys.exit(not np.abs(got - want).max() <= 1e-5)
