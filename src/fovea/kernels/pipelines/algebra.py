"""What the kernels' algorithms share: names of dimensions, padding, and the gradient that enters a stage.

Arrays between stages lie in memory as (N/L, H, W, C, L): L pictures side by side innermost. L = 1 is NHWC,
where a vector holds neighbouring channels; with L = the vector's length a vector holds the same number of L
pictures, which fills it however few the channels are. Halide counts from the innermost: [l, c, x, y, n].
A row is often seen as one run of W·C numbers, q = x·C + c, so that a window's row is contiguous.
"""

import halide as hl

from fovea.geometry import Window
from fovea.kernels.pipelines.activations import ZERO, backward, is_nan, rectified
from fovea.kernels.tiles import Tile

__all__ = ["ZERO", "is_nan", "rectified"]  # as well as what is made here

Float = hl.Float(32)


def variables(names: str) -> list[hl.Var]:
    """A Halide variable for each name in a text like "l k x y n"."""
    return [hl.Var(name) for name in names.split()]


def array(name: str, extents: list[int], kind: object = Float) -> hl.ImageParam:
    """A dense array argument, extents from the innermost; one more, outermost dimension is known at run
    time."""
    image = hl.ImageParam(kind, len(extents) + 1, name)
    _lay_out(image, extents)
    return image


def fixed(name: str, extents: list[int], kind: object = Float) -> hl.ImageParam:
    """A dense array argument whose extents are all known, from the innermost."""
    image = hl.ImageParam(kind, len(extents), name)
    _lay_out(image, extents)
    return image


def result(function: hl.Func, extents: list[int]) -> hl.Func:
    """Let what `function` computes be laid out as `array` says of arguments, and be computed whole. Halide by
    itself only takes for granted that numbers along the innermost dimension are neighbours; vectors along
    another, such as channels behind one lane, would be scattered number by number."""
    for variable, extent in zip(function.args(), extents, strict=False):
        function.bound(variable, 0, extent)
    first, *others = function.output_buffers()
    _lay_out(first, extents)
    for other in others:  # their extents are the first one's
        _lay_out(other, extents, bounds=False)
    return function


def _lay_out(buffer: hl.OutputImageParam, extents: list[int], bounds: bool = True) -> None:
    """From the innermost dimension; one more, outermost one is known at run time."""
    stride = 1
    for dimension, extent in enumerate(extents):
        if bounds:
            buffer.dim(dimension).set_bounds(0, extent)
        buffer.dim(dimension).set_stride(stride)
        stride *= extent
    if buffer.dimensions() > len(extents):
        if bounds:
            buffer.dim(len(extents)).set_min(0)
        buffer.dim(len(extents)).set_stride(stride)


def padded_rows(
    A_prev: hl.ImageParam, window: Window, channels: int, overrun: bool = False
) -> hl.Func | hl.ImageParam:
    """A_prev [l, q, y, n] with zeros around it; row and column 0 are the first of the padding.

    A_prev itself where there is no padding, unless rows are read beyond their end (`overrun`).
    """
    top, _, left, _ = window.pads
    if not any(window.pads) and not overrun:
        return A_prev
    H, W = window.input
    l, q, y, n = variables("l q y n")
    rows = hl.Func("padded")
    inside = (q >= left * channels) & (q < (W + left) * channels) & (y >= top) & (y < H + top)
    value = A_prev[l, hl.clamp(q - left * channels, 0, W * channels - 1), hl.clamp(y - top, 0, H - 1), n]
    rows[l, q, y, n] = hl.select(inside, value, ZERO)
    return rows


def apart(x: hl.Expr, epsilon: hl.Expr) -> hl.Expr:
    """x, by way of its bits and the sign of ε, which is no bit, but nobody knows: what is made of x cannot be
    put together with what x is made of."""
    sign = hl.reinterpret(hl.UInt(32), epsilon) >> 31
    return hl.reinterpret(Float, hl.reinterpret(hl.UInt(32), x) ^ sign)


