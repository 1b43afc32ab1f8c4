"""The operations on arrays. Each call runs on the engine that is current, Halide's kernels or the reference.

Arrays are NumPy's, pictures (N, H, W, C), filters (f_H, f_W, C_in, C_out), dense weights (n_in, n_out); they
may be views with any strides, and none but an optimizer's is modified. Halide takes float32, the reference
float32 or float64, and the result has the arguments' type. `fovea.reference` has the formulas.

`stride`, `size` and `dilation` (from one pixel of a window to the next) are one whole number or two, (height,
width). `padding` is "valid" (none), "same" (⌈n/s⌉
positions; an odd pixel goes after), a whole number for all sides, or four (top, bottom, left, right).

Every function raises ShapeError for arguments that do not fit, and EngineError for float64 with Halide.
"""

from functools import cache
from importlib import import_module
from types import ModuleType

import numpy as np

from fovea import engine
from fovea.checks import Array, Filters, Matrix, Rows, Targets, Vector, Volume
from fovea.geometry import Padding, Pair


def conv2d(
    A_prev: Volume,
    W: Filters,
    b: Vector | None,
    *,
    stride: int | Pair = 1,
    padding: Padding = "valid",
    dilation: int | Pair = 1,
    groups: int = 1,
) -> Volume:
    """Convolve every picture with every filter: Z (N, n_H, n_W, C_out), one channel a filter.

    A_prev (N, H, W, C_in), W (f_H, f_W, C_in / groups, C_out), b (C_out,) or None. Filters are not flipped.
    With groups, the channels in and out are cut into as many equal runs, and each run of filters sees one run
    of channels; groups = C_in is depthwise convolution. It is the direct sum, with an error of at most 1e-5
    of the largest number (gradients 1e-4); a network's stages may choose a faster, less exact algorithm.
    """
    return operations("conv").conv2d(
        A_prev, W, b, stride=stride, padding=padding, dilation=dilation, groups=groups
    )


def conv2d_backward(
    dZ: Volume,
    A_prev: Volume,
    W: Filters,
    *,
    stride: int | Pair = 1,
    padding: Padding = "valid",
    dilation: int | Pair = 1,
    groups: int = 1,
) -> tuple[Volume, Filters, Vector]:
    """dA_prev, dW and db (C_out,), from dZ (N, n_H, n_W, C_out) and what `conv2d` was given."""
    return operations("conv").conv2d_backward(
        dZ, A_prev, W, stride=stride, padding=padding, dilation=dilation, groups=groups
    )


def conv2d_transpose(
    A_prev: Volume,
    W: Filters,
    b: Vector | None,
    *,
    stride: int | Pair = 1,
    padding: Padding = "valid",
    output_padding: int | Pair = 0,
    dilation: int | Pair = 1,
    groups: int = 1,
) -> Volume:
    """The transposed convolution, Z (N, H_out, W_out, C_out): what `conv2d_backward` makes of A_prev in the
    place of dZ, and b added.

    A_prev (N, H, W, C_in), W (f_H, f_W, C_out / groups, C_in): the filters of the convolution that leads from
    Z's shape to A_prev's; b (C_out,) or None. Along an axis there are (n − 1)·s + d·(f − 1) + 1 − padding +
    output_padding numbers, or n·s with padding "same"; `padding` is taken away from the output.
    """
    how = {"stride": stride, "padding": padding, "output_padding": output_padding}
    return operations("conv").conv2d_transpose(A_prev, W, b, **how, dilation=dilation, groups=groups)


def conv2d_transpose_backward(
    dZ: Volume,
    A_prev: Volume,
    W: Filters,
    *,
    stride: int | Pair = 1,
    padding: Padding = "valid",
    output_padding: int | Pair = 0,
    dilation: int | Pair = 1,
    groups: int = 1,
) -> tuple[Volume, Filters, Vector]:
    """dA_prev, dW and db (C_out,), from dZ (N, H_out, W_out, C_out) and what `conv2d_transpose` was given."""
    how = {"stride": stride, "padding": padding, "output_padding": output_padding}
    return operations("conv").conv2d_transpose_backward(
        dZ, A_prev, W, **how, dilation=dilation, groups=groups
    )


