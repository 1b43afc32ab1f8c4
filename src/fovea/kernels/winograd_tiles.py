"""How Winograd's schedules cut their work, for a shape and a processor; pipelines/tiled.py and
tiled_weights.py say what the parts are.

The constants are the target's (targets.py): how many tiles fill a cache, and from how many filters on they
are better transformed where they are used.
"""

from typing import NamedTuple

from fovea.geometry import Pair
from fovea.kernels import targets, tiles
from fovea.kernels.problem import ConvProblem
from fovea.kernels.tiles import vector, waste

OUTPUTS = 4  # of a tile along an axis
_PAYING = 4  # tiles of a picture, with more of which it pays to transform filters again


class WinogradTile(NamedTuple):
    """For the forward pass and the gradient of the input."""

    vector: int  # numbers in a vector register
    filters: int  # filters of a register tile
    tiles: int  # tiles of a register tile
    rows: int  # rows of tiles in a block
    pictures: int  # pictures in a block, at most
    chunk: int  # channels that are summed at a time; 0 where all are
    on_the_fly: bool  # whether a chunk of filters is transformed where it is used, not all before
    small_batch: bool = False  # whether pictures are few, and the threads share a block's filters in any case

    def padded(self, channels: int) -> int:
        """`channels`, and zeros up to a whole chunk or vector."""
        unit = self.chunk or self.vector
        return -(-channels // unit) * unit

    def prepacked_shape(self, channels: int, filters: int) -> tuple[int, ...]:
        """The shape of all filters, transformed: (6, 6, blocks, channels, filters of a block)."""
        return 6, 6, -(-filters // self.filters), self.padded(channels), self.filters


class WinogradWeightsTile(NamedTuple):
    """For the gradient of the weights."""

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


def grid(out: Pair) -> Pair:
    """Rows and columns of tiles."""
    return -(-out[0] // OUTPUTS), -(-out[1] // OUTPUTS)


def tile(problem: ConvProblem, out: Pair, small_batch: bool = False, constant: bool = False) -> WinogradTile:
    """For sums at `out` (rows, columns): two vectors of filters where their number is even (three let M no
    longer fit beside V), and as many tiles as the registers hold and the block is a multiple of, or nearly.

    A block of tiles that stays in the second-level cache reads all transformed filters once. Where many
    channels make such blocks small, or pictures do, the filters' way is so much longer that they had better
    be transformed where they are used, again for every block, and blocks fill the last-level cache; unless
    that is far, and filters are not so many."""
    v, target, (high, wide) = vector(), targets.current(), grid(out)
    channels, filters = problem.channels, problem.filters
    vectors = _vectors(filters)
    padded = -(-channels // v) * v
    small = 2 * high * wide < target.few_tiles or target.block < target.meeting * 36 * 4 * padded
    chunk = _chunk(channels) if small else 0
    bytes_of_all = 36 * 4 * padded * filters
    again = small_batch and not (constant and high * wide <= _PAYING) and bytes_of_all > target.part
    on_the_fly = small and (bytes_of_all > target.whole or again)
    if not small:
        rows, pictures = _block(out, padded)
    elif on_the_fly:
        rows, pictures = _large_block(out, padded)
    else:
        rows = min(range(1, min(high, max(target.together // wide, 1)) + 1), key=lambda r: _rows_cost(out, r))
        pictures = max(target.together // (rows * wide), 1) if rows == high else 1
    least = (
        rows
        * wide
        * (1 if small_batch or rows < high else min(pictures, -(-target.few_tiles // (high * wide))))
    )
    extents = (least,) if small_batch else (rows * pictures * wide, least)  # a full block, and a small one
    count = _best(extents, range(1, min(least, tiles.sums() // vectors) + 1), vectors)
    return WinogradTile(v, vectors * v, count, rows, pictures, chunk, on_the_fly, small_batch)


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


def weights_tile(problem: ConvProblem) -> WinogradWeightsTile | WinogradChunksTile:
    """Sums of their own for the threads; one that they share, where these would fill the second-level cache;
    and none in memory where that one would be longer on its way than at work: where it is large, or pictures
    have few tiles, unless the last-level cache is large and far."""
    out, channels, filters = problem.window.output, problem.channels, problem.filters
    v, target, (high, wide) = vector(), targets.current(), grid(out)
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
    (high, wide), target = grid(out), targets.current()
    limit = min(max(target.group_bytes // (36 * 4 * numbers), 1), target.group)
    rows, pictures = _band(high, max(limit // wide, 1)), 1
    while 2 * pictures * high * wide <= limit:  # batches, too, are mostly powers of two
        pictures *= 2
    return rows, pictures


def _block(out: Pair, numbers: int) -> Pair:
    """(rows of tiles, pictures) of a block, of which each tile has `numbers` transformed channels: a part of
    a picture, or several small ones. A block reads all transformed filters once, so it had better be
    large; what is beyond the second-level cache costs about a tenth."""
    (high, wide), target = grid(out), targets.current()
    if 2 * high * wide < target.few_tiles:
        return high, target.few_tiles // (high * wide)

    def cost(rows: int) -> float:
        size = rows * wide * 36 * numbers * 4
        return _rows_cost(out, rows) * (1 if size <= target.block else target.beyond)

    fitting = [r for r in range(1, high + 1) if r == 1 or r * wide * 36 * numbers * 4 <= 2 * target.block]
    return min(fitting, key=cost), 1


def _rows_cost(out: Pair, rows: int) -> float:
    """What blocks of so many rows of tiles cost: what they compute beyond the last row, and that each reads
    all filters once."""
    high, wide = grid(out)
    return waste(high, rows) * (1 + 2 / (rows * wide))


def _best(extents: tuple[int, ...], counts, vectors: int) -> int:
    """Of `counts` numbers × `vectors` vectors a register tile, the cheapest for all `extents`: see
    tiles.py."""

    def cost(n: int) -> float:
        loads = (n + vectors) / (n * vectors)
        return sum(waste(extent, n) for extent in extents) * max(1.0, loads) * (1 + loads)

    return min(counts, key=lambda n: (cost(n), -n))
