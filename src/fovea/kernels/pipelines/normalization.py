"""Batch normalisation: the statistics, the normalisation, and the gradients, each in one pass over memory.

    μ = Σ Z / M,    σ² = Σ (Z − μ)² / M    of every channel                                               (1)
    Y = (Z − μ) · γ/√(σ² + ε) + β, perhaps + S;    A = g(Y), where there is an activation                 (2)
    dβ = Σ dY,    dγ = Σ dY x̂,    dY = dA g'(Y),    x̂ = (Z − μ)/√(σ² + ε)                                 (3)
    dZ = γ/√(σ² + ε) · (dY − (dβ + x̂ dγ)/M)                                                              (4)

The sums of (1) are of Z − p and (Z − p)², where p is the channel's mean in the first picture. However far
from 0 the numbers lie, little cancels: the first picture is one of N, so that (μ − p)² is at most N σ², and
the variance errs by some N roundings at worst. Sums are of three levels: a block of a picture's pixels in
registers, a part of the pictures (Parts), all parts.

Z is kept for the backward pass, and not x̂ or A: from A, where ReLU made it 0, x̂ could not be had back. Y is
had again from Z, unless there is an S; then A says what the activation needs.
"""

import halide as hl

from fovea.kernels.pipelines.activations import backward, closed, forward, is_gate
from fovea.kernels.pipelines.algebra import (
    ZERO,
    Float,
    Normalised,
    array,
    rectified,
    result,
    variables,
)
from fovea.kernels.pipelines.sums import GUARD, Pictures, Sums


def statistics(*, channels, pixels, lanes, vector, running):
    """(1); with `running`, given what was learned so far, also what is to be learned: both become
    (1 − momentum) times themselves + momentum times the batch's, with M − 1 in the place of M."""
    of = Pictures(channels, pixels, lanes, vector)
    c = hl.Var("c")
    pilot = hl.Func("pilot")
    first = hl.RDom([(0, pixels)], "first")
    pilot[c] = ZERO
    pilot[c] += of.Z[0, c, first[0], 0] * hl.f32(1 / pixels)

    def terms(l, c, p, n):
        d = of.there(l, n, of.Z[l, c, p, n] - pilot[c])
        return d, d * d

    sums = Sums(of, terms)
    moment, both = hl.Func("moment"), hl.Func("statistics")
    shift, square = sums.total[c][0] / of.M, sums.total[c][1] / of.M
    moment[c] = (pilot[c] + shift, rectified(square - shift * shift))  # (1)
    mean, variance = moment[c][0], moment[c][1]
    before, arguments = [], []
    if running:
        before = [of.vectors("running_mean"), of.vectors("running_variance")]
        momentum = hl.Param(Float, "momentum")
        arguments = [momentum]
        unbiased = variance * (of.M / (of.M - 1))
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
    return outputs, [of.Z, *before, *of.arguments, *arguments]


def normalise(*, channels, pixels, lanes, vector, activation, add):
    """(2), with as many S as `add` says."""
    of = Pictures(channels, pixels, lanes, vector)
    l, c, p, n = names = variables("l c p n")
    S, A = [array(f"S_{k}", of.extents) for k in range(add)], hl.Func("A")
    norm = Normalised(of.C, of.v)
    Y = norm.of(of.Z[l, c, p, n], c, *(other[l, c, p, n] for other in S))
    A[l, c, p, n] = forward(activation, Y)  # (2)
    norm.schedule()
    return {"A": of.over(A, names)}, [of.Z, *S, *norm.arguments]


def gradients(*, channels, pixels, lanes, vector, activation, kept):
    """(3). The activation's backward pass is computed from what was `kept`: "A", or "Z", of which Y is made
    again."""
    of = Pictures(channels, pixels, lanes, vector)
    c = hl.Var("c")
    norm, upstream = Normalised(of.C, of.v), _Upstream(of, activation, kept)

    def terms(l, c, p, n):
        x = norm.centred(of.Z[l, c, p, n], c)
        return [of.there(l, n, term) for term in upstream.terms(norm, x, l, c, p, n)]

    sums = Sums(of, terms)
    both = hl.Func("gradients")
    both[c] = (sums.total[c][1] * norm.inverse(c), sums.total[c][0])  # (3)
    sums.schedule()
    norm.schedule()
    result(both, [channels])
    if lanes == 1:
        both.vectorize(c, vector, GUARD)
    return {"dgamma dbeta": both}, [*upstream.arguments, of.Z, *norm.arguments, *of.arguments]


def inputs(*, channels, pixels, lanes, vector, activation, kept, gives, of_batch):
    """(4), from what (3) gave; or, where μ and σ² are not `of_batch`, γ/√(σ² + ε) · dY.

    `gives` names the results, "dZ" and "dS", which is dY; "dZ+" and "dS+" are added to what is there. dZ may
    be the memory of dA, and comes last.
    """
    of = Pictures(channels, pixels, lanes, vector)
    l, c, p, n = names = at = variables("l c p n")
    norm, upstream = Normalised(of.C, of.v), _Upstream(of, activation, kept)
    dgamma, dbeta = of.vectors("dgamma"), of.vectors("dbeta")
    terms, results = hl.Func("terms"), hl.Func("results")
    terms[c] = (norm.inverse(c) * dgamma[c] / of.M, dbeta[c] / of.M)
    dY = dZ = upstream.dY(norm, l, c, p, n)
    if of_batch:
        dZ = dY - (terms[c][1] + norm.centred(of.Z[at], c) * terms[c][0])
    dZ = of.there(l, n, norm.scale(c) * dZ)  # (4)
    values, before = [], []
    for name in gives:
        value = dZ if name.startswith("dZ") else dY
        if name.endswith("+"):
            before.append(array(f"accumulated_{name[:-1]}", of.extents))
            value = before[-1][at] + value
        values.append(value)
    results[at] = tuple(values) if len(values) > 1 else values[0]
    norm.schedule()
    if of_batch:
        terms.compute_root()
    given = [*upstream.arguments, of.Z, *before, dgamma, dbeta]
    outputs = {" ".join(name.rstrip("+") for name in gives): of.over(results, names)}
    return outputs, [*given, *norm.arguments, *of.arguments]


class _Upstream:
    """The gradient that enters, dA, and the activation, which turns it into dY."""

    def __init__(self, of: Pictures, activation: str, kept: str) -> None:
        self.of, self.activation, self.kept = of, activation, kept
        self.dA, self.A = array("dA", of.extents), array("A", of.extents)
        self.arguments = [self.dA, *([self.A] if kept == "A" else [])]

    def dY(self, norm: Normalised, *at: hl.Expr) -> hl.Expr:
        if not self.activation:
            return self.dA[at]
        return backward(self.activation, self.dA[at], self._kept(norm, *at))

    def terms(self, norm: Normalised, x: hl.Expr, *at: hl.Expr) -> list[hl.Expr]:
        """dY, and dY x."""
        if not is_gate(self.activation):
            return [self.dY(norm, *at), self.dY(norm, *at) * x]
        # dA is used twice, so that it is loaded before it is known whether it counts, and not under a mask:
        # from memory, that is twice as fast.
        shut, dA = closed(self.activation, self._kept(norm, *at)), self.dA[at]
        return [hl.select(shut, ZERO, term) for term in (dA, dA * x)]

    def _kept(self, norm: Normalised, *at: hl.Expr) -> hl.Expr:
        return self.A[at] if self.kept == "A" else norm.of(self.of.Z[at], at[1])
