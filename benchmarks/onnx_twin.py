"""A Fovea network in onnxruntime, written as ONNX from its PyTorch twin."""

import itertools

import numpy as np
from torch import nn

import fovea
from benchmarks.ours import Batches
from benchmarks.torch_twin import Twin
from benchmarks.turns import Run

_OPSET, _IR = 17, 8  # old enough for any onnxruntime


def predictor(network: fovea.Network, data: Batches, threads: int) -> Run:
    """A function that gives one batch's logits; pictures lie ready as (N, C, H, W), as it takes them."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(_model(network), options, providers=["CPUExecutionProvider"])
    ready = [np.ascontiguousarray(images.transpose(0, 3, 1, 2)) for images, _ in data]
    batches = itertools.cycle(ready)
    return lambda: session.run(None, {"x": next(batches)})[0]


def _model(network: fovea.Network) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    nodes, weights, value = [], [], "x"
    for place, module in enumerate(Twin(network)):
        operation, attributes = _node(module)
        inputs = [value]
        for name, tensor in module.named_parameters():
            weights.append(numpy_helper.from_array(tensor.detach().contiguous().numpy(), f"{name}{place}"))
            inputs.append(f"{name}{place}")
        value = f"value{place}"
        nodes.append(helper.make_node(operation, inputs, [value], **attributes))
    (H, W, C), (classes,) = network.input_shape, network.output_shape
    ends = [("x", ["N", C, H, W]), (value, ["N", classes])]
    first, last = ([helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)] for name, shape in ends)
    graph = helper.make_graph(nodes, "twin", first, last, weights)
    opsets = [helper.make_opsetid("", _OPSET)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=_IR).SerializeToString()


def _node(module: nn.Module) -> tuple[str, dict[str, object]]:
    match module:
        case nn.Conv2d():
            top, left = module.padding
            return "Conv", {"strides": module.stride, "pads": [top, left, top, left]}
        case nn.MaxPool2d():
            return "MaxPool", {"kernel_shape": module.kernel_size, "strides": module.stride}
        case nn.Linear():
            return "Gemm", {"transB": 1}
        case nn.ReLU():
            return "Relu", {}
        case nn.AdaptiveAvgPool2d():
            return "GlobalAveragePool", {}
        case nn.Flatten():
            return "Flatten", {}
    raise NotImplementedError(f"{module} has no ONNX twin")
