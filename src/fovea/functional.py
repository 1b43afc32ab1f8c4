"""The operations on arrays. Each call runs on the current engine: Halide's kernels or the reference.

Arrays are NumPy's: pictures (N, H, W, C), filters (f_H, f_W, C_in, C_out), dense weights (n_in, n_out). They
may be views with any strides; only the optimizers modify theirs. Halide computes in float32, the reference in
float32 or float64, and the result has the arguments' type. Signatures and docstrings are those of
`fovea.reference`, which has the formulas.

`stride`, `size` and `dilation` (from one pixel of a window to the next) are one whole number or two, (height,
width). `padding` is "valid" (none), "same" (⌈n/s⌉ positions; an odd pixel goes after), a whole number for all
sides, or four (top, bottom, left, right).

Every function raises ShapeError for arguments that do not fit, and EngineError for float64 with Halide.
"""

from collections.abc import Callable, Sequence
from functools import cache, wraps
from importlib import import_module
from inspect import isfunction
from types import ModuleType, SimpleNamespace
from typing import Any, ParamSpec, TypeVar

import numpy as np

from fovea import arguments, engine, reference
from fovea.arguments import Volume
from fovea.geometry import Pair, pair
from fovea.geometry.sampling import Axis, mode_of_resizing, padded, resized

_P = ParamSpec("_P")
_R = TypeVar("_R")


def on_engine(formula: Callable[_P, _R]) -> Callable[_P, _R]:
    """The operation of `formula` on the engine that is current when it is called: the formula itself, or the
    kernel of the same name."""
    stem = formula.__module__.rpartition(".")[2]

    @wraps(formula)
    def operation(*arguments: _P.args, **named: _P.kwargs) -> _R:
        return getattr(operations(stem), formula.__name__)(*arguments, **named)

    operation.__module__ = __name__
    return operation


def operations(stem: str) -> Any:
    """The current engine's module of that name; both engines return plain arrays."""
    return _halide(stem) if engine.current() == "halide" else _reference(stem)


@cache
def _halide(stem: str) -> ModuleType:
    return import_module(f"fovea.kernels.{stem}")


@cache
def _reference(stem: str) -> SimpleNamespace:
    functions = vars(import_module(f"fovea.reference.{stem}")).items()
    return SimpleNamespace(**{name: _plain(function) for name, function in functions if isfunction(function)})


