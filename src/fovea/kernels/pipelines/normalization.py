"""Batch normalisation: the statistics, the normalisation, and the gradients, each in one pass over memory.

    μ = Σ Z / M,    σ² = Σ (Z − μ)² / M    of every channel                                               (1)
    A = (Z − μ) · γ/√(σ² + ε) + β, then perhaps + S, then perhaps ReLU                                    (2)
    dβ = Σ dY,    dγ = Σ dY x̂,    dY = dA where ReLU let it through,    x̂ = (Z − μ)/√(σ² + ε)             (3)
    dZ = γ/√(σ² + ε) · (dY − (dβ + x̂ dγ)/M)                                                              (4)

The sums of (1) are of Z − p and (Z − p)², where p is the channel's mean in the first picture. However far
from 0 the numbers lie, little cancels: the first picture is one of N, so that (μ − p)² is at most N σ², and
the variance errs by some N roundings at worst. Sums are of three levels: a block of a picture's pixels in
registers, a part of the pictures (Parts), all parts.

Z is kept for the backward pass, and not x̂ or A: from A, where ReLU made it 0, x̂ could not be had back. A
picture is p = H·W pixels, [l, c, p, n]; where L > 1 pictures lie side by side, `count` tells how many there
are, and what is in the places of others counts nowhere.
"""

from collections.abc import Callable, Sequence

import halide as hl

from fovea.kernels.pipelines.algebra import (
    ZERO,
    Float,
    Parts,
    array,
    fixed,
    is_nan,
    rectified,
    result,
    variables,
    vectorize_channels,
)

_GUARD = hl.TailStrategy.GuardWithIf
_SUMS = 8  # vectors of each sum in registers
_BLOCK = 256  # pixels to a block, at most


class _Pictures:
    """What all of these kernels know of their arrays."""

    def __init__(self, channels: int, pixels: int, lanes: int, vector: int) -> None:
        self.C, self.P, self.L, self.v = channels, pixels, lanes, vector
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
        self.channels = min(vectors, _SUMS) * (1 if of.L > 1 else of.v)  # of a register tile
        self.beside = _divisor(of.P, max(1, _SUMS // vectors))  # pixels in it
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


def normalise(*, channels, pixels, lanes, vector, relu, add):
    """(2); `add` says that there is an S."""
    of = _Pictures(channels, pixels, lanes, vector)
    l, c, p, n = names = variables("l c p n")
    S, A = array("S", of.extents), hl.Func("A")
    scale = _Scale(of)
    Y = scale.normalised(of.Z[l, c, p, n], c)
    Y = Y + S[l, c, p, n] if add else Y
    A[l, c, p, n] = rectified(Y) if relu else Y  # (2)
    scale.schedule()
    return [of.over(A, names)], [of.Z, *([S] if add else []), *scale.arguments]


def gradients(*, channels, pixels, lanes, vector, after):
    """(3). `after` is "", or "relu", where A was positive as (2) says again, or "add+relu": A tells."""
    of = _Pictures(channels, pixels, lanes, vector)
    c = hl.Var("c")
    scale, upstream = _Scale(of), _Upstream(of, after)

    def terms(l, c, p, n):
        dY = of.there(l, n, upstream.dY(scale, l, c, p, n))
        return dY, dY * (of.Z[l, c, p, n] - scale.mean[c])

    sums = _Sums(of, terms)
    both = hl.Func("gradients")
    both[c] = (sums.total[c][1] * scale.inverse(c), sums.total[c][0])  # (3)
    sums.schedule()
    scale.schedule()
    result(both, [channels])
    if lanes == 1:
        both.vectorize(c, vector, _GUARD)
    return [both], [*upstream.arguments, of.Z, *scale.arguments, *of.arguments]


def inputs(*, channels, pixels, lanes, vector, after, of_batch):
    """(4), from what (3) gave; or, where μ and σ² are not `of_batch`, γ/√(σ² + ε) · dY. After "add+relu"
    also dS, which is dY."""
    of = _Pictures(channels, pixels, lanes, vector)
    l, c, p, n = names = variables("l c p n")
    scale, upstream = _Scale(of), _Upstream(of, after)
    dgamma, dbeta = of.vectors("dgamma"), of.vectors("dbeta")
    terms, dZ = hl.Func("terms"), hl.Func("dZ")
    terms[c] = (scale.inverse(c) * dgamma[c] / of.M, dbeta[c] / of.M)
    dY = upstream.dY(scale, l, c, p, n)
    value = dY
    if of_batch:
        value = dY - (terms[c][1] + (of.Z[l, c, p, n] - scale.mean[c]) * terms[c][0])
    value = of.there(l, n, scale.scale[c] * value)  # (4)
    dZ[l, c, p, n] = (value, dY) if after == "add+relu" else value
    scale.schedule()
    if of_batch:
        terms.compute_root()
    given = [of.Z, dgamma, dbeta] if of_batch or after == "relu" else []
    return [of.over(dZ, names)], [*upstream.arguments, *given, *scale.arguments, *of.arguments]


class _Scale:
    """μ, σ², γ and β as arguments, with ε; and γ/√(σ² + ε)."""

    def __init__(self, of: _Pictures) -> None:
        self.mean, self.variance, self.gamma, self.beta = (
            of.vectors(name) for name in ("mean", "variance", "gamma", "beta")
        )
        self.epsilon = hl.Param(Float, "epsilon")
        self.arguments = [self.mean, self.variance, self.gamma, self.beta, self.epsilon]
        self.scale, self._c = hl.Func("scale"), hl.Var("c")
        self.scale[self._c] = self.gamma[self._c] * self.inverse(self._c)
        self._vector, self._whole = of.v, of.C % of.v == 0

    def inverse(self, c: hl.Expr) -> hl.Expr:
        return hl.f32(1.0) / hl.sqrt(self.variance[c] + self.epsilon)

    def normalised(self, Z: hl.Expr, c: hl.Expr) -> hl.Expr:
        """(2) without what follows. The mean goes off first: where it is large, little is left."""
        return (Z - self.mean[c]) * self.scale[c] + self.beta[c]

    def schedule(self) -> None:
        self.scale.compute_root().vectorize(self._c, self._vector, _GUARD)


class _Upstream:
    """The gradient that enters, dA, and what turns it into dY."""

    def __init__(self, of: _Pictures, after: str) -> None:
        self.of, self.after = of, after
        self.dA, self.A = array("dA", of.extents), array("A", of.extents)
        self.arguments = [self.dA, *([self.A] if after == "add+relu" else [])]

    def dY(self, scale: _Scale, *at: hl.Expr) -> hl.Expr:
        if not self.after:
            return self.dA[at]
        Y = self.A[at] if self.after == "add+relu" else scale.normalised(self.of.Z[at], at[1])
        return hl.select((Y > ZERO) | is_nan(Y), self.dA[at], ZERO)


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
