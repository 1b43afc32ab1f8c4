"""Sums over the pictures and pixels of each channel, of arrays [l, c, p, n]: L pictures side by side, C
channels, p = H·W pixels, n groups of pictures.

They are of three levels, so that little is lost and threads can share the work: a block of a picture's pixels
in registers, a part of the pictures (Parts), all parts. Where L > 1, `count` tells how many pictures there
are, and what is in the places of others counts nowhere.
"""

from collections.abc import Callable, Sequence
from math import gcd

import halide as hl

from fovea.kernels import constants
from fovea.kernels.pipelines.algebra import (
    ZERO,
    Float,
    Parts,
    array,
    fixed,
    result,
    variables,
    vectorize_channels,
)

GUARD = hl.TailStrategy.GuardWithIf


class Pictures:
    """What all of these kernels know of their arrays."""

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
        function.split(
            p, po, pi, max(1, min(self.P, constants.NORMALIZATION_TASK // (self.C * self.L))), GUARD
        )
        vectorize_channels(function, l, c, self.L, self.v)
        return function.parallel(n).parallel(po)


class Sums:
    """Σ over pictures and pixels of several terms at once; terms(l, c, p, n) gives them. `total` is a Func of
    [c] that has them as a tuple, or as one value."""

    def __init__(self, of: Pictures, terms: Callable[..., Sequence[hl.Expr]]) -> None:
        self.of = of
        vectors = of.C if of.L > 1 else -(-of.C // of.v)
        together = divisor(vectors, constants.SUM_VECTORS)
        self.channels = together * (1 if of.L > 1 else of.v)  # of a register tile
        self.beside = divisor(of.P, max(1, constants.SUM_VECTORS // together))  # pixels in it
        self.steps = divisor(of.P // self.beside, max(1, constants.SUM_PIXELS // self.beside))
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
        self._define(self.part, (l, c, part), [added(entry(a, s) for a in at) for s in range(len(sums))])
        p = hl.RDom([(0, self.parts.used)], "p")
        self._define(self.lanes, (l, c), [entry(self.part[l, c, p[0]], s) for s in range(len(sums))])
        across = hl.RDom([(0, of.L)], "across")
        self._define(self.total, (c,), [entry(self.lanes[across[0], c], s) for s in range(len(sums))])

    @staticmethod
    def _define(function: hl.Func, at: tuple, terms: list[hl.Expr]) -> None:
        function[at] = tuple([ZERO] * len(terms))
        before = function[at]
        function[at] = tuple(entry(before, s) + term for s, term in enumerate(terms))

    def schedule(self) -> None:
        """Blocks of a register tile, tile by tile of channels; what is left is small."""
        of, (l, c, i, part, co, ci) = self.of, variables("l c i part co ci")
        self.part.compute_root().bound_extent(l, of.L).parallel(part)
        vectorize_channels(self.part, l, c, of.L, of.v)
        update = self.part.update().split(c, co, ci, self.channels, GUARD)
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
                stage.vectorize(c, of.v, GUARD)


def entry(value: hl.FuncRef, s: int, of: int = 2) -> hl.Expr:
    """Number `s` of the `of` values of a Func there."""
    return hl.Expr(value[s]) if of > 1 else hl.Expr(value)


def added(terms) -> hl.Expr:
    total = None
    for term in terms:
        total = term if total is None else total + term
    assert total is not None
    return total


def divisor(n: int, most: int) -> int:
    return max(d for d in range(1, most + 1) if n % d == 0)
