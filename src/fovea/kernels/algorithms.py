"""The one place that chooses between a convolution's algorithms, for each pass.

The model counts multiply-adds of whole vectors for a picture. The direct sum needs, for each window,

    9 · C · ⌈K/v⌉                                                                                         (1)

Winograd's algorithm needs, for each tile of 4 × 4 windows, 36 products instead of 144, and the transforms,

    36 · C · ⌈K/v⌉ + T · (⌈C/v⌉ + ⌈K/v⌉)                                                                  (2)

and once per batch the transform of the filters, 36 · C · ⌈K/v⌉ · 3, divided among its pictures. So the model
accounts for tiles that extend beyond the picture, for few channels and for partly filled vectors. T, about
350, is measured (targets.py): a transform takes 36 loads, 36 stores and about 80 additions, on data in the
second-level cache.

The choice depends on the shape, the pass, the processor and the precision ("fast"; "exact"; "alike" for small
batches, whose bits must be those of a large batch with pictures side by side). It never depends on the number
of pictures, because a picture's result must not, and never on a timing.
"""

from typing import NamedTuple

from fovea.geometry import Pair
from fovea.kernels import choice, constants, targets, tiles, winograd_tiles
from fovea.kernels.choice import Choice
from fovea.kernels.problem import ConvProblem
from fovea.kernels.tiles import vector
from fovea.kernels.winograd_tiles import OUTPUTS, WinogradChunksTile, WinogradTile

_ONE_SUM = "; the threads add to one shared sum"
_NEEDS_1 = "Winograd's algorithm needs 1"
_BLOCK_BY_BLOCK = "; sums transformed block by block"
_ANY_OUT = (64, 64)  # sums of a picture of any size: whole tiles
_ON_THE_FLY = "; filters transformed where they are used, not in advance"


def forward(
    problem: ConvProblem,
    precision: str,
    *,
    small_batch: bool = False,
    constant: bool = False,
    any_size: bool = False,
) -> Choice:
    """Z, with its activation and pooling. A `small_batch` has the same sums in other tasks: the threads share
    the work of one picture, and filters are transformed on the fly unless they are `constant`. A kernel for
    `any_size` reads a picture's height and width at run time, if there is one for this problem."""
    window = problem.window
    if any_size and _has_any_size(problem):
        verdict = _winograd(problem, _ANY_OUT, precision, any_size=True)
        if verdict.chosen:
            tile, block = winograd_tiles.tile_any_size(problem, problem.covered)
            return choice.Winograd(problem, tile, verdict.why, _numbers(problem, **block))
        tile, band = tiles.conv_any_size(problem)
        direct = choice.Direct(problem, tile, verdict.why, _numbers(problem, band=band))
        return _planar(problem, any_size) or direct
    if tiles.is_narrow(problem):
        tile = tiles.depthwise(problem, window.output, window.stride[0] * window.input[1])
        return choice.Depthwise(problem, tile, _narrow(problem))
    verdict = _winograd(problem, problem.covered, precision)
    if verdict.chosen:
        tile = winograd_tiles.tile(problem, problem.covered, small_batch, constant)
        return choice.Winograd(problem, tile, verdict.why + _transformed(tile))
    planar = _planar(problem, any_size=False) if small_batch else None
    return planar or choice.Direct(problem, tiles.conv(problem, small_batch), verdict.why)


