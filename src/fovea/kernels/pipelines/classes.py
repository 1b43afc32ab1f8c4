"""Softmax and cross-entropy over classes, with L pictures side by side: arrays are [l, k, n], k the class.

m = max_k Z[k];  Y[k] = exp(Z[k] − m) / Σ_c exp(Z[c] − m)                                             (1)
loss = log Σ_c exp(Z[c] − m) − (Z[label] − m)                                                         (2)
dZ[k] = (Y[k] − [k = label]) / count, and 0 where there is no label (−1)                              (3)
"""

from collections.abc import Callable

import halide as hl

from fovea.kernels.pipelines.algebra import ZERO, Float, array, is_nan, result, variables


def softmax(*, classes, lanes):
    """(1)."""
    Z, Y = array("Z", [lanes, classes]), hl.Func("Y")
    l, k, n = variables("l k n")
    _, exponential, total = _softmax(Z, classes, n)
    Y[l, k, n] = exponential[l, k, n] / total[l, n]
    return [_schedule(Y, classes, lanes)], [Z]


def cross_entropy(*, classes, lanes):
    """(2) for every picture, and (3), and whether the first of the largest logits is the label's: 1 or 0.

    `scale` is 1/count. Outputs: dZ [l, k, n]; losses [l, n]; hits [l, n].
    """
    Z = array("Z", [lanes, classes])
    labels = array("labels", [lanes], hl.Int(32))
    scale = hl.Param(Float, "scale")
    l, k, n = variables("l k n")
    dZ, losses, hits = hl.Func("dZ"), hl.Func("losses"), hl.Func("hits")
    largest, exponential, total = _softmax(Z, classes, n)
    label = labels[l, n]
    known, index = label >= 0, hl.clamp(label, 0, classes - 1)
    target = hl.select(k == label, hl.f32(1.0), ZERO)
    dZ[l, k, n] = hl.select(known, (exponential[l, k, n] / total[l, n] - target) * scale, ZERO)  # (3)
    losses[l, n] = hl.select(
        known, _of_numbers(hl.log, total[l, n]) - (Z[l, index, n] - largest[l, n]), ZERO
    )  # (2)
    first = hl.Func("first")
    r = hl.RDom([(0, classes)], "r_first")
    first[l, n] = hl.i32(classes)
    first[l, n] = hl.min(first[l, n], hl.select(Z[l, r[0], n] == largest[l, n], r[0], classes))
    hits[l, n] = hl.select(known & (first[l, n] == label), hl.i32(1), hl.i32(0))
    for f in (losses, hits):
        result(f, [lanes]).vectorize(l)
    first.compute_at(hits, n).vectorize(l)
    first.update().reorder(l, r[0]).vectorize(l)
    for f in (largest, total):
        f.compute_root()
    return [_schedule(dZ, classes, lanes), losses, hits], [Z, labels, scale]


def _of_numbers(function: Callable[[hl.Expr], hl.Expr], x: hl.Expr) -> hl.Expr:
    """function(x); NaN for NaN, of which Halide's exponential and logarithm would make numbers."""
    x = hl.Expr(x) if not isinstance(x, hl.Expr) else x
    return hl.select(is_nan(x), x, function(x))


def _softmax(Z: hl.ImageParam, classes: int, n: hl.Var) -> tuple[hl.Func, hl.Func, hl.Func]:
    l, k = variables("l k")
    largest, exponential, total = hl.Func("largest"), hl.Func("exponential"), hl.Func("total")
    r = hl.RDom([(0, classes)], "r")
    largest[l, n] = Z[l, 0, n]
    largest[l, n] = hl.max(largest[l, n], Z[l, r[0], n])
    exponential[l, k, n] = _of_numbers(hl.exp, Z[l, k, n] - largest[l, n])
    total[l, n] = ZERO
    total[l, n] += exponential[l, r[0], n]
    for f in (largest, total):
        f.compute_root().vectorize(l)
        f.update().reorder(l, r[0], n).vectorize(l)
    return largest, exponential, total


def _schedule(answer: hl.Func, classes: int, lanes: int) -> hl.Func:
    return result(answer, [lanes, classes]).vectorize(hl.Var("l"))
