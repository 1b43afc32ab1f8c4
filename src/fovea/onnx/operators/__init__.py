"""The table operator of ONNX → function on arrays, channels first.

A function's positional parameters are the operator's inputs, None for one that is left out; its keywords are
the attributes. Parameters that were attributes in early operator sets and inputs in later ones may be either.
The keyword `outputs`, if a function has it, is the number of outputs, which it returns in a tuple.
Convolutions, pooling, products and activations run on the current engine.

Operators: https://onnx.ai/onnx/operators/
"""

import inspect
from collections.abc import Sequence

import numpy as np

from fovea import functional
from fovea.errors import DataError, FoveaError, mismatch
from fovea.onnx.bounds import Room, brief
from fovea.onnx.graph import Step
from fovea.onnx.operators import activations, arithmetic, movement, resize, sizes, spatial
from fovea.onnx.versions import Function, Table, function_of

OPERATORS: Table = {
    # layers and activations
    "AveragePool": spatial.average_pool,
    "BatchNormalization": {7: arithmetic.batch_normalization_before_14, 14: arithmetic.batch_normalization},
    "Celu": activations.celu,
    "Clip": arithmetic.clip,
    "Conv": spatial.conv,
    "ConvTranspose": spatial.conv_transpose,
    "Elu": activations.elu,
    "Erf": activations.erf,
    "Gelu": activations.gelu,
    "Gemm": arithmetic.gemm,
    "GlobalAveragePool": spatial.global_average_pool,
    "GlobalMaxPool": spatial.global_max_pool,
    "GroupNormalization": {
        18: activations.group_normalization_before_21,
        21: activations.group_normalization,
    },
    "HardSigmoid": activations.hard_sigmoid,
    "HardSwish": functional.hard_swish,
    "InstanceNormalization": activations.instance_normalization,
    "LayerNormalization": activations.layer_normalization,
    "LeakyRelu": arithmetic.leaky_relu,
    "LogSoftmax": {1: arithmetic.before_13(arithmetic.log_softmax), 13: arithmetic.log_softmax},
    "MatMul": arithmetic.matmul,
    "MaxPool": spatial.max_pool,
    "Mish": functional.mish,
    "PRelu": activations.prelu,
    "Relu": functional.relu,
    "Resize": {10: resize.resize_10, 11: resize.resize},
    "Selu": activations.selu,
    "Sigmoid": functional.sigmoid,
    "Softmax": {1: arithmetic.before_13(arithmetic.softmax), 13: arithmetic.softmax},
    "Softplus": functional.softplus,
    "Softsign": functional.softsign,
    "Tanh": functional.tanh,
    "ThresholdedRelu": activations.thresholded_relu,
    "Upsample": {7: resize.upsample_7, 9: resize.upsample_9},
    # data movement
    "Concat": movement.concat,
    "DepthToSpace": movement.depth_to_space,
    "Dropout": movement.dropout,
    "Expand": movement.expand,
    "Flatten": movement.flatten,
    "Gather": movement.gather,
    "GatherND": movement.gather_nd,
    "Identity": lambda x: x,
    "Pad": movement.pad,
    "Reshape": movement.reshape,
    "Slice": movement.slice_,
    "SpaceToDepth": movement.space_to_depth,
    "Split": {2: movement.parts_before_18, 18: movement.parts},
    "Squeeze": movement.squeeze,
    "Tile": movement.tile,
    "Transpose": movement.transpose,
    "Unsqueeze": movement.unsqueeze,
    # element-wise operators, and those of shape and constant expressions
    "Abs": np.abs,
    "Add": arithmetic.add,
    "Cast": movement.cast,
    "CastLike": movement.cast_like,
    "Constant": movement.constant,
    "ConstantOfShape": movement.constant_of_shape,
    "Div": arithmetic.division,
    "Equal": np.equal,
    "Exp": np.exp,
    "Floor": np.floor,
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
    "Less": np.less,
    "LessOrEqual": np.less_equal,
    "Log": np.log,
    "Max": lambda *arrays: np.maximum.reduce(np.broadcast_arrays(*arrays)),
    "Min": lambda *arrays: np.minimum.reduce(np.broadcast_arrays(*arrays)),
    "Mul": np.multiply,
    "Neg": np.negative,
    "Pow": lambda a, b: np.power(a, b).astype(a.dtype),
    "Range": np.arange,
    "ReduceL1": arithmetic.reduction(lambda x, **options: np.sum(np.abs(x), **options)),
    "ReduceL2": arithmetic.reduction(lambda x, **options: np.sqrt(np.sum(np.square(x), **options))),
    "ReduceMax": arithmetic.reduction(np.max),
    "ReduceMean": arithmetic.reduction(np.mean),
    "ReduceMin": arithmetic.reduction(np.min),
    "ReduceProd": arithmetic.reduction(np.prod),
    "ReduceSum": arithmetic.reduction(np.sum),
    "ReduceSumSquare": arithmetic.reduction(lambda x, **options: np.sum(np.square(x), **options)),
    "Reciprocal": np.reciprocal,
    "Shape": movement.shape,
    "Size": lambda x: np.array(x.size, np.int64),
    "Sqrt": np.sqrt,
    "Sub": np.subtract,
    "Sum": lambda *arrays: sum(arrays[1:], arrays[0]),
    "Where": np.where,
}


# Errors of Python and NumPy for inputs and attributes that do not fit an operator.
UNFIT = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, MemoryError)


def run(step: Step, inputs: Sequence[np.ndarray | None], opset: int, room: Room) -> tuple[np.ndarray, ...]:
    """The outputs of `step` for `inputs`; takes `room` before computing. Raises DataError, which names the
    step, for an operator that is not in the table, inputs that do not fit it, and too little room."""
    function = function_of(OPERATORS, step.operator, opset)
    if function is None:
        raise DataError(
            mismatch(step.who, "an operator that Fovea knows", f"{brief(step.operator)} of opset {opset}")
        )
    attributes = dict(step.attributes)
    try:
        room.take(sizes.numbers(step.operator, inputs, attributes))
        if _has_outputs_keyword(function):
            attributes["outputs"] = len(step.outputs)
        with np.errstate(all="ignore"):  # ONNX allows infinity and NaN
            outputs = function(*inputs, **attributes)
    except FoveaError as error:
        raise DataError(f"{step.who}: {error}") from error
    except UNFIT as error:
        raise DataError(mismatch(step.who, "inputs and attributes that fit it", brief(error))) from error
    return outputs if isinstance(outputs, tuple) else (np.asarray(outputs),)


def _has_outputs_keyword(function: Function) -> bool:
    return not isinstance(function, np.ufunc) and "outputs" in inspect.signature(function).parameters
