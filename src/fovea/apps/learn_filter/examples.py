"""Pictures with their filtered versions: from a filter that is known, or from a folder of pictures that
anything may have filtered."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fovea import functional, images
from fovea.data import listing
from fovea.errors import DataError, mismatch
from fovea.files import expanded
from fovea.names import same

Note = Callable[[str], object]
MOST_PICTURES = 64
SIDE = 384  # rows and columns of a picture that are looked at


@dataclass(frozen=True)
class Filtered:
    """Parts of pictures (H, W, C), 0 to 1, and what the filter made of them, (H − f + 1, W − f + 1, T).

    cut_off: whether what would have been below 0 or above 1 in a target is 0 or 1. bad: file → why it could
    not be used.
    """

    pictures: list[np.ndarray] = field(default_factory=list)
    targets: list[np.ndarray] = field(default_factory=list)
    cut_off: bool = False
    bad: dict[str, str] = field(default_factory=dict)

    @property
    def certain(self) -> list[np.ndarray]:
        """The targets, with NaN where they may be cut off."""
        if not self.cut_off:
            return self.targets
        return [np.where((T == 0) | (T == 1), np.float32(np.nan), T) for T in self.targets]


def by_filter(
    places: Sequence[str],
    W: np.ndarray,
    rng: np.random.Generator,
    note: Note = lambda line: None,
) -> Filtered:
    """The pictures in grey, and W ∗ picture for W (f, f, 1, T). Raises DataError where there is none."""
    size = len(W)

    def read(file: Path, root: Path) -> tuple[np.ndarray, np.ndarray]:
        picture = images.read(file, channels=1)
        top, left, height, width = _part(file, picture, size, rng)
        part = picture[top : top + height, left : left + width] / np.float32(255)
        return part, functional.conv2d(part[np.newaxis], W, None)[0]

    return _read(places, None, read, rng, note)


def by_folder(
    places: Sequence[str],
    targets: Path,
    size: int,
    rng: np.random.Generator,
    note: Note = lambda line: None,
) -> Filtered:
    """The pictures, and those of the same names in `targets`, in any of the formats.

    A target is as large as its picture, or less by the border that a filter of `size` cannot see. If one
    picture is coloured, all have three channels, and so with the targets. A picture without a target is
    passed over. Raises DataError where all are, and for a target of another size.
    """

    def read(file: Path, root: Path) -> tuple[np.ndarray, np.ndarray]:
        picture, other = images.read(file), _target_of(file, root, targets)
        target = images.read(other)
        top, left, height, width = _part(file, picture, size, rng)
        H, W = picture.shape[:2]
        border = {(H, W): size // 2, (H - size + 1, W - size + 1): 0}.get(target.shape[:2])
        if border is None:
            got = "×".join(map(str, target.shape[:2]))
            raise _Wrong(mismatch(f"target {other}", f"{H}×{W} pixels as {file}", got))
        inner = target[top + border :, left + border :][: height - size + 1, : width - size + 1]
        part = picture[top : top + height, left : left + width]
        return part / np.float32(255), inner / np.float32(255)

    found = _read(places, targets, read, rng, note)
    return Filtered(_alike(found.pictures), _alike(found.targets), True, found.bad)


class _Wrong(DataError):
    """What ends the reading, where a picture that cannot be used is passed over."""


def _read(
    places: Sequence[str],
    targets: Path | None,
    read: Callable[[Path, Path], tuple[np.ndarray, np.ndarray]],
    rng: np.random.Generator,
    note: Note,
) -> Filtered:
    """Some of the pictures, drawn from `rng`; all if they are few."""
    files = list(dict.fromkeys(found for place in places for found in _files(place, targets, note)))
    result = Filtered()
    for number in rng.permutation(len(files)):
        try:
            picture, target = read(*files[number])
        except _Wrong:
            raise
        except DataError as error:
            result.bad[str(files[number][0])] = str(error)
            continue
        result.pictures.append(picture)
        result.targets.append(target)
        if len(result.pictures) == MOST_PICTURES:
            break
    if not result.pictures:
        raise DataError(next(iter(result.bad.values())))
    return result


def _files(place: str, without: Path | None, note: Note) -> list[tuple[Path, Path]]:
    """Each picture at `place`, with the folder that it was found through."""
    path = expanded(place)
    if not path.is_dir():
        return [(path, path.parent)]
    aside = without.resolve() if without else None
    found = [Path(file) for file in listing.collect(path, note)]
    found = [(file, path) for file in found if aside not in file.resolve().parents]
    if not found:
        raise DataError(mismatch(str(path), "pictures outside the folder of targets", "none"))
    return found


def _target_of(file: Path, root: Path, targets: Path) -> Path:
    """The picture in `targets` called like `file`, in the same folder below it or directly in it."""
    for name in dict.fromkeys((file.relative_to(root), Path(file.name))):
        place = targets / name
        alike = sorted(
            p for p in place.parent.glob("*") if images.is_picture(p) and same(p.stem) == same(file.stem)
        )
        if alike:
            return place if place in alike else alike[0]
    raise DataError(
        mismatch(f"targets {targets}", f"the filtered version of {file}", "no picture of its name")
    )


def _part(file: Path, picture: np.ndarray, size: int, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """(top, left, height, width) of what is looked at in the picture."""
    H, W = picture.shape[:2]
    if min(H, W) <= size:
        expected = f"at least {size + 1}×{size + 1} pixels for a filter of {size}×{size}"
        raise DataError(mismatch(str(file), expected, f"{H}×{W}"))
    height, width = min(H, SIDE), min(W, SIDE)
    return int(rng.integers(H - height + 1)), int(rng.integers(W - width + 1)), height, width


def _alike(arrays: list[np.ndarray]) -> list[np.ndarray]:
    """With the channels of the deepest; grey is the same in all of them."""
    channels = max(array.shape[2] for array in arrays)
    return [np.repeat(a, channels, axis=2) if a.shape[2] < channels else a for a in arrays]
