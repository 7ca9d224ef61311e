"""What `tests/bench/peers --latency` compares with: one image on all threads.

    latency_peer.py MODEL.onnx PRECISION THREADS SECONDS

A line of JSON for each peer installed beside this Python, in its mode for low
latency: OpenVINO's hint LATENCY, ONNX Runtime with all threads within an
operator, PyTorch eager and compiled. Milliseconds an image: the median of
single calls, each timed alone. int8 wants what quantize.py of the peers' folder
puts beside MODEL.onnx; PyTorch takes random weights, on which no speed depends.
"""
import importlib.metadata
import importlib.util
import json
import re
import statistics
import sys
import time

import numpy as np

WARM = 10


def model_file(model, prec, ending):
    stem = re.sub(r"(\.int8)?\.(onnx|xml)$", "", model)
    return f"{stem}.int8.{ending}" if prec == "int8" else f"{stem}.onnx"


def image():
    return np.random.default_rng(1).standard_normal((1, 3, 224, 224), np.float32)


def openvino(model, prec, threads):
    import openvino as ov
    core = ov.Core()
    net = core.read_model(model_file(model, prec, "xml"))
    net.reshape([1, 3, 224, 224])
    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
    if prec != "int8":
        options["INFERENCE_PRECISION_HINT"] = {"fp32": "f32", "bf16": "bf16"}[prec]
    request = core.compile_model(net, "CPU", options).create_infer_request()
    request.set_input_tensor(ov.Tensor(image()))
    yield "hint LATENCY", request.infer


def ort(model, prec, threads):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        model_file(model, prec, "onnx"), options, providers=["CPUExecutionProvider"])
    feed = {"images": image()}
    yield "intra-op threads", lambda: session.run(None, feed)


def torch(model, prec, threads):
    import torch
    import torch._inductor.config
    import torchvision
    torch.set_num_threads(threads)
    torch._inductor.config.freezing = True
    form = {"dtype": {"fp32": torch.float32, "bf16": torch.bfloat16}[prec],
            "memory_format": torch.channels_last}
    net = torchvision.models.resnet50().eval().to(**form)
    x = torch.from_numpy(image()).to(**form)
    for way, call in (("eager", net), ("compiled", torch.compile(net, dynamic=False))):
        def run():
            with torch.inference_mode():
                call(x)
        yield way, run


PEERS = {  # name: its function, its package, what it can run
    "openvino": (openvino, "openvino", {"fp32", "bf16", "int8"}),
    "ort": (ort, "onnxruntime", {"fp32", "int8"}),
    "torch": (torch, "torch", {"fp32", "bf16"}),
}


def median_ms(run, seconds):
    took, end = [], time.perf_counter() + seconds
    for _ in range(WARM):
        run()
    while time.perf_counter() < end or len(took) < WARM:
        start = time.perf_counter()
        run()
        took.append(time.perf_counter() - start)
    return 1e3 * statistics.median(took)


def main(model, prec, threads, seconds):
    for peer, (function, package, precisions) in PEERS.items():
        if prec not in precisions or not importlib.util.find_spec(package):
            continue
        ways = {way: median_ms(run, seconds) for way, run in function(model, prec, threads)}
        way = min(ways, key=ways.get)
        print(json.dumps({"peer": peer, "version": importlib.metadata.version(package), "prec": prec,
                          "threads": threads, "way": way, "ms": round(ways[way], 3)}), flush=True)


if len(sys.argv) != 5:
    sys.exit(__doc__)
main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
