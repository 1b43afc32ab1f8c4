"""Batch normalisation: the statistics, the normalisation, and the gradients, each in one pass over memory.

    μ = Σ Z / M,    σ² = Σ (Z − μ)² / M    of every channel                                               (1)
    Y = (Z − μ) · γ/√(σ² + ε) + β [+ S],    A = g(Y) with an activation g                                 (2)
    dβ = Σ dY,    dγ = Σ dY x̂,    dY = dA g'(Y),    x̂ = (Z − μ)/√(σ² + ε)                                 (3)
    dZ = γ/√(σ² + ε) · (dY − (dβ + x̂ dγ)/M)                                                              (4)

The sums of (1) are of Z − p and (Z − p)², where p is the channel's mean in the first picture. This avoids
cancellation, however far from 0 the numbers are: the first picture is one of N, so (μ − p)² is at most N σ²,
and the variance errs by about N roundings at worst. Sums have three levels: a block of a picture's pixels in
registers, a part of the pictures (PartialSums), all parts.

The backward pass reads Z rather than x̂ or A: x̂ cannot be recovered from A where ReLU set it to 0. Y is
computed again from Z; after a sum with S, the activation's backward pass is computed from A.

Memory limits these kernels, so each is one pass over its arrays. resnet18, 112×112×64 with ReLU, 25.7 MB per
array: statistics and normalise 2.3 ms (33 GB/s), gradients 1.6 ms (31 GB/s), inputs 1.5 ms (51 GB/s).
"""

import halide as hl

from fovea.kernels.pipelines.activations import ZERO, backward, closed, forward, is_gate, rectified
from fovea.kernels.pipelines.arrays import Float, array, result, variables
from fovea.kernels.pipelines.normalised import Normalised
from fovea.kernels.pipelines.sums import GUARD, Pictures, Sums


def statistics(*, channels, pixels, lanes, vector, running):
    """(1); with `running`, also the updated running statistics: (1 − momentum) times the old ones + momentum
    times the batch's, with M − 1 instead of M in the variance."""
    pictures = Pictures(channels, pixels, lanes, vector)
    c = hl.Var("c")
    pilot = hl.Func("pilot")
    first = hl.RDom([(0, pixels)], "first")
    pilot[c] = ZERO
    pilot[c] += pictures.Z[0, c, first[0], 0] * hl.f32(1 / pixels)

    def terms(l, c, p, n):
        d = pictures.masked(l, n, pictures.Z[l, c, p, n] - pilot[c])
        return d, d * d

    sums = Sums(pictures, terms)
    moment, both = hl.Func("moment"), hl.Func("statistics")
    shift, square = sums.total[c][0] / pictures.M, sums.total[c][1] / pictures.M
    moment[c] = (pilot[c] + shift, rectified(square - shift * shift))  # (1)
    mean, variance = moment[c][0], moment[c][1]
    before, arguments = [], []
    if running:
        before = [pictures.per_channel("running_mean"), pictures.per_channel("running_variance")]
        momentum = hl.Param(Float, "momentum")
        arguments = [momentum]
        unbiased = variance * (pictures.M / (pictures.M - 1))
        old = [b[c] for b in before]
        both[c] = (
            mean, variance, old[0] + momentum * (mean - old[0]), old[1] + momentum * (unbiased - old[1])
        )  # fmt: skip
    else:
        both[c] = (mean, variance)

    sums.schedule()
    pilot.compute_root().vectorize(c, vector, GUARD)
    pilot.update().reorder(c, first[0]).vectorize(c, vector, GUARD)
    moment.compute_root()
    result(both, [channels])
    if lanes == 1:
        moment.vectorize(c, vector, GUARD)
        both.vectorize(c, vector, GUARD)
    outputs = {"mean variance running_mean running_variance" if running else "mean variance": both}
    return outputs, [pictures.Z, *before, *pictures.arguments, *arguments]


def normalise(*, channels, pixels, lanes, vector, activation, add):
    """(2), with `add` arrays S."""
    pictures = Pictures(channels, pixels, lanes, vector)
    l, c, p, n = names = variables("l c p n")
    S, A = [array(f"S_{k}", pictures.extents) for k in range(add)], hl.Func("A")
    norm = Normalised(pictures.C, pictures.v)
    Y = norm.apply(pictures.Z[l, c, p, n], c, *(other[l, c, p, n] for other in S))
    A[l, c, p, n] = forward(activation, Y)  # (2)
    norm.schedule()
    return {"A": pictures.elementwise(A, names)}, [pictures.Z, *S, *norm.arguments]


