"""A folder of pictures as a data set.

    root/{train,val,test}/<class>/*     split already; without `val`, a tenth of `train` is held out
    root/<class>/*                      split here: eight tenths, one, one; each class alike, by the seed

A picture is what has one of the extensions of `images.EXTENSIONS`. Hidden files are passed over; other files
too, but they are counted. Pictures are opened when they are wanted, and one that cannot be read ends nothing.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fovea import images
from fovea.data.dataset import Dataset, Splits
from fovea.data.files import Files
from fovea.data.groups import Grouping
from fovea.data.split import hold_out, relative
from fovea.errors import DataError, mismatch

PARTS = ("train", "val", "test")
LONGEST = 128  # pixels: the longer side that large pictures are brought to where no size is asked for
SAMPLE = 200  # pictures that are looked at for their usual shape
_ALMOST = ("valid", "validation", "dev", "training", "testing")  # to be told about, not to be passed over


def load(
    root: Path,
    size: Sequence[int] | None,
    channels: int | None,
    seed: int,
    grouping: Grouping | None = None,
) -> Splits:
    """The pictures below `root`. Raises DataError where there are none, or no two classes of them."""
    try:
        parts = _parts(root)
    except OSError as error:
        raise DataError(mismatch(str(root), "a folder that can be read", error)) from error
    first = next(iter(parts.values()))
    classes = sorted(first.classes)
    for part in parts.values():
        part.check(classes)
    files = [file for part in parts.values() for name in sorted(part.classes) for file in part.classes[name]]
    if grouping is not None:
        grouping.check(relative(file, str(root)) for file in files)
    pictures = Files(files, _shape(files, size, channels))

    datasets: dict[str, Dataset | None] = {}
    start = 0
    for name, part in parts.items():
        labels = np.repeat([classes.index(c) for c in sorted(part.classes)], part.counts)
        here = np.arange(start, start + len(labels))
        datasets[name] = Dataset(pictures, labels, classes, indices=here, name=name)
        start += len(labels)

    def held_out(dataset: Dataset, parts: int) -> list[Dataset | None]:
        groups = None
        if grouping is not None:
            groups = [grouping(relative(file, str(root))) for file in dataset.files or ()]
        return hold_out(dataset, parts, seed, groups)

    whole = datasets.pop("all", None)
    if whole is not None:
        datasets = dict(zip(PARTS, held_out(whole, 2), strict=True))
    elif "val" not in datasets and "train" in datasets:
        datasets["train"], datasets["val"] = held_out(datasets["train"], 1)  # type: ignore[arg-type]
    ignored = sum(part.ignored for part in parts.values())
    return Splits(
        root.name, *(datasets.get(part) for part in PARTS), root=str(root), ignored=ignored, grouping=grouping
    )


def usual_shape(files: Sequence[str]) -> tuple[int, int, int]:
    """(height, width, channels) that suit pictures of many sizes.

    The size that all have, else the median height and width, in either case with the longer side brought
    down to `LONGEST`; one channel if all are grey, else three. `SAMPLE` of them are looked at, at equal
    distances. Raises DataError where none of these can be read.
    """
    count = min(SAMPLE, len(files))
    shapes, failure = [], None
    for i in range(count):
        try:
            shapes.append(images.inspect(files[i * len(files) // count]))
        except DataError as error:
            failure = error
    if not shapes:
        raise DataError(f"none of {count} pictures can be read, the last of them because: {failure}")
    height, width = (sorted(sides)[len(sides) // 2] for sides in list(zip(*shapes, strict=True))[:2])
    longer = max(height, width)
    if longer > LONGEST:
        height, width = (max((2 * side * LONGEST + longer) // (2 * longer), 1) for side in (height, width))
    return height, width, max(shape[2] for shape in shapes)


def _shape(files: Sequence[str], size: Sequence[int] | None, channels: int | None) -> tuple[int, int, int]:
    if size is not None and channels is not None:
        return size[0], size[1], channels
    height, width, usual = usual_shape(files)
    return *((height, width) if size is None else (size[0], size[1])), channels or usual


@dataclass
class _Part:
    """The classes of one folder: name → the paths of its pictures, sorted."""

    folder: Path
    classes: dict[str, list[str]] = field(default_factory=dict)
    ignored: int = 0
    needs_all: bool = True  # every class must have pictures; a part to measure on may lack some

    @property
    def counts(self) -> list[int]:
        return [len(self.classes[name]) for name in sorted(self.classes)]

    def check(self, classes: list[str]) -> None:
        """Raise DataError unless training and measuring can make sense of these classes."""
        if not self.classes:
            remedy = "put each class's pictures into a folder of its own"
            raise DataError(mismatch(str(self.folder), "a folder for each class", "none", remedy))
        if len(classes) < 2:
            raise DataError(mismatch(str(self.folder), "at least two classes", f"only {classes[0]!r}"))
        for name, files in self.classes.items():
            if not _is_text(name):
                raise DataError(mismatch(str(self.folder), "class names in UTF-8", f"{name!r}: rename it"))
            if name not in classes:
                got = f"also {name!r}, which has no pictures to learn from"
                raise DataError(mismatch(str(self.folder), f"the classes {', '.join(classes)}", got))
            if self.needs_all and not files:
                expected = f"pictures ({' '.join(e[1:] for e in images.EXTENSIONS)})"
                raise DataError(mismatch(str(self.folder / name), expected, "none"))
        if not any(self.classes.values()):
            raise DataError(mismatch(str(self.folder), "pictures", "none"))


def _parts(root: Path) -> dict[str, _Part]:
    """train, val and test, those that there are; or all pictures as "all"."""
    folders = {path.name: path for path in _folders(root)}
    split = {name: folders[name] for name in PARTS if name in folders and _folders(folders[name])}
    # A class may itself be called "test" or "train": then it holds pictures, or stands among other classes.
    if "train" not in split and set(folders) - set(PARTS):
        split = {}
    if not split:
        return {"all": _scan(root, needs_all=True)}
    almost = sorted(set(folders) & set(_ALMOST))
    if almost:
        raise DataError(
            mismatch(str(root), "the folders train, val and test", f"also {almost[0]!r}: rename it")
        )
    return {name: _scan(path, needs_all=i == 0) for i, (name, path) in enumerate(split.items())}


def _scan(folder: Path, *, needs_all: bool) -> _Part:
    part = _Part(folder, needs_all=needs_all)
    part.ignored += sum(entry.is_file() and not entry.name.startswith(".") for entry in os.scandir(folder))
    for path in _folders(folder):
        with os.scandir(path) as entries:
            files = [entry for entry in entries if entry.is_file() and not entry.name.startswith(".")]
        part.classes[path.name] = sorted(entry.path for entry in files if images.is_picture(entry.name))
        part.ignored += len(files) - len(part.classes[path.name])
    return part


def _is_text(name: str) -> bool:
    """Whether a model file can have the name: the file system gives bytes that are no UTF-8 as surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in name)


def _folders(folder: Path) -> list[Path]:
    """The folders in `folder` by name, without hidden ones and without what a Mac adds to its archives."""
    return sorted(
        path for path in folder.iterdir()
        if path.is_dir() and not path.name.startswith(".") and path.name != "__MACOSX"
    )  # fmt: skip
