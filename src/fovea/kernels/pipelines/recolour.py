"""Affine maps of colours, by the formula of reference/recolour.py, in the same order of operations.

out[x, i] = ⌊clip(Σ_j M[i, j] · in[x, j] + M[i, C], 0, 255) + ½⌋                                         (1)
"""

import halide as hl

from fovea.kernels.pipelines.arrays import Float, array, result, variables


def recolour(*, channels, pixels, vector):
    """(1) for each picture with its own matrix."""
    C = channels

    # Algorithm
    pictures = array("pictures", [C, pixels], hl.UInt(8))
    matrices = array("matrices", [C + 1, C])
    c, x, n = variables("c x n")
    total, out = matrices[C, c, n], hl.Func("out")
    for j in range(C):
        total = total + matrices[j, c, n] * hl.cast(Float, pictures[j, x, n])
    out[c, x, n] = hl.cast(hl.UInt(8), hl.clamp(total, 0.0, 255.0) + hl.f32(0.5))

    # Schedule: vectors of pixels, their channels unrolled; pictures in parallel.
    #   (64, 224, 224, 3): 1.7 ms, 11.6 GB/s: bytes of three channels are interleaved, and shuffles limit it.
    result(out, [C, pixels])
    out.reorder(c, x, n).unroll(c).vectorize(x, vector, hl.TailStrategy.GuardWithIf).parallel(n)
    return {"out": out}, [pictures, matrices]
