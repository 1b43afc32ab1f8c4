"""The one place that chooses between a convolution's algorithms, for each pass.

The model counts multiply-adds of whole vectors for a picture. The direct sum needs, for each window,

    9 · C · ⌈K/v⌉                                                                                         (1)

Winograd's, for each tile of 4 × 4 windows, 36 products instead of 144, and the transforms,

    36 · C · ⌈K/v⌉ + T · (⌈C/v⌉ + ⌈K/v⌉)                                                                  (2)

and for each batch that of the filters, 36 · C · ⌈K/v⌉ · 3, shared by some pictures. So tiles that hang over
the picture's edge, few channels and vectors that are partly filled all speak for themselves. T, some 350, is
measured (targets.py): a transform costs 36 loads, 36 stores and some 80 additions, and its memory lies in
the second-level cache.

What decides is the shape, the pass, the processor and the asked precision; never the number of pictures, of
which a picture's result must not depend, and never a timing.
"""

from typing import NamedTuple

from fovea.geometry import Pair, Window
from fovea.kernels import targets, tiles
from fovea.kernels.tiles import vector, waste

_TILE = 4  # outputs of a tile along an axis


class WinogradTile(NamedTuple):
    """How Winograd's schedules cut their work."""

    vector: int  # numbers in a vector register
    filters: int  # filters of a register tile
    tiles: int  # tiles of a register tile
    rows: int  # rows of tiles in a block
    pictures: int  # pictures in a block


class WinogradWeightsTile(NamedTuple):
    """The same for the gradient of the weights."""

    vector: int
    filters: int  # filters of a register tile
    channels: int  # channels of a register tile
    rows: int  # rows of tiles in a block
    pictures: int  # pictures in a block
    shared: bool  # whether the threads share a block's frequencies, or have blocks and sums of their own


class Choice(NamedTuple):
    """A kernel's operation and its tile."""

    operation: str
    tile: tuple

    @property
    def is_winograd(self) -> bool:
        return self.operation.startswith("winograd")


def forward(window: Window, filters: int, channels: int, pool: Pair, lanes: int, precision: str) -> Choice:
    """Z, with its ReLU and pooling."""
    (n_H, n_W), (p_H, p_W) = window.output, pool
    covered = n_H // p_H * p_H, n_W // p_W * p_W
    if precision == "fast" and _fits(window, pool, lanes) and _pays(covered, channels, filters):
        return Choice("winograd.forward", _tile(covered, channels, filters))
    return Choice("conv.forward", tiles.conv(window, filters, channels, pool, lanes))


def inputs(window: Window, filters: int, channels: int, lanes: int, precision: str) -> Choice:
    """dA_prev: a convolution of dZ, over as many pixels as A_prev has."""
    if precision == "fast" and _fits(window, (1, 1), lanes) and _pays(window.input, filters, channels):
        return Choice("winograd.inputs", _tile(window.input, filters, channels))
    return Choice("conv_backward.inputs", tiles.conv_inputs(window, filters, channels, lanes))


def weights(window: Window, filters: int, channels: int, lanes: int, precision: str) -> Choice:
    """dW and db."""
    if precision == "fast" and _fits(window, (1, 1), lanes) and _pays(window.output, channels, filters):
        return Choice("winograd_weights.weights", _weights_tile(window.output, channels, filters))
    shared = tiles.conv_shared_weights(window, filters, channels) if lanes == 1 else None
    if shared is not None:
        return Choice("conv_shared.weights", (tuple(shared.tile), shared.pictures, shared.share))
    return Choice("conv_backward.weights", tiles.conv_weights(window, filters, channels, lanes))


def _fits(window: Window, pool: Pair, lanes: int) -> bool:
    """Whether Winograd's kernels can do it at all: pooling windows have to share out a tile."""
    shared_out = not any(_TILE % p for p in pool)
    return window.size == (3, 3) and window.stride == (1, 1) and lanes == 1 and shared_out


def _pays(out: Pair, channels: int, filters: int) -> bool:
    C, K, v, target = channels, -(-filters // vector()), vector(), targets.current()
    direct = out[0] * out[1] * 9 * C * K  # (1)
    one = 36 * C * K + target.transform * (-(-C // v) + K)  # (2)
    high, wide = _grid(out)
    return direct > target.advantage * (high * wide * one + 36 * C * K * 3 / target.sharing)


def _grid(out: Pair) -> Pair:
    """Rows and columns of tiles."""
    return -(-out[0] // _TILE), -(-out[1] // _TILE)


def _tile(out: Pair, channels: int, filters: int) -> WinogradTile:
    """Two vectors of filters where their number is even (three let M no longer fit beside V), and as many
    tiles as the registers hold and the block is a multiple of, or nearly."""
    v = vector()
    vectors = 1 if filters % (2 * v) else 2
    rows, pictures = _block(out, -(-channels // v) * v)
    in_block = rows * pictures * _grid(out)[1]
    count = _best(in_block, range(1, min(in_block, tiles.sums() // vectors) + 1), vectors)
    return WinogradTile(v, vectors * v, count, rows, pictures)


def _weights_tile(out: Pair, channels: int, filters: int) -> WinogradWeightsTile:
    v, target = vector(), targets.current()
    vectors, padded = 1 if filters % (2 * v) else 2, -(-channels // v) * v
    divisors = [n for n in range(1, tiles.sums() // vectors + 1) if padded % n == 0]
    block = _best(channels, divisors, vectors)
    sum_bytes = 36 * channels * filters * 4
    shared = sum_bytes > target.part
    if shared:  # the sum comes from memory for every block, so that blocks are large
        high, wide = _grid(out)
        count = target.shared_tiles * (2 if sum_bytes > target.last_level else 1)
        rows = high if high * wide <= 2 * count else max(1, count // wide)
        pictures = max(1, round(count / (high * wide)))
    else:
        rows, pictures = _block(out, padded + -(-filters // v) * v)
    return WinogradWeightsTile(v, vectors * v, block, rows, pictures, shared)


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


def _best(extent: int, counts, vectors: int) -> int:
    """Of `counts` numbers × `vectors` vectors a register tile, the cheapest: see tiles.py."""

    def cost(n: int) -> float:
        loads = (n + vectors) / (n * vectors)
        return waste(extent, n) * max(1.0, loads) * (1 + loads)

    return min(counts, key=lambda n: (cost(n), -n))
