"""Pooling of any size, stride and padding, forward and backward; a stage of its own, or where it cannot
be fused.

    A[c] at (x, y) = max, or mean, of A_prev[c] over the window at (x, y)                                  (1)
    dA_prev[c] at a pixel = Σ over the windows that hold it of dA, where it won (max), or / count (mean)   (2)

The backward passes gather: each pixel looks at the windows that can hold it, so that no order of threads
matters. Padding counts as −∞ for the maximum, and for the mean only where asked.
"""

from collections.abc import Callable

import halide as hl

from fovea.geometry import Window
from fovea.kernels.pipelines.algebra import ZERO, array, is_nan, result, variables, vectorize_channels


def maximum(*, window, channels, lanes, vector):
    """(1) for the maximum."""
    window = Window(*window)
    A_prev, at = _input("A_prev", window.input, channels, lanes)
    l, c, x, y, n = variables("l c x y n")
    A = hl.Func("A")
    winner = _winner(window, at, lanes, vector)
    A[l, c, x, y, n] = winner[l, c, x, y, n][0]
    winner.compute_at(A, y)
    return [_schedule(A, window.output, channels, lanes, vector)], [A_prev]


def maximum_backward(*, window, channels, lanes, vector):
    """(2) for the maximum; of equals the first wins."""
    window = Window(*window)
    A_prev, at = _input("A_prev", window.input, channels, lanes)
    dA, gradient = _input("dA", window.output, channels, lanes)
    winner = _winner(window, at, lanes, vector)
    won = hl.Func("won")
    l, c, x, y, n = variables("l c x y n")
    won[l, c, x, y, n] = winner[l, c, x, y, n][1]

    def share(l: hl.Expr, c: hl.Expr, x: hl.Expr, y: hl.Expr, n: hl.Expr, position: hl.Expr) -> hl.Expr:
        return hl.select(won[l, c, x, y, n] == position, gradient(l, c, x, y, n), ZERO)

    dA_prev = _gather(window, share, channels, lanes, vector)
    winner.compute_at(won, y)
    won.compute_root().parallel(n)
    vectorize_channels(won, l, c, lanes, vector)
    return [dA_prev], [dA, A_prev]


