"""A Fovea network in programs that run ONNX files, as Fovea itself exports it."""

import itertools

import numpy as np

import fovea
from benchmarks.ours import Batches
from benchmarks.turns import Run


def onnxruntime(network: fovea.Network, data: Batches, threads: int) -> Run:
    """A function that gives one batch's logits; pictures are prepared as (N, C, H, W)."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(_model(network), options, providers=["CPUExecutionProvider"])
    (name,) = (entry.name for entry in session.get_inputs())
    batches = itertools.cycle(_ready(data))
    return lambda: session.run(None, {name: next(batches)})[0]


def openvino(network: fovea.Network, data: Batches, threads: int) -> Run:
    """A function that gives the logits of one batch of that size, tuned for latency, in full precision."""
    import openvino

    core, ready = openvino.Core(), _ready(data)
    model = core.read_model(_model(network))
    model.reshape(list(ready[0].shape))
    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
    }
    request = core.compile_model(model, "CPU", settings).create_infer_request()
    batches = itertools.cycle(ready)
    return lambda: request.infer([next(batches)], share_inputs=True, share_outputs=True)[0]


def _ready(data: Batches) -> list[np.ndarray]:
    return [np.ascontiguousarray(images.transpose(0, 3, 1, 2)) for images, _ in data]


def _model(network: fovea.Network) -> bytes:
    """Numbers in, logits out."""
    from fovea import onnx

    return onnx.to_model(network, numbers=True, logits=True).SerializeToString()
