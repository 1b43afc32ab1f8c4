"""Normalisation within each picture: over groups of channels, or over the channels of each pixel.

    μ = Σ Z / M,    σ² = Σ (Z − μ)² / M    over the M numbers of a group or a pixel                       (1)
    x̂ = (Z − μ)/√(σ² + ε),    A = γ x̂ + β                                                                (2)
    dβ = Σ dA,    dγ = Σ dA x̂    of every channel                                                        (3)
    dZ = (γ dA − (Σ γ dA + x̂ Σ γ dA x̂)/M)/√(σ² + ε),    sums as in (1)                                  (4)

Sums over a group have three levels: a block of the picture's pixels, all blocks, the channels of the group.
Those over a pixel have two: each lane of a vector, and across the lanes. The backward pass computes μ and σ²
again, since it reads Z anyway. The mean is held as two numbers: its rounding to float32, and the mean of the
differences from it. Arrays are [l, c, p, n] with one lane.

(64, 32, 32, 64), 16.8 MB per array: 8 groups normalise 1.6 ms (21 GB/s), gradients 1.2 ms
(27 GB/s), inputs 3.2 ms (16 GB/s); each pixel 0.90 ms (37 GB/s), 2.7 ms (12 GB/s), 1.4 ms (36 GB/s).
"""

from collections.abc import Callable, Sequence

import halide as hl

from fovea.kernels import constants
from fovea.kernels.pipelines.activations import ZERO, rectified
from fovea.kernels.pipelines.arrays import Float, array, result, variables
from fovea.kernels.pipelines.normalised import opaque
from fovea.kernels.pipelines.sums import GUARD, Pictures, Sums, divisor, entry

Terms = Callable[..., Sequence[hl.Expr]]  # of (c, p, n)