def indices(*, window, channels, lanes, vector):
    """Where the maximum of each window is: row · W + column."""
    window = Window(*window)
    A_prev, at = _input("A_prev", window.input, channels, lanes)
    l, c, x, y, n = variables("l c x y n")
    place = hl.Func("place")
    winner = _winner(window, at, lanes, vector)
    position = winner[l, c, x, y, n][1]
    px, py = _pixel(window, x, y, position % window.size[1], position // window.size[1])
    place[l, c, x, y, n] = py * window.input[1] + px
    winner.compute_at(place, y)
    return [_schedule(place, window.output, channels, lanes, vector)], [A_prev]


def average(*, window, channels, count_include_pad, lanes, vector):
    """(1) for the mean."""
    window = Window(*window)
    A_prev, at = _input("A_prev", window.input, channels, lanes)
    l, c, x, y, n = variables("l c x y n")
    total, A = hl.Func("total"), hl.Func("A")
    r = hl.RDom([(0, window.size[1]), (0, window.size[0])], "r")
    px, py = _pixel(window, x, y, r[0], r[1])
    total[l, c, x, y, n] = ZERO
    total[l, c, x, y, n] += hl.select(_inside(window.input, px, py), at(l, c, px, py, n), ZERO)
    A[l, c, x, y, n] = total[l, c, x, y, n] / _count(window, count_include_pad, x, y)
    total.compute_at(A, y)
    for stage in (total, total.update().reorder(l, c, x, r[0], r[1], y, n)):
        vectorize_channels(stage, l, c, lanes, vector)
    return [_schedule(A, window.output, channels, lanes, vector)], [A_prev]


def average_backward(*, window, channels, count_include_pad, lanes, vector):
    """(2) for the mean."""
    window = Window(*window)
    dA, gradient = _input("dA", window.output, channels, lanes)

    def share(l: hl.Expr, c: hl.Expr, x: hl.Expr, y: hl.Expr, n: hl.Expr, _position: hl.Expr) -> hl.Expr:
        return gradient(l, c, x, y, n) / _count(window, count_include_pad, x, y)

    return [_gather(window, share, channels, lanes, vector)], [dA]


def _input(name: str, size: tuple[int, int], channels: int, lanes: int) -> tuple[hl.ImageParam, Callable]:
    """An array, and how to read it at coordinates that may lie outside."""
    (H, W), image = size, array(name, [lanes, channels, size[1], size[0]])

    def at(l: hl.Expr, c: hl.Expr, x: hl.Expr, y: hl.Expr, n: hl.Expr) -> hl.Expr:
        return image[l, c, hl.clamp(x, 0, W - 1), hl.clamp(y, 0, H - 1), n]

    return image, at


def _pixel(window: Window, x: hl.Expr, y: hl.Expr, j: hl.Expr, i: hl.Expr) -> tuple[hl.Expr, hl.Expr]:
    (s_H, s_W), (d_H, d_W), (top, _, left, _) = window.stride, window.dilation, window.pads
    return x * s_W + j * d_W - left, y * s_H + i * d_H - top


def _inside(size: tuple[int, int], x: hl.Expr, y: hl.Expr) -> hl.Expr:
    return (x >= 0) & (x < size[1]) & (y >= 0) & (y < size[0])


def _winner(window: Window, at: Callable, lanes: int, vector: int) -> hl.Func:
    """The largest value of each window, and its position, row by row: the first of equals, and NaN
    before all."""
    l, c, x, y, n = variables("l c x y n")
    winner = hl.Func("winner")
    r = hl.RDom([(0, window.size[1]), (0, window.size[0])], "r_winner")
    px, py = _pixel(window, x, y, r[0], r[1])
    winner[l, c, x, y, n] = (hl.f32(float("-inf")), hl.i32(-1))
    before = winner[l, c, x, y, n]
    best, position = before[0], before[1]
    here = at(l, c, px, py, n)
    better = (position < 0) | (here > best) | (is_nan(here) & ~is_nan(best))
    better = better & _inside(window.input, px, py)
    winner[l, c, x, y, n] = (
        hl.select(better, here, best),
        hl.select(better, r[1] * window.size[1] + r[0], position),
    )
    for stage in (winner, winner.update().reorder(l, c, x, r[0], r[1], y, n)):
        vectorize_channels(stage, l, c, lanes, vector)
    return winner


def _gather(window: Window, share: Callable, channels: int, lanes: int, vector: int) -> hl.Func:
    """(2): Σ of `share(…, window's x, y, …, the pixel's position in it)` over the windows that hold a
    pixel."""
    (f_H, f_W), (s_H, s_W), (top, _, left, _) = window.size, window.stride, window.pads
    l, c, x, y, n = variables("l c x y n")
    total, dA_prev = hl.Func("total"), hl.Func("dA_prev")
    r = hl.RDom([(0, f_W), (0, f_H)], "r_gather")
    tx, ty = x + left - r[0] * window.dilation[1], y + top - r[1] * window.dilation[0]
    holds = (ty % s_H == 0) & (tx % s_W == 0) & _inside(window.output, tx // s_W, ty // s_H)
    wx, wy = hl.clamp(tx // s_W, 0, window.output[1] - 1), hl.clamp(ty // s_H, 0, window.output[0] - 1)
    total[l, c, x, y, n] = ZERO
    total[l, c, x, y, n] += hl.select(holds, share(l, c, wx, wy, n, r[1] * f_W + r[0]), ZERO)
    dA_prev[l, c, x, y, n] = total[l, c, x, y, n]
    total.compute_at(dA_prev, y)
    for stage in (total, total.update().reorder(l, c, x, r[0], r[1], y, n)):
        vectorize_channels(stage, l, c, lanes, vector)
    return _schedule(dA_prev, window.input, channels, lanes, vector)


def _count(window: Window, count_include_pad: bool, x: hl.Expr, y: hl.Expr) -> hl.Expr:
    """The number of pixels that the mean of the window at (x, y) is over."""
    (top, bottom, left, right), beyond = window.pads, window.beyond
    if not any(window.pads) or (count_include_pad and not any(beyond)):
        return hl.f32(float(window.size[0] * window.size[1]))
    counted = (top, bottom - beyond[0], left, right - beyond[1]) if count_include_pad else (0, 0, 0, 0)
    px, py = _pixel(window, x, y, 0, 0)
    counts = []
    for begin, axis in ((py, 0), (px, 1)):
        least, end = -counted[2 * axis], window.input[axis] + counted[2 * axis + 1]
        f, d = window.size[axis], window.dilation[axis]
        first = hl.max((least - begin + d - 1) // d, 0)  # of the window's pixels, those within
        last = hl.min((end - 1 - begin) // d, f - 1)
        counts.append(last - first + 1)
    return hl.cast(hl.Float(32), counts[0] * counts[1])


def _schedule(outcome: hl.Func, size: tuple[int, int], channels: int, lanes: int, vector: int) -> hl.Func:
    l, c, n = variables("l c n")
    result(outcome, [lanes, channels, size[1], size[0]])
    vectorize_channels(outcome, l, c, lanes, vector)
    return outcome.parallel(n)
