"""Convolution of NHWC arrays; the pipelines are in pipelines/conv.py and conv_backward.py.

Always by the direct sum: whoever calls an operation by itself gets its full precision. Stages take Winograd's
algorithm where it pays.
"""

from dataclasses import astuple
from typing import Any

import numpy as np

from fovea import arguments
from fovea.geometry import Padding, Pair, Window
from fovea.kernels import algorithms, buffers, tiles
from fovea.kernels.call import run

_ALONE = (1, 1)  # no pooling behind it
_NHWC = 1  # pictures side by side


def conv2d(
    A_prev,
    W,
    b,
    *,
    stride: int | Pair = 1,
    padding: Padding = "valid",
    dilation: int | Pair = 1,
    groups: int = 1,
) -> np.ndarray:
    """As `fovea.reference.conv2d`."""
    window = arguments.conv2d(A_prev, W, b, stride, padding, dilation, groups)
    arguments.float32("conv2d", A_prev=A_prev, W=W, b=b)
    if not len(A_prev):
        return np.zeros((0, *window.output, W.shape[3]), np.float32)
    C, K = A_prev.shape[3], W.shape[3]
    chosen = algorithms.forward(window, K, C, _ALONE, _NHWC, "exact", groups)
    Z = buffers.empty((len(A_prev), *window.output, K))
    run(
        chosen.operation,
        [_rows(A_prev), chosen.view(W), *([] if b is None else [b])],
        [Z[..., None]],
        **_shape(window, C, K, groups),
        bias=b is not None,
        activation="",
        noted=False,
        tile=chosen.plain_tile,
    )
    return Z


def conv2d_backward(
    dZ,
    A_prev,
    W,
    *,
    stride: int | Pair = 1,
    padding: Padding = "valid",
    dilation: int | Pair = 1,
    groups: int = 1,
) -> tuple:
    """As `fovea.reference.conv2d_backward`."""
    window = arguments.conv2d_backward(dZ, A_prev, W, stride, padding, dilation, groups)
    arguments.float32("conv2d_backward", dZ=dZ, A_prev=A_prev, W=W)
    if not len(A_prev):
        return (
            np.zeros(A_prev.shape, np.float32),
            np.zeros(W.shape, np.float32),
            np.zeros(W.shape[3:], np.float32),
        )
    C, K = A_prev.shape[3], W.shape[3]
    dA_prev, dW, db = buffers.empty(A_prev.shape), buffers.empty(W.shape), buffers.empty((K,))
    shape = {**_shape(window, C, K, groups), "after": ""}
    chosen = algorithms.inputs(window, K, C, _NHWC, "exact", groups)
    upstream = dZ[..., None]
    run(chosen.operation, [upstream, W], [dA_prev[..., None]], **shape, tile=chosen.plain_tile)
    chosen = algorithms.weights(window, K, C, _NHWC, "exact", groups)
    gradients = [chosen.view(dW), db]
    run(chosen.operation, [_rows(A_prev), upstream], gradients, **shape, bias=True, tile=chosen.plain_tile)
    return dA_prev, dW, db


def conv2d_transpose(
    A_prev,
    W,
    b,
    *,
    stride: int | Pair = 1,
    padding: Padding = "valid",
    output_padding: int | Pair = 0,
    dilation: int | Pair = 1,
    groups: int = 1,
) -> np.ndarray:
    """As `fovea.reference.conv2d_transpose`: the kernel of a convolution's dA_prev."""
    window = arguments.conv2d_transpose(A_prev, W, b, stride, padding, output_padding, dilation, groups)
    arguments.float32("conv2d_transpose", A_prev=A_prev, W=W, b=b)
    C, K = W.shape[2] * groups, W.shape[3]
    Z = buffers.empty((len(A_prev), *window.input, C))
    if len(A_prev):
        chosen = algorithms.inputs(window, K, C, _NHWC, "exact", groups)
        how = {**_shape(window, C, K, groups), "after": "", "tile": chosen.plain_tile}
        bias = {} if b is None else {"bias": True}
        run(
            chosen.operation,
            [A_prev[..., None], W, *([] if b is None else [b])],
            [Z[..., None]],
            **how,
            **bias,
        )
    return Z


def conv2d_transpose_backward(
    dZ,
    A_prev,
    W,
    *,
    stride: int | Pair = 1,
    padding: Padding = "valid",
    output_padding: int | Pair = 0,
    dilation: int | Pair = 1,
    groups: int = 1,
) -> tuple:
    """As `fovea.reference.conv2d_transpose_backward`: the kernels of a convolution's Z and dW."""
    who = "conv2d_transpose_backward"
    moves = stride, padding, output_padding, dilation, groups
    window = arguments.conv2d_transpose(A_prev, W, None, *moves, who, dZ=dZ)
    arguments.float32(who, dZ=dZ, A_prev=A_prev, W=W)
    C, K = W.shape[2] * groups, W.shape[3]
    dA_prev, dW, db = buffers.empty(A_prev.shape), buffers.empty(W.shape), buffers.empty((C,))
    if not len(A_prev):
        return dA_prev, np.zeros(W.shape, np.float32), np.zeros_like(db)
    shape = _shape(window, C, K, groups)
    chosen = algorithms.forward(window, K, C, _ALONE, _NHWC, "exact", groups)
    how = {"bias": False, "activation": "", "noted": False, "tile": chosen.plain_tile}
    run(chosen.operation, [_rows(dZ), chosen.view(W)], [dA_prev[..., None]], **shape, **how)
    chosen = algorithms.weights(window, K, C, _NHWC, "exact", groups)
    how = {"after": "", "bias": False, "tile": chosen.plain_tile}
    run(chosen.operation, [_rows(dZ), A_prev[..., None]], [chosen.view(dW)], **shape, **how)
    size = {"output": window.input, "channels": C, "lanes": _NHWC, "vector": tiles.vector()}
    run("bias.gradient", [dZ[..., None]], [db], **size)
    return dA_prev, dW, db


def _rows(A_prev: np.ndarray) -> np.ndarray:
    """As kernels see it: each row one run of columns and channels."""
    N, H, width, C = A_prev.shape
    return A_prev.reshape(N, H, width * C, 1)


def _shape(window: Window, channels: int, filters: int, groups: int) -> dict[str, Any]:
    shape = {
        "window": astuple(window),
        "channels": channels,
        "filters": filters,
        "pool": _ALONE,
        "lanes": _NHWC,
    }
    return shape | ({"groups": groups} if groups > 1 else {})
