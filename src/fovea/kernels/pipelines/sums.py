"""Sums over the pictures and pixels of each channel, of arrays [l, c, p, n]: L pictures side by side, C
channels, p = H·W pixels, n groups of pictures.

They have three levels, which lose little precision and let threads share the work: a block of a picture's
pixels in registers, a part of the pictures (PartialSums), all parts. If L > 1, `count` is the number of
pictures; the unused places of the last group do not count.
"""

from collections.abc import Callable, Sequence
from math import gcd

import halide as hl

from fovea.kernels import constants
from fovea.kernels.pipelines.activations import ZERO
from fovea.kernels.pipelines.arrays import Float, array, fixed, result, variables
from fovea.kernels.pipelines.partial_sums import PartialSums
from fovea.kernels.pipelines.vectors import vectorize_channels

GUARD = hl.TailStrategy.GuardWithIf


class Pictures:
    """The arrays of these kernels: their sizes, Z, and schedules over them."""

    def __init__(self, channels: int, pixels: int, lanes: int, vector: int) -> None:
        self.C, self.P, self.L = channels, pixels, lanes
        common = gcd(channels, vector)  # a shorter vector that divides the channels beats one under a mask
        self.v = common if common >= constants.MIN_SUM_VECTOR else vector
        self.extents = [lanes, channels, pixels]
        self.Z = array("Z", self.extents)
        self.groups = self.Z.dim(3).extent()
        self._count = hl.Param(hl.Int(32), "count")
        self.count = self._count if lanes > 1 else self.groups
        self.arguments = [self._count] if lanes > 1 else []
        self.M = hl.cast(Float, self.count * pixels)

    def masked(self, l: hl.Expr, n: hl.Expr, value: hl.Expr) -> hl.Expr:
        """`value`, or 0 in the unused places of the last group."""
        return value if self.L == 1 else hl.select(n * self.L + l < self.count, value, ZERO)

    def per_channel(self, name: str) -> hl.ImageParam:
        return fixed(name, [self.C])

    def elementwise(self, function: hl.Func, names: Sequence[hl.Var]) -> hl.Func:
        """Schedule an elementwise function: pictures and chunks of pixels in parallel."""
        l, c, p, n = names
        po, pi = variables("po pi")
        result(function, self.extents)
        function.split(
            p, po, pi, max(1, min(self.P, constants.NORMALIZATION_TASK // (self.C * self.L))), GUARD
        )
        vectorize_channels(function, l, c, self.L, self.v)
        return function.parallel(n).parallel(po)


class Sums:
    """Σ over pictures and pixels of the two terms terms(l, c, p, n); `total` [c] is a Func of both."""

    def __init__(self, pictures: Pictures, terms: Callable[..., Sequence[hl.Expr]]) -> None:
        self.pictures = pictures
        vectors = pictures.C if pictures.L > 1 else -(-pictures.C // pictures.v)
        together = divisor(vectors, constants.SUM_VECTORS)
        self.channels = together * (1 if pictures.L > 1 else pictures.v)  # of a register tile
        self.beside = divisor(pictures.P, max(1, constants.SUM_VECTORS // together))  # pixels in it
        self.steps = divisor(pictures.P // self.beside, max(1, constants.SUM_PIXELS // self.beside))
        blocks = pictures.P // (self.beside * self.steps)
        l, c, i, b, n, part = variables("l c i b n part")
        self.block, self.part, self.lanes, self.total = (
            hl.Func(name) for name in ("block", "part", "lanes", "total")
        )
        self.parts = PartialSums(pictures.groups)
        r = self.r = hl.RDom([(0, self.steps)], "r")
        pixel = (b * self.steps + r[0]) * self.beside + i
        channel = hl.min(c, pictures.C - 1) if pictures.L == 1 and pictures.C % self.channels else c
        sums = list(terms(l, channel, pixel, n))
        self._define(self.block, (l, c, i, b, n), sums)
        g, member = self.parts.members(part, [(0, blocks)])
        self.g = g

        blocks_sums = [self.block[l, c, i, g[0], member] for i in range(self.beside)]
        block_totals = [added(entry(value, s) for value in blocks_sums) for s in range(len(sums))]
        self._define(self.part, (l, c, part), block_totals)
        p = hl.RDom([(0, self.parts.used)], "p")
        self._define(self.lanes, (l, c), [entry(self.part[l, c, p[0]], s) for s in range(len(sums))])
        across = hl.RDom([(0, pictures.L)], "across")
        self._define(self.total, (c,), [entry(self.lanes[across[0], c], s) for s in range(len(sums))])

    @staticmethod
    def _define(function: hl.Func, index: tuple, terms: list[hl.Expr]) -> None:
        function[index] = tuple([ZERO] * len(terms))
        before = function[index]
        function[index] = tuple(entry(before, s) + term for s, term in enumerate(terms))

    def schedule(self) -> None:
        """For each tile of channels, blocks of a register tile; the remaining levels are small.

        Eight vectors of sums hide the latency of an addition, which waits for the previous one: of different
        channels, or of neighbouring pixels if there are fewer channels.
        """
        pictures, (l, c, i, part, co, ci) = self.pictures, variables("l c i part co ci")
        self.part.compute_root().bound_extent(l, pictures.L).parallel(part)
        vectorize_channels(self.part, l, c, pictures.L, pictures.v)
        update = self.part.update().split(c, co, ci, self.channels, GUARD)
        update.reorder(l, ci, self.g[0], self.g[1], co, part).parallel(part)
        self.block.compute_at(self.part, self.g[0]).bound_extent(c, self.channels).bound_extent(
            i, self.beside
        )
        inner = self.block.update().reorder(l, c, i, self.r[0])
        for stage in (self.block.unroll(i), inner.unroll(i)):
            if pictures.L > 1:
                stage.vectorize(l).unroll(c)
            else:
                stage.vectorize(c, pictures.v).unroll(c)
        if pictures.L > 1:
            update.vectorize(l)
        else:
            update.vectorize(ci, pictures.v)
        self.lanes.compute_root().bound_extent(l, pictures.L)
        for stage in (self.lanes, self.lanes.update()):
            vectorize_channels(stage, l, c, pictures.L, pictures.v)
        self.total.compute_root()
        if pictures.L == 1:
            for stage in (self.total, self.total.update()):
                stage.vectorize(c, pictures.v, GUARD)


def entry(value: hl.FuncRef, s: int, count: int = 2) -> hl.Expr:
    """Value `s` of the `count` values of a Func."""
    return hl.Expr(value[s]) if count > 1 else hl.Expr(value)


def added(terms) -> hl.Expr:
    """Σ from the left."""
    total = None
    for term in terms:
        total = term if total is None else total + term
    assert total is not None
    return total


def divisor(n: int, most: int) -> int:
    """The largest divisor of n up to `most`."""
    return max(d for d in range(1, most + 1) if n % d == 0)
