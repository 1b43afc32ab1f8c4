"""The one place that chooses layout and tile for a shape and a processor.

The model: a register tile of P columns × F filters (or vectors of filters) loads P + F numbers for P·F
products. The processor multiplies two vectors a cycle and loads two, so large, square tiles cost least;
tiles that do not divide their extent compute some of it twice; and the sums must fit the registers.
How many registers there are, and what the caches hold, is in targets.py.
"""

import math
from typing import NamedTuple

from fovea.geometry import Pair
from fovea.kernels import targets
from fovea.kernels.problem import ConvProblem

_SETS = 4096  # bytes after which the first-level cache's sets begin anew, on all processors of the table
_MEETING = 8  # lines of 4096 bytes apart that have room there, beside what else is read
_FARTHER = 1.1  # what it costs to load a vector of filters, which comes from the second level, beside a pixel
LEAST_ROW = 128  # numbers that a row of a filter's result has at least: four vectors of 16 bits
_WIDE = 7  # columns of a register tile at most, where each channel of a vector meets a filter of its own
_WIDE_GROUPS = 4  # the same where it meets those of a group
_WRITTEN_OUT = 40  # products of its sums that are written out at most
_FILLED = 0.6  # of a vector's places, at least, where channels lie side by side: of 17 channels it is 0.53
_CROWDED = 1.1  # what a load costs more where none of the registers is left over
_TASKS = 8  # that few pictures, or a layer of neurons, are shared out to: a late thread costs little then
_FEW_TASKS = 4  # that a dense layer is shared out to at least
_MANY_INPUTS = 1024  # of which as many make up for turning the same neurons' dZ again
_SMALL = 100_000  # multiply-adds of such a task at least
_POSITIONS = 100  # that a sum over lanes is made of at least, so that adding these up costs little
_SLOW = 5  # what a multiply-add of depthwise convolution counts among them: it waits for memory


class Tile(NamedTuple):
    """How a schedule cuts its work."""

    vector: int  # numbers in a vector register
    filters: int  # filters of a register tile (channels, for the gradient of the input)
    columns: int  # columns of a register tile (numbers of a window's row, for the gradient of the weights)
    band: int  # rows that are staged together
    unroll: int = 1  # steps of the innermost sum written out
    shared: bool = False  # whether the threads share a band's blocks of filters, too
    small_batch: bool = (
        False  # whether pictures come one after the other, and the threads share what is in each
    )


def vector() -> int:
    """float32 numbers in a vector register."""
    return targets.current().vector