def inputs(
    problem: ConvProblem,
    precision: str,
    *,
    small_batch: bool = False,
    constant: bool = False,
    any_size: bool = False,
) -> Choice:
    """dA_prev: a convolution of dZ, at every pixel of A_prev. `small_batch`, `constant` and `any_size` are as
    for `forward`."""
    window, swapped = problem.window, problem.swapped()
    if any_size and _has_any_size(problem):
        verdict = _winograd(swapped, _ANY_OUT, precision, any_size=True)
        if verdict.chosen:
            tile, block = winograd_tiles.tile_any_size(swapped, window.input)
            return choice.WinogradInputs(problem, tile, verdict.why, _numbers(problem, **block))
        tile, band = tiles.conv_inputs_any_size(problem)
        return choice.DirectInputs(problem, tile, verdict.why, _numbers(problem, band=band))
    if tiles.is_narrow(swapped):
        (H, W), (s_H, s_W) = window.input, window.stride
        tile = tiles.depthwise(swapped, (-(-H // s_H), -(-W // s_W)), window.output[1])
        return choice.DepthwiseInputs(problem, tile, _narrow(swapped))
    verdict = _winograd(swapped, window.input, precision)
    if verdict.chosen:
        tile = winograd_tiles.tile(swapped, window.input, small_batch, constant)
        return choice.WinogradInputs(problem, tile, verdict.why + _transformed(tile))
    return choice.DirectInputs(problem, tiles.conv_inputs(problem), verdict.why)


def _has_any_size(problem: ConvProblem) -> bool:
    """Whether there are kernels for pictures of any size."""
    return problem.lanes == 1 and problem.groups == 1


def _planar(problem: ConvProblem, any_size: bool) -> choice.Planar | None:
    """The kernel for few filters, if there is one and it needs much less work than vectors of filters; the
    sums are the same, to the bit."""
    window, C, filters, groups, pool, lanes = problem
    alone = groups == lanes == 1 and (window.stride, pool) == ((1, 1), (1, 1))
    if not alone or filters > tiles.accumulators():
        return None
    tile, band = tiles.planar(problem)
    pixels = problem.weights * filters + constants.PLANAR_COPY * C  # of each sum, in numbers of a vector
    if not any_size:
        pixels *= tiles.waste(window.output[1], tile.vectors * tile.vector)
    gain = problem.weights * vector() * -(-filters // vector()) / pixels
    if gain <= constants.PLANAR_GAIN:
        return None
    why = f"direct: only {filters} filter{'s' if filters > 1 else ''}, so a vector holds neighbouring pixels"
    why = f"{why}: {gain:.1f} times less work"
    if any_size:
        return choice.Planar(problem, tile, why, _numbers(problem, band=band))
    return choice.Planar(problem, tile._replace(band=band), why)


def _numbers(problem: ConvProblem, **of_tile: int) -> dict[str, int]:
    """Numbers that a kernel for pictures of any size reads at run time."""
    height, width = problem.window.input
    return {"height": height, "width": width, **of_tile}


def weights(problem: ConvProblem, precision: str) -> Choice:
    """dW and db."""
    unpooled = problem._replace(pool=(1, 1))
    if tiles.is_narrow(problem):
        return choice.DepthwiseWeights(problem, tiles.depthwise_weights(problem), _narrow(problem))
    verdict = _winograd(unpooled, unpooled.covered, precision)
    if verdict.chosen:
        tile = winograd_tiles.weights_tile(problem)
        if isinstance(tile, WinogradChunksTile):
            return choice.WinogradChunks(problem, tile, verdict.why + _BLOCK_BY_BLOCK)
        return choice.WinogradWeights(problem, tile, verdict.why + (_ONE_SUM if tile.shared else ""))
    panels = tiles.conv_panels(problem)
    if panels is not None:
        shared = f"{_ONE_SUM} of {problem.weights * problem.filters:,} weights" if panels.shared else ""
        return choice.PanelWeights(problem, panels, verdict.why + shared)
    return choice.DirectWeights(problem, tiles.conv_weights(problem), verdict.why)


def _narrow(problem: ConvProblem) -> str:
    """Why a vector of filters spans groups."""
    if problem.depthwise:
        return "depthwise: a vector holds several channels, each with its own filter"
    channels, filters = problem.channels // problem.groups, problem.filters // problem.groups
    groups = f"{problem.groups} groups of {channels} input channels and {filters} filters"
    return f"{groups}, fewer than a vector holds, so a vector spans groups"


def _transformed(tile: WinogradTile) -> str:
    return _ON_THE_FLY if tile.on_the_fly else ""


class _Verdict(NamedTuple):
    """Whether Winograd's algorithm is chosen, and the reason."""

    chosen: bool
    why: str


def _winograd(problem: ConvProblem, out: Pair, precision: str, any_size: bool = False) -> _Verdict:
    """For sums at `out` (rows, columns): it must apply, and cost less by (1) and (2)."""
    window, C, filters, groups, pool, lanes = problem
    against = (
        (lanes > 1, f"direct: {_few(C, filters)}, so a vector holds one value of each of {lanes} pictures"),
        (precision == "alike", "direct: must give the same bits as a large batch, which uses the direct sum"),
        (precision == "exact", "direct: precision exact, as the direct sum rounds least"),
        (groups > 1, f"direct: {groups} groups, Winograd's algorithm needs one"),
        (window.size != (3, 3), f"direct: {_times(window.size)} filters, Winograd's algorithm needs 3×3"),
        (window.dilation != (1, 1), f"direct: dilation {_times(window.dilation)}, {_NEEDS_1}"),
        (window.stride != (1, 1), f"direct: stride {_times(window.stride)}, {_NEEDS_1}"),
        (any(OUTPUTS % p for p in pool), f"direct: {_times(pool)} pooling does not divide Winograd's tiles"),
    )
    if any_size:
        partial = C % vector() or filters % vector()
        against += ((partial, f"direct: {C} channels and {filters} filters do not fill vectors"),)
    for holds, why in against:
        if holds:
            return _Verdict(False, why)
    K, v, target = -(-filters // vector()), vector(), targets.current()
    high, wide = winograd_tiles.grid(out)
    direct = out[0] * out[1] * 9 * C * K  # (1)
    products = high * wide * 36 * C * K
    filter_transforms = 36 * C * K * 3 / target.pictures_per_transform
    transforms = high * wide * target.transform_cost * (-(-C // v) + K) + filter_transforms
    fewer, gain = direct / products, direct / (products + transforms)  # (2)
    if gain > target.winograd_min_gain:
        saved = f"{fewer:.1f} times fewer multiplications, {gain:.1f} times less work with its transforms"
        return _Verdict(True, f"Winograd: {saved}")
    least = f"and is used from {target.winograd_min_gain:g} times on"
    return _Verdict(False, f"direct: Winograd's algorithm would do {gain:.2f} times less work, {least}")


def _few(channels: int, filters: int) -> str:
    """The smaller number of the two, in words."""
    count, name = min((channels, "channel"), (filters, "filter"))
    return f"only {count} {name}{'s' if count > 1 else ''}"


def _times(pair: Pair) -> str:
    return "×".join(map(str, pair))