class Normalised:
    """Batch normalisation of numbers: μ, σ², γ and β of K channels, and ε, are arguments. `terms` is a small
    Func of what is computed once, for channels up to a whole vector.

    In one order of roundings wherever it is computed, so that all kernels give the same bits: the compiler
    takes sums for associative, and must not see through `_apart`.
    """

    def __init__(self, K: int, vector: int) -> None:
        self.mean, self.variance, self.gamma, self.beta = own = [
            fixed(name, [K]) for name in ("mean", "variance", "gamma", "beta")
        ]
        self.epsilon = hl.Param(Float, "epsilon")
        self.arguments = [*own, self.epsilon]
        self.terms, self._k, self._vector = hl.Func("terms"), hl.Var("k"), vector
        at = hl.min(self._k, K - 1) if K % vector else self._k
        inverse = hl.f32(1.0) / hl.sqrt(self.variance[at] + self.epsilon)
        self.terms[self._k] = (self.mean[at], self.gamma[at] * inverse, self.beta[at], inverse)

    def centred(self, Z: hl.Expr, k: hl.Expr) -> hl.Expr:
        """Z − μ"""
        return Z - hl.Expr(self.terms[k][0])

    def scale(self, k: hl.Expr) -> hl.Expr:
        """γ/√(σ² + ε)"""
        return hl.Expr(self.terms[k][1])

    def inverse(self, k: hl.Expr) -> hl.Expr:
        """1/√(σ² + ε)"""
        return hl.Expr(self.terms[k][3])

    def of(self, Z: hl.Expr, k: hl.Expr, *others: hl.Expr) -> hl.Expr:
        """(Z − μ) · γ/√(σ² + ε) + β, plus others. The mean goes off first: where it is large, little is
        left."""
        Y = self.centred(self._apart(Z), k) * self.scale(k) + hl.Expr(self.terms[k][2])
        for other in others:
            Y = self._apart(Y) + other
        return Y

    def _apart(self, x: hl.Expr) -> hl.Expr:
        return apart(x, self.epsilon)

    def schedule(self) -> None:
        self.terms.compute_root().vectorize(self._k, self._vector, hl.TailStrategy.RoundUp)


