"""The one place that chooses layout and tile for a shape and a processor.

The model: a register tile of P columns × F filters (or vectors of filters) loads P + F numbers for P·F
products. The processor multiplies two vectors per cycle and loads two, so large, square tiles cost least;
tiles that do not divide their extent compute some of it twice; and the sums must fit into the registers.
The numbers of registers and the sizes of caches are in targets.py; constants.py has the constants that no
processor changes.
"""

import math
from typing import NamedTuple

from fovea.geometry import Pair
from fovea.kernels import constants, targets
from fovea.kernels.problem import ConvProblem
from fovea.kernels.targets import Target


class Tile(NamedTuple):
    """How a schedule divides its work."""

    vector: int  # numbers in a vector register
    filters: int  # filters of a register tile (channels, for the gradient of the input)
    columns: int  # columns of a register tile (numbers of a window's row, for the gradient of the weights)
    band: int  # rows that are staged together
    unroll: int = 1  # unrolled steps of the innermost sum
    shared: bool = False  # whether the threads also share a band's blocks of filters
    small_batch: bool = False  # whether pictures are computed in turn, each by all threads


def vector() -> int:
    """float32 numbers in a vector register."""
    return targets.current().vector


def accumulators() -> int:
    """Registers that may hold sums; the others hold the operands."""
    return targets.current().accumulators


