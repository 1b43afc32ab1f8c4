"""The memory that a painting by optimisation needs, and the tiles for which there is enough.

    bytes = weights + a · window + b · painting                                                           (1)

The weights are those of the network and those that its kernels prepare. a is for the arrays of a plan, which
are laid out in advance. b is for arrays as large as the painting: the photograph, its features, and the
vectors of L-BFGS.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

from fovea import memory
from fovea.network import runner
from fovea.style.features import extractor
from fovea.style.losses import Perceptual
from fovea.style.options import LEAST_TILE
from fovea.style.tiles import Tile, tiles

SHARE = 0.75  # of the available memory, which the fewest tiles may take
VECTOR = 12  # bytes of a pixel's three numbers
WINDOW, MASKED = 5 * VECTOR, 2 * 256  # bytes per pixel of a window outside the plan; more with masks
PAINTING = 9 * VECTOR  # bytes per pixel of the painting: photograph, point, gradient, direction, trial, …
PAIRS, MOST_PAIRS, LEAST_PAIRS = 600 << 20, 10, 2  # bytes of the steps that L-BFGS remembers; their numbers
STEP = 64  # pixels between sides that are tried


def pairs(size: Sequence[int]) -> int:
    """The steps that L-BFGS remembers for a painting (H, W)."""
    return min(max(PAIRS // (2 * VECTOR * prod(size[:2])), LEAST_PAIRS), MOST_PAIRS)


@dataclass(frozen=True)
class Need:
    """The memory (1) for a painting of `size` (H, W), and for the `styles` in their sizes."""

    size: tuple[int, int]
    styles: Sequence[tuple[int, int]]
    network: str
    masked: bool = False

    @property
    def longest(self) -> int:
        """The longest side of all: that of a tile without any others."""
        return max(max(size) for size in (self.size, *self.styles))

    def __call__(self, side: int) -> int:
        """In bytes, in tiles with sides of at most `side` pixels."""
        of_pixel, weights, content = self._costs
        windows = [self._tiles(size, side)[0] for size in (self.size, *self.styles)]
        pixels = max(window.rows.stop * window.columns.stop for window in windows)
        of_pixel += WINDOW + MASKED * self.masked
        content //= 1 if len(self._tiles(self.size, side)) == 1 else 2  # in float16
        of_painting = PAINTING + 2 * VECTOR * pairs(self.size) + content
        return round(weights + of_pixel * pixels + of_painting * prod(self.size))

    def _tiles(self, size: tuple[int, int], side: int) -> list[Tile]:
        return tiles(size, side, extractor(self.network).halo)

    @cached_property
    def _costs(self) -> tuple[float, int, int]:
        """The bytes of a pixel in a plan, of all weights, and of a pixel's content in float32."""
        chosen, side = extractor(self.network), 256
        small = chosen.network(side, side)
        loss = Perceptual(chosen.content, 1, 1)
        arrays, prepared = runner.memory_of(small, by_input=True, any_size=True, loss=loss)
        content = 4 * prod(small.output_shape[chosen.content])
        return arrays / side**2, small.memory.nbytes + prepared, content // side**2

    def describe(self, side: int) -> str | None:
        """A line about the tiles, None without any."""
        count = len(self._tiles(self.size, side))
        if count == 1:
            return None
        height, width = self.size
        needed, whole = self(side) / 1e9, self(self.longest) / 1e9
        return f"{width}×{height} in {count} tiles: needs {needed:.1f} GB instead of {whole:.1f}"

    def choose(self, side: int | None, who: str) -> int:
        """The longest side of tiles for which there is memory; or `side`, if it is given. Raises
        OutOfMemoryError, which names `who`."""
        if side is None:
            room = SHARE * memory.available()
            sides = [self.longest, *range((self.longest - 1) // STEP * STEP, LEAST_TILE, -STEP)]
            side = next((one for one in sides if self(one) <= room), LEAST_TILE)
        memory.check(self(side), who, "to paint it: choose a smaller --size")
        return side
