"""A folder of pictures as a data set.

    root/{train,val,test}/<class>/*     already split; without `val`, a tenth of `train` is held out
    root/<class>/*                      split here by the seed, stratified by class: 8/10, 1/10, 1/10

A class has all pictures below its folder, at any depth; `listing` decides which files are pictures, and
`layout` which folders are parts. Pictures are opened when first read; an unreadable one is not an error.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fovea import images
from fovea.data import layout, listing
from fovea.data.dataset import Dataset, Splits
from fovea.data.files import Files
from fovea.data.groups import Grouping
from fovea.data.split import hold_out, relative
from fovea.errors import DataError
from fovea.names import counted

LONGEST = 128  # pixels: the longer side of large pictures by default
SAMPLE = 200  # pictures that `usual_shape` inspects


def load(
    root: Path,
    size: Sequence[int] | None,
    channels: int | None,
    crop: images.Crop,
    seed: int,
    grouping: Grouping | None = None,
) -> Splits:
    """The pictures below `root`. Raises DataError if there are none, or fewer than two classes."""
    listing.check_data(root)
    parts, skipped = layout.read(root)
    first = next(iter(parts.values()))
    classes = sorted(first.classes)
    for part in parts.values():
        part.check(classes)
    files = [file for part in parts.values() for name in sorted(part.classes) for file in part.classes[name]]
    if grouping is not None:
        grouping.check(relative(file, str(root)) for file in files)
    pictures = Files(files, _shape(files, size, channels), crop=crop)

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

    whole, drawn = datasets.pop("all", None), ()
    if whole is not None:
        drawn = tuple(layout.PARTS)
        datasets = dict(zip(layout.PARTS, held_out(whole, 2), strict=True))
    elif "val" not in datasets and "train" in datasets:
        drawn = ("train", "val")
        datasets["train"], datasets["val"] = held_out(datasets["train"], 1)  # type: ignore[arg-type]
    return Splits(
        root.name or root.resolve().name, *(datasets.get(part) for part in layout.PARTS), root=str(root),
        skipped=skipped, drawn=drawn, grouping=grouping,
    )  # fmt: skip


def usual_shape(files: Sequence[str]) -> tuple[int, int, int]:
    """A common (height, width, channels) for pictures of different sizes.

    The median height and width, scaled down if the longer side exceeds `LONGEST`; one channel if all are
    grey, else three. `SAMPLE` of the pictures, at equal distances, are inspected. Raises DataError if none of
    these can be read.
    """
    count = min(SAMPLE, len(files))
    shapes, failure = [], None
    for i in range(count):
        try:
            shapes.append(images.inspect(files[i * len(files) // count]))
        except DataError as error:
            failure = error
    if not shapes:
        raise DataError(
            f"none of {counted(count, 'picture')} can be read, the last of them because: {failure}"
        )
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
