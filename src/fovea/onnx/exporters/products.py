"""Convolutions and dense layers."""

from typing import Any

import numpy as np

from fovea.onnx.building import Value
from fovea.onnx.exporters.exporter import LayerExport
from fovea.onnx.layouts import filters_there, pads_there


def conv(export: LayerExport) -> Value:
    layer: Any = export.layer
    window = layer.window(export.inputs[0].shape)
    constants = [
        export.weights("W", filters_there(layer.parameters["W"])),
        *([export.weights("b")] if layer.bias else []),
    ]
    pads = pads_there(window.pads)
    if window.mirror:
        top, left, bottom, right = pads
        sides = export.weights("pads", np.array((0, 0, top, left, 0, 0, bottom, right), np.int64))
        padded = f"{layer.name}.padded"
        export.names = [export.exporter.add("Pad", [*export.names, sides], padded, padded, mode="reflect")]
        pads = (0, 0, 0, 0)
    return export.to(
        "Conv", *constants, kernel_shape=window.size, strides=window.stride, pads=pads,
        dilations=window.dilation, group=layer.groups,
    )  # fmt: skip


def conv_transpose(export: LayerExport) -> Value:
    layer: Any = export.layer
    window = layer.upward(export.inputs[0].shape)  # of the convolution that it transposes
    constants = [
        export.weights("W", filters_there(layer.parameters["W"])),
        *([export.weights("b")] if layer.bias else []),
    ]
    sizes = zip(
        export.inputs[0].shape, window.stride, window.extent, window.pads[::2], export.shape, strict=False
    )
    # (n − 1)·s + e less the padding before and the output's length: padding after, or output padding if < 0.
    after = [(n - 1) * s + e - before - length for n, s, e, before, length in sizes]
    pads = [*window.pads[::2], *(max(rest, 0) for rest in after)]
    return export.to(
        "ConvTranspose", *constants, kernel_shape=window.size, strides=window.stride, pads=pads,
        dilations=window.dilation, group=layer.groups, output_padding=[max(-rest, 0) for rest in after],
    )  # fmt: skip


def dense(export: LayerExport) -> Value:
    layer: Any = export.layer
    W = layer.parameters["W"][export.inputs[0].places]
    return export.to("Gemm", export.weights("W", W), *([export.weights("b")] if layer.bias else []))
