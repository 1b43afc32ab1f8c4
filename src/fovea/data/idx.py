"""IDX files, the format of MNIST and its relatives, plain or compressed by gzip.

    0 0 type axes       four bytes; type 8 is unsigned bytes, the only one for pictures
    n₁ … n_axes         the sizes, four bytes each, big-endian
    values              n₁ · … · n_axes bytes

Pictures are (N, H, W), or (N, H, W, C) with colours; labels (N,).
"""

import gzip
import re
import zlib
from collections.abc import Sequence
from contextlib import suppress
from io import BufferedIOBase
from math import prod
from pathlib import Path

import numpy as np

from fovea import images
from fovea.data.dataset import Dataset, Kept, Splits
from fovea.data.files import check_room
from fovea.data.split import hold_out
from fovea.errors import DataError, mismatch
from fovea.files import open_regular

_NAME = re.compile(r"(train|val|t10k|test)-(images|labels)[-.]idx\d-ubyte(\.gz)?")
_PARTS = {"train": ("train",), "val": ("val",), "test": ("t10k", "test")}


def present(folder: Path) -> bool:
    """True if `folder` has files with names like MNIST's."""
    return folder.is_dir() and any(_NAME.fullmatch(path.name) for path in folder.iterdir())


def load(
    folder: Path, size: Sequence[int] | None, channels: int | None, crop: images.Crop, seed: int
) -> Splits:
    """`train-*` and `t10k-*` (or `test-*`), and `val-*` or else a tenth of train, drawn by `seed`.

    The classes are the labels in the first of these parts, sorted as strings.
    """
    arrays = {part: arrays for part in _PARTS if (arrays := _read_part(folder, part)) is not None}
    classes = sorted({str(label) for label in np.unique(next(iter(arrays.values()))[1])})
    parts: dict[str, Dataset | None] = dict.fromkeys(_PARTS)
    for part, (pictures, labels) in arrays.items():
        unknown = sorted({str(label) for label in np.unique(labels)} - set(classes))
        if unknown:
            expected = f"the labels of the first part, {' '.join(classes)}"
            raise DataError(mismatch(f"{folder}: {part} labels", expected, f"also {' '.join(unknown)}"))
        numbers = np.zeros(256, np.int32)
        numbers[[int(name) for name in classes]] = range(len(classes))
        shape = pictures.shape[1:]
        check_room(len(pictures), (*(size or shape[:2]), channels or shape[2]), f"data {folder}")
        kept = Kept(images.fit(pictures, size, channels, crop))
        parts[part] = Dataset(kept, numbers[labels], classes, name=f"{folder.name}/{part}")
    shapes = {part.shape for part in parts.values() if part is not None}
    if len(shapes) > 1:
        raise DataError(mismatch(str(folder), "pictures of one size", f"{shapes}: give a size"))
    drawn = ()
    if parts["val"] is None and parts["train"] is not None:
        parts["train"], parts["val"] = hold_out(parts["train"], 1, seed)
        drawn = ("train", "val")
    return Splits(folder.name, **parts, root=str(folder), drawn=drawn)  # type: ignore[arg-type]


def read(path: Path) -> np.ndarray:
    """The values of an IDX file, uint8. Raises DataError if its header and its length disagree."""
    try:
        with open_regular(path, "an IDX file") as plain, gzip.open(plain) as unpacked:
            return _read(unpacked if path.suffix == ".gz" else plain, path)  # type: ignore[arg-type]
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(mismatch(str(path), "an IDX file", f"one that cannot be read ({error})")) from error


def _read(file: BufferedIOBase, path: Path) -> np.ndarray:
    head = _read_up_to(file, 4)
    axes = head[3] if len(head) == 4 else 0
    if head[:3] != b"\0\0\x08" or not 1 <= axes <= 4:
        expected = "an IDX file of unsigned bytes, beginning with 00 00 08 and 01 to 04"
        raise DataError(mismatch(str(path), expected, head.hex(" ") or "an empty file"))
    sizes = _read_up_to(file, 4 * axes)
    if len(sizes) < 4 * axes:
        raise DataError(mismatch(str(path), f"a header of {4 + 4 * axes} bytes", 4 + len(sizes)))
    shape = tuple(int(n) for n in np.frombuffer(sizes, ">u4"))
    size = prod(shape)  # as Python's numbers, which do not overflow
    values = _read_up_to(file, size + 1)
    if len(values) != size:
        expected = f"{size} bytes for {'×'.join(map(str, shape))} after the header"
        got = f"{len(values)}: the file is cut short" if len(values) < size else "more"
        raise DataError(mismatch(str(path), expected, got))
    return np.frombuffer(values, np.uint8).reshape(shape)


def _read_up_to(file: BufferedIOBase, count: int) -> bytearray:
    """The next `count` bytes, or all the rest if there are fewer.

    Read piece by piece: a wrong header may claim more than fits into memory.
    """
    got = bytearray()
    with suppress(EOFError):  # raised by gzip for a truncated file
        while len(got) < count and (piece := file.read1(min(count - len(got), 1 << 20))):
            got += piece
    return got


def _read_part(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Pictures (N, H, W, C) and labels (N,) of a part; None if it has no files."""
    paths = {"images": _find(folder, part, "images"), "labels": _find(folder, part, "labels")}
    missing = [kind for kind, path in paths.items() if path is None]
    if len(missing) == 2:
        return None
    if missing:
        raise DataError(mismatch(str(folder), f"{part}-images and {part}-labels", f"no file of {missing[0]}"))
    pictures, labels = read(paths["images"]), read(paths["labels"])  # type: ignore[arg-type]
    if pictures.ndim == 3:
        pictures = pictures[..., None]
    if pictures.ndim != 4 or pictures.shape[3] not in (1, 3) or 0 in pictures.shape:
        expected = "pictures (N, H, W), or (N, H, W, C) with 1 or 3 channels"
        raise DataError(mismatch(str(paths["images"]), expected, pictures.shape))
    if labels.shape != pictures.shape[:1]:
        expected = f"({len(pictures)},), one label per picture"
        raise DataError(mismatch(str(paths["labels"]), expected, labels.shape))
    return pictures, labels


def _find(folder: Path, part: str, kind: str) -> Path | None:
    """The part's file; the plain one if there is a compressed one too."""
    for path in sorted(folder.iterdir()):
        name = _NAME.fullmatch(path.name)
        if name and name[1] in _PARTS[part] and name[2] == kind:
            return path
    return None
