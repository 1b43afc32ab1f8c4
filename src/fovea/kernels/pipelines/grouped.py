"""Normalisation of each picture by itself: over groups of channels, or over the channels of each pixel.

    μ = Σ Z / M,    σ² = Σ (Z − μ)² / M    of the numbers that belong together                            (1)
    x̂ = (Z − μ)/√(σ² + ε),    A = γ x̂ + β                                                                (2)
    dβ = Σ dA,    dγ = Σ dA x̂    of every channel                                                        (3)
    dZ = (γ dA − (Σ γ dA + x̂ Σ γ dA x̂)/M)/√(σ² + ε),    sums of the numbers that belong together        (4)

Sums over a picture are of three levels: a block of its pixels, all blocks, the channels of a group. Those
over a pixel are of two: a vector's lanes, and across. μ and σ² are computed anew in the backward pass, which
reads Z anyway. The mean is two numbers: what the sum gives in float32, and what is left of the sum without
it. Arrays are [l, c, p, n] with one lane.
"""

from collections.abc import Callable, Sequence

import halide as hl

from fovea.kernels import constants
from fovea.kernels.pipelines.algebra import ZERO, Float, apart, array, rectified, result, variables
from fovea.kernels.pipelines.sums import GUARD, Pictures, Sums, divisor, entry

Terms = Callable[..., Sequence[hl.Expr]]  # of (c, p, n)


