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
had again from Z, unless there is an S; then A says what the activation needs. A
picture is p = H·W pixels, [l, c, p, n]; where L > 1 pictures lie side by side, `count` tells how many there
are, and what is in the places of others counts nowhere.
"""

from collections.abc import Callable, Sequence
from math import gcd

import halide as hl

from fovea.kernels.pipelines.activations import backward, closed, forward, is_gate
from fovea.kernels.pipelines.algebra import (
    ZERO,
    Float,
    Normalised,
    Parts,
    array,
    fixed,
    rectified,
    result,
    variables,
    vectorize_channels,
)

_GUARD = hl.TailStrategy.GuardWithIf
_SHORTEST = 4  # numbers of a vector that is worth it
_SUMS = 8  # vectors of each sum in registers
_BLOCK = 256  # pixels to a block, at most


class _Pictures:
    """What all of these kernels know of their arrays."""

    def __init__(self, channels: int, pixels: int, lanes: int, vector: int) -> None:
        self.C, self.P, self.L = channels, pixels, lanes
        common = gcd(channels, vector)  # a shorter vector that divides the channels beats one under a mask
        self.v = common if common >= _SHORTEST else vector
        self.extents = [lanes, channels, pixels]
        self.Z = array("Z", self.extents)
        self.groups = self.Z.dim(3).extent()
        self._count = hl.Param(hl.Int(32), "count")
        self.count = self._count if lanes > 1 else self.groups
        self.arguments = [self._count] if lanes > 1 else []
        self.M = hl.cast(Float, self.count * pixels)

    def there(self, l: hl.Expr, n: hl.Expr, value: hl.Expr) -> hl.Expr:
        """`value`, or 0 where there is no picture."""
        return value if self.L == 1 else hl.select(n * self.L + l < self.count, value, ZERO)

    def vectors(self, name: str) -> hl.ImageParam:
        return fixed(name, [self.C])

    def over(self, function: hl.Func, names: Sequence[hl.Var]) -> hl.Func:
        """Schedule what is computed number by number: pictures and chunks of pixels in parallel."""
        l, c, p, n = names
        po, pi = variables("po pi")
        result(function, self.extents)
        function.split(p, po, pi, max(1, min(self.P, 16384 // (self.C * self.L))), _GUARD)
        vectorize_channels(function, l, c, self.L, self.v)
        return function.parallel(n).parallel(po)


class _Sums:
    """Σ over pictures and pixels of several terms at once; terms(l, c, p, n) gives them. `total` is a Func of
    [c] that has them as a tuple, or as one value."""

    def __init__(self, of: _Pictures, terms: Callable[..., Sequence[hl.Expr]]) -> None:
        self.of = of
        vectors = of.C if of.L > 1 else -(-of.C // of.v)
        together = _divisor(vectors, _SUMS)
        self.channels = together * (1 if of.L > 1 else of.v)  # of a register tile
        self.beside = _divisor(of.P, max(1, _SUMS // together))  # pixels in it
        self.steps = _divisor(of.P // self.beside, max(1, _BLOCK // self.beside))
        blocks = of.P // (self.beside * self.steps)
        l, c, i, b, n, part = variables("l c i b n part")
        self.block, self.part, self.lanes, self.total = (
            hl.Func(name) for name in ("block", "part", "lanes", "total")
        )
        self.parts = Parts(of.groups)
        r = self.r = hl.RDom([(0, self.steps)], "r")
        pixel = (b * self.steps + r[0]) * self.beside + i
        channel = hl.min(c, of.C - 1) if of.L == 1 and of.C % self.channels else c
        sums = list(terms(l, channel, pixel, n))
        self._define(self.block, (l, c, i, b, n), sums)
        g, member = self.parts.members(part, [(0, blocks)])
        self.g = g

        def of_block(i: int) -> hl.FuncRef:
            return self.block[l, c, i, g[0], member]

        at = [of_block(i) for i in range(self.beside)]
        self._define(self.part, (l, c, part), [_added(_entry(a, s) for a in at) for s in range(len(sums))])
        p = hl.RDom([(0, self.parts.used)], "p")
        self._define(self.lanes, (l, c), [_entry(self.part[l, c, p[0]], s) for s in range(len(sums))])
        across = hl.RDom([(0, of.L)], "across")
        self._define(self.total, (c,), [_entry(self.lanes[across[0], c], s) for s in range(len(sums))])

    @staticmethod
    def _define(function: hl.Func, at: tuple, terms: list[hl.Expr]) -> None:
        function[at] = tuple([ZERO] * len(terms))
        before = function[at]
        function[at] = tuple(_entry(before, s) + term for s, term in enumerate(terms))

    def schedule(self) -> None:
        """Blocks of a register tile, tile by tile of channels; what is left is small."""
        of, (l, c, i, part, co, ci) = self.of, variables("l c i part co ci")
        self.part.compute_root().bound_extent(l, of.L).parallel(part)
        vectorize_channels(self.part, l, c, of.L, of.v)
        update = self.part.update().split(c, co, ci, self.channels, _GUARD)
        update.reorder(l, ci, self.g[0], self.g[1], co, part).parallel(part)
        self.block.compute_at(self.part, self.g[0]).bound_extent(c, self.channels).bound_extent(
            i, self.beside
        )
        inner = self.block.update().reorder(l, c, i, self.r[0])
        for stage in (self.block.unroll(i), inner.unroll(i)):
            if of.L > 1:
                stage.vectorize(l).unroll(c)
            else:
                stage.vectorize(c, of.v).unroll(c)
        if of.L > 1:
            update.vectorize(l)
        else:
            update.vectorize(ci, of.v)
        self.lanes.compute_root().bound_extent(l, of.L)
        for stage in (self.lanes, self.lanes.update()):
            vectorize_channels(stage, l, c, of.L, of.v)
        self.total.compute_root()
        if of.L == 1:
            for stage in (self.total, self.total.update()):
                stage.vectorize(c, of.v, _GUARD)


def statistics(*, channels, pixels, lanes, vector, running):
    """(1); with `running`, given what was learned so far, also what is to be learned: both become
    (1 − momentum) times themselves + momentum times the batch's, with M − 1 in the place of M."""
    of = _Pictures(channels, pixels, lanes, vector)
    c = hl.Var("c")
    pilot = hl.Func("pilot")
    first = hl.RDom([(0, pixels)], "first")
    pilot[c] = ZERO
    pilot[c] += of.Z[0, c, first[0], 0] * hl.f32(1 / pixels)

    def terms(l, c, p, n):
        d = of.there(l, n, of.Z[l, c, p, n] - pilot[c])
        return d, d * d

    sums = _Sums(of, terms)
    moment, both = hl.Func("moment"), hl.Func("statistics")
    shift, square = sums.total[c][0] / of.M, sums.total[c][1] / of.M
    moment[c] = (pilot[c] + shift, rectified(square - shift * shift))  # (1)
    mean, variance = moment[c][0], moment[c][1]
    before, arguments = [], []
    if running:
        before = [of.vectors("mean"), of.vectors("variance")]
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
    pilot.compute_root().vectorize(c, vector, _GUARD)
    pilot.update().reorder(c, first[0]).vectorize(c, vector, _GUARD)
    moment.compute_root()
    result(both, [channels])
    if lanes == 1:
        moment.vectorize(c, vector, _GUARD)
        both.vectorize(c, vector, _GUARD)
    return [both], [of.Z, *before, *of.arguments, *arguments]