class Upstream:
    """The gradient that enters a stage, and what turns it into dZ, the gradient of the stage's convolution.

    A stage is Z = A_prev ∗ W + b, then perhaps an activation, then perhaps max-pooling. `after` says which:

    - "": dZ = dA
    - "relu" or another activation: dZ is that one's; `memory` is what its backward pass is computed from, A
      or Z (activations.py)
    - "pool", "relu+pool": dZ = dA of its window where Z was the window's winner, else 0; `memory` holds each
      window's winning position as a byte, or LOSER where nothing goes back through the activation
    """

    LOSER = 255

    def __init__(
        self, after: str, lanes: int, channels: int, output: tuple[int, int], pool: tuple[int, int]
    ) -> None:
        self.after, self.lanes, self.channels, self.output, self.pool = after, lanes, channels, output, pool
        self.pools, self.activation = after.endswith("pool"), after.removesuffix("pool").removesuffix("+")
        self.pooled = (output[0] // pool[0], output[1] // pool[1])
        extents = [lanes, channels, self.pooled[1], self.pooled[0]]
        self.dA = array("dA", extents)
        self.memory = array("memory", extents, hl.UInt(8) if self.pools else Float) if after else None

    @property
    def arguments(self) -> list[hl.ImageParam]:
        return [self.dA] if self.memory is None else [self.dA, self.memory]

    def dZ(self, l: hl.Expr, k: hl.Expr, x: hl.Expr, y: hl.Expr, n: hl.Expr) -> hl.Expr:
        """dZ [l, k, x, y, n] inside the output's bounds."""
        if not self.pools:
            return self._through(l, k, x, y, n)
        (p_H, p_W), (n_H, n_W) = self.pool, self.pooled
        assert self.memory is not None
        at = (l, k, hl.min(x // p_W, n_W - 1), hl.min(y // p_H, n_H - 1), n)
        won = self.memory[at] == hl.u8((y % p_H) * p_W + x % p_W)
        if n_H * p_H < self.output[0] or n_W * p_W < self.output[1]:  # pixels that no window reaches
            won = won & (x < n_W * p_W) & (y < n_H * p_H)
        return hl.select(won, self.dA[at], ZERO)

    def db(self, l: hl.Expr, k: hl.Expr, x: hl.Expr, y: hl.Expr, n: hl.Expr) -> hl.Expr:
        """What position (x, y) of the stage's output adds to db."""
        if self.pools and self.activation:
            assert self.memory is not None
            return hl.select(self.memory[l, k, x, y, n] != hl.u8(self.LOSER), self.dA[l, k, x, y, n], ZERO)
        return self._through(l, k, x, y, n)

    def _through(self, *at: hl.Expr) -> hl.Expr:
        if self.memory is None or self.pools:
            return self.dA[at]
        return backward(self.activation, self.dA[at], self.memory[at])


class Parts:
    """A sum over all pictures, dealt in order to at most `most` parts, so that it can be shared between
    threads.

    Which picture falls to which part depends on the number of pictures alone, never on the number of threads.
    """

    MOST = 8

    def __init__(self, count: hl.Expr, most: int = MOST) -> None:
        self.count = count  # pictures, or groups of them
        self.share = (count + most - 1) // most  # how many of them a part takes
        self.used = (count + self.share - 1) // hl.max(self.share, 1)

    def members(self, part: hl.Var, inner: list[tuple[int, int]]) -> tuple[hl.RDom, hl.Expr]:
        """A domain over `inner` and, outermost, the members of `part`; and the member's number."""
        domain = hl.RDom([*inner, (0, self.share)], "g")
        member = part * self.share + domain[len(inner)]
        domain.where(member < self.count)
        return domain, hl.min(member, self.count - 1)  # the same, but bounds can be read off it

    def total(self, part_sum: hl.Func, lanes: int, *at: hl.Var) -> hl.Expr:
        """Σ over parts, in order, then over lanes: part_sum is [l, *at, part]."""
        l = hl.Var("l")
        self._lane_sum, total = hl.Func(f"{part_sum.name()}_lanes"), hl.Func(f"{part_sum.name()}_total")
        p = hl.RDom([(0, self.used)], "p")
        self._lane_sum[(l, *at)] = ZERO
        self._lane_sum[(l, *at)] += part_sum[(l, *at, p[0])]
        if lanes == 1:
            return self._lane_sum[(0, *at)]
        self._across = hl.RDom([(0, lanes)], "lane")
        self._total = total
        total[at] = ZERO
        total[at] += self._lane_sum[(self._across[0], *at)]
        return total[at]

    def schedule_total(self, result: hl.Func, k: hl.Var, lanes: int, vector: int) -> None:
        """Vectors of lanes are added across once, at the very end; with one lane the vector is of filters."""
        if lanes == 1:
            self._lane_sum.compute_root().vectorize(k, vector, hl.TailStrategy.GuardWithIf)
            self._lane_sum.update().vectorize(k, vector, hl.TailStrategy.GuardWithIf)
            return
        l = hl.Var("l")
        self._total.compute_at(result, k)
        self._total.update().atomic().vectorize(self._across[0])
        self._lane_sum.compute_at(result, k).vectorize(l)
        self._lane_sum.update().vectorize(l)


def vectorize_tile(stage, l: hl.Var, k: hl.Var, lanes: int, tile: Tile):
    """Pictures fill the vector where they lie innermost, else filters do; all of the tile stays in
    registers."""
    if lanes > 1:
        return stage.vectorize(l).unroll(k)
    return stage.vectorize(k) if tile.filters == tile.vector else stage.vectorize(k, tile.vector).unroll(k)


def split_blocks(
    stage, l: hl.Var, k: hl.Var, extent: int, lanes: int, tile: Tile
) -> tuple[hl.Var, list[hl.Var]]:
    """Splits a result's filters k, `extent` of them, into blocks of a tile. Returns the variable of the loop
    over blocks, and the loops within one. The last block's last vector may be partial, and is stored under a
    mask; vectors are split off first, for Halide splits nothing further that lies under one."""
    kb, kv, ki = variables("kb kv ki")
    v = tile.vector
    if lanes > 1:
        stage.split(k, kb, ki, tile.filters, hl.TailStrategy.GuardWithIf).vectorize(l).unroll(ki)
        return kb, [l, ki]
    stage.split(k, kv, ki, v, hl.TailStrategy.PredicateStores if extent % v else hl.TailStrategy.GuardWithIf)
    stage.split(kv, kb, kv, tile.filters // v, hl.TailStrategy.GuardWithIf).vectorize(ki).unroll(kv)
    return kb, [l, ki, kv]


def vectorize_rows(rows: hl.Func, lanes: int, tile: Tile) -> None:
    """For `padded_rows`: scratch memory, so that the last vector of a row may run over."""
    l, q = variables("l q")
    if lanes > 1:
        rows.vectorize(l)
    else:
        rows.vectorize(q, tile.vector, hl.TailStrategy.RoundUp)


def vectorize_channels(stage, l: hl.Var, k: hl.Var, lanes: int, vector: int) -> None:
    """For memory whose channels may be no multiple of the vector."""
    if lanes > 1:
        stage.vectorize(l)
    else:
        stage.vectorize(k, vector, hl.TailStrategy.GuardWithIf)
