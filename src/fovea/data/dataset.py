"""A data set: pictures of one size with their classes, read by index."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from fovea.data.groups import Grouping
from fovea.data.listing import NO_PICTURE, Skipped
from fovea.errors import DataError, mismatch
from fovea.names import class_name, counted

_CHUNK = 64  # pictures of a sample in memory at a time


class Pictures(Protocol):
    """A source of pictures: memory (`Kept`), or files that are decoded when first read (`Files`).

    shape: (H, W, C) of each picture.
    files: their paths, or None if they are not files.
    bad: index → why that picture could not be read; grows while reading.
    """

    shape: tuple[int, int, int]
    bad: dict[int, str]

    @property
    def files(self) -> Sequence[str] | None: ...

    def __len__(self) -> int: ...

    def read(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """New arrays: uint8 (n, H, W, C), and bool (n,), False for an unreadable picture, which is all 0."""
        ...


class Kept:
    """Pictures in memory: uint8 (N, H, W, C)."""

    files: Sequence[str] | None = None

    def __init__(self, pictures: np.ndarray) -> None:
        self.pictures = np.ascontiguousarray(pictures)
        self.shape: tuple[int, int, int] = self.pictures.shape[1:]  # type: ignore[assignment]
        self.bad: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self.pictures)

    def read(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.pictures.take(indices, axis=0), np.ones(len(indices), bool)


class Dataset:
    """Pictures with labels, to train and to evaluate on.

    pictures: uint8 (N, H, W, C) with C of 1 or 3, or (N, H, W), or another source of `Pictures`.
    labels: whole numbers (N,), positions in `classes`; kept as int32.
    classes: the names of the classes.
    indices: the pictures that belong to this data set, by default all; `labels` are theirs.
    name: the name of the data, for messages about pictures that are not files.

    Raises DataError for arrays that do not fit. Several threads may read at once.
    """

    def __init__(
        self,
        pictures: "np.ndarray | Pictures",
        labels: np.ndarray,
        classes: Sequence[str],
        *,
        indices: np.ndarray | None = None,
        name: str = "data",
    ) -> None:
        self.pictures: Pictures = Kept(_checked(pictures)) if isinstance(pictures, np.ndarray) else pictures
        self.indices = np.arange(len(self.pictures)) if indices is None else np.asarray(indices, np.int64)
        self.labels = np.asarray(labels).astype(np.int32)
        self.classes = [class_name(str(c)) for c in classes]
        self.name = name
        if self.labels.shape != self.indices.shape:
            raise DataError(
                mismatch(f"{name}: labels", f"one per picture, ({len(self)},)", self.labels.shape)
            )
        if len(self) and not 0 <= self.labels.min() <= self.labels.max() < len(self.classes):
            got = f"{self.labels.min()} to {self.labels.max()}"
            raise DataError(mismatch(f"{name}: labels", f"numbers from 0 to {len(self.classes) - 1}", got))

    def __len__(self) -> int:
        return len(self.indices)

    def __repr__(self) -> str:
        size = "×".join(map(str, self.shape))
        pictures, classes = counted(len(self), "picture"), counted(len(self.classes), "class")
        return f"Dataset({self.name!r}, {pictures} of {size}, {classes})"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of each picture."""
        return self.pictures.shape

    @property
    def files(self) -> list[str] | None:
        """The pictures' paths, in order; None if pictures are not single files."""
        files = self.pictures.files
        return None if files is None else [files[i] for i in self.indices.tolist()]

    @property
    def bad(self) -> dict[int, str]:
        """Index → reason of every picture found unreadable so far."""
        bad = dict(self.pictures.bad)
        return {k: bad[i] for k, i in enumerate(self.indices.tolist()) if i in bad} if bad else {}

    def name_of(self, index: int) -> str:
        """A picture's path, or the data's name and the picture's index in it, as in `digits[17]`."""
        number = int(self.indices[index])
        return f"{self.name}[{number}]" if self.pictures.files is None else self.pictures.files[number]

    def class_of(self, index: int) -> str:
        """The name of a picture's class."""
        return self.classes[self.labels[index]]

    def read(self, indices: Sequence[int] | np.ndarray | slice) -> tuple[np.ndarray, np.ndarray]:
        """New arrays: uint8 (n, H, W, C), and bool (n,), False for an unreadable picture, which is all 0."""
        return self.pictures.read(self.indices[_numbers(indices)])

    def targets(self, indices: np.ndarray, readable: np.ndarray) -> Any:
        """The labels int32 (n,) of the pictures at these indices, −1 where `readable` is False."""
        return np.where(readable, self.labels[indices], np.int32(-1))

    def subset(self, indices: Sequence[int] | np.ndarray | slice) -> "Dataset":
        """The pictures at these indices, in this order, without copying them."""
        indices = _numbers(indices)
        return Dataset(
            self.pictures, self.labels[indices], self.classes, indices=self.indices[indices], name=self.name
        )