def lanes(channels: int, filters: int) -> int:
    """The layout of a convolution's arrays: 1 (NHWC, where filters fill the vector); or the vector's length
    L, where L pictures do, if there are few channels or filters or they leave half of their last vectors
    empty. A first layer's channels do not count: pass its filters twice."""
    least, v = min(channels, filters), vector()
    in_vectors = -(-least // v) * v
    narrow = least < targets.current().min_channels or least < constants.MIN_VECTOR_USE * in_vectors
    return v if narrow else 1


def is_small_batch(pictures: int) -> bool:
    """Whether NHWC suits this number of pictures for any number of channels: a mostly empty vector of
    pictures costs as much as a full one. The order of every sum is the same, and so are the bits."""
    return pictures <= vector() // 4


def tasks(multiply_adds: int) -> int:
    """Tasks into which one picture of a small batch is divided. They do not change any sum."""
    return max(1, min(constants.MAX_TASKS, multiply_adds // constants.MIN_TASK_MULTIPLY_ADDS))


def conv(problem: ConvProblem, small_batch: bool = False) -> Tile:
    """The forward pass: pooled columns × filters, each with its pooling window. With groups, all filters of a
    block belong to one group; the same holds for the channels of a block in `conv_inputs`."""
    window, channels, filters, groups, pool, lanes = problem
    target, (n_H, n_W), weights = targets.current(), problem.pooled, problem.weights
    positions = pool[0] * pool[1]
    apart = window.stride[1] * channels * lanes * 4
    columns, block = _register_tile((n_W,), filters, lanes, apart, weights, positions, groups)
    contiguous = groups == 1 and window.dilation[1] == 1  # a window's row is one run of numbers
    unroll = _divisor(
        problem.row if contiguous else channels // groups, target.lanes_unroll if lanes > 1 else target.unroll
    )
    row_bytes = window.input[1] * channels * lanes * 4 * window.stride[0] * pool[0]
    band = _band(n_H, row_bytes, _staging_bytes(problem))
    block_work = n_W * positions * band * weights * block
    shared = lanes == 1 and (_exceeds_l2(problem) or block_work > target.task_multiply_adds)
    wanted = tasks(problem.multiply_adds) if small_batch else 0
    if small_batch:
        blocks = -(-filters // block)
        shared = min(blocks, wanted) > 1
        band = min(band, -(-n_H // -(-wanted // blocks)))
    # A small picture that is one task keeps its loops: LLVM would reorder sums that it unrolls completely.
    return Tile(vector(), block, columns, band, unroll, shared, wanted > 1)


def conv_any_size(problem: ConvProblem) -> tuple[Tile, int]:
    """As `conv`, in NHWC, with a register tile for pictures of any size; and the rows of a band, which the
    kernel reads at run time."""
    (n_H, _), (p_H, p_W), window = problem.pooled, problem.pool, problem.window
    apart, positions = window.stride[1] * problem.channels * 4, p_H * p_W
    columns, block = _register_tile(
        constants.ANY_WIDTHS, problem.filters, 1, apart, problem.weights, positions, problem.groups
    )
    row_bytes = window.input[1] * problem.channels * 4 * window.stride[0] * p_H
    return _any_size(problem, columns, block, problem.row, n_H, row_bytes)


class PlanarTile(NamedTuple):
    """For few filters: a register tile has the sums of all of them."""

    vector: int
    vectors: int  # of pixels in a row of a register tile
    rows: int  # of a register tile
    band: int  # rows that are staged together
    unroll: int = 1  # unrolled steps of the innermost sum


def planar(problem: ConvProblem) -> tuple[PlanarTile, int]:
    """For few filters, without the rows of a band, which a kernel for any size reads at run time; and these
    rows."""
    (n_H, _), window, target = problem.window.output, problem.window, targets.current()
    vectors = min(constants.PLANAR_VECTORS, accumulators() // problem.filters)
    rows = max(1, accumulators() // (vectors * problem.filters))
    row_bytes = window.input[1] * problem.channels * 4
    band = min(_band(n_H, row_bytes, _staging_bytes(problem)), -(-n_H // constants.MAX_TASKS))
    band = -(-band // rows) * rows
    return PlanarTile(vector(), vectors, rows, 0, _divisor(problem.channels, target.unroll)), band


def conv_inputs_any_size(problem: ConvProblem) -> tuple[Tile, int]:
    """As `conv_inputs`, in the same way."""
    window, (s_H, s_W) = problem.window, problem.window.stride
    taps, depth = -(-window.size[0] // s_H) * -(-window.size[1] // s_W), problem.filters // problem.groups
    columns, block = _register_tile(
        constants.ANY_WIDTHS, problem.channels, 1, problem.filters * 4, taps * depth, groups=problem.groups
    )
    phases = taps > 1 and (s_H, s_W) != (1, 1)
    row_bytes = window.output[1] * problem.filters * 4
    return _any_size(problem, columns, block, 1 if phases else depth, -(-window.input[0] // s_H), row_bytes)


def _any_size(
    problem: ConvProblem, columns: int, block: int, depth: int, rows: int, row_bytes: int
) -> tuple[Tile, int]:
    """The tile for pictures of any size, and the rows of a band; there are enough bands for the threads."""
    unroll = _divisor(depth, targets.current().unroll)
    band = min(_band(rows, row_bytes, _staging_bytes(problem)), -(-rows // constants.MAX_TASKS))
    return Tile(vector(), block, columns, 0, unroll, _exceeds_l2(problem)), band


def conv_inputs(problem: ConvProblem) -> Tile:
    """The gradient of the input: columns of one phase × channels."""
    window, channels, filters, groups, _, lanes = problem
    target, (H, W), (s_H, s_W) = targets.current(), window.input, window.stride
    taps = -(-window.size[0] // s_H) * -(-window.size[1] // s_W)
    depth = filters // groups
    if lanes > 1 and s_W == 1 and target.registers - 2 >= W:
        # A whole row, with a register for dZ: products with pixels beyond the border are left out.
        columns, block = W, _largest(channels // groups, max(1, accumulators() // W), groups)
    else:
        apart = filters * lanes * 4
        columns, block = _register_tile((-(-W // s_W),), channels, lanes, apart, taps * depth, groups=groups)
    band = _band(-(-H // s_H), window.output[1] * filters * lanes * 4, _staging_bytes(problem))
    block_work = -(-W // s_W) * band * taps * depth * block
    shared = lanes == 1 and (_exceeds_l2(problem) or block_work > target.task_multiply_adds)
    # Each phase has its own code: with 16 registers, all of it spills.
    phases = taps > 1 and (s_H, s_W) != (1, 1)
    unroll = _divisor(depth, target.unroll) if lanes == 1 and not phases else 1
    return Tile(vector(), block, columns, band, unroll, shared)


def conv_weights(problem: ConvProblem) -> Tile:
    """The gradient of the weights: numbers of a window's row × filters, summed over a band of rows."""
    lanes = problem.lanes
    columns, block = _register_tile((problem.row,), problem.filters, lanes, 4, 0, groups=problem.groups)
    n_H, n_W = problem.window.output
    band = _band(n_H, 4 * lanes * _row_numbers(problem), targets.current().weights_band_bytes)
    if lanes > 1:  # every row of the window reads the band again: a small band stays in a nearer cache
        least = constants.MIN_LANE_SUM_POSITIONS
        bands = [rows for rows in range(1, band) if n_H % rows == 0 and rows * n_W >= least]
        band = min(bands, default=band)
    return Tile(vector(), block, columns, band)


def _row_numbers(problem: ConvProblem) -> int:
    """Numbers of dZ and A_prev that the gradient of the weights reads for one row of dZ."""
    window = problem.window
    return window.output[1] * problem.filters + window.stride[0] * window.input[1] * problem.channels


class DepthwiseTile(NamedTuple):
    """For groups that are narrower than a vector, in NHWC."""

    vector: int
    columns: int  # of a register tile, one vector of channels deep
    rows: int  # of a register tile
    band: int  # rows per task
    unroll: int = 1  # unrolled products of a sum, at most


def is_narrow(problem: ConvProblem) -> bool:
    """Whether a vector of filters spans groups: the channels of its sums are not neighbours in memory."""
    group_filters = problem.filters // problem.groups
    return problem.lanes == 1 and problem.groups > 1 and group_filters % vector() > 0


def depthwise(problem: ConvProblem, out: Pair, row: int) -> DepthwiseTile:
    """For sums at `out` (rows, columns), where each further row of sums reads `row` pixels. Unless the
    convolution is depthwise, the channels of a vector of filters are first copied beside each other.

    LLVM may reorder a sum that is unrolled completely. So sums are not unrolled where many pictures would lie
    side by side: a few must get the same bits.

    Neighbouring sums share their loads; more sums than registers gain nothing. A task is large enough to
    outweigh its start. Small and large batches have the same tasks, because the order of an unrolled sum
    depends on the tile.
    """
    n_H, n_W = out
    unroll = constants.DEPTHWISE_UNROLL if lanes(problem.channels, problem.filters) == 1 else 1
    if not problem.depthwise:
        columns = _sharing_extent(n_W, constants.GROUPED_COLUMNS)
        return DepthwiseTile(_filled_vector(problem), columns, 1, _copied_band(problem, n_H, row), unroll)
    rows = _sharing_extent(n_H, 2)
    columns = _sharing_extent(n_W, min(constants.DEPTHWISE_COLUMNS, accumulators() // (2 * rows)))
    work = n_H * n_W * problem.filters * problem.weights
    wanted = max(tasks(constants.DEPTHWISE_COST * work), 2 * work // targets.current().task_multiply_adds)
    bands = max(1, min(n_H // rows, wanted))
    return DepthwiseTile(_filled_vector(problem), columns, rows, -(-n_H // bands), unroll)


def depthwise_weights(problem: ConvProblem) -> DepthwiseTile:
    """For the gradient of the weights: the products of `columns` are unrolled together; a band of rows stays
    in the second-level cache while every vector of filters passes over it."""
    window = problem.window
    n_H, n_W = window.output
    if not problem.depthwise:
        band = _copied_band(problem, n_H, window.stride[0] * window.input[1])
        return DepthwiseTile(_filled_vector(problem), _divisor(n_W, constants.GROUPED_COLUMNS), 1, band)
    band = _band(n_H, 4 * _row_numbers(problem), 3 * targets.current().weights_band_bytes)
    return DepthwiseTile(_filled_vector(problem), _divisor(n_W, constants.DEPTHWISE_COLUMNS), 1, band)


def _copied_band(problem: ConvProblem, rows: int, pixels: int) -> int:
    """Rows per band, where each row copies `pixels` pixels of a group for one vector of filters."""
    numbers = pixels * problem.channels // problem.groups
    return _band(rows, numbers * 4 * vector(), targets.current().band_bytes)


def _filled_vector(problem: ConvProblem) -> int:
    """The largest vector that the filters fill."""
    v = vector()
    while v > problem.filters:
        v //= 2
    return v


def _sharing_extent(extent: int, most: int) -> int:
    """Sums of a register tile along an axis: neighbours share their loads."""
    return min(range(1, min(extent, most) + 1), key=lambda p: (waste(extent, p) * (1 + 2 / p), -p))


class PanelTile(NamedTuple):
    """For the gradient of the weights in NHWC."""

    vector: int
    filters: int  # of a register tile, and of a panel
    channels: int  # of a register tile
    rows: int  # of dZ in a block
    pictures: int  # in a block
    share: int  # tiles of channels per task
    shared: bool  # whether the threads share one sum; else each has its own


def conv_panels(problem: ConvProblem) -> PanelTile | None:
    """None where the channels do not fill a panel, with groups, and where pictures lie side by side.

    A block is some rows of a picture, or one or two pictures: a larger one does not fit into the first-level
    cache; with a smaller one, reading and writing the sums takes longer than adding to them.
    """
    target, v = targets.current(), vector()
    channels, filters, (n_H, n_W) = problem.channels, problem.filters, problem.window.output
    if channels < v or problem.groups > 1 or problem.lanes > 1:
        return None
    vectors = 1 if filters % (2 * v) else 2
    block = max(c for c in (1, 2, 4, 8, 16) if c <= v and c * vectors + vectors + 2 <= target.registers)
    many = problem.weights * filters >= target.shared_sum_weights
    shared = many and filters % (vectors * v) == 0
    positions = target.shared_block_positions if shared else target.block_positions
    most = min(n_H, max(1, positions // n_W))
    rows = -(-n_H // -(-n_H // most))
    pictures = max(1, target.block_positions // (2 * n_H * n_W)) if rows == n_H else 1
    share = max(1, -(-channels // block) // target.shared_sum_tasks)
    return PanelTile(v, vectors * v, block, rows, pictures, share, shared)


def dense(outputs: int) -> int:
    """Neurons of a register tile, each with one vector of pictures."""
    most = min(outputs, accumulators())
    return min(range(1, most + 1), key=lambda f: (waste(outputs, f) * (1 + 1 / f), -f))


def dense_weights(n_in: int, n_out: int, tile: int, vector: int) -> tuple[int, int]:
    """For the gradient of the weights: vectors of neurons per task, and tiles of inputs per task. Each input
    meets all neurons of a task together, so that many inputs are not read too often; if the neurons make too
    few tasks, the tasks also divide the inputs."""
    vectors = -(-n_out // vector)
    block = -(-vectors // constants.MAX_TASKS)
    tiles, blocks, least = -(-n_in // tile), -(-vectors // block), constants.MIN_DENSE_TASKS
    parts = max(-(-least // blocks), min(least, n_in // constants.DENSE_TASK_INPUTS))
    return block, -(-tiles // parts)


def _register_tile(
    columns: tuple[int, ...],
    filters: int,
    lanes: int,
    apart: int,
    depth: int,
    positions: int = 1,
    groups: int = 1,
) -> tuple[int, int]:
    """(columns, filters) of the tile with the least estimated cost; there is more than one number of
    `columns` if they are not known. Neighbouring columns are `apart` bytes
    apart: if many of them fall into one set of the first-level cache, they evict each other. A sum has
    `depth` products: if a block of filters is too large for the first-level cache, it is loaded from the
    second level for every tile, and tiles should have many columns."""
    target, unit = targets.current(), 1 if lanes > 1 else vector()  # filters per register
    filters //= groups
    units = -(-filters // unit)
    blocks = [f for f in range(1, units + 1) if groups == 1 or filters % (f * unit) == 0]
    most = min(max(columns), target.registers)
    if lanes == 1:  # equal blocks; only the last one's last vector may be partial, and is stored under a mask
        blocks = [f for f in blocks if units % f == 0]
        lines = constants.L1_FREE_WAYS * (constants.L1_SET_STRIDE // math.gcd(apart, constants.L1_SET_STRIDE))
        most = max(1, min(most, lines // positions))

    def cost(tile: tuple[int, int]) -> float:
        loads = _lane_loads(tile, positions, target) if lanes > 1 else _filter_loads(tile, positions)
        load_cost = target.lanes_load_cost if lanes > 1 else target.load_cost
        block_bytes = 4 * depth * tile[1] * unit
        from_l2 = lanes == 1 and block_bytes > target.l1_filter_bytes
        again = target.l2_load_cost / (tile[0] * positions) if from_l2 else 0.0
        wasted = sum(waste(extent, tile[0]) for extent in columns) * waste(units, tile[1])
        return wasted * max(1.0, loads, again) * (1 + loads * load_cost)

    def fits(p: int, f: int) -> bool:
        if lanes > 1:
            return p * f * positions <= max(accumulators(), positions)
        return p * f * positions + f + 2 <= target.registers or p == f == 1

    tiles = [(p, f) for p in range(1, most + 1) for f in blocks if fits(p, f)]
    best = min(tiles, key=lambda tile: (cost(tile), tile))
    return best[0], best[1] * unit


def _lane_loads(tile: tuple[int, int], positions: int, target: Target) -> float:
    """Loads per product, where pictures fill the vector."""
    p, f = tile[0] * positions, tile[1]
    full = p * f + min(p, f) + 2 >= target.registers
    return (p + f) / (p * f) * (constants.FULL_REGISTERS_COST if full else 1)


def _filter_loads(tile: tuple[int, int], positions: int) -> float:
    """Loads per product, where filters fill the vector."""
    p, f = tile[0] * positions, tile[1]
    return (p + constants.FILTER_LOAD_COST * f) / (p * f)


def _staging_bytes(problem: ConvProblem) -> int:
    """Memory for a band. L pictures make enough tasks, so that a band fills the first-level cache. The bands
    of a single picture overlap by the filter's height, so they should be high, and higher if the weights are
    loaded again for each."""
    target = targets.current()
    if problem.lanes > 1:
        return target.lanes_band_bytes
    return target.l2_weight_bytes // 2 if _exceeds_l2(problem) else target.band_bytes


def _exceeds_l2(problem: ConvProblem) -> bool:
    """Whether the weights do not stay in the second-level cache, and are loaded again for each band."""
    weight_bytes = 4 * problem.weights * problem.filters
    return problem.lanes == 1 and weight_bytes >= targets.current().l2_weight_bytes


def waste(extent: int, tile: int) -> float:
    """Computed numbers per needed one."""
    return -(-extent // tile) * tile / extent


def _band(rows: int, row_bytes: int, cache: int) -> int:
    """Rows per band: its memory fits into `cache`, and the bands are of nearly equal height."""
    most = max(1, min(rows, cache // max(row_bytes, 1)))
    return -(-rows // -(-rows // most))


def _largest(n: int, most: int, groups: int) -> int:
    """The largest block of at most `most` of the n numbers of one of the groups."""
    return min(n, most) if groups == 1 else _divisor(n, most)


def _divisor(n: int, most: int) -> int:
    """The largest divisor of n up to `most`."""
    return max(d for d in range(1, most + 1) if n % d == 0)
