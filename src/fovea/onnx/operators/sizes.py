"""Upper bounds on the number of values that an operator computes, including intermediate ones.

Each function takes the inputs and attributes of its operator. By default the bound is the size of the inputs.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest
from math import ceil, prod
from typing import Any

import numpy as np

from fovea.errors import ShapeError, mismatch

AXES = 64  # NumPy's
SHORT = 1000  # numbers in an input that is a parameter: a shape, axes, pads, the lengths of parts
STEPS = 256  # multiplications that are counted as one value
VISIT = 4096  # the overhead of one position in a window, in multiplications


def numbers(operator: str, inputs: Sequence[Any], attributes: dict[str, Any]) -> int:
    """The bound for an operator. Raises ShapeError for inputs with too many parameters, such as axes."""
    if operator in PARAMETERS and any(
        x is not None and x.size > SHORT for x in inputs[PARAMETERS[operator] :]
    ):
        raise ShapeError(mismatch("its inputs after the first", f"at most {SHORT:,} numbers", "more"))
    return SIZES.get(operator, _inputs)(*inputs, **attributes)


def _lengths(shape: Iterable[Any]) -> list[int]:
    lengths = [abs(int(n)) for n in shape]
    if len(lengths) > AXES:
        raise ShapeError(mismatch("its shape", f"at most {AXES} axes", len(lengths)))
    return lengths


def _inputs(*inputs: Any, **_: Any) -> int:
    return sum(x.size for x in inputs if x is not None)


def _nothing(*_: Any, **__: Any) -> int:
    return 0


def _broadcast_size(*shapes: Sequence[int]) -> int:
    """The size of arrays of these shapes, broadcast."""
    return prod(map(max, zip_longest(*(shape[::-1] for shape in shapes), fillvalue=1)))


def _broadcast(*inputs: Any, **_: Any) -> int:
    return _broadcast_size(*(x.shape for x in inputs if x is not None))


def _expand(x: Any, shape: Any, **_: Any) -> int:
    return _broadcast_size(x.shape, _lengths(shape))


def _filled(shape: Any, **_: Any) -> int:
    return prod(_lengths(shape))


def _range(start: Any, limit: Any, delta: Any, **_: Any) -> int:
    return max(ceil((np.asarray(limit).item() - np.asarray(start).item()) / np.asarray(delta).item()), 0)


def _pad(
    x: Any, sides: Any = None, value: Any = None, axes: Any = None, *, pads: Any = None, **_: Any
) -> int:
    around = _lengths(sides if pads is None else pads)
    axes = range(x.ndim) if axes is None else [int(axis) for axis in axes]
    lengths = list(x.shape)
    for place, axis in enumerate(axes):
        lengths[axis] += around[place] + around[place + len(around) // 2]
    return prod(lengths)


def _gather(x: Any, indices: Any, *, axis: int = 0, **_: Any) -> int:
    return x.size // max(x.shape[axis], 1) * indices.size


def _gather_nd(x: Any, indices: Any, *, batch_dims: int = 0, **_: Any) -> int:
    """The size of the result: each position in `indices` selects all values along the remaining axes."""
    axes = batch_dims + indices.shape[-1]
    return prod(indices.shape[:-1]) * prod(x.shape[axes:]) + indices.size


def _tile(x: Any, repeats: Any, **_: Any) -> int:
    return x.size * prod(_lengths(repeats))


def _resize(x: Any, *inputs: Any, scales: Any = None, axes: Any = None, **_: Any) -> int:
    """One axis after the other; the weights of an axis are a matrix."""
    roi_scales_sizes = [None, *inputs] if len(inputs) == 1 else [*inputs, None, None]
    given = roi_scales_sizes[1] if scales is None else scales
    axes = range(x.ndim) if axes is None else [int(axis) for axis in axes]
    if given is not None and len(given):
        longer = {axis: int(np.floor(x.shape[axis] * float(s))) for axis, s in zip(axes, given, strict=True)}
    else:
        longer = {axis: int(n) for axis, n in zip(axes, roi_scales_sizes[2], strict=True)}
    lengths, most, weights = list(x.shape), x.size, 0
    for axis, n in longer.items():
        weights = max(weights, n * lengths[axis])
        lengths[axis] = n
        most = max(most, prod(lengths))
    return most + weights


def _matmul(a: Any, b: Any, c: Any = None, *, transA: int = 0, transB: int = 0, **_: Any) -> int:
    """The size of the result, or the number of its multiplications, if larger."""
    rows, depth = (1, *a.shape) if a.ndim == 1 else a.shape[-2:][:: -1 if transA else 1]
    columns = 1 if b.ndim == 1 else b.shape[-2 if transB else -1]
    result = _broadcast_size(a.shape[:-2], b.shape[:-2]) * rows * columns
    return max(result, result * depth // STEPS)


def _windows(
    x: Any, w: Any = None, *_: Any, kernel_shape: Any = None, strides: Any = None, pads: Any = None,
    dilations: Any = None, auto_pad: str = "NOTSET", **__: Any,
) -> int:  # fmt: skip
    """The padded input, the result, or the multiplications between them, whichever are most."""
    size, stride, extent = _window(w, kernel_shape, strides, dilations)
    around = _lengths(pads or [0] * (2 * len(size)))
    half = len(around) // 2
    sides = (
        extent
        if auto_pad.startswith("SAME")
        else [a + b for a, b in zip(around, around[half:], strict=False)]
    )
    padded = [n + side for n, side in zip(x.shape[2:], sides, strict=True)]
    positions = [
        max(n - e, 0) // s + 2 for n, e, s in zip(padded, extent, stride, strict=True)
    ]  # ceil_mode has one more
    channels, depth = (x.shape[1], 1) if w is None else w.shape[:2]
    result = x.shape[0] * channels * prod(positions)
    return max(
        x.shape[0] * x.shape[1] * prod(n + e for n, e in zip(padded, extent, strict=True)),
        result, prod(size) * (result * depth + VISIT) // STEPS,
    )  # fmt: skip


def _windows_back(
    x: Any, w: Any, *_: Any, kernel_shape: Any = None, strides: Any = None, dilations: Any = None,
    output_padding: Any = None, output_shape: Any = None, group: int = 1, **__: Any,
) -> int:  # fmt: skip
    """The result before padding is cropped, or the multiplications, whichever is more."""
    size, stride, extent = _window(w, None, strides, dilations)
    more = _lengths(output_padding or [0] * len(size))
    whole = [n * s + e + m for n, s, e, m in zip(x.shape[2:], stride, extent, more, strict=True)]
    requested = _lengths(output_shape or whole)[-len(whole) :]
    result = x.shape[0] * w.shape[1] * group * prod(map(max, whole, requested))
    return max(result, prod(size) * (x.size * w.shape[1] + VISIT) // STEPS)


def _window(
    w: Any, kernel_shape: Any, strides: Any, dilations: Any
) -> tuple[list[int], list[int], list[int]]:
    """The window's size, stride and extent."""
    size = _lengths(kernel_shape if w is None else w.shape[2:])
    stride, dilation = (_lengths(given or [1] * len(size)) for given in (strides, dilations))
    return size, stride, [(f - 1) * d + 1 for f, d in zip(size, dilation, strict=True)]