def lanes(channels: int, filters: int) -> int:
    """The layout of a convolution's arrays: with few channels or filters, or such that leave half of their
    last vectors empty, pictures fill the vector (L = vector), else filters do (L = 1, NHWC). A first layer's
    channels do not count: pass its filters twice."""
    least, v = min(channels, filters), vector()
    narrow = least < targets.current().side_by_side or least < _FILLED * (-(-least // v) * v)
    return v if narrow else 1


def is_small_batch(pictures: int) -> bool:
    """Whether so few pictures are better off in NHWC throughout, whatever the channels: a vector with most of
    its places empty costs as much as a full one. The order of every sum is the same, and so are the bits."""
    return pictures <= vector() // 4


def shares(work: int) -> int:
    """Tasks that a picture's multiply-adds are shared out to where pictures are few. Who computes a sum does
    not change it."""
    return max(1, min(_TASKS, work // _SMALL))


def conv(problem: ConvProblem, small_batch: bool = False) -> Tile:
    """The forward pass: pooled columns × filters, each with its pooling window. With groups, a block of
    filters lies within one; so below."""
    window, channels, filters, groups, pool, lanes = problem
    (n_H, n_W), deep = problem.pooled, problem.weights
    apart = window.stride[1] * channels * lanes * 4
    columns, block = _register_tile(n_W, filters, lanes, apart, deep, pool[0] * pool[1], groups)
    row = window.input[1] * channels * lanes * 4 * window.stride[0] * pool[0]
    whole = groups == 1 and window.dilation[1] == 1  # a window's row is one run of numbers
    unroll = _divisor(
        problem.row if whole else channels // groups,
        targets.current().unroll if lanes > 1 else targets.current().unroll_filters,
    )
    passing = _passing(problem)
    band = _band(n_H, row, _staging(lanes, passing))
    shared = lanes == 1 and (
        passing or n_W * pool[0] * pool[1] * band * deep * block > targets.current().task
    )
    wanted = shares(problem.multiply_adds) if small_batch else 0
    if small_batch:
        blocks = -(-filters // block)
        shared = min(blocks, wanted) > 1
        band = min(band, -(-n_H // -(-wanted // blocks)))
    # A single small task keeps its loops: unrolled completely, LLVM would reorder its sums.
    return Tile(vector(), block, columns, band, unroll, shared, wanted > 1)


def conv_inputs(problem: ConvProblem) -> Tile:
    """The gradient of the input: columns of one phase × channels."""
    window, channels, filters, groups, _, lanes = problem
    (H, W), (s_H, s_W) = window.input, window.stride
    taps = -(-window.size[0] // s_H) * -(-window.size[1] // s_W)
    deep = filters // groups
    if lanes > 1 and s_W == 1 and targets.current().registers - 2 >= W:
        # A whole row, with a register for dZ: products with what is beyond the border fall away.
        columns, block = W, _most(channels // groups, max(1, sums() // W), groups)
    else:
        apart = filters * lanes * 4
        columns, block = _register_tile(-(-W // s_W), channels, lanes, apart, taps * deep, groups=groups)
    row = window.output[1] * filters * lanes * 4
    passing = _passing(problem)
    band = _band(-(-H // s_H), row, _staging(lanes, passing))
    shared = lanes == 1 and (passing or -(-W // s_W) * band * taps * deep * block > targets.current().task)
    # Each phase has code of its own: with 16 registers, all of it spills.
    phases = taps > 1 and (s_H, s_W) != (1, 1)
    unroll = _divisor(deep, targets.current().unroll_filters) if lanes == 1 and not phases else 1
    return Tile(vector(), block, columns, band, unroll, shared)


def conv_weights(problem: ConvProblem) -> Tile:
    """The gradient of the weights: numbers of a window's row × filters, summed over a band of rows."""
    lanes = problem.lanes
    columns, block = _register_tile(problem.row, problem.filters, lanes, 4, 0, groups=problem.groups)
    n_H, n_W = problem.window.output
    band = _band(n_H, 4 * lanes * _read(problem), targets.current().weights_rows)
    if lanes > 1:  # what is passed over for each row of the window is better nearer
        enough = [rows for rows in range(1, band) if n_H % rows == 0 and rows * n_W >= _POSITIONS]
        band = min(enough, default=band)
    return Tile(vector(), block, columns, band)


def _read(problem: ConvProblem) -> int:
    """Numbers of dZ and A_prev that a row of dZ adds to the gradient of the weights."""
    window = problem.window
    return window.output[1] * problem.filters + window.stride[0] * window.input[1] * problem.channels


class DepthwiseTile(NamedTuple):
    """For groups that are narrower than a vector, in NHWC."""

    vector: int
    columns: int  # of a register tile, one vector of channels deep
    rows: int  # of a register tile
    band: int  # rows to a task
    unroll: int = 1  # products of a sum that are written out at most


def narrow(problem: ConvProblem) -> bool:
    """Whether a vector of filters spans groups: the channels of its sums are not neighbours in memory."""
    wide = problem.filters // problem.groups
    return problem.lanes == 1 and problem.groups > 1 and wide % vector() > 0


def depthwise(problem: ConvProblem, out: Pair, row: int) -> DepthwiseTile:
    """For sums at `out` (rows, columns), of which a row reads `row` more pixels. Unless the convolution is
    depthwise, those that a vector sees are laid out first.

    What is written out as a whole the compiler may add in another order. So few channels are not: where there
    are many pictures these lie side by side, and have the same bits.

    Neighbouring sums share what they load; more of them than registers hold gain nothing. A task has enough
    to do for its start not to be felt; few pictures and many have the same tasks, for what is written out is
    added in an order that follows them.
    """
    n_H, n_W = out
    unroll = _WRITTEN_OUT if lanes(problem.channels, problem.filters) == 1 else 1
    if not problem.depthwise:
        band = _laid_out(problem, n_H, row)
        return DepthwiseTile(_narrowest(problem), _neighbours(n_W, _WIDE_GROUPS), 1, band, unroll)
    rows = _neighbours(n_H, 2)
    columns = _neighbours(n_W, min(_WIDE, sums() // (2 * rows)))
    work = n_H * n_W * problem.filters * problem.weights
    bands = max(1, min(n_H // rows, max(shares(_SLOW * work), 2 * work // targets.current().task)))
    return DepthwiseTile(_narrowest(problem), columns, rows, -(-n_H // bands), unroll)


def depthwise_weights(problem: ConvProblem) -> DepthwiseTile:
    """For the gradient of the weights: columns whose products are written out together, and bands of rows
    that stay in the second-level cache while one vector of filters after the other passes over them."""
    window = problem.window
    n_H, n_W = window.output
    if not problem.depthwise:
        band = _laid_out(problem, n_H, window.stride[0] * window.input[1])
        return DepthwiseTile(_narrowest(problem), _divisor(n_W, _WIDE_GROUPS), 1, band)
    band = _band(n_H, 4 * _read(problem), 3 * targets.current().weights_rows)
    return DepthwiseTile(_narrowest(problem), _divisor(n_W, _WIDE), 1, band)


def _laid_out(problem: ConvProblem, rows: int, pixels: int) -> int:
    """Rows per band, where each row needs `pixels` pixels of a group laid out for a vector of filters."""
    numbers = pixels * problem.channels // problem.groups
    return _band(rows, numbers * 4 * vector(), targets.current().rows)


def _narrowest(problem: ConvProblem) -> int:
    """Numbers in a vector: any vector must find as many filters."""
    v = vector()
    while v > problem.filters:
        v //= 2
    return v


def _neighbours(extent: int, most: int) -> int:
    """Of a register tile along an axis: the more, the more they share."""
    return min(range(1, min(extent, most) + 1), key=lambda p: (waste(extent, p) * (1 + 2 / p), -p))


class PanelTile(NamedTuple):
    """For the gradient of the weights in NHWC."""

    vector: int
    filters: int  # of a register tile, and of a panel
    channels: int  # of a register tile
    rows: int  # of dZ in a block
    pictures: int  # in a block
    share: int  # tiles of channels to a task
    shared: bool  # whether the threads share one sum, or have sums of their own


def conv_panels(problem: ConvProblem) -> PanelTile | None:
    """None where the channels do not fill a panel, and where there are no panels: with groups, and where
    pictures lie side by side.

    A block is some rows of a picture, or a picture or two: a larger one leaves the first-level cache, of a
    smaller one the sums are read and written more often than the threads have time for.
    """
    target, v = targets.current(), vector()
    channels, filters, (n_H, n_W) = problem.channels, problem.filters, problem.window.output
    if channels < v or problem.groups > 1 or problem.lanes > 1:
        return None
    vectors = 1 if filters % (2 * v) else 2
    block = max(c for c in (1, 2, 4, 8, 16) if c <= v and c * vectors + vectors + 2 <= target.registers)
    many = problem.weights * filters >= target.many_weights
    shared = many and filters % (vectors * v) == 0
    most = min(n_H, max(1, (target.shared_positions if shared else target.positions) // n_W))
    rows = -(-n_H // -(-n_H // most))
    pictures = max(1, target.positions // (2 * n_H * n_W)) if rows == n_H else 1
    share = max(1, -(-channels // block) // target.tasks)
    return PanelTile(v, vectors * v, block, rows, pictures, share, shared)


def dense(outputs: int) -> int:
    """Neurons of a register tile; one vector of pictures meets them all."""
    return min(range(1, min(outputs, sums()) + 1), key=lambda f: (waste(outputs, f) * (1 + 1 / f), -f))


def dense_weights(n_in: int, n_out: int, tile: int, vector: int) -> tuple[int, int]:
    """For the gradient of the weights: vectors of neurons to a task, and tiles of inputs. All of a task's
    neurons meet an input together, so that many inputs are not read too often; where the neurons make few
    tasks, they share out the inputs, too."""
    vectors = -(-n_out // vector)
    block = -(-vectors // _TASKS)
    tiles, blocks = -(-n_in // tile), -(-vectors // block)
    return block, -(-tiles // max(-(-_FEW_TASKS // blocks), min(_FEW_TASKS, n_in // _MANY_INPUTS)))


def _register_tile(
    columns: int, filters: int, lanes: int, apart: int, deep: int, positions: int = 1, groups: int = 1
) -> tuple[int, int]:
    """(columns, filters) of the tile with the least estimated cost. Columns lie so many bytes `apart`: where
    many of them meet in one set of the first-level cache, they drive each other out of it. A sum is `deep`,
    of so many products: the filters of a block that is too large for the first-level cache come from the
    second level for each tile, which then had better have many columns."""
    unit = 1 if lanes > 1 else vector()  # filters that fill one register, over L pictures or side by side
    filters //= groups
    whole = -(-filters // unit)
    blocks = [f for f in range(1, whole + 1) if groups == 1 or filters % (f * unit) == 0]
    if lanes == 1:  # all blocks alike; the last one's last vector may be partial, and is stored under a mask
        blocks = [f for f in blocks if whole % f == 0]

    target = targets.current()
    load = target.load_packed if lanes > 1 else target.load

    def cost(tile: tuple[int, int]) -> float:
        p, f = tile[0] * positions, tile[1]
        loads = (p + (f if lanes > 1 else _FARTHER * f)) / (p * f)
        if lanes > 1 and p * f + min(p, f) + 2 >= target.registers:
            loads *= _CROWDED
        again = target.distant / p if lanes == 1 and 4 * deep * f * unit > target.near else 0.0
        return waste(columns, tile[0]) * waste(whole, f) * max(1.0, loads, again) * (1 + loads * load)

    def fits(p: int, f: int) -> bool:
        if lanes > 1:
            return p * f * positions <= max(sums(), positions)
        return p * f * positions + f + 2 <= target.registers or p == f == 1

    most = min(columns, target.registers)
    if lanes == 1:
        most = max(1, min(most, _MEETING * (_SETS // math.gcd(apart, _SETS)) // positions))
    tiles = [(p, f) for p in range(1, most + 1) for f in blocks if fits(p, f)]
    best = min(tiles, key=lambda tile: (cost(tile), tile))
    return best[0], best[1] * unit


def sums() -> int:
    """Registers that may hold sums; the others hold what is loaded."""
    return targets.current().sums


def _staging(lanes: int, passing: bool) -> int:
    """Memory for a band: L pictures give enough tasks and fill the first level; one picture's bands
    overlap by the filter's height, so they had better be high, and higher where weights are `passing`."""
    target = targets.current()
    return target.packed_rows if lanes > 1 else target.kept // 2 if passing else target.rows


def _passing(problem: ConvProblem) -> bool:
    """Whether so many weights come to each band from beyond the second-level cache."""
    return problem.lanes == 1 and 4 * problem.weights * problem.filters >= targets.current().kept


def waste(extent: int, tile: int) -> float:
    return -(-extent // tile) * tile / extent


def _band(rows: int, row_bytes: int, cache: int) -> int:
    """Rows per band, such that its memory fits `cache` and the bands are of nearly equal height."""
    most = max(1, min(rows, cache // max(row_bytes, 1)))
    return -(-rows // -(-rows // most))


def _most(n: int, most: int, groups: int) -> int:
    """The largest number up to `most` of n that lie within one of the groups."""
    return min(n, most) if groups == 1 else _divisor(n, most)


def _divisor(n: int, most: int) -> int:
    return max(d for d in range(1, most + 1) if n % d == 0)