def gradients(*, channels, pixels, lanes, vector, activation, kept):
    """(3). The activation's backward pass is computed from A, or from Y if `kept` is "Z"."""
    pictures = Pictures(channels, pixels, lanes, vector)
    c = hl.Var("c")
    norm, upstream = Normalised(pictures.C, pictures.v), _Gradient(pictures, activation, kept)

    def terms(l, c, p, n):
        x = norm.centred(pictures.Z[l, c, p, n], c)
        return [pictures.masked(l, n, term) for term in upstream.terms(norm, x, l, c, p, n)]

    sums = Sums(pictures, terms)
    both = hl.Func("gradients")
    both[c] = (sums.total[c][1] * norm.inverse(c), sums.total[c][0])  # (3)
    sums.schedule()
    norm.schedule()
    result(both, [channels])
    if lanes == 1:
        both.vectorize(c, vector, GUARD)
    return {"dgamma dbeta": both}, [*upstream.arguments, pictures.Z, *norm.arguments, *pictures.arguments]


def inputs(*, channels, pixels, lanes, vector, activation, kept, gives, of_batch):
    """(4), from the results of (3); or γ/√(σ² + ε) · dY, if μ and σ² are not `of_batch`.

    `gives` names the results: "dZ", and "dS", which is dY; "dZ+" and "dS+" are added to the gradients
    accumulated so far. dZ may be the memory of dA, so it is written last.
    """
    pictures = Pictures(channels, pixels, lanes, vector)
    l, c, p, n = index = variables("l c p n")
    norm, upstream = Normalised(pictures.C, pictures.v), _Gradient(pictures, activation, kept)
    dgamma, dbeta = pictures.per_channel("dgamma"), pictures.per_channel("dbeta")
    terms, results = hl.Func("terms"), hl.Func("results")
    terms[c] = (norm.inverse(c) * dgamma[c] / pictures.M, dbeta[c] / pictures.M)
    dY = dZ = upstream.dY(norm, l, c, p, n)
    if of_batch:
        dZ = dY - (terms[c][1] + norm.centred(pictures.Z[index], c) * terms[c][0])
    dZ = pictures.masked(l, n, norm.scale(c) * dZ)  # (4)
    values, before = [], []
    for name in gives:
        value = dZ if name.startswith("dZ") else dY
        if name.endswith("+"):
            before.append(array(f"accumulated_{name[:-1]}", pictures.extents))
            value = before[-1][index] + value
        values.append(value)
    results[index] = tuple(values) if len(values) > 1 else values[0]
    norm.schedule()
    if of_batch:
        terms.compute_root()
    given = [*upstream.arguments, pictures.Z, *before, *([dgamma, dbeta] if of_batch else [])]
    outputs = {" ".join(name.rstrip("+") for name in gives): pictures.elementwise(results, index)}
    return outputs, [*given, *norm.arguments, *pictures.arguments]


class _Gradient:
    """dY, from the gradient dA that enters and the activation."""

    def __init__(self, pictures: Pictures, activation: str, kept: str) -> None:
        self.pictures, self.activation, self.kept = pictures, activation, kept
        self.dA, self.A = array("dA", pictures.extents), array("A", pictures.extents)
        self.arguments = [self.dA, *([self.A] if kept == "A" else [])]

    def dY(self, norm: Normalised, *index: hl.Expr) -> hl.Expr:
        if not self.activation:
            return self.dA[index]
        return backward(self.activation, self.dA[index], self._kept(norm, *index))

    def terms(self, norm: Normalised, x: hl.Expr, *index: hl.Expr) -> list[hl.Expr]:
        """dY, and dY x."""
        if not is_gate(self.activation):
            return [self.dY(norm, *index), self.dY(norm, *index) * x]
        # Selecting after both products lets dA be loaded without a mask, twice as fast from memory.
        blocked, dA = closed(self.activation, self._kept(norm, *index)), self.dA[index]
        return [hl.select(blocked, ZERO, term) for term in (dA, dA * x)]

    def _kept(self, norm: Normalised, *index: hl.Expr) -> hl.Expr:
        return self.A[index] if self.kept == "A" else norm.apply(self.pictures.Z[index], index[1])