class _Statistics:
    """The moments of each group or pixel, and other sums over it. Schedule them by `schedule`."""

    def __init__(self, channels: int, pixels: int, groups: int | None, vector: int) -> None:
        self.pictures = Pictures(channels, pixels, 1, vector)
        self.groups = groups
        self.width = channels // groups if groups else channels
        self.M = hl.f32(float(self.width * (pixels if groups else 1)))
        self.epsilon = hl.Param(Float, "epsilon")
        self._funcs: list[hl.Func] = []
        Z = self.pictures.Z
        self._mean, self._moments = hl.Func("mean"), hl.Func("moments")
        total = self.sums("total", lambda c, p, n: [Z[0, c, p, n]])
        c, p, n = variables("c p n")
        self._mean[self._index(c, p, n)] = total(c, p, n)[0] / self.M  # (1)
        self._funcs.append(self._mean)

        def squares(c, p, n):
            d = self._centred(c, p, n)
            return [d, d * d]

        variance = self.sums("variance", squares)
        rest, square = (total / self.M for total in variance(c, p, n))
        deviation = hl.sqrt(rectified(square - rest * rest) + self.epsilon)
        self._moments[self._index(c, p, n)] = (rest, hl.f32(1.0) / deviation)  # (1)
        self._funcs.append(self._moments)

    def normalised(self, c, p, n) -> hl.Expr:
        """x̂"""
        moments = self._moments[self._index(c, p, n)]
        return (self._centred(c, p, n) - entry(moments, 0)) * entry(moments, 1)  # (2)

    def _centred(self, c, p, n) -> hl.Expr:
        """Z minus the first number of the mean."""
        return opaque(self.pictures.Z[0, c, p, n] - self._mean[self._index(c, p, n)], self.epsilon)

    def inverse(self, c, p, n) -> hl.Expr:
        """1/√(σ² + ε)"""
        return entry(self._moments[self._index(c, p, n)], 1)

    def sums(self, name: str, terms: Terms) -> Callable[..., list[hl.Expr]]:
        """Σ of each of the terms over the group or pixel of (c, p, n)."""
        total, count = (self._over_picture if self.groups else self._over_pixel)(name, terms)
        return lambda c, p, n: [entry(total[self._index(c, p, n)], s, count) for s in range(count)]

    def _index(self, c, p, n) -> tuple:
        return (c, n) if self.groups else (p, n)

    def _over_pixel(self, name: str, terms: Terms) -> tuple[hl.Func, int]:
        pictures, (j, p, n) = self.pictures, variables("j p n")
        lanes, total = hl.Func(f"{name}_lanes"), hl.Func(name)
        width = min(pictures.v, pictures.C)
        r = hl.RDom([(0, -(-pictures.C // width))], "r")
        c = r[0] * width + j
        values = terms(hl.min(c, pictures.C - 1), p, n)
        if pictures.C % width:
            values = [hl.select(c < pictures.C, value, ZERO) for value in values]
        _accumulate(lanes, (j, p, n), values)
        across = [
            _added([entry(lanes[lane, p, n], s, len(values)) for lane in range(width)])
            for s in range(len(values))
        ]
        total[p, n] = tuple(across) if len(across) > 1 else across[0]
        lanes.bound(j, 0, width).vectorize(j).update().vectorize(j)
        self._funcs += [lanes, total]
        return total, len(values)

    def _over_picture(self, name: str, terms: Terms) -> tuple[hl.Func, int]:
        pictures, (c, b, n, g) = self.pictures, variables("c b n g")
        block, channel, group, total = (hl.Func(f"{name}_{part}") for part in ("b", "c", "g", "t"))
        size = min(pictures.P, constants.GROUP_PIXELS)
        r = hl.RDom([(0, size)], "r")
        pixel = b * size + r[0]
        if pictures.P % size:
            r.where(pixel < pictures.P)
        values = terms(c, hl.min(pixel, pictures.P - 1), n)
        count = len(values)
        _accumulate(block, (c, b, n), values)
        blocks = hl.RDom([(0, -(-pictures.P // size))], "blocks")
        _accumulate(channel, (c, n), [entry(block[c, blocks[0], n], s, count) for s in range(count)])
        k = hl.RDom([(0, self.width)], "k")
        member = g * self.width + k[0]
        _accumulate(group, (g, n), [entry(channel[member, n], s, count) for s in range(count)])
        sums = [entry(group[c // self.width, n], s, count) for s in range(count)]
        total[c, n] = tuple(sums) if count > 1 else sums[0]
        for function in (block, channel):
            function.compute_root().parallel(n).vectorize(c, pictures.v, GUARD)
        block.parallel(b)
        update = block.update().reorder(c, r[0], b, n).parallel(n).parallel(b)
        update.vectorize(c, pictures.v, GUARD)
        channel.update().reorder(c, blocks[0], n).parallel(n).vectorize(c, pictures.v, GUARD)
        group.compute_root()
        total.compute_root()
        return total, count

    def schedule(self, reader: hl.Func | None = None) -> None:
        """Compute the statistics of a pixel where `reader` reads them; those of groups, or without a
        `reader`, all in advance."""
        p, n = hl.Var("p"), hl.Var("n")
        if self.groups:
            self._mean.compute_root()
            self._moments.compute_root()
            return
        for function in self._funcs:
            if reader is None:
                function.compute_root().parallel(n)
                if function.has_update_definition():
                    function.update().parallel(n)
            else:
                function.compute_at(reader, p)

    def elementwise(self, function: hl.Func) -> hl.Func:
        """Schedule an elementwise function: pictures and chunks of pixels in parallel."""
        pictures, (c, p, n, po) = self.pictures, variables("c p n po")
        result(function, pictures.extents)
        chunk = divisor(pictures.P, max(1, constants.NORMALIZATION_TASK // pictures.C))
        function.split(p, po, p, chunk).vectorize(c, pictures.v, GUARD).parallel(n).parallel(po)
        return function


def normalise(*, channels, pixels, groups, vector):
    """(2)"""
    statistics = _Statistics(channels, pixels, groups, vector)
    gamma, beta = statistics.pictures.per_channel("gamma"), statistics.pictures.per_channel("beta")
    A, (l, c, p, n) = hl.Func("A"), variables("l c p n")
    A[l, c, p, n] = statistics.normalised(c, p, n) * gamma[c] + beta[c]
    statistics.schedule(A)
    return {"A": statistics.elementwise(A)}, [statistics.pictures.Z, gamma, beta, statistics.epsilon]


def gradients(*, channels, pixels, groups, vector):
    """(3)"""
    statistics = _Statistics(channels, pixels, groups, vector)
    dA, c = array("dA", statistics.pictures.extents), hl.Var("c")

    def terms(l, c, p, n):
        return [dA[0, c, p, n], dA[0, c, p, n] * statistics.normalised(c, p, n)]

    sums = Sums(statistics.pictures, terms)
    both = hl.Func("gradients")
    both[c] = (sums.total[c][1], sums.total[c][0])
    sums.schedule()
    statistics.schedule()
    result(both, [channels]).vectorize(c, statistics.pictures.v, GUARD)
    return {"dgamma dbeta": both}, [dA, statistics.pictures.Z, statistics.epsilon]


def inputs(*, channels, pixels, groups, vector):
    """(4)"""
    statistics = _Statistics(channels, pixels, groups, vector)
    dA, gamma = array("dA", statistics.pictures.extents), statistics.pictures.per_channel("gamma")
    dZ, (l, c, p, n) = hl.Func("dZ"), variables("l c p n")

    def terms(c, p, n):
        g = gamma[c] * dA[0, c, p, n]
        return [g, g * statistics.normalised(c, p, n)]

    plain, weighted = statistics.sums("sums", terms)(c, p, n)
    rest = (plain + statistics.normalised(c, p, n) * weighted) / statistics.M
    dZ[l, c, p, n] = (gamma[c] * dA[0, c, p, n] - rest) * statistics.inverse(c, p, n)
    statistics.schedule(dZ)
    return {"dZ": statistics.elementwise(dZ)}, [dA, statistics.pictures.Z, gamma, statistics.epsilon]


def _accumulate(function: hl.Func, index: tuple, values: Sequence[hl.Expr]) -> None:
    """Σ of each of the values over their reduction domain."""
    function[index] = tuple([ZERO] * len(values)) if len(values) > 1 else ZERO
    before = function[index]
    sums = [entry(before, s, len(values)) + value for s, value in enumerate(values)]
    function[index] = tuple(sums) if len(sums) > 1 else sums[0]


def _added(terms: list[hl.Expr]) -> hl.Expr:
    """Σ, pairwise."""
    if len(terms) == 1:
        return terms[0]
    middle = len(terms) // 2
    return _added(terms[:middle]) + _added(terms[middle:])
