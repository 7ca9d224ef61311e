"""What tests/bench/fit and tests/golden/shared/fit_folds.t compare with.

    fit_peer.py keras X.npy ROWS.csv EPOCHS       seconds of each epoch
    fit_peer.py sklearn X.npy ROWS.csv            seconds, steps, loss
    fit_peer.py folds X.npy TRUTH.tsv SEEDS       accuracy of Keras in 5-fold cross-validation

Each prints JSON lines. keras: the network of the tutorials, Dense(1024, relu),
Dropout(0.5), Dense(classes, softmax), Adam, batches of 32. sklearn:
LogisticRegression(solver="lbfgs").
"""
import csv
import json
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np


def labels_of(path):
    with open(path, newline="") as f:
        names = [r["true_label"] for r in csv.DictReader(f)]
    known = sorted(set(names))
    return np.array([known.index(n) for n in names]), known


def network(width, classes):
    import keras
    m = keras.Sequential([keras.Input((width,)), keras.layers.Dense(1024, "relu"), keras.layers.Dropout(.5),
                          keras.layers.Dense(classes, "softmax")])
    m.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return m


def by_keras(x, rows, epochs):
    x = np.load(x)
    y, names = labels_of(rows)
    m = network(x.shape[1], len(names))
    for e in range(int(epochs)):
        t = time.time()
        h = m.fit(x, y, batch_size=32, epochs=1, verbose=0).history
        print(json.dumps({"epoch": e + 1, "seconds": time.time() - t, "loss": h["loss"][0],
                          "accuracy": h["accuracy"][0]}), flush=True)


def by_sklearn(x, rows):
    from sklearn.linear_model import LogisticRegression
    x = np.load(x)
    y, _ = labels_of(rows)
    t = time.time()
    m = LogisticRegression(solver="lbfgs").fit(x, y)
    seconds = time.time() - t
    z = x @ m.coef_.T.astype(np.float64) + m.intercept_
    z -= z.max(1, keepdims=True)
    loss = np.log(np.exp(z).sum(1)) - z[np.arange(len(y)), y]
    print(json.dumps({"seconds": seconds, "steps": int(m.n_iter_[0]), "loss": float(loss.mean()),
                      "objective": float(loss.mean() + (m.coef_ ** 2).sum() / 2 / len(y))}))


def by_folds(x, truth, seeds):
    """The folds of seed s are in TRUTH.s: a number for each line of TRUTH. One model is used again and again, with
    fresh weights and a fresh optimizer: compiling takes longer than fitting."""
    import keras
    row = {k: i for i, k in enumerate(open(x[:-4] + ".keys.txt").read().splitlines())}
    lines = [line.rstrip("\n").split("\t") for line in open(truth)]
    known = sorted({name for _, name in lines})
    x = np.load(x)[[row[k] for k, _ in lines]]
    y = np.array([known.index(name) for _, name in lines])
    m = network(x.shape[1], len(known))
    for seed in range(int(seeds)):
        fold = np.array([int(n) for n in open(f"{truth}.{seed}")])
        right = 0
        for k in range(5):
            glorot = keras.initializers.GlorotUniform(seed=seed * 5 + k)
            m.set_weights([glorot(w.shape) if w.ndim == 2 else np.zeros_like(w) for w in m.get_weights()])
            for v in m.optimizer.variables:
                if v is not m.optimizer._learning_rate:
                    v.assign(np.zeros(v.shape))
            keras.utils.set_random_seed(seed * 5 + k)
            m.fit(x[fold != k], y[fold != k], batch_size=32, epochs=10, verbose=0)
            right += (m.predict_on_batch(x[fold == k]).argmax(1) == y[fold == k]).sum()
        print(json.dumps({"seed": seed, "accuracy": right / len(y)}), flush=True)


if __name__ == "__main__":
    {"keras": by_keras, "sklearn": by_sklearn, "folds": by_folds}[sys.argv[1]](*sys.argv[2:])