class _Together:
    """The numbers that belong together, their moments, and other sums over them. What it makes is computed
    before `done` is called for whoever reads it."""

    def __init__(self, channels: int, pixels: int, groups: int | None, vector: int) -> None:
        self.of = Pictures(channels, pixels, 1, vector)
        self.groups = groups
        self.inside = channels // groups if groups else channels
        self.M = hl.f32(float(self.inside * (pixels if groups else 1)))
        self.epsilon = hl.Param(Float, "epsilon")
        self._made: list[hl.Func] = []
        Z = self.of.Z
        self._mean, self._moments = hl.Func("mean"), hl.Func("moments")
        total = self.sums("total", lambda c, p, n: [Z[0, c, p, n]])
        c, p, n = variables("c p n")
        self._mean[self._at(c, p, n)] = total(c, p, n)[0] / self.M  # (1)
        self._made.append(self._mean)

        def squares(c, p, n):
            d = self._centred(c, p, n)
            return [d, d * d]

        variance = self.sums("variance", squares)
        rest, square = (total / self.M for total in variance(c, p, n))
        deviation = hl.sqrt(rectified(square - rest * rest) + self.epsilon)
        self._moments[self._at(c, p, n)] = (rest, hl.f32(1.0) / deviation)  # (1)
        self._made.append(self._moments)

    def normalised(self, c, p, n) -> hl.Expr:
        """x̂"""
        found = self._moments[self._at(c, p, n)]
        return (self._centred(c, p, n) - entry(found, 0)) * entry(found, 1)  # (2)

    def _centred(self, c, p, n) -> hl.Expr:
        """Z − μ, but for what is left of the mean."""
        return apart(self.of.Z[0, c, p, n] - self._mean[self._at(c, p, n)], self.epsilon)

    def inverse(self, c, p, n) -> hl.Expr:
        """1/√(σ² + ε)"""
        return entry(self._moments[self._at(c, p, n)], 1)

    def sums(self, name: str, terms: Terms) -> Callable[..., list[hl.Expr]]:
        """Σ of each of the terms over the numbers that (c, p, n) belongs to."""
        found, count = (self._over_picture if self.groups else self._over_pixel)(name, terms)
        return lambda c, p, n: [entry(found[self._at(c, p, n)], s, count) for s in range(count)]

    def _at(self, c, p, n) -> tuple:
        return (c, n) if self.groups else (p, n)

    def _over_pixel(self, name: str, terms: Terms) -> tuple[hl.Func, int]:
        of, (j, p, n) = self.of, variables("j p n")
        lanes, total = hl.Func(f"{name}_lanes"), hl.Func(name)
        width = min(of.v, of.C)
        r = hl.RDom([(0, -(-of.C // width))], "r")
        c = r[0] * width + j
        values = terms(hl.min(c, of.C - 1), p, n)
        if of.C % width:
            values = [hl.select(c < of.C, value, ZERO) for value in values]
        _accumulate(lanes, (j, p, n), values)
        across = [
            _added([entry(lanes[lane, p, n], s, len(values)) for lane in range(width)])
            for s in range(len(values))
        ]
        total[p, n] = tuple(across) if len(across) > 1 else across[0]
        lanes.bound(j, 0, width).vectorize(j).update().vectorize(j)
        self._made += [lanes, total]
        return total, len(values)

    def _over_picture(self, name: str, terms: Terms) -> tuple[hl.Func, int]:
        of, (c, b, n, g) = self.of, variables("c b n g")
        block, channel, group, total = (hl.Func(f"{name}_{part}") for part in ("b", "c", "g", "t"))
        size = min(of.P, constants.GROUP_PIXELS)
        r = hl.RDom([(0, size)], "r")
        pixel = b * size + r[0]
        if of.P % size:
            r.where(pixel < of.P)
        values = terms(c, hl.min(pixel, of.P - 1), n)
        count = len(values)
        _accumulate(block, (c, b, n), values)
        blocks = hl.RDom([(0, -(-of.P // size))], "blocks")
        _accumulate(channel, (c, n), [entry(block[c, blocks[0], n], s, count) for s in range(count)])
        k = hl.RDom([(0, self.inside)], "k")
        at = g * self.inside + k[0]
        _accumulate(group, (g, n), [entry(channel[at, n], s, count) for s in range(count)])
        own = [entry(group[c // self.inside, n], s, count) for s in range(count)]
        total[c, n] = tuple(own) if count > 1 else own[0]
        for function in (block, channel):
            function.compute_root().parallel(n).vectorize(c, of.v, GUARD)
        block.parallel(b)
        update = block.update().reorder(c, r[0], b, n).parallel(n).parallel(b)
        update.vectorize(c, of.v, GUARD)
        channel.update().reorder(c, blocks[0], n).parallel(n).vectorize(c, of.v, GUARD)
        group.compute_root()
        total.compute_root()
        return total, count

    def schedule(self, reader: hl.Func | None = None) -> None:
        """What was made is computed at each pixel of `reader`, or all of it at once."""
        p, n = hl.Var("p"), hl.Var("n")
        if self.groups:
            self._mean.compute_root()
            self._moments.compute_root()
            return
        for function in self._made:
            if reader is None:
                function.compute_root().parallel(n)
                if function.has_update_definition():
                    function.update().parallel(n)
            else:
                function.compute_at(reader, p)

    def over(self, function: hl.Func) -> hl.Func:
        """Schedule what is computed number by number, chunks of pixels in parallel."""
        of, (c, p, n, po) = self.of, variables("c p n po")
        result(function, of.extents)
        chunk = divisor(of.P, max(1, constants.NORMALIZATION_TASK // of.C))
        function.split(p, po, p, chunk).vectorize(c, of.v, GUARD).parallel(n).parallel(po)
        return function


def normalise(*, channels, pixels, groups, vector):
    """(2)"""
    own = _Together(channels, pixels, groups, vector)
    gamma, beta = own.of.vectors("gamma"), own.of.vectors("beta")
    A, (l, c, p, n) = hl.Func("A"), variables("l c p n")
    A[l, c, p, n] = own.normalised(c, p, n) * gamma[c] + beta[c]
    own.schedule(A)
    return {"A": own.over(A)}, [own.of.Z, gamma, beta, own.epsilon]


def gradients(*, channels, pixels, groups, vector):
    """(3)"""
    own = _Together(channels, pixels, groups, vector)
    dA, c = array("dA", own.of.extents), hl.Var("c")

    def terms(l, c, p, n):
        return [dA[0, c, p, n], dA[0, c, p, n] * own.normalised(c, p, n)]

    sums = Sums(own.of, terms)
    both = hl.Func("gradients")
    both[c] = (sums.total[c][1], sums.total[c][0])
    sums.schedule()
    own.schedule()
    result(both, [channels]).vectorize(c, own.of.v, GUARD)
    return {"dgamma dbeta": both}, [dA, own.of.Z, own.epsilon]


def inputs(*, channels, pixels, groups, vector):
    """(4)"""
    own = _Together(channels, pixels, groups, vector)
    dA, gamma = array("dA", own.of.extents), own.of.vectors("gamma")
    dZ, (l, c, p, n) = hl.Func("dZ"), variables("l c p n")

    def terms(c, p, n):
        g = gamma[c] * dA[0, c, p, n]
        return [g, g * own.normalised(c, p, n)]

    plain, weighted = own.sums("sums", terms)(c, p, n)
    rest = (plain + own.normalised(c, p, n) * weighted) / own.M
    dZ[l, c, p, n] = (gamma[c] * dA[0, c, p, n] - rest) * own.inverse(c, p, n)
    own.schedule(dZ)
    return {"dZ": own.over(dZ)}, [dA, own.of.Z, gamma, own.epsilon]


def _accumulate(function: hl.Func, at: tuple, values: Sequence[hl.Expr]) -> None:
    """Σ of each of the values over their reduction domain."""
    function[at] = tuple([ZERO] * len(values)) if len(values) > 1 else ZERO
    before = function[at]
    sums = [entry(before, s, len(values)) + value for s, value in enumerate(values)]
    function[at] = tuple(sums) if len(sums) > 1 else sums[0]


def _added(terms: list[hl.Expr]) -> hl.Expr:
    """Σ, by halves."""
    if len(terms) == 1:
        return terms[0]
    middle = len(terms) // 2
    return _added(terms[:middle]) + _added(terms[middle:])