def normalise(*, channels, pixels, lanes, vector, activation, add):
    """(2), with as many S as `add` says."""
    of = _Pictures(channels, pixels, lanes, vector)
    l, c, p, n = names = variables("l c p n")
    S, A = [array(f"S_{k}", of.extents) for k in range(add)], hl.Func("A")
    norm = Normalised(of.C, of.v)
    Y = norm.of(of.Z[l, c, p, n], c, *(other[l, c, p, n] for other in S))
    A[l, c, p, n] = forward(activation, Y)  # (2)
    norm.schedule()
    return [of.over(A, names)], [of.Z, *S, *norm.arguments]


def gradients(*, channels, pixels, lanes, vector, activation, kept):
    """(3). The activation's backward pass is computed from what was `kept`: "A", or "Z", of which Y is made
    again."""
    of = _Pictures(channels, pixels, lanes, vector)
    c = hl.Var("c")
    norm, upstream = Normalised(of.C, of.v), _Upstream(of, activation, kept)

    def terms(l, c, p, n):
        x = norm.centred(of.Z[l, c, p, n], c)
        return [of.there(l, n, term) for term in upstream.terms(norm, x, l, c, p, n)]

    sums = _Sums(of, terms)
    both = hl.Func("gradients")
    both[c] = (sums.total[c][1] * norm.inverse(c), sums.total[c][0])  # (3)
    sums.schedule()
    norm.schedule()
    result(both, [channels])
    if lanes == 1:
        both.vectorize(c, vector, _GUARD)
    return [both], [*upstream.arguments, of.Z, *norm.arguments, *of.arguments]


def inputs(*, channels, pixels, lanes, vector, activation, kept, gives, of_batch):
    """(4), from what (3) gave; or, where μ and σ² are not `of_batch`, γ/√(σ² + ε) · dY.

    `gives` names the results, "dZ" and "dS", which is dY; "dZ+" and "dS+" are added to what is there. dZ may
    be the memory of dA, and comes last.
    """
    of = _Pictures(channels, pixels, lanes, vector)
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
            before.append(array(f"before_{name[:-1]}", of.extents))
            value = before[-1][at] + value
        values.append(value)
    results[at] = tuple(values) if len(values) > 1 else values[0]
    norm.schedule()
    if of_batch:
        terms.compute_root()
    given = [*upstream.arguments, of.Z, *before, dgamma, dbeta]
    return [of.over(results, names)], [*given, *norm.arguments, *of.arguments]


class _Upstream:
    """The gradient that enters, dA, and the activation, which turns it into dY."""

    def __init__(self, of: _Pictures, activation: str, kept: str) -> None:
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


def _entry(value: hl.FuncRef, s: int) -> hl.Expr:
    return hl.Expr(value[s])


def _added(terms) -> hl.Expr:
    total = None
    for term in terms:
        total = term if total is None else total + term
    assert total is not None
    return total


def _divisor(n: int, most: int) -> int:
    return max(d for d in range(1, most + 1) if n % d == 0)
