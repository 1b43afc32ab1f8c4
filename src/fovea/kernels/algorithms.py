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
from fovea.kernels import targets, tiles, winograd_tiles
from fovea.kernels.tiles import vector
from fovea.kernels.winograd_tiles import OUTPUTS, WinogradChunksTile, WinogradTile

if TYPE_CHECKING:
    import numpy as np

_ALONE = (1, 1)  # no pooling behind it
_ONE_SUM = "; the threads share one sum"
_WHERE_SUMMED = "; sums transformed block by block"
_WHERE_USED = "; filters transformed where they are used"


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
        cut = winograd_tiles.tile(covered, channels, filters, few, constant)
        return _tiled("winograd.forward", cut, verdict.why)
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
        return _tiled("winograd.inputs", winograd_tiles.tile(window.input, filters, channels), verdict.why)
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
        tile, why = winograd_tiles.weights_tile(window.output, channels, filters), verdict.why
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
        (any(OUTPUTS % p for p in pool), f"direct: tiles do not hold whole {_times(pool)} windows"),
    )
    for holds, why in against:
        if holds:
            return _Verdict(False, why)
    C, K, v, target = channels, -(-filters // vector()), vector(), targets.current()
    high, wide = winograd_tiles.grid(out)
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
