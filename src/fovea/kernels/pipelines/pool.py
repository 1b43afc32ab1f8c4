"""Pooling of any size, stride and padding, forward and backward, where it is not fused with a convolution.

    A[c] at (x, y) = max, or mean, of A_prev[c] over the window at (x, y)                                  (1)
    dA_prev[c] at a pixel = Σ over the windows that hold it of dA, where it won (max), or / count (mean)   (2)

The backward passes gather: each pixel reads all windows that can hold it, so that the order of threads does
not matter. Padding counts as −∞ for the maximum, and for the mean only if `count_include_pad`.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import halide as hl

from fovea.geometry import Window
from fovea.kernels import constants
from fovea.kernels.pipelines.activations import ZERO, is_nan
from fovea.kernels.pipelines.arrays import array, result, variables
from fovea.kernels.pipelines.numbers import Numbers, known


def maximum(*, window, channels, lanes, vector):
    """(1) for the maximum; a NaN wins."""
    window, numbers = _window(window)
    A_prev, pixel = _input("A_prev", window.input, channels, lanes)
    l, c, x, y, n = variables("l c x y n")
    A = hl.Func("A")
    winner, r = _winner(window, pixel)
    A[l, c, x, y, n] = winner[l, c, x, y, n][0]
    result(A, [lanes, channels, *window.output[::-1]])
    return {"A": _in_registers(A, winner, r, window, channels, lanes, vector)}, [A_prev, *numbers.arguments]


def maximum_backward(*, window, channels, lanes, vector):
    """(2) for the maximum; the first of equal values wins."""
    window, numbers = _window(window)
    A_prev, pixel = _input("A_prev", window.input, channels, lanes)
    dA, gradient = _input("dA", window.output, channels, lanes)
    winner, r = _winner(window, pixel)
    won = hl.Func("won")
    l, c, x, y, n = variables("l c x y n")
    won[l, c, x, y, n] = winner[l, c, x, y, n][1]

    def share(l: hl.Expr, c: hl.Expr, x: hl.Expr, y: hl.Expr, n: hl.Expr, position: hl.Expr) -> hl.Expr:
        return hl.select(won[l, c, x, y, n] == position, gradient(l, c, x, y, n), ZERO)

    dA_prev = _gather(window, share, channels, lanes, vector)
    _in_registers(won.compute_root(), winner, r, window, channels, lanes, vector)
    return {"dA_prev": dA_prev}, [dA, A_prev, *numbers.arguments]


def indices(*, window, channels, lanes, vector):
    """The position of each window's maximum: row · W + column."""
    window, numbers = _window(window)
    A_prev, pixel = _input("A_prev", window.input, channels, lanes)
    l, c, x, y, n = variables("l c x y n")
    flat = hl.Func("flat")
    winner, r = _winner(window, pixel)
    position = winner[l, c, x, y, n][1]
    px, py = _pixel(window, x, y, position % window.size[1], position // window.size[1])
    flat[l, c, x, y, n] = py * window.input[1] + px
    result(flat, [lanes, channels, *window.output[::-1]])
    return {"A": _in_registers(flat, winner, r, window, channels, lanes, vector)}, [
        A_prev,
        *numbers.arguments,
    ]


def average(*, window, channels, count_include_pad, lanes, vector):
    """(1) for the mean."""
    window, numbers = _window(window)
    A_prev, pixel = _input("A_prev", window.input, channels, lanes)
    l, c, x, y, n = variables("l c x y n")
    total, A = hl.Func("total"), hl.Func("A")
    r = _over(window)
    px, py = _pixel(window, x, y, r[0], r[1])
    total[l, c, x, y, n] = ZERO
    total[l, c, x, y, n] += hl.select(_inside(window.input, px, py), pixel(l, c, px, py, n), ZERO)
    A[l, c, x, y, n] = total[l, c, x, y, n] / _count(window, count_include_pad, x, y)
    result(A, [lanes, channels, *window.output[::-1]])
    # Not unrolled: LLVM would choose the order of the sum, and not the same one in all layouts.
    return {"A": _in_registers(A, total, r, window, channels, lanes, vector, unroll=False)}, [
        A_prev,
        *numbers.arguments,
    ]


def average_backward(*, window, channels, count_include_pad, lanes, vector):
    """(2) for the mean."""
    window, numbers = _window(window)
    dA, gradient = _input("dA", window.output, channels, lanes)

    def share(l: hl.Expr, c: hl.Expr, x: hl.Expr, y: hl.Expr, n: hl.Expr, _position: hl.Expr) -> hl.Expr:
        return gradient(l, c, x, y, n) / _count(window, count_include_pad, x, y)

    return {"dA_prev": _gather(window, share, channels, lanes, vector)}, [dA, *numbers.arguments]


def _window(plain: tuple) -> tuple[Window, Numbers]:
    """The window, and the numbers that are read at run time. For pictures of any size, the rows `below` and
    columns `beside` of `Window.beyond` are among these: ceil mode adds them for some sizes. A window of size
    0 covers the picture."""
    window, numbers = Window(*plain), Numbers()
    if all(window.input):
        return window, numbers
    window, (top, bottom, left, right) = numbers.window(window), window.pads
    if not any(window.size):
        return replace(window, size=window.input), numbers
    beyond = numbers.number("below", 0), numbers.number("beside", 0)
    pads = top, bottom + beyond[0], left, right + beyond[1]
    return replace(window, pads=pads, beyond=beyond), numbers


def _input(name: str, size: tuple[int, int], channels: int, lanes: int) -> tuple[hl.ImageParam, Callable]:
    """An array, and a function that reads it at coordinates clamped to its bounds."""
    (H, W), image = size, array(name, [lanes, channels, size[1], size[0]])

    def nearest(l: hl.Expr, c: hl.Expr, x: hl.Expr, y: hl.Expr, n: hl.Expr) -> hl.Expr:
        return image[l, c, hl.clamp(x, 0, W - 1), hl.clamp(y, 0, H - 1), n]

    return image, nearest


def _over(window: Window) -> hl.RDom:
    """A window's columns and rows."""
    return hl.RDom([(0, window.size[1]), (0, window.size[0])], "r")


def _pixel(window: Window, x: hl.Expr, y: hl.Expr, j: hl.Expr, i: hl.Expr) -> tuple[hl.Expr, hl.Expr]:
    (s_H, s_W), (d_H, d_W), (top, _, left, _) = window.stride, window.dilation, window.pads
    return x * s_W + j * d_W - left, y * s_H + i * d_H - top


def _inside(size: tuple[int, int], x: hl.Expr, y: hl.Expr) -> hl.Expr:
    return (x >= 0) & (x < size[1]) & (y >= 0) & (y < size[0])


def _winner(window: Window, pixel: Callable) -> tuple[hl.Func, hl.RDom]:
    """The largest value of each window and its position in it, row by row, the first of equal values, or a
    NaN; and the domain that runs over a window."""
    l, c, x, y, n = variables("l c x y n")
    winner = hl.Func("winner")
    r = _over(window)
    px, py = _pixel(window, x, y, r[0], r[1])
    winner[l, c, x, y, n] = (hl.f32(float("-inf")), hl.i32(-1))
    before = winner[l, c, x, y, n]
    best, position = before[0], before[1]
    here = pixel(l, c, px, py, n)
    inside = _inside(window.input, px, py)
    larger = hl.strict_float(here > best)  # LLVM could negate it otherwise, and a NaN would lose
    better = inside & (larger | (is_nan(here) & ~is_nan(best)))
    first = inside & (position < 0)  # it wins if nothing is larger than −∞
    winner[l, c, x, y, n] = (
        hl.select(better, here, best),
        hl.select(better | first, r[1] * window.size[1] + r[0], position),
    )
    return winner, r


def _gather(window: Window, share: Callable, channels: int, lanes: int, vector: int) -> hl.Func:
    """(2): Σ of share(l, c, window's x, y, n, the pixel's position in it) over the windows of a pixel."""
    (s_H, s_W), (top, _, left, _), f_W = window.stride, window.pads, window.size[1]
    l, c, x, y, n = variables("l c x y n")
    total, dA_prev = hl.Func("total"), hl.Func("dA_prev")
    # Along an axis with one window, each pixel has one position in it; else all positions are tried.
    single = [
        (n == 1 if known(n) else not known(f)) and d == 1
        for n, f, d in zip(window.output, window.size, window.dilation, strict=True)
    ]
    tried = [1 if alone else f for alone, f in zip(single, window.size, strict=True)]
    r = hl.RDom([(0, tried[1]), (0, tried[0])], "r")
    i, j = (y + top + r[1] if single[0] else r[1]), (x + left + r[0] if single[1] else r[0])
    tx, ty = x + left - j * window.dilation[1], y + top - i * window.dilation[0]
    holds = (ty % s_H == 0) & (tx % s_W == 0) & _inside(window.output, tx // s_W, ty // s_H)
    holds = holds & _inside(window.size, j, i)
    wx, wy = hl.clamp(tx // s_W, 0, window.output[1] - 1), hl.clamp(ty // s_H, 0, window.output[0] - 1)
    total[l, c, x, y, n] = ZERO
    total[l, c, x, y, n] += hl.select(holds, share(l, c, wx, wy, n, i * f_W + j), ZERO)
    dA_prev[l, c, x, y, n] = total[l, c, x, y, n]
    result(dA_prev, [lanes, channels, *window.input[::-1]])
    return _in_registers(dA_prev, total, r, window, channels, lanes, vector, gathers=True)


def _count(window: Window, count_include_pad: bool, x: hl.Expr, y: hl.Expr) -> hl.Expr:
    """The number of pixels that the mean of the window at (x, y) is over."""
    (top, bottom, left, right), beyond = window.pads, window.beyond
    if known(*beyond) and (not any(window.pads) or (count_include_pad and not any(beyond))):
        return hl.cast(hl.Float(32), window.size[0] * window.size[1])
    counted = (top, bottom - beyond[0], left, right - beyond[1]) if count_include_pad else (0, 0, 0, 0)
    px, py = _pixel(window, x, y, 0, 0)
    counts = []
    for begin, axis in ((py, 0), (px, 1)):
        least, end = -counted[2 * axis], window.input[axis] + counted[2 * axis + 1]
        f, d = window.size[axis], window.dilation[axis]
        first = hl.max((least - begin + d - 1) // d, 0)  # and `last`: the window's pixels that count
        last = hl.min((end - 1 - begin) // d, f - 1)
        counts.append(last - first + 1)
    return hl.cast(hl.Float(32), counts[0] * counts[1])


def _in_registers(
    output: hl.Func,
    reduced: hl.Func,
    r: hl.RDom,
    window: Window,
    channels: int,
    lanes: int,
    vector: int,
    gathers: bool = False,
    unroll: bool = True,
) -> hl.Func:
    """Schedule each vector of `output` as the reduction `reduced` over r, in registers; tasks are bands of
    rows.

    If `output` has the input's size and `gathers`, rows and columns are grouped by the stride, so that the
    windows that hold each of them are known at compile time.

    resnet18, 3×3, stride 2: 112×112×64 → 56×56×64: 1.3 ms, 24 GB/s; its backward pass: 2.9 ms, 20 GB/s. Mean
    of 8×8 pixels (resnet20, 8×8×64 → 64): 0.014 ms, 75 GB/s from the cache.
    """
    l, c, x, y, n, cb, xi, yi, band, task = variables("l c x y n cb xi yi band task")
    guard = hl.TailStrategy.GuardWithIf
    positions = math.prod(window.size) if known(*window.size) else 1
    (n_H, n_W), (s_H, s_W) = (window.input, window.stride) if gathers else (window.output, (1, 1))
    per_row = channels * lanes * positions * s_H
    if known(n_W, n_H):
        rows = min(max(1, constants.POOL_TASK // (n_W * per_row)) * s_H, n_H)
    else:
        rows = hl.min(hl.max(constants.POOL_TASK // (n_W * per_row), 1) * s_H, n_H)
    output.split(y, band, y, rows, guard).split(y, y, yi, s_H, guard).split(x, x, xi, s_W, guard)
    if lanes == 1:
        along, blocks = c, cb
        output.split(c, cb, c, min(vector, channels), guard)
    else:
        along, blocks = l, c
    output.reorder(*([l, c] if lanes == 1 else [l]), xi, yi, blocks, x, y, band, n)
    output.vectorize(along).unroll(xi).unroll(yi)
    reduced.compute_at(output, xi).vectorize(along)
    update = reduced.update().reorder(l, c, x, y, r[0], r[1], n).vectorize(along)
    if unroll and known(*window.size) and positions <= constants.POOL_UNROLL:
        update.unroll(r[0]).unroll(r[1])
    if known(rows):
        return output.fuse(band, n, task).parallel(task)
    return output.parallel(n).parallel(band)  # bounds of fused loops would not be exact
