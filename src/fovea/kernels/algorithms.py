"""The one place that chooses between a convolution's algorithms, for each pass.

The model counts multiply-adds of whole vectors for a picture. The direct sum needs, for each window,

    9 · C · ⌈K/v⌉                                                                                         (1)

Winograd's, for each tile of 4 × 4 windows, 36 products instead of 144, and the transforms,

    36 · C · ⌈K/v⌉ + T · (⌈C/v⌉ + ⌈K/v⌉)                                                                  (2)

and for each batch that of the filters, 36 · C · ⌈K/v⌉ · 3, shared by some pictures. So tiles that hang over
the picture's edge, few channels and vectors that are partly filled all speak for themselves. T, some 350, is
measured (targets.py): a transform costs 36 loads, 36 stores and some 80 additions, and its memory lies in
the second-level cache.

What decides is the shape, the pass, the processor and the asked precision ("fast"; "exact"; "alike" for few
pictures, which get the bits that they would have among many side by side); never the number of pictures, of
which a picture's result must not depend, and never a timing.
"""

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from fovea.geometry import Pair, Window
from fovea.kernels import targets, tiles
from fovea.kernels.tiles import vector, waste

if TYPE_CHECKING:
    import numpy as np

_TILE = 4  # outputs of a tile along an axis
_PAYING = 4  # tiles of a picture, with more of which it pays to transform filters again
_ALONE = (1, 1)  # no pooling behind it
_ONE_SUM = "; the threads share one sum"
_WHERE_SUMMED = "; sums transformed block by block"
_WHERE_USED = "; filters transformed where they are used"


