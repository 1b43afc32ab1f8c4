"""How Winograd's schedules divide their work, for a shape and a processor. The parts are described in
pipelines/tiled.py and tiled_weights.py, the constants in targets.py."""

from itertools import product
from typing import NamedTuple

from fovea.geometry import Pair
from fovea.kernels import constants, targets, tiles
from fovea.kernels.problem import ConvProblem
from fovea.kernels.tiles import vector, waste

OUTPUTS = 4  # of a tile along an axis
_FREQUENCY_BYTES = 36 * 4  # of a transformed tile, per channel


class WinogradTile(NamedTuple):
    """For the forward pass and the gradient of the input."""

    vector: int  # numbers in a vector register
    filters: int  # filters of a register tile
    tiles: int  # tiles of a register tile
    rows: int  # rows of tiles in a block
    pictures: int  # pictures in a block, at most
    chunk: int  # channels summed at a time; 0 for all
    on_the_fly: bool  # whether filters are transformed chunk by chunk where they are used, or all in advance
    small_batch: bool = False  # whether the threads share a block's filters in any case
    together: bool = False  # for any size: whether the threads share each block; else each has its own

    def padded(self, channels: int) -> int:
        """`channels` rounded up to whole chunks or vectors."""
        unit = self.chunk or self.vector
        return -(-channels // unit) * unit

    def prepacked_shape(self, channels: int, filters: int) -> tuple[int, ...]:
        """All transformed filters: (6, 6, blocks, channels, filters of a block)."""
        return 6, 6, -(-filters // self.filters), self.padded(channels), self.filters


class WinogradWeightsTile(NamedTuple):
    """For the gradient of the weights."""

    vector: int
    filters: int  # filters of a register tile
    channels: int  # channels of a register tile
    rows: int  # rows of tiles in a block
    pictures: int  # pictures in a block
    shared: bool  # whether the threads share a block's frequencies; else each has its own blocks and sum


class WinogradChunksTile(NamedTuple):
    """For the gradient of many weights, where the threads share out the channels."""

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
    """For sums at `out` (rows, columns). The number of tiles of a register tile is limited by the registers,
    and divides the block evenly, or nearly.

    A block of tiles that stays in the second-level cache reads all transformed filters once. If many channels
    or small pictures make such blocks small, loading the filters dominates: they are then transformed on the
    fly, again for every block, and blocks fill the last-level cache. Where that cache is slow, filters that
    are not too large are still transformed in advance."""
    v, target, (high, wide) = vector(), targets.current(), grid(out)
    channels, filters = problem.channels, problem.filters
    vectors = _vectors(filters)
    padded = -(-channels // v) * v
    least_bytes = target.min_reuse_tiles * _FREQUENCY_BYTES * padded
    small = 2 * high * wide < target.min_block_tiles or target.l2_tile_bytes < least_bytes
    filter_bytes = _FREQUENCY_BYTES * padded * filters
    reused = constant and high * wide <= constants.RETRANSFORM_TILES
    again = small_batch and not reused and filter_bytes > target.private_sum_bytes
    on_the_fly = small and (filter_bytes > target.max_stored_bytes or again)
    if not small:
        rows, pictures = _block(out, padded)
    elif on_the_fly:
        rows, pictures = _large_block(out, padded)
    else:
        most = min(high, max(target.stored_block_tiles // wide, 1))
        rows = min(range(1, most + 1), key=lambda r: _rows_cost(out, r))
        pictures = max(target.stored_block_tiles // (rows * wide), 1) if rows == high else 1
    whole = min(pictures, -(-target.min_block_tiles // (high * wide)))
    least = rows * wide * (1 if small_batch or rows < high else whole)
    extents = (least,) if small_batch else (rows * pictures * wide, least)  # a full block, and a small one
    count = _best(extents, range(1, min(least, tiles.accumulators() // vectors) + 1), vectors)
    chunk = _chunk(channels) if small else 0
    return WinogradTile(v, vectors * v, count, rows, pictures, chunk, on_the_fly, small_batch)


def tile_any_size(problem: ConvProblem, out: Pair) -> tuple[WinogradTile, dict[str, int]]:
    """The tile for pictures of any size; and for sums at `out`, the rows of tiles in a block, the tiles of a
    register tile, and the number of these. Blocks stay in the second-level cache; with many channels, the
    threads share blocks that fill the last-level cache, and so load the transformed filters less often."""
    v, target, (high, wide) = vector(), targets.current(), grid(out)
    channels, vectors = problem.channels, _vectors(problem.filters)
    tile_bytes = _FREQUENCY_BYTES * channels
    together = target.l2_tile_bytes < target.min_reuse_tiles * tile_bytes
    count = tiles.accumulators() // vectors
    if together:
        limit = min(max(target.llc_tile_bytes // tile_bytes, 1), target.llc_tiles)
    else:
        limit = target.l2_tile_bytes // tile_bytes
    candidates = range(1, max(1, min(high, limit // wide)) + 1)
    rows, length = min(
        product(candidates, run_lengths(count)),
        key=lambda pair: _rows_cost(out, pair[0]) * waste(pair[0] * wide, pair[1]),
    )
    block = {"rows": rows, "tiles": length, "runs": -(-rows * wide // length)}
    return WinogradTile(v, vectors * v, count, 0, 1, 0, False, together=together), block


def run_lengths(most: int) -> tuple[int, ...]:
    """Tiles of a register tile of at most `most` tiles, for the host to choose from: one of them divides the
    tiles of a block, or nearly."""
    return most, most * 4 // 5, most * 2 // 3


def _vectors(filters: int) -> int:
    """Vectors of filters in a register tile: two if the filters fill an even number of vectors, or nearly.
    The unused part of the last vector costs less than loading each pixel for a single vector; with three
    vectors, M no longer fits beside V."""
    return 2 - -(-filters // vector()) % 2


def _band(rows: int, most: int) -> int:
    """Rows of a band, so that bands of at most `most` rows are of nearly equal height."""
    return -(-rows // -(-rows // most))


def _chunk(channels: int) -> int:
    """Channels of a chunk: the target's number or, down to half of it, a better divisor."""
    v = vector()
    most = min(targets.current().chunk_channels, -(-channels // v) * v)
    return min(range(most, max(most // 2, v) - 1, -v), key=lambda n: (-(-channels // n) * n, -n))


def weights_tile(problem: ConvProblem) -> WinogradWeightsTile | WinogradChunksTile:
    """A sum per thread; or one that they share, if several would fill the second-level cache; or none in
    memory, if the sum is large or pictures have few tiles, so that reading and writing it would take longer
    than adding to it. A large but slow last-level cache holds larger sums."""
    out, channels, filters = problem.window.output, problem.channels, problem.filters
    v, target, (high, wide) = vector(), targets.current(), grid(out)
    vectors, padded = _vectors(filters), -(-channels // v) * v
    sum_bytes = _FREQUENCY_BYTES * channels * filters
    most = tiles.accumulators() // vectors
    costly = 2 * high * wide < target.min_block_tiles or sum_bytes > target.shared_sum_bytes
    if costly and sum_bytes > max(target.private_sum_bytes, target.max_stored_bytes):
        rows, pictures = _large_block(out, -(-filters // v) * v)
        chunk = min(2 * v, padded)
        block = _best((chunk,), [n for n in range(1, most + 1) if chunk % n == 0], vectors)
        return WinogradChunksTile(v, vectors * v, block, rows, pictures, chunk)
    # Not v channels: LLVM would load the v numbers at once, and broadcasting them takes longer than v loads.
    block = _best((channels,), [n for n in range(1, most + 1) if padded % n == 0 and n != v], vectors)
    shared = sum_bytes > target.private_sum_bytes
    if shared:  # every block reads and writes the sum in memory, so blocks are large
        count = target.shared_block_tiles
        rows = high if high * wide <= 2 * count else max(1, count // wide)
        pictures = max(1, round(count / (high * wide)))
    else:
        rows, pictures = _block(out, padded + -(-filters // v) * v)
    return WinogradWeightsTile(v, vectors * v, block, rows, pictures, shared)


def _large_block(out: Pair, numbers: int) -> Pair:
    """(rows of tiles, pictures) of a block that fills the last-level cache; a tile has `numbers` transformed
    channels."""
    (high, wide), target = grid(out), targets.current()
    limit = min(max(target.llc_tile_bytes // (_FREQUENCY_BYTES * numbers), 1), target.llc_tiles)
    rows, pictures = _band(high, max(limit // wide, 1)), 1
    while 2 * pictures * high * wide <= limit:  # batches are mostly powers of two, too
        pictures *= 2
    return rows, pictures


def _block(out: Pair, numbers: int) -> Pair:
    """(rows of tiles, pictures) of a block: part of a picture, or several small ones; a tile has `numbers`
    transformed channels. A block reads all transformed filters once, so it should be large; beyond the
    second-level cache it costs about a tenth more."""
    (high, wide), target = grid(out), targets.current()
    if 2 * high * wide < target.min_block_tiles:
        return high, target.min_block_tiles // (high * wide)

    def size(rows: int) -> int:
        return rows * wide * _FREQUENCY_BYTES * numbers

    def cost(rows: int) -> float:
        fits = size(rows) <= target.l2_tile_bytes
        return _rows_cost(out, rows) * (1 if fits else target.l2_overflow_cost)

    candidates = [r for r in range(1, high + 1) if r == 1 or size(r) <= 2 * target.l2_tile_bytes]
    return min(candidates, key=cost), 1


def _rows_cost(out: Pair, rows: int) -> float:
    """Relative cost of blocks of `rows` rows of tiles: tiles beyond the last row, and loading all filters for
    each block."""
    high, wide = grid(out)
    return waste(high, rows) * (1 + 2 / (rows * wide))


def _best(extents: tuple[int, ...], counts, vectors: int) -> int:
    """The cheapest of `counts` for all `extents`, for a register tile of count × `vectors` vectors: the model
    of tiles.py."""

    def cost(n: int) -> float:
        loads = (n + vectors) / (n * vectors)
        return sum(waste(extent, n) for extent in extents) * max(1.0, loads) * (1 + loads)

    return min(counts, key=lambda n: (cost(n), -n))
