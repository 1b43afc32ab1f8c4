"""The sizes at which a painting is made, coarse to fine, and the evaluations of its loss at each.

Small sizes cost little, and let strokes become large: most of the painting is decided there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fovea.errors import FoveaError, mismatch
from fovea.style.features import extractor
from fovea.style.options import Options

SMALLEST, EVALUATIONS = 128, (60, 40, 12, 6)  # the longer side of the first level; evaluations of each level


@dataclass(frozen=True)
class Level:
    """A size (H, W) at which evaluations are made, and their number."""

    size: tuple[int, int]
    evaluations: int

    @property
    def work(self) -> int:
        return self.size[0] * self.size[1] * self.evaluations


def levels(shape: Sequence[int], options: Options) -> list[Level]:
    """The levels for a photograph of `shape` = (H, W, …), from the smallest."""
    longer, least = max(shape[:2]), extractor(options.network).least
    counts, sides = options.evaluations, [options.size]
    while len(sides) < len(counts) if counts else sides[-1] > SMALLEST:
        half = -(-sides[-1] // 2)
        if half * min(shape[:2]) < least * longer:
            break
        sides.append(half)
    if not counts:
        counts = [EVALUATIONS[min(k, len(EVALUATIONS) - 1)] for k in range(len(sides))]
    sides.reverse()
    found = []
    for side, count in zip(sides, counts[-len(sides) :], strict=True):
        size = tuple(max(round(n * side / longer), 1) for n in shape[:2])
        if min(size) < least:
            got = f"{size[0]}×{size[1]}"
            raise FoveaError(mismatch("style", f"a painting of at least {least}×{least} pixels", got))
        found.append(Level((size[0], size[1]), count))
    return found
