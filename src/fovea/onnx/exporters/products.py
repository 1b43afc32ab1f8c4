"""Convolutions and dense layers."""

from typing import Any

from fovea.onnx.building import Value
from fovea.onnx.exporters.exporter import LayerExport
from fovea.onnx.layouts import filters_there, pads_there


def conv(one: LayerExport) -> Value:
    layer: Any = one.layer
    window = layer.window(one.inputs[0].shape)
    constants = [
        one.weights("W", filters_there(layer.parameters["W"])),
        *([one.weights("b")] if layer.bias else []),
    ]
    return one.to(
        "Conv", *constants, kernel_shape=window.size, strides=window.stride, pads=pads_there(window.pads),
        dilations=window.dilation, group=layer.groups,
    )  # fmt: skip


def conv_transpose(one: LayerExport) -> Value:
    layer: Any = one.layer
    window = layer.upward(one.inputs[0].shape)  # of the convolution that leads the other way
    constants = [
        one.weights("W", filters_there(layer.parameters["W"])),
        *([one.weights("b")] if layer.bias else []),
    ]
    sizes = zip(one.inputs[0].shape, window.stride, window.extent, window.pads[::2], one.shape, strict=False)
    # What is left of (n − 1)·s + e after the padding before, less what there shall be: padding, or more rows.
    after = [(n - 1) * s + e - before - length for n, s, e, before, length in sizes]
    pads = [*window.pads[::2], *(max(rest, 0) for rest in after)]
    return one.to(
        "ConvTranspose", *constants, kernel_shape=window.size, strides=window.stride, pads=pads,
        dilations=window.dilation, group=layer.groups, output_padding=[max(-rest, 0) for rest in after],
    )  # fmt: skip


def dense(one: LayerExport) -> Value:
    layer: Any = one.layer
    W = layer.parameters["W"][one.inputs[0].places]
    return one.to("Gemm", one.weights("W", W), *([one.weights("b")] if layer.bias else []))
