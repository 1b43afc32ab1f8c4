"""The table operator of ONNX → layers.

A function's arguments are the builder and the operator's inputs: a `Value` for a tensor that the network
computes, an array for a constant, None for an input that is left out. Its keywords are the attributes that it
supports. It returns the value of the operator's output, or several.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fovea.errors import DataError, FoveaError, mismatch, reason
from fovea.layers import HardSwish, LogSoftmax, Mish, ReLU, Sigmoid, Softmax, Softplus, Softsign, Tanh
from fovea.onnx.bounds import brief
from fovea.onnx.building import Builder, Value
from fovea.onnx.importers import activations, grouped, movement, products, reductions, windows
from fovea.onnx.operators import UNFIT
from fovea.onnx.versions import Table, function_of

# Not operators of ONNX: `composites` puts them in place of several operators.
ACTIVATION = "several operators, element-wise"
NORMALISED = "several operators, a normalisation"

IMPORTERS: Table = {
    ACTIVATION: activations.recognised,
    NORMALISED: grouped.normalised,
    "Add": products.add,
    "AveragePool": windows.average_pool,
    "BatchNormalization": products.batch_normalization,
    "Cast": movement.cast,
    "Celu": activations.celu,
    "Clip": activations.clip,
    "Concat": products.concat,
    "Conv": windows.conv,
    "ConvTranspose": windows.conv_transpose,
    "DepthToSpace": movement.moves,
    "Div": products.divide,
    "Dropout": movement.dropout,
    "Elu": activations.elu,
    "Flatten": movement.moves,
    "Gather": movement.moves,
    "GatherND": movement.moves,
    "Gelu": activations.gelu,
    "Gemm": products.gemm,
    "GroupNormalization": {18: grouped.group_normalization_before_21, 21: grouped.group_normalization},
    "HardSigmoid": activations.hard_sigmoid,
    "HardSwish": activations.each(HardSwish),
    "GlobalAveragePool": reductions.global_average_pool,
    "GlobalMaxPool": reductions.global_max_pool,
    "Identity": movement.unchanged,
    "InstanceNormalization": grouped.instance_normalization,
    "LayerNormalization": grouped.layer_normalization,
    "LeakyRelu": activations.leaky_relu,
    "LogSoftmax": {1: activations.softmax_before_13(LogSoftmax), 13: activations.softmax(LogSoftmax)},
    "MatMul": products.matmul,
    "MaxPool": windows.max_pool,
    "Mish": activations.each(Mish),
    "Mul": products.multiply,
    "PRelu": products.prelu,
    "Neg": products.negative,
    "Pad": movement.pad,
    "ReduceMax": reductions.maximum,
    "ReduceMean": reductions.mean,
    "ReduceSum": reductions.total,
    "Relu": activations.each(ReLU),
    "Reshape": movement.moves,
    "Resize": windows.resize,
    "Selu": activations.selu,
    "Sigmoid": activations.each(Sigmoid),
    "Slice": movement.moves,
    "Softmax": {1: activations.softmax_before_13(Softmax), 13: activations.softmax(Softmax)},
    "Softplus": activations.each(Softplus),
    "Softsign": activations.each(Softsign),
    "SpaceToDepth": movement.moves,
    "Split": movement.moves,
    "Squeeze": movement.moves,
    "Sub": products.subtract,
    "Sum": products.total,
    "Tanh": activations.each(Tanh),
    "ThresholdedRelu": activations.thresholded_relu,
    "Transpose": movement.moves,
    "Unsqueeze": movement.moves,
    "Upsample": windows.resize,
}

MOVES = {name for name, function in IMPORTERS.items() if function in (movement.moves, movement.unchanged)}


def add_step(b: Builder, inputs: Sequence[Any]) -> tuple[Value, ...]:
    """Add the layers of the builder's step. Raises DataError, which names the step."""
    step = b.step
    function = function_of(IMPORTERS, step.operator, b.graph.opset)
    if function is None:
        raise DataError(mismatch(step.who, "an operator that Fovea has a layer for", brief(step.operator)))
    try:
        with np.errstate(all="ignore"):  # no warnings: Builder.add checks new arrays
            values = function(b, *inputs, **step.attributes)
    except FoveaError as error:
        raise DataError(f"{step.who}: {reason(error, step.who)}") from error
    except UNFIT as error:
        raise DataError(mismatch(step.who, "inputs and attributes that fit it", brief(error))) from error
    return values if isinstance(values, tuple) else (values,)
