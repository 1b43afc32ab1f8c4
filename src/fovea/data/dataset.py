"""A data set: pictures of one size with their classes, read by their numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from fovea.data.groups import Grouping
from fovea.data.listing import NO_PICTURE, Skipped
from fovea.errors import DataError, mismatch
from fovea.names import class_name

_AT_ONCE = 64  # pictures of a sample that are in memory


class Pictures(Protocol):
    """Where pictures come from: memory (`Kept`), or files that are decoded when they are wanted (`Files`).

    shape: (H, W, C) of each picture.
    files: their paths, or None where they have none.
    bad: number → why that picture could not be read; grows while reading.
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
    """Pictures with labels: what training and measuring read.

    pictures: uint8 (N, H, W, C) with C of 1 or 3, or (N, H, W), or another source of `Pictures`.
    labels: whole numbers (N,), a position in `classes` each; kept as int32.
    classes: the names of the classes.
    indices: which of `pictures` belong to it, by default all; `labels` are theirs.
    name: what the data is called where its pictures are no files.

    Raises DataError for arrays that do not fit. Reading is safe from several threads at once.
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
            raise DataError(mismatch(f"{name}: labels", f"one a picture, ({len(self)},)", self.labels.shape))
        if len(self) and not 0 <= self.labels.min() <= self.labels.max() < len(self.classes):
            got = f"{self.labels.min()} to {self.labels.max()}"
            raise DataError(mismatch(f"{name}: labels", f"numbers from 0 to {len(self.classes) - 1}", got))

    def __len__(self) -> int:
        return len(self.indices)

    def __repr__(self) -> str:
        size = "×".join(map(str, self.shape))
        return f"Dataset({self.name!r}, {len(self)} pictures of {size}, {len(self.classes)} classes)"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of each picture."""
        return self.pictures.shape

    @property
    def files(self) -> list[str] | None:
        """The pictures' paths, in order; None where they come from no files of their own."""
        files = self.pictures.files
        return None if files is None else [files[i] for i in self.indices.tolist()]

    @property
    def bad(self) -> dict[int, str]:
        """Number → reason of every picture that was found unreadable so far."""
        found = dict(self.pictures.bad)
        return {at: found[i] for at, i in enumerate(self.indices.tolist()) if i in found} if found else {}

    def name_of(self, index: int) -> str:
        """A picture's path, or the data's name with its number there, as in `digits[17]`."""
        number = int(self.indices[index])
        return f"{self.name}[{number}]" if self.pictures.files is None else self.pictures.files[number]

    def read(self, indices: Sequence[int] | np.ndarray | slice) -> tuple[np.ndarray, np.ndarray]:
        """New arrays: uint8 (n, H, W, C), and bool (n,), False for an unreadable picture, which is all 0."""
        return self.pictures.read(self.indices[_numbers(indices)])

    def subset(self, indices: Sequence[int] | np.ndarray | slice) -> "Dataset":
        """The pictures of these numbers, in this order, without copying them."""
        indices = _numbers(indices)
        return Dataset(
            self.pictures, self.labels[indices], self.classes, indices=self.indices[indices], name=self.name
        )


@dataclass
class Splits:
    """A data set in its parts; a part that there is none of is None.

    train: what the network learns from. val: what the best of its states is chosen by. test: what is looked
    at once, at the end. new: pictures of no part, which came after a run. root: the folder they came from.
    skipped: what was not taken there. drawn: the parts that were drawn, not the data's own. grouping: which
    pictures must not be parted, where that was asked for.
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
        """The parts that there are, by their names."""
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
        """How many files were skipped because they are no pictures."""
        return self.skipped.count(NO_PICTURE) if self.skipped else 0

    @property
    def bad(self) -> dict[str, str]:
        """Path → reason of every picture that was found unreadable so far."""
        return {part.name_of(i): why for part in self._all for i, why in part.bad.items()}

    @property
    def _all(self) -> list[Dataset]:
        return [*self.parts.values(), *([self.new] if self.new is not None else [])]


def sample(dataset: Dataset, most: int) -> Iterator[np.ndarray]:
    """`most` pictures at equal distances through the data set, or all if there are fewer, some at a time:
    uint8 (n, H, W, C). Raises DataError where none of them can be read."""
    count, n = min(most, len(dataset)), 0
    chosen = np.arange(count) * len(dataset) // max(count, 1)
    for start in range(0, count, _AT_ONCE):
        pictures, readable = dataset.read(chosen[start : start + _AT_ONCE])
        if readable.any():
            yield pictures[readable]
            n += int(readable.sum())
    if n == 0:
        raise DataError(mismatch(dataset.name, "pictures that can be read", f"none in {count} tried"))


def statistics(dataset: Dataset, most: int = 5000) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel of a `sample` of so many pictures, black being 0 and
    white 1.

    A channel that never changes gets a deviation of 1, so that it can be divided by. Raises DataError where
    none of the pictures can be read.
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
    """As NumPy takes them: a tuple would be one index for each axis."""
    return indices if isinstance(indices, slice) else np.asarray(indices)
