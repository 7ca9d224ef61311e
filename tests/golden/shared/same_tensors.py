"""same_tensors.py A B: do two safetensors files hold the same numbers? Needs numpy."""
import json
import sys

import numpy as np

TYPES = {"F32": "<f4", "I64": "<i8"}


def read(path):
    raw = open(path, "rb").read()
    n = int.from_bytes(raw[:8], "little")
    head = json.loads(raw[8:8 + n])
    head.pop("__metadata__", None)
    body = memoryview(raw)[8 + n:]
    return {k: np.frombuffer(body[slice(*v["data_offsets"])],
                             TYPES[v["dtype"]]).reshape(v["shape"])
            for k, v in head.items()}


a, b = read(sys.argv[1]), read(sys.argv[2])
bad = sorted(set(a) ^ set(b))
bad += [k for k in a if k in b and (a[k].shape != b[k].shape or
                                    not np.array_equal(a[k], b[k]))]
print(len(a), "tensors,", len(bad), "differ", *bad[:3])
sys.exit(bool(bad) or not a)
