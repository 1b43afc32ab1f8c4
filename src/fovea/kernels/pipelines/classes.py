"""Softmax and cross-entropy over classes, with L pictures side by side: arrays are [l, k, n], k the class.

m = max_k Z[k];  Y[k] = exp(Z[k] − m) / Σ_c exp(Z[c] − m)                                             (1)
q[k] = w[k] · ((1 − ε) · t[k] + ε / C), the shares t being [k = label] or numbers for all classes     (2)
loss = Σ_k q[k] · log Σ_c exp(Z[c] − m) + Σ_k q[k] · (m − Z[k])                                       (3)
dZ[k] = (Y[k] · Σ_c q[c] − q[k]) / M                                                                  (4)

Both are 0 where there is no label (−1) and no share (all 0).
"""

from collections.abc import Callable

import halide as hl

from fovea.kernels.pipelines.algebra import ZERO, Float, array, fixed, is_nan, result, variables


def softmax(*, classes, lanes):
    """(1)."""
    Z, Y = array("Z", [lanes, classes]), hl.Func("Y")
    l, k, n = variables("l k n")
    _, exponential, total = _softmax(Z, classes, n)
    Y[l, k, n] = exponential[l, k, n] / total[l, n]
    return {"Y": _schedule(Y, classes, lanes)}, [Z]


def softmax_backward(*, classes, lanes):
    """dZ[k] = A[k] · (dA[k] − Σ_c dA[c] · A[c])."""
    dA, A = array("dA", [lanes, classes]), array("A", [lanes, classes])
    dZ, both = hl.Func("dZ"), hl.Func("both")
    l, k, n = variables("l k n")
    r = hl.RDom([(0, classes)], "r")
    both[l, n] = ZERO
    both[l, n] += dA[l, r[0], n] * A[l, r[0], n]
    dZ[l, k, n] = A[l, k, n] * (dA[l, k, n] - both[l, n])
    both.compute_root().vectorize(l)
    both.update().reorder(l, r[0], n).vectorize(l)
    return {"dZ": _schedule(dZ, classes, lanes)}, [dA, A]


def log_softmax(*, classes, lanes):
    """Y[k] = Z[k] − m − log Σ_c exp(Z[c] − m)."""
    Z, Y = array("Z", [lanes, classes]), hl.Func("Y")
    l, k, n = variables("l k n")
    largest, _, total = _softmax(Z, classes, n)
    below = hl.strict_float(Z[l, k, n] - largest[l, n])  # or m of 1e30 might swallow the logarithm
    Y[l, k, n] = hl.strict_float(below - _of_numbers(hl.log, total[l, n]))
    return {"Y": _schedule(Y, classes, lanes)}, [Z]


def log_softmax_backward(*, classes, lanes):
    """dZ[k] = dA[k] − exp(A[k]) · Σ_c dA[c]."""
    dA, A = array("dA", [lanes, classes]), array("A", [lanes, classes])
    dZ, total = hl.Func("dZ"), hl.Func("total")
    l, k, n = variables("l k n")
    r = hl.RDom([(0, classes)], "r")
    total[l, n] = ZERO
    total[l, n] += dA[l, r[0], n]
    dZ[l, k, n] = dA[l, k, n] - _of_numbers(hl.exp, A[l, k, n]) * total[l, n]
    total.compute_root().vectorize(l)
    total.update().reorder(l, r[0], n).vectorize(l)
    return {"dZ": _schedule(dZ, classes, lanes)}, [dA, A]


def cross_entropy(*, classes, lanes, soft):
    """(3) for every picture, and (4), and whether the first of the largest logits is a class of the largest
    share: 1 or 0.

    `targets` holds labels [l, n], or if `soft` t [l, k, n]; `scale` is 1/M. Outputs: dZ [l, k, n];
    losses [l, n]; hits [l, n].
    """
    # Algorithm
    Z, w = array("Z", [lanes, classes]), fixed("w", [classes])
    targets = array("targets", [lanes, classes]) if soft else array("targets", [lanes], hl.Int(32))
    smoothing, scale = hl.Param(Float, "smoothing"), hl.Param(Float, "scale")
    l, k, n = variables("l k n")
    q, asked, known = hl.Func("q"), hl.Func("asked"), hl.Func("known")
    dZ, losses, hits = hl.Func("dZ"), hl.Func("losses"), hl.Func("hits")
    gaps, first = hl.Func("gaps"), hl.Func("first")
    largest, exponential, total = _softmax(Z, classes, n)
    r, s, f = (hl.RDom([(0, classes)], name) for name in ("r_asked", "r_known", "r_first"))

    def share(k: hl.Expr) -> hl.Expr:
        return targets[l, k, n] if soft else hl.select(targets[l, n] == k, hl.f32(1.0), ZERO)

    if soft:  # the largest share
        known[l, n] = ZERO
        known[l, n] = hl.max(known[l, n], share(s[0]))
    else:
        known[l, n] = hl.select(targets[l, n] >= 0, hl.f32(1.0), ZERO)
    q[l, k, n] = w[k] * ((1 - smoothing) * share(k) + smoothing / classes)  # (2)
    asked[l, n] = ZERO
    asked[l, n] += q[l, r[0], n]
    counts = known[l, n] > ZERO
    gradient = exponential[l, k, n] / total[l, n] * asked[l, n] - q[l, k, n]
    dZ[l, k, n] = hl.select(counts, gradient * scale, ZERO)  # (4)
    # Two sums apart: of logits of 1e30 the compiler might else add the logarithm to one of them, and lose it.
    short = largest[l, n] - Z[l, f[0], n]
    gaps[l, n] = ZERO
    gaps[l, n] += hl.select(q[l, f[0], n] == ZERO, ZERO, q[l, f[0], n] * short)
    loss = asked[l, n] * _of_numbers(hl.log, total[l, n]) + gaps[l, n]  # (3)
    losses[l, n] = hl.select(counts, loss, ZERO)
    first[l, n] = hl.i32(classes)
    first[l, n] = hl.min(first[l, n], hl.select(Z[l, f[0], n] == largest[l, n], f[0], classes))
    found = hl.clamp(first[l, n], 0, classes - 1)
    right = (first[l, n] < classes) & (share(found) == known[l, n])
    hits[l, n] = hl.select(counts & right, hl.i32(1), hl.i32(0))

    # Schedule
    for function in (losses, hits):
        result(function, [lanes]).vectorize(l)
    for function, domain in ((asked, r), (known, s), (gaps, f), (first, f)):
        function.compute_root().vectorize(l)
        if function.has_update_definition():
            function.update().reorder(l, domain[0]).vectorize(l)
    outputs = {"dZ": _schedule(dZ, classes, lanes), "losses": losses, "hits": hits}
    return outputs, [Z, targets, w, smoothing, scale]


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
