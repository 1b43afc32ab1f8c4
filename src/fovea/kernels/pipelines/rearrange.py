"""Space to depth, depth to space, and permutations of channels: formulas in `fovea.reference.rearrange`.

They only move numbers: vectors of channels, rows in parallel. (64, 32, 32, 64), 16.8 MB per array: blocks of
2 × 2 0.9 ms (38 GB/s); channels in another order, which are gathered one by one, 1.9 ms (18 GB/s).
"""

import halide as hl

from fovea.kernels.pipelines.activations import ZERO
from fovea.kernels.pipelines.arrays import array, fixed, result, variables
from fovea.kernels.pipelines.vectors import vectorize_channels


def space_to_depth(*, size, block, mode, channels, lanes, vector):
    """A, for pictures of `size` (H, W)."""
    (H, W), b, C = size, block, channels
    A_prev, (l, k, x, y, n) = array("A_prev", [lanes, C, W, H]), variables("l k x y n")
    c, place = (k % C, k // C) if mode == "DCR" else (k // (b * b), k % (b * b))
    A = hl.Func("A")
    A[l, k, x, y, n] = A_prev[l, c, x * b + place % b, y * b + place // b, n]
    return {"A": _schedule(A, (H // b, W // b), C * b * b, lanes, vector)}, [A_prev]


def depth_to_space(*, size, block, mode, channels, lanes, vector):
    """The inverse, for pictures of `size` (H, W) with `channels` channels."""
    (H, W), b, C = size, block, channels // block**2
    A_prev, (l, c, x, y, n) = array("A_prev", [lanes, channels, W, H]), variables("l c x y n")
    place = (y % b) * b + x % b
    k = place * C + c if mode == "DCR" else c * (b * b) + place
    A = hl.Func("A")
    A[l, c, x, y, n] = A_prev[l, k, x // b, y // b, n]
    return {"A": _schedule(A, (H * b, W * b), C, lanes, vector)}, [A_prev]


def channels(*, size, taken, channels, lanes, vector):
    """The `taken` channels of A_prev in the given `order`; zeros where it is −1."""
    (H, W), order = size, fixed("order", [taken], hl.Int(32))
    A_prev, (l, k, x, y, n) = array("A_prev", [lanes, channels, W, H]), variables("l k x y n")
    A = hl.Func("A")
    value = A_prev[l, hl.clamp(order[k], 0, channels - 1), x, y, n]
    A[l, k, x, y, n] = hl.select(order[k] >= 0, value, ZERO)
    return {"A": _schedule(A, size, taken, lanes, vector)}, [A_prev, order]


def _schedule(A: hl.Func, size: tuple[int, int], channels: int, lanes: int, vector: int) -> hl.Func:
    l, _, _, y, n = A.args()
    result(A, [lanes, channels, size[1], size[0]])
    vectorize_channels(A, l, A.args()[1], lanes, vector)
    return A.parallel(n).parallel(y)
