"""Convolution of NHWC arrays; the pipelines are in pipelines/conv.py and conv_backward.py.

Always by the direct sum: whoever calls an operation by itself gets its full precision. Stages take Winograd's
algorithm where it pays.
"""

from dataclasses import astuple

import numpy as np

from fovea import checks, reference
from fovea.geometry import Padding, Pair
from fovea.kernels import algorithms, buffers, tiles
from fovea.kernels.call import run

_ALONE = (1, 1)  # no pooling behind it
_NHWC = 1  # pictures side by side


def conv2d(A_prev, W, b, *, stride: int | Pair = 1, padding: Padding = "valid") -> np.ndarray:
    """As `fovea.reference.conv2d`."""
    window = checks.conv2d(A_prev, W, b, stride, padding)
    checks.float32("conv2d", A_prev=A_prev, W=W, b=b)
    if not len(A_prev):
        return reference.conv2d(A_prev, W, b, stride=stride, padding=padding)
    (N, H, width, C), (f_H, f_W, _, K) = A_prev.shape, W.shape
    Z = buffers.empty((N, *window.output, K))
    inputs = [A_prev.reshape(N, H, width * C, 1), W.reshape(f_H, f_W * C, K), *([] if b is None else [b])]
    run(
        "conv.forward",
        inputs,
        [Z[..., None]],
        window=astuple(window),
        channels=C,
        filters=K,
        bias=b is not None,
        relu=False,
        pool=_ALONE,
        winners=False,
        lanes=_NHWC,
        tile=tiles.conv(window, K, C, _ALONE, _NHWC),
    )
    return Z


def conv2d_backward(dZ, A_prev, W, *, stride: int | Pair = 1, padding: Padding = "valid") -> tuple:
    """As `fovea.reference.conv2d_backward`."""
    window = checks.conv2d_backward(dZ, A_prev, W, stride, padding)
    checks.float32("conv2d_backward", dZ=dZ, A_prev=A_prev, W=W)
    if not len(A_prev):
        return reference.conv2d_backward(dZ, A_prev, W, stride=stride, padding=padding)
    (N, H, width, C), K = A_prev.shape, W.shape[-1]
    dA_prev, dW, db = buffers.empty(A_prev.shape), buffers.empty(W.shape), buffers.empty((K,))
    shape = {
        "window": astuple(window),
        "channels": C,
        "filters": K,
        "after": "",
        "pool": _ALONE,
        "lanes": _NHWC,
    }
    upstream, rows = dZ[..., None], A_prev.reshape(N, H, width * C, 1)
    tile = tiles.conv_inputs(window, K, C, _NHWC)
    run("conv_backward.inputs", [upstream, W], [dA_prev[..., None]], **shape, tile=tile)
    chosen = algorithms.weights(window, K, C, _NHWC, "exact")
    gradients = [chosen.view(dW), db]
    run(chosen.operation, [rows, upstream], gradients, **shape, bias=True, tile=chosen.plain_tile)
    return dA_prev, dW, db