def max_pool2d(
    A_prev: Volume,
    size: int | Pair,
    *,
    stride: int | Pair | None = None,
    padding: Padding = "valid",
    dilation: int | Pair = 1,
    ceil_mode: bool = False,
) -> Volume:
    """The maximum of every window, A (N, n_H, n_W, C); `stride` is the window's size unless given.

    Padding counts as −∞, and every window sees at least one pixel; a NaN in a window is its maximum. In
    `ceil_mode` a last window that does not fit is there, too, if it begins in the picture or its padding
    before.
    """
    how = {"stride": stride, "padding": padding, "dilation": dilation, "ceil_mode": ceil_mode}
    return operations("pool").max_pool2d(A_prev, size, **how)


def max_pool2d_backward(
    dA: Volume,
    A_prev: Volume,
    size: int | Pair,
    *,
    stride: int | Pair | None = None,
    padding: Padding = "valid",
    dilation: int | Pair = 1,
    ceil_mode: bool = False,
) -> Volume:
    """dA_prev (N, H, W, C): dA (N, n_H, n_W, C) goes to the first of each window's largest pixels."""
    how = {"stride": stride, "padding": padding, "dilation": dilation, "ceil_mode": ceil_mode}
    return operations("pool").max_pool2d_backward(dA, A_prev, size, **how)


def max_pool2d_indices(
    A_prev: Volume,
    size: int | Pair,
    *,
    stride: int | Pair | None = None,
    padding: Padding = "valid",
    dilation: int | Pair = 1,
    ceil_mode: bool = False,
) -> Volume:
    """Where each window's maximum is, int32 (N, n_H, n_W, C): row · W + column of the first of its largest
    pixels."""
    how = {"stride": stride, "padding": padding, "dilation": dilation, "ceil_mode": ceil_mode}
    return operations("pool").max_pool2d_indices(A_prev, size, **how)


def average_pool2d(
    A_prev: Volume,
    size: int | Pair,
    *,
    stride: int | Pair | None = None,
    padding: Padding = "valid",
    dilation: int | Pair = 1,
    ceil_mode: bool = False,
    count_include_pad: bool = False,
) -> Volume:
    """The average of every window, A (N, n_H, n_W, C); `stride` is the window's size unless given.

    It is over the window's pixels in the picture, or with `count_include_pad` over all, padding being zero;
    what a window of `ceil_mode` covers beyond the padding never counts.
    """
    how = {"stride": stride, "padding": padding, "dilation": dilation, "ceil_mode": ceil_mode}
    return operations("pool").average_pool2d(A_prev, size, **how, count_include_pad=count_include_pad)


def average_pool2d_backward(
    dA: Volume,
    A_prev: Volume,
    size: int | Pair,
    *,
    stride: int | Pair | None = None,
    padding: Padding = "valid",
    dilation: int | Pair = 1,
    ceil_mode: bool = False,
    count_include_pad: bool = False,
) -> Volume:
    """dA_prev (N, H, W, C): every pixel that was averaged gets its share of dA (N, n_H, n_W, C)."""
    how = {"stride": stride, "padding": padding, "dilation": dilation, "ceil_mode": ceil_mode}
    return operations("pool").average_pool2d_backward(
        dA, A_prev, size, **how, count_include_pad=count_include_pad
    )


def upsample2d(A_prev: Volume, factor: int | Pair, *, mode: str = "nearest") -> Volume:
    """Larger pictures, A (N, f_H · H, f_W · W, C): `factor` is one number, or for height and width.

    `mode` is "nearest", where every pixel is repeated, or "bilinear", as PyTorch's `interpolate` with
    `align_corners=False`.
    """
    return operations("upsample").upsample2d(A_prev, factor, mode=mode)


def upsample2d_backward(dA: Volume, factor: int | Pair, *, mode: str = "nearest") -> Volume:
    """dA_prev (N, H, W, C), from dA (N, f_H · H, f_W · W, C)."""
    return operations("upsample").upsample2d_backward(dA, factor, mode=mode)


def dense(A_prev: Rows, W: Matrix, b: Vector | None) -> Rows:
    """Z (N, n_out) = A_prev (N, n_in) · W (n_in, n_out) + b (n_out,), or without b where it is None."""
    return operations("dense").dense(A_prev, W, b)


