"""Conversion between NHWC and L pictures side by side, and of bytes to float32.

The unused places of the last group are zero: they add nothing to any gradient.
"""

import halide as hl

from fovea.kernels.pipelines.activations import ZERO
from fovea.kernels.pipelines.arrays import Float, array, fixed, result, variables
from fovea.kernels.pipelines.numbers import Numbers


def pack(*, channels, size, lanes, kind, vector):
    """NHWC [0, c, x, y, n] → [l, c, x, y, n/L]. `kind` is "f32", or "u8" for bytes, which become
    byte · scale[c] + offset[c] (the preprocessing). `count` is the number of pictures."""
    # Algorithm
    C, count, pixels = channels, hl.Param(hl.Int(32), "count"), kind == "u8"
    numbers = Numbers()
    height, width = numbers.size(size)
    X = array("X", [1, C, width, height], hl.UInt(8) if pixels else Float)
    scale, offset = fixed("scale", [C]), fixed("offset", [C])
    l, c, x, y, n = variables("l c x y n")
    A = hl.Func("A")
    value = hl.cast(Float, X[0, c, x, y, hl.min(n * lanes + l, count - 1)])
    if pixels:
        value = value * scale[c] + offset[c]
    A[l, c, x, y, n] = hl.select(n * lanes + l < count, value, ZERO)

    # Schedule: vectors of pictures, gathered from L places of memory, or of columns; pictures in parallel.
    #   resnet18 --inference: 224×224×3 from bytes: 0.23 ms, 26 GB/s. lenet5: 28×28×1 to 16 pictures side by
    #   side: 0.009 ms.
    result(A, [lanes, C, width, height]).parallel(n)
    if lanes > 1:
        A.vectorize(l)
    else:
        A.vectorize(x, vector, hl.TailStrategy.GuardWithIf)
    return {"A": A}, [X, *([scale, offset] if pixels else []), count, *numbers.arguments]


def unpack(*, channels, size, lanes):
    """[l, c, x, y, n/L] → NHWC [0, c, x, y, n]."""
    height, width = size
    A, X = array("A", [lanes, channels, width, height]), hl.Func("X")
    l, c, x, y, n = variables("l c x y n")
    X[l, c, x, y, n] = A[n % lanes, c, x, y, n // lanes]
    result(X, [1, channels, width, height]).parallel(n)
    return {"X": X}, [A]