@dataclass
class Splits:
    """A data set in its parts; a missing part is None.

    train: the pictures to learn from. val: those that choose the best epoch. test: those that measure the
    trained network, once. new: pictures of no part, added after a run. root: the folder they came from.
    skipped: the files there that were skipped. drawn: the parts drawn at random here, rather than given by
    the data. grouping: the groups of pictures that must stay in one part, or None.
    """

    name: str
    train: Dataset | None
    val: Dataset | None
    test: Dataset | None
    root: str | None = None
    skipped: Skipped | None = None
    grouping: Grouping | None = None
    drawn: tuple[str, ...] = ()
    new: Dataset | None = None

    @property
    def parts(self) -> dict[str, Dataset]:
        """The existing parts by name."""
        named = {"train": self.train, "val": self.val, "test": self.test}
        return {name: part for name, part in named.items() if part is not None}

    @property
    def classes(self) -> list[str]:
        """The names of the classes; a label is a position here."""
        return self._all[0].classes

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of each picture."""
        return self._all[0].shape

    @property
    def ignored(self) -> int:
        """The number of files skipped because they are not pictures."""
        return self.skipped.count(NO_PICTURE) if self.skipped else 0

    @property
    def bad(self) -> dict[str, str]:
        """Path → reason of every picture found unreadable so far."""
        return {part.name_of(i): why for part in self._all for i, why in part.bad.items()}

    @property
    def unreadable(self) -> list[str]:
        """The lines of `unreadable` for each part, from the pictures read so far."""
        lines = []
        for name, part in self.parts.items():
            read = part.labels.copy()
            read[list(part.bad)] = -1
            lines += unreadable(name, part.classes, part.labels, read)
        return lines

    @property
    def _all(self) -> list[Dataset]:
        return [*self.parts.values(), *([self.new] if self.new is not None else [])]


def unreadable(name: str, classes: Sequence[str], labels: np.ndarray, read: np.ndarray) -> list[str]:
    """A line for each class of the part `name` without a picture that can be read, or one line if none can.

    labels: whole numbers (N,), positions in `classes`. read: the same, with −1 for unreadable pictures.
    """
    if len(labels) and not (read >= 0).any():
        return [f"none of {counted(len(labels), 'picture')} in {name} can be read"]
    sizes = [np.bincount(a[a >= 0], minlength=len(classes)) for a in (labels, read)]
    return [
        f"none of {counted(n, 'picture')} of {label} in {name} can be read"
        for label, n, left in zip(classes, *(size.tolist() for size in sizes), strict=True)
        if n and not left
    ]


def sample(dataset: Dataset, most: int) -> Iterator[np.ndarray]:
    """`most` pictures at equal distances through the data set, or all if there are fewer, in chunks uint8
    (n, H, W, C). Raises DataError if none of them can be read."""
    count, n = min(most, len(dataset)), 0
    chosen = np.arange(count) * len(dataset) // max(count, 1)
    for start in range(0, count, _CHUNK):
        pictures, readable = dataset.read(chosen[start : start + _CHUNK])
        if readable.any():
            yield pictures[readable]
            n += int(readable.sum())
    if n == 0:
        raise DataError(mismatch(dataset.name, "pictures that can be read", f"none in {count} tried"))


def statistics(dataset: Dataset, most: int = 5000) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel of a `sample` of at most `most` pictures; black is 0 and
    white 1.

    A constant channel gets a deviation of 1, so that it can be divided by. Raises DataError if none of the
    pictures can be read.
    """
    total, squares, n = np.zeros(dataset.shape[2]), np.zeros(dataset.shape[2]), 0
    for pictures in sample(dataset, most):
        values = pictures.reshape(-1, dataset.shape[2]).astype(np.int64)  # whole numbers: exact sums
        total += values.sum(axis=0)
        squares += (values * values).sum(axis=0)
        n += len(values)
    mean = total / n
    std = np.sqrt(np.maximum(squares / n - mean * mean, 0))
    return tuple((mean / 255).tolist()), tuple(np.where(std > 1e-3, std / 255, 1.0).tolist())


def _checked(pictures: np.ndarray) -> np.ndarray:
    if pictures.ndim == 3:
        pictures = pictures[..., None]
    if pictures.dtype != np.uint8 or pictures.ndim != 4 or pictures.shape[3] not in (1, 3):
        expected = "uint8 (N, H, W, C) with 1 or 3 channels, or (N, H, W)"
        raise DataError(mismatch("data: pictures", expected, f"{pictures.dtype} {pictures.shape}"))
    return pictures


def _numbers(indices: Sequence[int] | np.ndarray | slice) -> np.ndarray | slice:
    """`indices` as NumPy expects them: a tuple would be one index for each axis."""
    return indices if isinstance(indices, slice) else np.asarray(indices)
