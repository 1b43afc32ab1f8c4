"""The photographs from which a style is learned: square parts at random places, in the size of paintings."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fovea import images
from fovea.errors import DataError, mismatch, reason
from fovea.seeds import Draw, generator

LONGER = 512  # pixels of a photograph's longer side, as `fovea paint` paints it


@dataclass
class Photographs:
    """`parts` uint8 (n, side, side, 3) of photographs; `bad`: file → why it could not be read; the number of
    photographs `read`, and how many of these were `enlarged`."""

    parts: np.ndarray
    bad: dict[str, str] = field(default_factory=dict)
    read: int = 0
    enlarged: int = 0

    @property
    def digest(self) -> str:
        """The first digits of the SHA-256 of the parts."""
        return hashlib.sha256(self.parts.data).hexdigest()[:16]


def parts_of(
    files: Sequence[str],
    count: int,
    side: int,
    seed: int,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> Photographs:
    """`count` parts of the photographs, in random order: of as many photographs as possible, then further
    parts of the same ones. Raises DataError if none can be read."""
    found, n = Photographs(np.empty((count, side, side, 3), np.uint8)), 0
    order = [files[int(place)] for place in generator(seed, Draw.CROP).permutation(len(files))]
    while n < count:
        first = n == 0
        for file in [file for file in order if file not in found.bad]:
            try:
                photo, share = _photo(Path(file), side)
            except DataError as error:
                found.bad[file] = reason(error, file)
                continue
            found.read, found.enlarged = found.read + first, found.enlarged + (first and share > 1)
            rng = generator(seed, Draw.CROP, n)
            top, left = (int(rng.integers(length - side + 1)) for length in photo.shape[:2])
            found.parts[n] = photo[top : top + side, left : left + side]
            n += 1
            progress(n, count)
            if n == count:
                return found
        if n == 0:
            file, why = next(iter(found.bad.items()))
            got = f"none in {len(files):,}, such as {file}: {why}"
            raise DataError(mismatch("--pictures", "photographs that can be read", got))
    return found


def _photo(file: Path, side: int) -> tuple[np.ndarray, float]:
    """A photograph uint8 (H, W, 3) of at least `side` in both directions, and by how much it was enlarged.
    Raises DataError."""
    height, width, _ = images.inspect(file)
    share = max(min(LONGER / max(height, width), 1), side / min(height, width))
    return images.read(file, (max(round(height * share), side), max(round(width * share), side)), 3), share