def dense_backward(dZ: Rows, A_prev: Rows, W: Matrix) -> tuple[Rows, Matrix, Vector]:
    """dA_prev, dW and db (n_out,), from dZ (N, n_out) and what `dense` was given."""
    return operations("dense").dense_backward(dZ, A_prev, W)


def batch_statistics(A_prev: Array) -> tuple[Vector, Vector]:
    """Mean and variance of every channel, (C,) each, over A_prev (N, H, W, C) or (N, C).

    The variance is that of the batch, with a divisor of as many numbers as a channel has. These must be two
    at least.
    """
    return operations("normalization").batch_statistics(A_prev)


def batch_norm(
    A_prev: Array, mean: Vector, variance: Vector, gamma: Vector, beta: Vector, *, epsilon: float = 1e-5
) -> Array:
    """Z = gamma · (A_prev − mean) / √(variance + epsilon) + beta, of the shape of A_prev.

    A_prev (N, H, W, C) or (N, C), the others (C,). In training, mean and variance are those that
    `batch_statistics` gives of A_prev; in inference, the running ones.
    """
    return operations("normalization").batch_norm(A_prev, mean, variance, gamma, beta, epsilon=epsilon)


def batch_norm_backward(
    dZ: Array,
    A_prev: Array,
    mean: Vector,
    variance: Vector,
    gamma: Vector,
    *,
    epsilon: float = 1e-5,
    of_batch: bool = True,
) -> tuple[Array, Vector, Vector]:
    """dA_prev, dgamma (C,) and dbeta (C,), from dZ of the shape of A_prev and what `batch_norm` was given.

    `of_batch` says that mean and variance are A_prev's own; then they change with it, as in training.
    """
    return operations("normalization").batch_norm_backward(
        dZ, A_prev, mean, variance, gamma, epsilon=epsilon, of_batch=of_batch
    )


def relu(Z: Array) -> Array:
    """max(Z, 0) of an array of any shape; a NaN stays one."""
    return operations("activation").relu(Z)


def relu_backward(dA: Array, Z: Array) -> Array:
    """dZ: 0 where Z ≤ 0, else dA."""
    return operations("activation").relu_backward(dA, Z)


def add(*arrays: Array) -> Array:
    """The sum of two arrays or more of one shape, whatever it is."""
    return operations("merge").add(*arrays)


def leaky_relu(Z: Array, slope: float = 0.01) -> Array:
    """Z where it is positive, else slope · Z, of an array of any shape."""
    return operations("activation").leaky_relu(Z, slope)


def leaky_relu_backward(dA: Array, Z: Array, slope: float = 0.01) -> Array:
    """dZ: slope · dA where Z ≤ 0, else dA."""
    return operations("activation").leaky_relu_backward(dA, Z, slope)


def clip(Z: Array, low: float = 0.0, high: float = 6.0) -> Array:
    """min(max(Z, low), high) of an array of any shape; ReLU6 by default."""
    return operations("activation").clip(Z, low, high)


def clip_backward(dA: Array, Z: Array, low: float = 0.0, high: float = 6.0) -> Array:
    """dZ: dA where low < Z < high, else 0. What `clip` made of Z will do as well as Z."""
    return operations("activation").clip_backward(dA, Z, low, high)


def sigmoid(Z: Array) -> Array:
    """σ(Z) = 1 / (1 + exp(−Z)) of an array of any shape; no Z is too large."""
    return operations("activation").sigmoid(Z)


def sigmoid_backward(dA: Array, A: Array) -> Array:
    """dZ = dA · A · (1 − A), from what `sigmoid` gave."""
    return operations("activation").sigmoid_backward(dA, A)


def tanh(Z: Array) -> Array:
    """The hyperbolic tangent of an array of any shape."""
    return operations("activation").tanh(Z)


def tanh_backward(dA: Array, A: Array) -> Array:
    """dZ = dA · (1 − A²), from what `tanh` gave."""
    return operations("activation").tanh_backward(dA, A)


def silu(Z: Array) -> Array:
    """Z · σ(Z) of an array of any shape."""
    return operations("activation").silu(Z)


