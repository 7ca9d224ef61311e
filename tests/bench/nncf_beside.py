#!/usr/bin/env python3
"""usage: nncf_beside.py PEERS MODEL.onnx CALIBRATE_DIR OTHERS_DIR
Quantise MODEL.onnx by NNCF on the photos of one folder and set it beside fp32
on those of another: a JSON line with the mean cosine of embeddings, that of the
worst percent, and how many keep their first label. PEERS is the folder whose
common.py makes the pixels.
"""
import json
import logging
import sys

sys.path.insert(0, sys.argv[1])
import common  # noqa: E402
import nncf  # noqa: E402
import numpy as np  # noqa: E402
import openvino as ov  # noqa: E402


def images(folder):
    return [common.normalised(common.pixels(common.read(p))) for p in common.photos(folder)]


def run(model, inputs):
    # float32 itself: on CPUs with bfloat16 OpenVINO would round the rest of the net to that
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    out = [compiled(x) for x in inputs]
    return (np.stack([o["embedding"].ravel() for o in out]).astype(float),
            np.array([o["logits"].argmax() for o in out]))


model, calibrate, others = sys.argv[2:5]
logging.disable(logging.WARNING)
fp32 = ov.Core().read_model(model)
seen = images(calibrate)
int8 = nncf.quantize(fp32, nncf.Dataset(seen), subset_size=len(seen),
                     preset=nncf.QuantizationPreset.MIXED)
inputs = images(others)
want, labels = run(ov.Core().read_model(model), inputs)
got, is_label = run(int8, inputs)
cosine = np.sort((want * got).sum(1) / np.linalg.norm(want, axis=1) / np.linalg.norm(got, axis=1))
# the percentile that reap compare prints: the row at that place, not between two
print(json.dumps({"who": "nncf", "images": len(cosine), "mean": cosine.mean(),
                  "p1": cosine[int(0.01 * (len(cosine) - 1) + 0.5)],
                  "top1": float((labels == is_label).mean())}))
