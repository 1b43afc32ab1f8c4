"""The kernels of a convolution's passes: how each views the filters, and how it prepacks constant ones."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from fovea.kernels.problem import ConvProblem
from fovea.kernels.tiles import vector

if TYPE_CHECKING:
    import numpy as np


class Prepacked(NamedTuple):
    """How constant filters are prepacked, once: the operation and its arguments, the shape in which it reads
    the filters, and the shape of its result."""

    operation: str
    arguments: dict[str, Any]
    filters_shape: tuple[int, ...]
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Choice:
    """A kernel for one pass of `problem`, its tile, and the reason for the choice with the numbers that
    decided. A kernel for pictures of any size reads `numbers` at run time: their height and width, and those
    of its tile that depend on them."""

    problem: ConvProblem
    tile: Any  # a NamedTuple of the kernel's own
    why: str
    numbers: Mapping[str, int] = field(default_factory=dict)

    operation: ClassVar[str]
    is_winograd: ClassVar[bool] = False

    @property
    def arguments(self) -> dict[str, tuple]:
        """The problem and the tile that the kernel is specialised to; the pass adds its own arguments."""
        problem = self.problem.any_size() if self.numbers else self.problem
        return {"problem": problem.plain, "tile": self.plain_tile}

    @property
    def plain_tile(self) -> tuple:
        """The tile as a tuple of numbers, for a specification."""
        return tuple(self.tile)

    @property
    def sizes(self) -> dict[str, int]:
        """The tile's numbers by name."""
        tile = self.tile._asdict()
        return {name: int(self.numbers.get(name, number)) for name, number in tile.items()}

    def view(self, W: "np.ndarray") -> "np.ndarray":
        """Filters (f_H, f_W, C/groups, K), or their gradient, in the kernel's shape."""
        return W

    def prepacked(self) -> Prepacked | None:
        """How constant filters are prepacked for this pass; None if they are not."""
        return None

    def _packed(self) -> Prepacked:
        """Contiguous blocks of filters."""
        rows, row = self.problem.window.size[0], self.problem.row
        K, block = self.problem.filters, self.tile.filters
        arguments = {"filters": K, "row": row, "rows": rows, "block": block, "vector": vector()}
        return Prepacked("conv.packed", arguments, (rows, row, K), (-(-K // block), rows, row, block))


class _InRows(Choice):
    """Views a window's row, its columns and channels, as one run of numbers."""

    def view(self, W: "np.ndarray") -> "np.ndarray":
        f_H, f_W, C, K = W.shape
        return W.reshape(f_H, f_W * C, K)


class Direct(_InRows):
    operation = "conv.forward"

    def prepacked(self) -> Prepacked | None:
        return self._packed() if self.problem.lanes == 1 else None


class Planar(_InRows):
    operation = "planar.forward"


class DirectInputs(Choice):
    operation = "conv_backward.inputs"

    def prepacked(self) -> Prepacked | None:
        if self.problem.lanes > 1 or self.problem.window.stride != (1, 1):
            return None
        (f_H, f_W), groups = self.problem.window.size, self.problem.groups
        C, K, block = self.problem.channels, self.problem.filters, self.tile.filters
        arguments = {"problem": self.problem.any_size().plain, "block": block, "vector": vector()}
        shape = -(-C // block), f_H, f_W, K // groups, block
        return Prepacked("conv_backward.packed", arguments, (f_H, f_W, C // groups, K), shape)


class DirectWeights(_InRows):
    operation = "conv_backward.weights"


class PanelWeights(Choice):
    operation = "conv_panels.weights"


class Depthwise(Choice):
    operation = "depthwise.forward"


class DepthwiseInputs(Choice):
    operation = "depthwise.inputs"


class DepthwiseWeights(Choice):
    operation = "depthwise.weights"


class Winograd(Choice):
    operation, is_winograd = "winograd.forward", True

    def prepacked(self) -> Prepacked:
        if self.tile.on_the_fly:
            return self._packed()
        C, K = self.problem.channels, self.problem.filters
        arguments = {"channels": C, "filters": K, "tile": self.plain_tile}
        return Prepacked("winograd.transformed", arguments, (3, 3, C, K), self.tile.prepacked_shape(C, K))


class WinogradInputs(Choice):
    operation, is_winograd = "winograd.inputs", True

    def prepacked(self) -> Prepacked | None:
        if self.tile.on_the_fly:
            return None
        C, K = self.problem.channels, self.problem.filters
        arguments = {"channels": K, "filters": C, "tile": self.plain_tile, "rotated": True}
        return Prepacked("winograd.transformed", arguments, (3, 3, C, K), self.tile.prepacked_shape(K, C))


class WinogradWeights(Choice):
    operation, is_winograd = "winograd_weights.weights", True


class WinogradChunks(Choice):
    operation, is_winograd = "winograd_chunks.weights", True
