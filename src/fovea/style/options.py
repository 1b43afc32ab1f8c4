"""The choices of a style transfer: the styles, and how to paint."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from fovea import images
from fovea.errors import FoveaError, mismatch
from fovea.ranges import MOST_SEED, number, whole
from fovea.style.features import extractor
from fovea.style.learned import LearnedStyle

COLOURS, STARTS = ("style", "photo"), ("photo", "noise")
LEAST_TILE = 256  # pixels of the side of a tile, whose overlaps with others are up to 192 of them


@dataclass(frozen=True)
class Style:
    """A picture (H, W, C) uint8 to take a style from, or in one pass the number of a trained style or a
    learned one; its share among several; and `mask` (H, W), of the photograph's size: where to paint in this
    style, None for everywhere. It is uint8 of grey values, or bool or float from 0 to 1; between, the
    photograph shines through. Styles of one mask are mixed."""

    picture: np.ndarray | int | LearnedStyle
    share: float = 1.0
    mask: np.ndarray | None = None


@dataclass(frozen=True)
class Options:
    """How to paint.

    size: the painting's longer side in pixels. strength: the share of style against content in (1), from 0,
    the photograph itself, to 1, where nothing holds to the photograph but the start. variation: the weight v
    of smoothness. style_scale: the longer side of the style's picture as a multiple of the painting's; below
    1, strokes are finer. network: of features.py. start: "photo", or "noise", drawn with `seed`. colours:
    those of the "style" or of the "photo". evaluations: of each level, each of twice the size
    of the one before, up to the full size; by default those of levels.py. tile: the longest side of the tiles
    in which a large painting is computed, for want of memory; by default as large as memory allows (room.py).
    It changes results by rounding only.
    """

    size: int = 512
    strength: float = 0.5
    variation: float = 0.0
    style_scale: float = 1.0
    network: str = "vgg19"
    start: str = "photo"
    seed: int = 0
    colours: str = "style"
    evaluations: Sequence[int] | None = None
    tile: int | None = field(default=None, repr=False)  # a painting can be resumed in other tiles

    def __post_init__(self) -> None:
        extractor(self.network)
        whole(self.size, "style", "size", 16, images.MOST_PIXELS)
        number(self.strength, "style: strength", "a number from 0 to 1", 0, 1)
        number(self.variation, "style: variation", "a number of at least 0", 0)
        number(self.style_scale, "style: style_scale", "a number from 0.1 to 10", 0.1, 10)
        whole(self.seed, "style", "seed", 0, MOST_SEED)
        for name, choices in (("colours", COLOURS), ("start", STARTS)):
            if getattr(self, name) not in choices:
                got = repr(getattr(self, name))
                raise FoveaError(mismatch(f"style: {name}", " or ".join(choices), got))
        for count in self.evaluations or ():
            whole(count, "style", "evaluations")
        if self.tile is not None:
            whole(self.tile, "style", "tile", LEAST_TILE)


def shares(given: Sequence[float]) -> list[float]:
    """Shares that sum to 1."""
    if not given:
        raise FoveaError(mismatch("style", "at least one style", "none"))
    checked = [number(share, "style: share", "a number of at least 0", 0) for share in given]
    total = sum(checked)
    if not total:
        raise FoveaError(mismatch("style: shares", "at least one above 0", given))
    return [share / total for share in checked]
