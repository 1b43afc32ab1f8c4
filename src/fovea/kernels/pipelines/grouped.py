"""Normalisation within each picture: over groups of channels, or over the channels of each pixel.

    μ = Σ Z / M,    σ² = Σ (Z − μ)² / M    over the M numbers of a group or a pixel                       (1)
    x̂ = (Z − μ)/√(σ² + ε),    A = γ x̂ + β                                                                (2)
    dβ = Σ dA,    dγ = Σ dA x̂    of every channel                                                        (3)
    dZ = (γ dA − (Σ γ dA + x̂ Σ γ dA x̂)/M)/√(σ² + ε),    sums as in (1)                                  (4)

Sums over a group have three levels: a block of the picture's pixels, all blocks, the channels of the group.
μ and σ² take one pass over memory: the deviations of each block are from the block's own mean.
Those over a pixel have two: each lane of a vector, and across the lanes. The backward pass computes μ and σ²
again, since it reads Z anyway. The mean is held as two numbers: its rounding to float32, and the mean of the
differences from it. Arrays are [l, c, p, n] with one lane.

(64, 32, 32, 64), 16.8 MB per array, which fit the last-level cache in part: 8 groups normalise 0.74 ms
(46 GB/s), gradients 0.74 ms (46 GB/s), inputs 1.8 ms (29 GB/s); each pixel 0.71 ms (47 GB/s), 1.8 ms
(19 GB/s), 1.4 ms (37 GB/s).
"""

from collections.abc import Callable, Sequence
from typing import Any

import halide as hl

from fovea.kernels import constants
from fovea.kernels.pipelines.activations import ZERO, backward, forward, rectified
from fovea.kernels.pipelines.arrays import Float, array, fixed, result, variables
from fovea.kernels.pipelines.normalised import opaque
from fovea.kernels.pipelines.numbers import Numbers, known
from fovea.kernels.pipelines.sums import GUARD, Pictures, Sums, divisor, entry

Terms = Callable[..., Sequence[hl.Expr]]  # of (c, p, n)


