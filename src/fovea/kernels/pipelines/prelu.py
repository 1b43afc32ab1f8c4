"""ReLU with a slope of each channel that is learned, of arrays [l, c, p, n] with one lane.

A = Z where Z > 0, else slope · Z                                                                     (1)
dZ = dA where Z > 0, else slope · dA,    dslope = Σ dA · Z where Z ≤ 0                                (2)
"""

import halide as hl

from fovea.kernels.pipelines.algebra import ZERO, array, is_nan, result, variables
from fovea.kernels.pipelines.sums import GUARD, Pictures, Sums


def forward(*, channels, pixels, vector):
    """(1)"""
    of, at = Pictures(channels, pixels, 1, vector), variables("l c p n")
    slope, A = of.vectors("slope"), hl.Func("A")
    Z = of.Z[tuple(at)]
    A[tuple(at)] = hl.select(is_nan(Z), Z, hl.select(Z > ZERO, Z, slope[at[1]] * Z))
    return {"A": of.over(A, at)}, [of.Z, slope]


def inputs(*, channels, pixels, vector):
    """dZ of (2)"""
    of, at = Pictures(channels, pixels, 1, vector), variables("l c p n")
    dA, slope, dZ = array("dA", of.extents), of.vectors("slope"), hl.Func("dZ")
    dZ[tuple(at)] = hl.select(of.Z[tuple(at)] > ZERO, dA[tuple(at)], slope[at[1]] * dA[tuple(at)])
    return {"dZ": of.over(dZ, at)}, [dA, of.Z, slope]


def gradients(*, channels, pixels, vector):
    """dslope of (2)"""
    of, c = Pictures(channels, pixels, 1, vector), hl.Var("c")
    dA, dslope = array("dA", of.extents), hl.Func("dslope")

    def terms(l, c, p, n):
        product = dA[l, c, p, n] * of.Z[l, c, p, n]
        return [hl.select(of.Z[l, c, p, n] > ZERO, ZERO, product), ZERO]

    sums = Sums(of, terms)
    dslope[c] = sums.total[c][0]
    sums.schedule()
    result(dslope, [channels]).vectorize(c, of.v, GUARD)
    return {"dslope": dslope}, [dA, of.Z]