def _plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` with plain arrays for memory maps, and results that are arrays even without axes."""

    @wraps(function)
    def computed(*arguments: Any, **named: Any) -> Any:
        views = [np.asarray(a) if type(a) is np.memmap else a for a in arguments]
        result = function(*views, **named)
        return tuple(map(_array, result)) if isinstance(result, tuple) else _array(result)

    return computed


def _array(value: Any) -> Any:
    return np.asarray(value) if isinstance(value, np.generic) else value


# Convolution and dense layers

conv2d = on_engine(reference.conv2d)
conv2d_backward = on_engine(reference.conv2d_backward)
conv2d_transpose = on_engine(reference.conv2d_transpose)
conv2d_transpose_backward = on_engine(reference.conv2d_transpose_backward)
dense = on_engine(reference.dense)
dense_backward = on_engine(reference.dense_backward)

# Pooling and sampling

max_pool2d = on_engine(reference.max_pool2d)
max_pool2d_backward = on_engine(reference.max_pool2d_backward)
max_pool2d_indices = on_engine(reference.max_pool2d_indices)
average_pool2d = on_engine(reference.average_pool2d)
average_pool2d_backward = on_engine(reference.average_pool2d_backward)
upsample2d = on_engine(reference.upsample2d)
upsample2d_backward = on_engine(reference.upsample2d_backward)
sample2d = on_engine(reference.sample2d)
space_to_depth = on_engine(reference.space_to_depth)
depth_to_space = on_engine(reference.depth_to_space)
take_channels = on_engine(reference.take_channels)
take_channels_backward = on_engine(reference.take_channels_backward)

# Activations

relu = on_engine(reference.relu)
relu_backward = on_engine(reference.relu_backward)
leaky_relu = on_engine(reference.leaky_relu)
leaky_relu_backward = on_engine(reference.leaky_relu_backward)
clip = on_engine(reference.clip)
clip_backward = on_engine(reference.clip_backward)
sigmoid = on_engine(reference.sigmoid)
sigmoid_backward = on_engine(reference.sigmoid_backward)
tanh = on_engine(reference.tanh)
tanh_backward = on_engine(reference.tanh_backward)
silu = on_engine(reference.silu)
silu_backward = on_engine(reference.silu_backward)
softmax = on_engine(reference.softmax)
softmax_backward = on_engine(reference.softmax_backward)
log_softmax = on_engine(reference.log_softmax)
log_softmax_backward = on_engine(reference.log_softmax_backward)
elu = on_engine(reference.elu)
elu_backward = on_engine(reference.elu_backward)
hard_sigmoid = on_engine(reference.hard_sigmoid)
hard_sigmoid_backward = on_engine(reference.hard_sigmoid_backward)
hard_swish = on_engine(reference.hard_swish)
hard_swish_backward = on_engine(reference.hard_swish_backward)
thresholded_relu = on_engine(reference.thresholded_relu)
thresholded_relu_backward = on_engine(reference.thresholded_relu_backward)
gelu = on_engine(reference.gelu)
gelu_backward = on_engine(reference.gelu_backward)
gelu_tanh = on_engine(reference.gelu_tanh)
gelu_tanh_backward = on_engine(reference.gelu_tanh_backward)
mish = on_engine(reference.mish)
mish_backward = on_engine(reference.mish_backward)
softplus = on_engine(reference.softplus)
softplus_backward = on_engine(reference.softplus_backward)
softsign = on_engine(reference.softsign)
softsign_backward = on_engine(reference.softsign_backward)
tanhshrink = on_engine(reference.tanhshrink)
tanhshrink_backward = on_engine(reference.tanhshrink_backward)
prelu = on_engine(reference.prelu)
prelu_backward = on_engine(reference.prelu_backward)

# Normalisation

batch_statistics = on_engine(reference.batch_statistics)
batch_norm = on_engine(reference.batch_norm)
batch_norm_backward = on_engine(reference.batch_norm_backward)
group_norm = on_engine(reference.group_norm)
group_norm_backward = on_engine(reference.group_norm_backward)
layer_norm = on_engine(reference.layer_norm)
layer_norm_backward = on_engine(reference.layer_norm_backward)
affine = on_engine(reference.affine)
affine_backward = on_engine(reference.affine_backward)

# Merging

add = on_engine(reference.add)
add_backward = on_engine(reference.add_backward)
multiply = on_engine(reference.multiply)
multiply_backward = on_engine(reference.multiply_backward)

# Loss and optimizers

softmax_cross_entropy = on_engine(reference.softmax_cross_entropy)
softmax_cross_entropy_backward = on_engine(reference.softmax_cross_entropy_backward)
sgd = on_engine(reference.sgd)
adam = on_engine(reference.adam)

# Pictures

gram = on_engine(reference.gram)
gram_backward = on_engine(reference.gram_backward)
warp = on_engine(reference.warp)
recolour = on_engine(reference.recolour)

# Padding and resizing, by the tables of `fovea.geometry.sampling`


def pad2d(A_prev: Volume, padding: Sequence[int], *, mode: str = "constant", value: float = 0.0) -> Volume:
    """A_prev (N, H, W, C) padded by (top, bottom, left, right) pixels; negative numbers crop.

    `mode` defines the pixels beyond the border, as in `fovea.geometry.borders`: "constant" (`value`);
    "mirror", "nearest", "wrap", which PyTorch calls reflect, replicate and circular; or "reflect".
    """
    arguments.picture("pad2d", "A_prev", A_prev)
    top, bottom, left, right = arguments.sides(padding, mode, "pad2d")
    axes = padded(A_prev.shape[1], top, bottom, mode), padded(A_prev.shape[2], left, right, mode)
    return sample2d(A_prev, *axes, value)


def pad2d_backward(dA: Volume, size: Pair, padding: Sequence[int], *, mode: str = "constant") -> Volume:
    """dA_prev (N, H, W, C) with `size` = (H, W), from dA in the shape of `pad2d`'s output."""
    who = "pad2d_backward"
    arguments.picture(who, "dA", dA)
    size = pair(size, who, "size")
    top, bottom, left, right = arguments.sides(padding, mode, who)
    return _back(dA, padded(size[0], top, bottom, mode), padded(size[1], left, right, mode))


def resize2d(A_prev: Volume, size: Pair, *, mode: str = "nearest", align_corners: bool = False) -> Volume:
    """A (N, height, width, C) with `size` = (height, width), as PyTorch's `interpolate`.

    `mode` is "nearest" or "bilinear"; with `align_corners` the centres of the corner pixels keep their
    positions.
    """
    arguments.picture("resize2d", "A_prev", A_prev)
    mode_of_resizing(mode, align_corners, "resize2d")
    size = pair(size, "resize2d", "size")
    rows, columns = (
        resized(n, new, mode, align_corners) for n, new in zip(A_prev.shape[1:3], size, strict=True)
    )
    return sample2d(A_prev, rows, columns)


def resize2d_backward(
    dA: Volume, size: Pair, *, mode: str = "nearest", align_corners: bool = False
) -> Volume:
    """dA_prev (N, H, W, C) with `size` = (H, W), from dA in the shape of `resize2d`'s output."""
    arguments.picture("resize2d_backward", "dA", dA)
    mode_of_resizing(mode, align_corners, "resize2d_backward")
    size = pair(size, "resize2d_backward", "size")
    return _back(
        dA, *(resized(n, new, mode, align_corners) for n, new in zip(size, dA.shape[1:3], strict=True))
    )


def _back(dA: Volume, rows: Axis, columns: Axis) -> Volume:
    return sample2d(dA, rows.transposed(), columns.transposed())
