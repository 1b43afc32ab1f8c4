"""The gradient of a mirrored border: each pixel's sum over its images in the padded picture.

    dA_prev[i] = dP[i + p] + (dP[p − i] if 1 ≤ i ≤ p) + (dP[2(n − 1) − i + p] if n − 1 − q ≤ i ≤ n − 2)    (1)

along an axis of n pixels with p more before and q more after; first along the columns of pixels, then along
rows. `fovea.reference.windows.unpad` is the formula.
"""

from collections.abc import Callable
from typing import Any

import halide as hl

from fovea.geometry import Window
from fovea.kernels.pipelines.activations import ZERO
from fovea.kernels.pipelines.arrays import array, result, variables
from fovea.kernels.pipelines.numbers import Numbers
from fovea.kernels.pipelines.vectors import vectorize_channels


def gradient(*, window, channels, lanes, vector, accumulated=False):
    """dA_prev from dP, the gradient of the input with the window's padding, added to `accumulated`."""
    numbers = Numbers()
    window = numbers.window(Window(*window))
    (H, W), (top, bottom, left, right) = window.input, window.pads

    # Algorithm
    dP = array("dP", [lanes, channels, left + W + right, top + H + bottom])
    others = [array("accumulated", [lanes, channels, W, H])] if accumulated else []
    l, c, x, y, n = variables("l c x y n")
    rows, dA_prev = hl.Func("rows"), hl.Func("dA_prev")
    rows[l, c, x, y, n] = _folded(lambda i: dP[l, c, x, i, n], y, H, top, bottom)
    sum_ = _folded(lambda i: rows[l, c, i, y, n], x, W, left, right)
    dA_prev[l, c, x, y, n] = sum_ + others[0][l, c, x, y, n] if others else sum_

    # Schedule: a row of the result is a task. The few pixels near the left and right border have a loop of
    # their own.
    #   (4, 64, 64, 32), padding 1: 0.19 ms, 22 GB/s.
    result(dA_prev, [lanes, channels, W, H])
    rows.compute_at(dA_prev, y)
    for function in (dA_prev, rows):
        vectorize_channels(function, l, c, lanes, vector)
    return {"dA_prev": dA_prev.parallel(n).parallel(y)}, [dP, *others, *numbers.arguments]


def _folded(value: Callable, i: hl.Var, n: Any, before: int, after: int) -> hl.Expr:
    """(1) of value(i)."""
    total, end = value(i + before), before + n + after - 1
    images = (
        (before - i, hl.likely(i > before) | (i < 1)),
        (2 * (n - 1) - i + before, hl.likely(i < n - 1 - after) | (i > n - 2)),
    )
    for image, none in images:
        total += hl.select(none, ZERO, value(hl.clamp(image, 0, end)))
    return total
