"""What layers each operator of ONNX becomes: one table.

A function takes the network in the making and the operator's inputs: a `Value` for what the network computes,
an array for a constant, None for what is left out. Its keywords are the attributes that it understands. It
gives the value of the operator's output, or several.
"""

from collections.abc import Callable, Sequence
from typing import Any

from fovea.errors import DataError, FoveaError, mismatch
from fovea.layers import ReLU, Sigmoid, SiLU, Tanh
from fovea.onnx.building import Builder, Value
from fovea.onnx.importers import activations, movement, products, windows

IMPORTERS: dict[str, Callable[..., Any]] = {
    "Add": products.add,
    "AveragePool": windows.average_pool,
    "BatchNormalization": products.batch_normalization,
    "Cast": movement.unchanged,
    "Clip": activations.clip,
    "Concat": products.concat,
    "Conv": windows.conv,
    "ConvTranspose": windows.conv_transpose,
    "Div": products.divide,
    "Dropout": movement.unchanged,
    "Flatten": movement.moves,
    "Gather": movement.moves,
    "Gemm": products.gemm,
    "GlobalAveragePool": windows.global_average_pool,
    "GlobalMaxPool": windows.global_max_pool,
    "Identity": movement.unchanged,
    "LeakyRelu": activations.leaky_relu,
    "LogSoftmax": activations.log_softmax,
    "MatMul": products.matmul,
    "MaxPool": windows.max_pool,
    "Mul": products.multiply,
    "Pad": movement.pad,
    "ReduceMean": windows.mean,
    "Relu": activations.each(ReLU),
    "Reshape": movement.moves,
    "Resize": windows.resize,
    "Sigmoid": activations.each(Sigmoid),
    "Silu": activations.each(SiLU),  # not ONNX's: x · Sigmoid(x), found by `importing`
    "Slice": movement.moves,
    "Softmax": activations.softmax,
    "Split": movement.moves,
    "Squeeze": movement.moves,
    "Sub": products.subtract,
    "Sum": products.total,
    "Tanh": activations.each(Tanh),
    "Transpose": movement.moves,
    "Unsqueeze": movement.moves,
    "Upsample": windows.resize,
}


def add_step(b: Builder, inputs: Sequence[Any]) -> tuple[Value, ...]:
    """Add the layers of the builder's step. Raises DataError, which names the step."""
    step = b.step
    if step.operator not in IMPORTERS:
        raise DataError(mismatch(step.who, "an operator that Fovea has a layer for", step.operator))
    try:
        found = IMPORTERS[step.operator](b, *inputs, **step.attributes)
    except FoveaError as error:
        raise DataError(f"{step.who}: {error}") from error
    except (TypeError, ValueError, IndexError, AttributeError) as error:
        raise DataError(mismatch(step.who, "inputs and attributes that fit it", str(error))) from error
    return found if isinstance(found, tuple) else (found,)