# Operator → the first of its inputs that are parameters; all after it are, too.
PARAMETERS = {
    "ConstantOfShape": 0,
    **dict.fromkeys(
        ("Expand", "Pad", "ReduceL1", "ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd",
         "ReduceSum", "ReduceSumSquare", "Reshape", "Resize", "Slice", "Split", "Squeeze", "Tile",
         "Unsqueeze", "Upsample"),
        1,
    ),
}  # fmt: skip
SIZES: dict[str, Callable[..., int]] = {
    **dict.fromkeys(
        ("Add", "Div", "Equal", "Greater", "GreaterOrEqual", "LayerNormalization", "Less", "LessOrEqual",
         "Max", "Min", "Mul", "PRelu", "Pow", "Sub", "Sum", "Where"),
        _broadcast,
    ),
    "AveragePool": _windows,
    "ConstantOfShape": _filled,
    "Conv": _windows,
    "ConvTranspose": _windows_back,
    "Expand": _expand,
    "Gather": _gather,
    "GatherND": _gather_nd,
    "Gemm": _matmul,
    "MatMul": _matmul,
    "MaxPool": _windows,
    "Pad": _pad,
    "Range": _range,
    "Resize": _resize,
    "Shape": _nothing,
    "Size": _nothing,
    "Tile": _tile,
    "Upsample": _resize,
}  # fmt: skip
