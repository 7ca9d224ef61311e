#!/usr/bin/env python3
"""What reap evaluate, review and its neighbours say, beside scikit-learn, SciPy and cleanlab.

    judge.py FOLDER

FOLDER holds, as judge.t makes it: logits.npy, probs.npy, avg.npy and keys.txt of a store, truth.tsv, evaluation.json and
confusion.csv of reap evaluate, pred_probs.npy with labels and keys and review.csv of reap review. Prints TAP.
"""
import csv
import json
import os
import sys

import numpy as np
from cleanlab.filter import find_label_issues
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.metrics import (accuracy_score, confusion_matrix, log_loss, precision_recall_fscore_support,
                             top_k_accuracy_score)
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

folder = sys.argv[1]
count = bad = 0


def ok(good, what):
    global count, bad
    count += 1
    bad += not good
    print("" if good else "not ", "ok ", count, " - ", what, sep="")


def near(a, b, what, rel=1e-6):
    ok(abs(a - b) <= rel * abs(b) + 1e-9, f"{what}: {a:.9g}, {b:.9g}")


def load(name):
    return np.load(os.path.join(folder, name))


keys = open(folder + "/keys.txt").read().split("\n")[:-1]
truth = dict(line.rstrip("\n").split("\t") for line in open(folder + "/truth.tsv"))
at = [i for i, k in enumerate(keys) if k in truth]
y = np.array([int(truth[keys[i]]) for i in at])
p, z, x = load("probs.npy"), load("logits.npy"), load("avg.npy")
classes = np.arange(p.shape[1])
q, g = p[at], p[at].argmax(1)
e = json.load(open(folder + "/evaluation.json"))

near(e["accuracy"], accuracy_score(y, g), "accuracy")
near(e["top5"], top_k_accuracy_score(y, q, k=5, labels=classes), "top-5 accuracy")
for a in "macro", "weighted":
    want = precision_recall_fscore_support(y, g, average=a, zero_division=0)
    for name, w in zip(("precision", "recall", "f1"), want):
        near(e[a][name], w, f"{a} {name}")
rows = list(csv.reader(open(folder + "/confusion.csv")))
ok((np.array([r[1:] for r in rows[1:]], int) == confusion_matrix(y, g)).all(), "confusion matrix")

# which rows were held out is reap's to say; their numbers are not
held = {r["key"] for r in csv.DictReader(open(folder + "/rows.csv")) if r["part"] == "held"}
n = e["calibration"]["rows"]
t = e["temperature"]
ok(0 < n < len(at), f"{n} of {len(at)} rows are held out")


def ece(conf, right):
    total = 0
    for b in range(15):
        m = (conf > b / 15) & (conf <= (b + 1) / 15)
        if m.any():
            total += abs(right[m].sum() - conf[m].sum())
    return total / len(conf)


inside = np.array([keys[i] in held for i in at])
ok(inside.sum() == n, "held rows are listed")
zz = z[at].astype(float)
fit = minimize_scalar(lambda b: -log_softmax(zz[~inside] * np.exp(b), axis=1)[np.arange((~inside).sum()),
                                                                             y[~inside]].mean(),
                      bounds=(-4.6, 4.6), method="bounded", options={"xatol": 1e-10})
near(t, np.exp(-fit.x), "temperature", 1e-4)
right = (g == y)[inside]
near(e["calibration"]["ece"], ece(q.max(1)[inside].astype(float), right), "calibration error", 1e-5)
near(e["calibration"]["nll"], -np.log(q[inside, :][np.arange(n), y[inside]].astype(float)).mean(),
     "negative log likelihood", 1e-5)
cool = softmax(zz[inside] / t, axis=1)
near(e["calibrated"]["nll"], log_loss(y[inside], cool, labels=classes), "the same at the temperature", 1e-5)
near(e["calibrated"]["brier"], ((cool - np.eye(len(classes))[y[inside]]) ** 2).sum(1).mean(), "Brier score", 1e-5)

pp, pl = load("pred_probs.npy"), load("pred_probs.labels.npy")
ok((pp == q).all() and (pl == y).all(), "arrays for cleanlab are probabilities and labels")
issues = find_label_issues(pl, pp, return_indices_ranked_by="self_confidence", n_jobs=1)
review = list(csv.DictReader(open(folder + "/review.csv")))
found = sorted((r for r in review if "suspect" in r["reasons"]), key=lambda r: float(r["label_prob"]))
ok([r["key"] for r in found] == [keys[at[i]] for i in issues], f"cleanlab suspects the same {len(issues)}")

_, order = NearestNeighbors(n_neighbors=6, metric="cosine").fit(x[at]).kneighbors(x[at])
same = 0
by_key = {r["key"]: r for r in review}
for i, near_i in enumerate(order):
    votes = np.bincount(y[[j for j in near_i if j != i][:5]], minlength=len(classes))
    same += abs(float(by_key[keys[at[i]]]["neighbours_share"]) - votes.max() / 5) < 1e-6
ok(same == len(at), f"scikit-learn's neighbours vote alike: {same} of {len(at)}")
knn = KNeighborsClassifier(n_neighbors=7, metric="cosine").fit(x[at], y).predict_proba(x)
ok(abs(load("near.npy") - knn).max() < 1e-6, "scikit-learn's classifier by neighbours gives the same probabilities")
print(f"1..{count}")
sys.exit(bad > 0)