class _Statistics:
    """The moments of each group or pixel, and other sums over it. Schedule them by `schedule`.

    Where each channel is a group, `beside` neighbouring pixels may count as one pixel of `beside` times the
    channels, so that few channels fill vectors, too. `numbers` gets the number of pixels where it is 0.
    """

    def __init__(self, channels: int, pixels: int, groups: int | None, vector: int, beside: int = 1) -> None:
        assert beside == 1 or groups == channels
        self.numbers = Numbers()
        pixels = self.numbers.number("pixels", pixels)
        self.pictures = Pictures(channels * beside, pixels // beside, 1, vector)
        self.channels, self.groups = channels, groups
        self.width = channels // groups if groups else channels
        M = self.width * (pixels if groups else 1)
        self.M = hl.f32(float(M)) if known(M) else hl.cast(Float, M)
        self.epsilon = hl.Param(Float, "epsilon")
        self.arguments = [self.epsilon, *self.numbers.arguments]
        self._funcs: list[hl.Func] = []
        self._mean, self._moments = hl.Func("mean"), hl.Func("moments")
        if groups:
            self._of_groups()
        else:
            self._of_pixels()

    def _of_groups(self) -> None:
        """The moments of every block of pixels, in one pass over memory, then those of the groups."""
        pictures, (c, b, n, co, ci) = self.pictures, variables("c b n co ci")
        P, C, v = pictures.P, pictures.C, pictures.v
        size, blocks, whole = self._blocks()
        total, centre, rest, block = (hl.Func(name) for name in ("total", "centre", "rest", "block"))

        def count(b: hl.Expr) -> hl.Expr:
            return hl.f32(float(size)) if whole else hl.cast(Float, hl.min(size, P - b * size))

        def pixel(r: hl.RDom) -> hl.Expr:
            place = b * size + r[0]
            if not whole:
                r.where(place < P)
            return pictures.Z[0, hl.min(c, C - 1) if C % v else c, hl.min(place, P - 1), n]

        r, s = hl.RDom([(0, size)], "r"), hl.RDom([(0, size)], "s")
        _accumulate(total, (c, b, n), [pixel(r)])
        centre[c, b, n] = total[c, b, n] / count(b)
        d = opaque(pixel(s) - centre[c, b, n], self.epsilon)
        _accumulate(rest, (c, b, n), [d, d * d])
        block[c, b, n] = (centre[c, b, n], entry(rest[c, b, n], 0), entry(rest[c, b, n], 1))

        # Schedule: both passes over a block's pixels, of a tile of channels whose sums stay in registers; for
        # the second, the pixels are in the first-level cache.
        tile = v * (divisor(C // v, constants.SUM_VECTORS) if C % v == 0 else 1)
        block.compute_root().split(c, co, ci, tile, GUARD).vectorize(ci, v, GUARD).parallel(n).parallel(b)
        for function in (total, centre, rest):
            function.compute_at(block, co).bound_extent(c, tile).vectorize(c, v).unroll(c)
        for function, domain in ((total, r), (rest, s)):
            function.update().reorder(c, domain[0], b, n).vectorize(c, v).unroll(c)

        def moments(c: hl.Expr, b: hl.Expr, n: hl.Expr) -> list[hl.Expr]:
            return [entry(block[c, b, n], i, 3) for i in range(3)]

        def sums(c: hl.Expr, b: hl.Expr, n: hl.Expr) -> list[hl.Expr]:
            centre, rest, _ = moments(c, b, n)
            return [count(b) * centre + rest]

        def squares(c: hl.Expr, b: hl.Expr, n: hl.Expr) -> list[hl.Expr]:
            centre, rest, square = moments(c, b, n)
            d = opaque(centre - self._mean[c, n], self.epsilon)
            return [count(b) * d + rest, square + d * (rest + (rest + count(b) * d))]

        self._mean[c, n] = entry(self._over_blocks("mean_of", blocks, sums, 1)[c, n], 0, 1) / self.M  # (1)
        both = self._over_blocks("squares", blocks, squares, 2)[c, n]
        self._set_moments((c, n), entry(both, 0), entry(both, 1))

    def _of_pixels(self) -> None:
        Z = self.pictures.Z
        total = self.sums("total", lambda c, p, n: [Z[0, c, p, n]])
        c, p, n = variables("c p n")
        self._mean[self._index(c, p, n)] = total(c, p, n)[0] / self.M  # (1)
        self._funcs.append(self._mean)

        def squares(c, p, n):
            d = self._centred(c, p, n)
            return [d, d * d]

        variance = self.sums("variance", squares)
        self._set_moments((p, n), *variance(c, p, n))
        self._funcs.append(self._moments)

    def _set_moments(self, index: tuple, rest: hl.Expr, square: hl.Expr) -> None:
        """From the sums of Z minus the first number of the mean, and of its squares."""
        rest, square = rest / self.M, square / self.M
        deviation = hl.sqrt(rectified(square - rest * rest) + self.epsilon)
        self._moments[index] = (rest, hl.f32(1.0) / deviation)  # (1)

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
        pictures, (c, b, n) = self.pictures, variables("c b n")
        block = hl.Func(f"{name}_b")
        size, blocks, whole = self._blocks()
        r = hl.RDom([(0, size)], "r")
        pixel = b * size + r[0]
        if not whole:
            r.where(pixel < pictures.P)
        values = terms(c, hl.min(pixel, pictures.P - 1), n)
        count = len(values)
        _accumulate(block, (c, b, n), values)
        block.compute_root().parallel(n).parallel(b).vectorize(c, pictures.v, GUARD)
        update = block.update().reorder(c, r[0], b, n).parallel(n).parallel(b)
        update.vectorize(c, pictures.v, GUARD)

        def of_block(c, b, n):
            return [entry(block[c, b, n], s, count) for s in range(count)]

        return self._over_blocks(name, blocks, of_block, count), count

    def _blocks(self) -> tuple[int, Any, bool]:
        """The pixels of a block, the number of blocks, and whether all are known to be whole."""
        P = self.pictures.P
        size = min(P, constants.GROUP_PIXELS) if known(P) else constants.GROUP_PIXELS
        return size, (P + size - 1) // size, known(P) and P % size == 0

    def _over_blocks(self, name: str, blocks: Any, values: Terms, count: int) -> hl.Func:
        """Σ of the `count` values (c, b, n) of each block, over the blocks and then the channels of the group
        of c: a Func [c, n]."""
        pictures, (c, n, g) = self.pictures, variables("c n g")
        channel, group, total = (hl.Func(f"{name}_{part}") for part in ("c", "g", "t"))
        b = hl.RDom([(0, blocks)], "blocks")
        _accumulate(channel, (c, n), values(c, b[0], n))
        beside = pictures.C // self.channels
        k = hl.RDom([(0, self.width), (0, beside)], "k")
        member = g * self.width + k[0] + k[1] * self.channels
        _accumulate(group, (g, n), [entry(channel[member, n], s, count) for s in range(count)])
        sums = [entry(group[c % self.channels // self.width, n], s, count) for s in range(count)]
        total[c, n] = tuple(sums) if count > 1 else sums[0]
        channel.compute_root().parallel(n).vectorize(c, pictures.v, GUARD)
        channel.update().reorder(c, b[0], n).parallel(n).vectorize(c, pictures.v, GUARD)
        group.compute_root()
        total.compute_root()
        return total

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
        chunk = max(1, constants.NORMALIZATION_TASK // pictures.C)
        if known(pictures.P):
            chunk = divisor(pictures.P, chunk)
        function.split(p, po, p, chunk, GUARD).vectorize(c, pictures.v, GUARD).parallel(n).parallel(po)
        return function


def normalise(*, channels, pixels, groups, vector, beside=1, activation="", add=False):
    """(2), plus S with `add`, and then an activation. The arrays have `beside` pixels as one."""
    statistics = _Statistics(channels, pixels, groups, vector, beside)
    pictures = statistics.pictures
    gamma, beta = fixed("gamma", [channels]), fixed("beta", [channels])
    A, (l, c, p, n) = hl.Func("A"), variables("l c p n")
    S = [array("S", pictures.extents)] if add else []
    scale = hl.Func("scale")
    scale[c] = (gamma[c % channels], beta[c % channels])
    if beside > 1:
        scale.compute_root()
    Y = statistics.normalised(c, p, n) * entry(scale[c], 0) + entry(scale[c], 1)
    for other in S:
        Y = opaque(Y, statistics.epsilon) + other[l, c, p, n]
    A[l, c, p, n] = forward(activation, Y)
    statistics.schedule(A)
    return {"A": statistics.elementwise(A)}, [pictures.Z, *S, gamma, beta, *statistics.arguments]


class _Upstream:
    """The gradient behind the normalisation, from dA, and from A where an activation follows."""

    def __init__(self, extents: list, activation: str) -> None:
        self.activation, self.dA = activation, array("dA", extents)
        self.A = array("A", extents) if activation else None
        self.arguments = [self.dA] if self.A is None else [self.dA, self.A]

    def __call__(self, c: hl.Expr, p: hl.Expr, n: hl.Expr) -> hl.Expr:
        place = 0, c, p, n
        return self.dA[place] if self.A is None else backward(self.activation, self.dA[place], self.A[place])


def gradients(*, channels, pixels, groups, vector, activation=""):
    """(3), of normalisation and an activation behind it."""
    statistics = _Statistics(channels, pixels, groups, vector)
    upstream, c = _Upstream(statistics.pictures.extents, activation), hl.Var("c")

    def terms(l, c, p, n):
        return [upstream(c, p, n), upstream(c, p, n) * statistics.normalised(c, p, n)]

    sums = Sums(statistics.pictures, terms)
    both = hl.Func("gradients")
    both[c] = (sums.total[c][1], sums.total[c][0])
    sums.schedule()
    statistics.schedule()
    result(both, [channels]).vectorize(c, statistics.pictures.v, GUARD)
    return {"dgamma dbeta": both}, [*upstream.arguments, statistics.pictures.Z, *statistics.arguments]


def inputs(*, channels, pixels, groups, vector, activation=""):
    """(4), of normalisation and an activation behind it."""
    statistics = _Statistics(channels, pixels, groups, vector)
    pictures = statistics.pictures
    upstream, gamma = _Upstream(pictures.extents, activation), pictures.per_channel("gamma")
    dZ, (l, c, p, n) = hl.Func("dZ"), variables("l c p n")

    def terms(c, p, n):
        g = gamma[c] * upstream(c, p, n)
        return [g, g * statistics.normalised(c, p, n)]

    plain, weighted = statistics.sums("sums", terms)(c, p, n)
    rest = (plain + statistics.normalised(c, p, n) * weighted) / statistics.M
    dZ[l, c, p, n] = (gamma[c] * upstream(c, p, n) - rest) * statistics.inverse(c, p, n)
    statistics.schedule(dZ)
    arguments = [*upstream.arguments, pictures.Z, gamma, *statistics.arguments]
    return {"dZ": statistics.elementwise(dZ)}, arguments


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
