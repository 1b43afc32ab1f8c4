"""Between NHWC and L pictures side by side; the only kernels that move without computing.

Pictures beyond the last one are zero in the packed layout: they add nothing to any gradient.
"""

import halide as hl

from fovea.kernels.pipelines.algebra import ZERO, Float, array, variables


def pack(*, channels, width, height, lanes, picture, kind, vector):
    """NHWC [c, x, y, n] → [l, c, x, y, n/L]. `kind` is "f32", or "u8" for bytes, which become
    byte · scale[c] + offset[c] (the preprocessing)."""
    C, count = channels, hl.Param(hl.Int(32), "count")
    bytes_ = kind == "u8"
    X = array("X", [C, width, height], hl.UInt(8) if bytes_ else Float)
    scale, offset = hl.ImageParam(Float, 1, "scale"), hl.ImageParam(Float, 1, "offset")
    l, c, x, y, n = variables("l c x y n")
    A = hl.Func("A")
    last = hl.min(n * lanes + l, count - 1)
    value = hl.cast(Float, X[c, x, y, last])
    if bytes_:
        value = value * scale[c] + offset[c]
    A[l, c, x, y, n] = hl.select(n * lanes + l < count, value, ZERO)
    A.bound(l, 0, lanes).bound(c, 0, C).bound(x, 0, width).bound(y, 0, height)
    if lanes > 1:
        A.vectorize(l).parallel(n)
    else:
        A.parallel(n)
    return [A], [X, *([scale, offset] if bytes_ else []), count]


def unpack(*, channels, width, height, lanes):
    """[l, c, x, y, n/L] → NHWC [c, x, y, n]."""
    A, X = array("A", [lanes, channels, width, height]), hl.Func("X")
    c, x, y, n = variables("c x y n")
    X[c, x, y, n] = A[n % lanes, c, x, y, n // lanes]
    X.bound(c, 0, channels).bound(x, 0, width).bound(y, 0, height).parallel(n)
    return [X], [A]