class WinogradTile(NamedTuple):
    """How Winograd's schedules cut their work; pipelines/tiled.py says what they are."""

    vector: int  # numbers in a vector register
    filters: int  # filters of a register tile
    tiles: int  # tiles of a register tile
    rows: int  # rows of tiles in a block
    pictures: int  # pictures in a block, at most
    chunk: int  # channels that are summed at a time; 0 where all are
    where_used: bool  # whether a chunk of filters is transformed where it is used, not all before
    few: bool = False  # whether pictures are few, and the threads share a block's filters in any case

    def padded(self, channels: int) -> int:
        """`channels`, and zeros up to a whole chunk or vector."""
        unit = self.chunk or self.vector
        return -(-channels // unit) * unit

    def ready(self, channels: int, filters: int) -> tuple[int, ...]:
        """The shape of constant filters: transformed (6, 6, blocks, channels, filters of a block), or to be
        transformed where they are used (blocks, 3, 3·channels, filters of a block)."""
        blocks = -(-filters // self.filters)
        if self.where_used:
            return blocks, 3, 3 * channels, self.filters
        return 6, 6, blocks, self.padded(channels), self.filters


class WinogradWeightsTile(NamedTuple):
    """The same for the gradient of the weights."""

    vector: int
    filters: int  # filters of a register tile
    channels: int  # channels of a register tile
    rows: int  # rows of tiles in a block
    pictures: int  # pictures in a block
    shared: bool  # whether the threads share a block's frequencies, or have blocks and sums of their own


class WinogradChunksTile(NamedTuple):
    """The same where there are many weights, of which the threads share out the channels."""

    vector: int
    filters: int  # filters of a register tile
    channels: int  # channels of a register tile
    rows: int  # rows of tiles in a block
    pictures: int  # pictures in a block, at most
    chunk: int  # channels of a task


class Ready(NamedTuple):
    """What kernels make of constant filters, once: the operation that does, its arguments, the shape in which
    it takes them, and that of what comes out."""

    operation: str
    arguments: dict[str, Any]
    takes: tuple[int, ...]
    shape: tuple[int, ...]


class Choice(NamedTuple):
    """A kernel's operation, its tile, and in a clause why it was chosen, with the numbers that decided."""

    operation: str
    tile: tuple
    why: str

    @property
    def is_winograd(self) -> bool:
        return self.operation.startswith("winograd")

    def view(self, W: "np.ndarray") -> "np.ndarray":
        """Filters (f_H, f_W, C, K) or their gradient as the kernel takes them: some see a window's row, its
        columns and channels, as one run of numbers."""
        f_H, f_W, C, K = W.shape
        rows = self.operation in ("conv.forward", "conv_backward.weights")
        return W.reshape(f_H, f_W * C, K) if rows else W

    def ready(self, window: Window, filters: int, channels: int, lanes: int, groups: int) -> Ready | None:
        """How the forward pass takes constant filters; None where it takes them as they are."""
        tile, (high, wide) = self.tile, window.size
        if isinstance(tile, WinogradTile) and not tile.where_used:
            shape = {"channels": channels, "filters": filters, "tile": self.plain_tile}
            size = tile.ready(channels, filters)
            return Ready("winograd.transformed", shape, (3, 3, channels, filters), size)
        if isinstance(tile, WinogradTile) or (isinstance(tile, tiles.Tile) and lanes == 1):
            row, block = wide * channels // groups, tile.filters
            shape = {"filters": filters, "row": row, "rows": high, "block": block, "vector": vector()}
            return Ready("conv.packed", shape, (high, row, filters), (-(-filters // block), high, row, block))
        return None

    @property
    def plain_tile(self) -> tuple:
        """The tile as a specification takes it: tuples of numbers."""
        return _plain(self.tile)

    @property
    def sizes(self) -> dict[str, int]:
        """The tile's numbers by name."""
        return _sizes(self.tile)


def forward(
    window: Window,
    filters: int,
    channels: int,
    pool: Pair,
    lanes: int,
    precision: str,
    groups: int = 1,
    few: bool = False,
    constant: bool = False,
) -> Choice:
    """Z, with its ReLU and pooling. For `few` pictures the same sums in other tasks: the threads share what
    there is to do for one, and filters, unless they are `constant`, are better transformed where they are
    used."""
    if tiles.narrow(filters, groups, lanes):
        products = math.prod(window.size) * channels // groups
        beside = window.stride[0] * _beside(window.input, filters, channels, groups)
        tile = tiles.depthwise(window.output, filters, channels, products, beside)
        return _narrow("forward", tile, filters, channels, groups)
    (n_H, n_W), (p_H, p_W) = window.output, pool
    covered = n_H // p_H * p_H, n_W // p_W * p_W
    verdict = _winograd(window, covered, channels, filters, pool, lanes, precision, groups)
    if verdict.chosen:
        return _tiled("winograd.forward", _tile(covered, channels, filters, few, constant), verdict.why)
    tile = tiles.conv(window, filters, channels, pool, lanes, groups, few)
    return Choice("conv.forward", tile, verdict.why)


def inputs(
    window: Window, filters: int, channels: int, lanes: int, precision: str, groups: int = 1
) -> Choice:
    """dA_prev: a convolution of dZ, over as many pixels as A_prev has."""
    if tiles.narrow(channels, groups, lanes):
        s_H, s_W = window.stride
        phase = -(-window.input[0] // s_H), -(-window.input[1] // s_W)
        products = math.prod(window.size) * filters // groups
        beside = _beside(window.output, channels, filters, groups)
        tile = tiles.depthwise(phase, channels, filters, products, beside)
        return _narrow("inputs", tile, channels, filters, groups)
    verdict = _winograd(window, window.input, filters, channels, _ALONE, lanes, precision, groups)
    if verdict.chosen:
        return _tiled("winograd.inputs", _tile(window.input, filters, channels), verdict.why)
    tile = tiles.conv_inputs(window, filters, channels, lanes, groups)
    return Choice("conv_backward.inputs", tile, verdict.why)


def weights(
    window: Window, filters: int, channels: int, lanes: int, precision: str, groups: int = 1
) -> Choice:
    """dW and db."""
    if tiles.narrow(filters, groups, lanes):
        beside = window.stride[0] * _beside(window.input, filters, channels, groups)
        tile = tiles.depthwise_weights(window, filters, channels, beside)
        return _narrow("weights", tile, filters, channels, groups)
    verdict = _winograd(window, window.output, channels, filters, _ALONE, lanes, precision, groups)
    if verdict.chosen:
        tile, why = _weights_tile(window.output, channels, filters), verdict.why
        if isinstance(tile, WinogradChunksTile):
            return Choice("winograd_chunks.weights", tile, why + _WHERE_SUMMED)
        return Choice("winograd_weights.weights", tile, why + (_ONE_SUM if tile.shared else ""))
    panels = tiles.conv_panels(window, filters, channels) if lanes == groups == 1 else None
    if panels is not None:
        many = (
            f"{_ONE_SUM} of {math.prod(window.size) * channels * filters:,} weights" if panels.shared else ""
        )
        return Choice("conv_panels.weights", panels, verdict.why + many)
    tile = tiles.conv_weights(window, filters, channels, lanes, groups)
    return Choice("conv_backward.weights", tile, verdict.why)


def _beside(size: Pair, sums: int, others: int, groups: int) -> int:
    """Numbers that each of a vector's `sums` sees in a row, where they have to be laid out first."""
    return 0 if sums == others == groups else size[1] * others // groups


def _narrow(phase: str, tile: tiles.DepthwiseTile, sums: int, others: int, groups: int) -> Choice:
    """Where a vector of `sums` spans groups; each is of others / groups numbers at a place."""
    if sums == others == groups:
        why = "depthwise: a vector is of channels, each with its own filter"
    else:
        of, to = others // groups, sums // groups
        why = f"{groups} groups, {of} to {to}, narrower than a vector: channels laid out beside their filters"
    return Choice(f"depthwise.{phase}", tile, why)


def _tiled(operation: str, tile: WinogradTile, why: str) -> Choice:
    return Choice(operation, tile, why + (_WHERE_USED if tile.where_used else ""))


class _Verdict(NamedTuple):
    """Whether Winograd's algorithm is chosen, and why, or why not."""

    chosen: bool
    why: str


def _winograd(
    window: Window,
    out: Pair,
    channels: int,
    filters: int,
    pool: Pair,
    lanes: int,
    precision: str,
    groups: int,
) -> _Verdict:
    """For `out` sums of `channels` numbers, `filters` of each: it must fit, and cost less by (1) and (2)."""
    against = (
        (
            lanes > 1,
            f"pictures side by side: {min(channels, filters)} channels or filters do not fill vectors",
        ),
        (precision == "alike", "direct: few pictures, as where many lie side by side"),
        (precision == "exact", "exact: the direct sum rounds least"),
        (groups > 1, f"direct: {groups} groups"),
        (window.size != (3, 3), f"direct: {_times(window.size)} filter"),
        (window.dilation != (1, 1), f"direct: dilation {_times(window.dilation)}"),
        (window.stride != (1, 1), f"direct: stride {_times(window.stride)}"),
        (any(_TILE % p for p in pool), f"direct: tiles do not hold whole {_times(pool)} windows"),
    )
    for holds, why in against:
        if holds:
            return _Verdict(False, why)
    C, K, v, target = channels, -(-filters // vector()), vector(), targets.current()
    high, wide = _grid(out)
    direct = out[0] * out[1] * 9 * C * K  # (1)
    products = high * wide * 36 * C * K
    transforms = high * wide * target.transform * (-(-C // v) + K) + 36 * C * K * 3 / target.sharing
    fewer, gain = direct / products, direct / (products + transforms)  # (2)
    if gain > target.advantage:
        return _Verdict(True, f"Winograd: {fewer:.1f} times fewer products, {gain:.1f} with transforms")
    return _Verdict(False, f"direct: Winograd would gain {gain:.2f}, less than {target.advantage:g}")


def _plain(tile: tuple) -> tuple:
    return tuple(_plain(part) if isinstance(part, tuple) else part for part in tile)


def _sizes(tile: tuple) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for name, part in zip(tile._fields, tile, strict=True):  # type: ignore[attr-defined]
        sizes |= _sizes(part) if isinstance(part, tuple) else {name: int(part)}
    return sizes


def _times(pair: Pair) -> str:
    return "×".join(map(str, pair))


def _grid(out: Pair) -> Pair:
    """Rows and columns of tiles."""
    return -(-out[0] // _TILE), -(-out[1] // _TILE)


def _tile(out: Pair, channels: int, filters: int, few: bool = False, constant: bool = False) -> WinogradTile:
    """Two vectors of filters where their number is even (three let M no longer fit beside V), and as many
    tiles as the registers hold and the block is a multiple of, or nearly.

    A block of tiles that stays in the second-level cache reads all transformed filters once. Where many
    channels make such blocks small, or pictures do, the filters' way is so much longer that they had better
    be transformed where they are used, again for every block, and blocks fill the last-level cache; unless
    that is far, and filters are not so many."""
    v, target, (high, wide) = vector(), targets.current(), _grid(out)
    vectors = _vectors(filters)
    padded = -(-channels // v) * v
    small = 2 * high * wide < target.few_tiles or target.block < target.meeting * 36 * 4 * padded
    chunk = _chunk(channels) if small else 0
    bytes_of_all = 36 * 4 * padded * filters
    again = few and not (constant and high * wide <= _PAYING) and bytes_of_all > target.part
    where_used = small and (bytes_of_all > target.whole or again)
    if not small:
        rows, pictures = _block(out, padded)
    elif where_used:
        rows, pictures = _large_block(out, padded)
    else:
        rows = _band(high, max(target.together // wide, 1))
        pictures = max(target.together // (rows * wide), 1) if rows == high else 1
    least = rows * wide * (1 if few or rows < high else min(pictures, -(-target.few_tiles // (high * wide))))
    extents = (least,) if few else (rows * pictures * wide, least)  # a full block, and a small one
    count = _best(extents, range(1, min(least, tiles.sums() // vectors) + 1), vectors)
    return WinogradTile(v, vectors * v, count, rows, pictures, chunk, where_used, few)


def _vectors(filters: int) -> int:
    """Vectors of filters in a register tile: two, where all filters fill an even number of vectors, or nearly
    fill them. What is beyond the last filter costs less than to load each pixel for a single vector."""
    return 2 - -(-filters // vector()) % 2


def _band(rows: int, most: int) -> int:
    """Rows of a band, such that bands of at most `most` are of nearly equal height."""
    return -(-rows // -(-rows // most))


def _chunk(channels: int) -> int:
    """Channels of a chunk: as many as the target says or, down to half of it, a better divisor."""
    v = vector()
    most = min(targets.current().chunk, -(-channels // v) * v)
    return min(range(most, max(most // 2, v) - 1, -v), key=lambda n: (-(-channels // n) * n, -n))


def _weights_tile(out: Pair, channels: int, filters: int) -> WinogradWeightsTile | WinogradChunksTile:
    """Sums of their own for the threads; one that they share, where these would fill the second-level cache;
    and none in memory where that one would be longer on its way than at work: where it is large, or pictures
    have few tiles, unless the last-level cache is large and far."""
    v, target, (high, wide) = vector(), targets.current(), _grid(out)
    vectors, padded = _vectors(filters), -(-channels // v) * v
    sum_bytes = 36 * channels * filters * 4
    most = tiles.sums() // vectors
    few_or_many = 2 * high * wide < target.few_tiles or sum_bytes > target.one_sum
    if few_or_many and sum_bytes > max(target.part, target.whole):
        rows, pictures = _large_block(out, -(-filters // v) * v)
        chunk = min(2 * v, padded)
        block = _best((chunk,), [n for n in range(1, most + 1) if chunk % n == 0], vectors)
        return WinogradChunksTile(v, vectors * v, block, rows, pictures, chunk)
    # Not v channels: LLVM would load the v numbers at once, and take longer to spread them than to load each.
    block = _best((channels,), [n for n in range(1, most + 1) if padded % n == 0 and n != v], vectors)
    shared = sum_bytes > target.part
    if shared:  # the sum comes from memory for every block, so that blocks are large
        count = target.shared_tiles
        rows = high if high * wide <= 2 * count else max(1, count // wide)
        pictures = max(1, round(count / (high * wide)))
    else:
        rows, pictures = _block(out, padded + -(-filters // v) * v)
    return WinogradWeightsTile(v, vectors * v, block, rows, pictures, shared)


def _large_block(out: Pair, numbers: int) -> Pair:
    """(rows of tiles, pictures) of a block that fills the last-level cache, of which each tile has `numbers`
    transformed channels."""
    (high, wide), target = _grid(out), targets.current()
    limit = min(max(target.group_bytes // (36 * 4 * numbers), 1), target.group)
    rows, pictures = _band(high, max(limit // wide, 1)), 1
    while 2 * pictures * high * wide <= limit:  # batches, too, are mostly powers of two
        pictures *= 2
    return rows, pictures


def _block(out: Pair, numbers: int) -> Pair:
    """(rows of tiles, pictures) of a block, of which each tile has `numbers` transformed channels: a part of
    a picture, or several small ones. A block reads all transformed filters once, so it had better be
    large; what is beyond the second-level cache costs about a tenth."""
    (high, wide), target = _grid(out), targets.current()
    if 2 * high * wide < target.few_tiles:
        return high, target.few_tiles // (high * wide)

    def cost(rows: int) -> float:
        size = rows * wide * 36 * numbers * 4
        return waste(high, rows) * (1 + 2 / (rows * wide)) * (1 if size <= target.block else target.beyond)

    fitting = [r for r in range(1, high + 1) if r == 1 or r * wide * 36 * numbers * 4 <= 2 * target.block]
    return min(fitting, key=cost), 1


def _best(extents: tuple[int, ...], counts, vectors: int) -> int:
    """Of `counts` numbers × `vectors` vectors a register tile, the cheapest for all `extents`: see
    tiles.py."""

    def cost(n: int) -> float:
        loads = (n + vectors) / (n * vectors)
        return sum(waste(extent, n) for extent in extents) * max(1.0, loads) * (1 + loads)

    return min(counts, key=lambda n: (cost(n), -n))
