"""The kernels' arrays: names of dimensions, arguments and results of known layout, padding.

Arrays between stages have the layout (N/L, H, W, C, L), with L pictures side by side innermost. L = 1 is
NHWC, where a vector holds neighbouring channels; if L is the vector's length, a vector holds the same number
of L pictures and is full however few channels there are. Halide counts from the innermost: [l, c, x, y, n]. A
row is often read as one run of W·C numbers, q = x·C + c, in which a window's row is contiguous.
"""

import halide as hl

from fovea.geometry import Window
from fovea.kernels.pipelines.activations import ZERO

Float = hl.Float(32)


def variables(names: str) -> list[hl.Var]:
    """A Halide variable for each name in a text like "l k x y n"."""
    return [hl.Var(name) for name in names.split()]


def array(name: str, extents: list[int], kind: object = Float) -> hl.ImageParam:
    """A dense array argument, extents from the innermost; one more, outermost dimension is known at run
    time."""
    image = hl.ImageParam(kind, len(extents) + 1, name)
    _lay_out(image, extents)
    return image


def fixed(name: str, extents: list[int], kind: object = Float) -> hl.ImageParam:
    """A dense array argument whose extents are all known, from the innermost."""
    image = hl.ImageParam(kind, len(extents), name)
    _lay_out(image, extents)
    return image


def result(function: hl.Func, extents: list[int]) -> hl.Func:
    """Give the result of `function` the dense layout of an `array` argument, and the bounds of all of it.
    By default, Halide only assumes that neighbours along the innermost dimension are contiguous; a vector
    along another dimension, such as channels after a single lane, would be stored number by number."""
    for variable, extent in zip(function.args(), extents, strict=False):
        function.bound(variable, 0, extent)
    first, *others = function.output_buffers()
    _lay_out(first, extents)
    for other in others:  # of the same extents
        _lay_out(other, extents, bounds=False)
    return function


def _lay_out(buffer: hl.OutputImageParam, extents: list[int], bounds: bool = True) -> None:
    """Set strides and bounds from the innermost dimension; one more, outermost extent is known at run
    time."""
    stride = 1
    for dimension, extent in enumerate(extents):
        if bounds:
            buffer.dim(dimension).set_bounds(0, extent)
        buffer.dim(dimension).set_stride(stride)
        stride *= extent
    if buffer.dimensions() > len(extents):
        if bounds:
            buffer.dim(len(extents)).set_min(0)
        buffer.dim(len(extents)).set_stride(stride)


def padded_rows(
    A_prev: hl.ImageParam, window: Window, channels: int, overrun: bool = False
) -> hl.Func | hl.ImageParam:
    """A_prev [l, q, y, n] with its padding; row 0 and column 0 belong to that.

    A_prev itself if there is no padding, unless vectors read beyond the end of a row (`overrun`).
    """
    top, _, left, _ = window.pads
    if not any(window.pads) and not overrun:
        return A_prev
    H, W = window.input
    l, q, y, n = variables("l q y n")
    rows = hl.Func("padded")
    if window.mirror:
        inside, row = (q >= left * channels) & (q < (W + left) * channels), mirrored(y - top, H)
        there = hl.likely(A_prev[l, hl.clamp(q - left * channels, 0, W * channels - 1), row, n])
        pixel = mirrored(q // channels - left, W)
        rows[l, q, y, n] = hl.select(inside, there, A_prev[l, pixel * channels + q % channels, row, n])
        return rows
    inside = (q >= left * channels) & (q < (W + left) * channels) & (y >= top) & (y < H + top)
    value = A_prev[l, hl.clamp(q - left * channels, 0, W * channels - 1), hl.clamp(y - top, 0, H - 1), n]
    rows[l, q, y, n] = hl.select(inside, value, ZERO)
    return rows


def padded_pixel(A_prev: hl.ImageParam, window: Window, channels: int, *index: hl.Expr) -> hl.Expr:
    """A_prev at [l, c, x, y, n] of the padded input; beyond that, any of its numbers, or zero."""
    (l, c, x, y, n), (H, W), (top, _, left, _) = index, window.input, window.pads
    x, y = x - left, y - top
    if window.mirror:
        return A_prev[l, mirrored(x, W) * channels + c, mirrored(y, H), n]
    nearest = A_prev[l, hl.clamp(x, 0, W - 1) * channels + c, hl.clamp(y, 0, H - 1), n]
    return zero_outside(nearest, x, y, W, H)


def zero_outside(value: hl.Expr, x: hl.Expr, y: hl.Expr, W: int, H: int) -> hl.Expr:
    return hl.select((x >= 0) & (x < W) & (y >= 0) & (y < H), value, ZERO)


def mirrored(i: hl.Expr, n: int) -> hl.Expr:
    """The pixel of 0 … n − 1 at position i > −n, i < 2n − 1; for others, any."""
    inwards = hl.max(i, -i)
    return hl.clamp(hl.min(inwards, 2 * (n - 1) - inwards), 0, n - 1)