def silu_backward(dA: Array, Z: Array) -> Array:
    """dZ = dA · σ(Z) · (1 + Z · (1 − σ(Z)))."""
    return operations("activation").silu_backward(dA, Z)


def softmax(Z: Rows) -> Rows:
    """Probabilities (N, classes) from logits Z (N, classes); each row sums to 1, however large its logits."""
    return operations("activation").softmax(Z)


def softmax_backward(dA: Rows, A: Rows) -> Rows:
    """dZ (N, classes) = A · (dA − Σ dA · A), from what `softmax` gave."""
    return operations("activation").softmax_backward(dA, A)


def softmax_cross_entropy(
    Z: Rows, labels: Targets, *, smoothing: float = 0.0, weights: Vector | None = None
) -> float:
    """The mean of −log softmax(Z)[n, labels[n]], in nats, over the examples whose label is not −1.

    Z (N, classes) are logits; labels (N,) whole numbers from 0 to classes − 1, or −1 for an example to
    ignore; or (N, classes), of Z's type, the share of each class in each example: rows that sum to 1, or are
    0 for an example to ignore. `smoothing`, from 0 to below 1, is taken from these shares and given to all
    classes alike. `weights` (classes,), of Z's type, are what an example of each class counts in the mean.
    0.0 where every example is ignored.
    """
    return operations("loss").softmax_cross_entropy(Z, labels, smoothing=smoothing, weights=weights)


def softmax_cross_entropy_backward(
    Z: Rows, labels: Targets, *, smoothing: float = 0.0, weights: Vector | None = None
) -> Rows:
    """dZ (N, classes), the gradient of `softmax_cross_entropy`; zero for the examples that are ignored."""
    return operations("loss").softmax_cross_entropy_backward(Z, labels, smoothing=smoothing, weights=weights)


def sgd(
    w: Vector,
    dw: Vector,
    velocity: Vector,
    *,
    rate: float,
    momentum: float,
    weight_decay: float,
    nesterov: bool = False,
) -> None:
    """One step of stochastic gradient descent: updates w and velocity, which begins with zeros, in place.

    All are flat arrays of one length. PyTorch's rule: the velocity is not multiplied by the rate. `nesterov`
    takes the gradient's step beyond the velocity's.
    """
    operations("optimizer").sgd(
        w, dw, velocity, rate=rate, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov
    )


def adam(
    w: Vector,
    dw: Vector,
    m: Vector,
    v: Vector,
    *,
    rate: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    weight_decay: float,
    step: int,
) -> None:
    """One step of Adam: updates w and the moments m and v, which begin with zeros, in place.

    All are flat arrays of one length; `step` counts from 1; `weight_decay` adds to the gradient (L2).
    """
    operations("optimizer").adam(
        w,
        dw,
        m,
        v,
        rate=rate,
        beta1=beta1,
        beta2=beta2,
        epsilon=epsilon,
        weight_decay=weight_decay,
        step=step,
    )


def warp(pictures: Volume, matrices: np.ndarray, out_size: int | Pair, *, mode: str = "constant") -> Volume:
    """Move pictures: uint8 (N, H, W, C) → uint8 (N, H2, W2, C) with `out_size` (H2, W2).

    matrices float32 (N, 2, 3) map the output's (x, y, 1), column and row of a pixel's centre, to the place in
    the input that it shows. Between pixels the picture is bilinear; halves round up. Outside it is 0, or with
    the `mode` "reflect" its own mirror image.
    """
    return operations("warp").warp(pictures, matrices, out_size, mode=mode)


def recolour(pictures: Volume, matrices: np.ndarray) -> Volume:
    """Change the colours of pictures: uint8 (N, H, W, C), matrices float32 (N, C, C + 1).

    A pixel (c₁ … c_C) becomes M · (c₁ … c_C, 1), cut off at 0 and 255; halves round up.
    """
    return operations("recolour").recolour(pictures, matrices)


def operations(stem: str) -> ModuleType:
    """The current engine's module for an operation."""
    return _module("kernels" if engine.current() == "halide" else "reference", stem)


@cache
def _module(package: str, stem: str) -> ModuleType:
    return import_module(f"fovea.{package}.{stem}")
