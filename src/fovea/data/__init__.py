"""Labelled pictures: from IDX files, from folders, or drawn; in the three parts that training needs."""

import os
from collections.abc import Sequence

from fovea.data import folder, idx
from fovea.data.dataset import Dataset, Splits, statistics, unreadable
from fovea.data.duplicates import Duplicate, duplicates
from fovea.data.groups import parse
from fovea.data.known import apart, drawn_on
from fovea.data.record import Record, write_splits
from fovea.data.split import stratified, stratified_groups
from fovea.errors import DataError, mismatch
from fovea.files import expanded
from fovea.geometry import pair
from fovea.images import Crop, check_channels, check_crop

DIGITS = "digits"  # the name of the data that Fovea draws itself

__all__ = [
    "DIGITS", "Dataset", "Duplicate", "Record", "Splits", "duplicates", "load", "statistics", "stratified",
    "stratified_groups", "unreadable", "write_splits",
]  # fmt: skip


def load(
    source: str | os.PathLike[str],
    *,
    size: int | Sequence[int] | None = None,
    channels: int | None = None,
    seed: int = 0,
    groups: str | None = None,
    record: Record | None = None,
    draw: bool = True,
    crop: Crop = None,
) -> Splits:
    """The data set at `source`, in its parts train, val and test.

    `source` is "digits" (the drawn digits; a folder of that name is "./digits"), a folder with IDX files like
    MNIST's, or a folder of pictures: `train`, `val` and `test` with a folder for each class, or only the
    folders of the classes. `size` = (H, W) and `channels` (1 or 3) convert all pictures; by default they keep
    their own, and a folder of pictures is converted to a common shape (`folder.usual_shape`). `crop` keeps
    proportions instead of stretching (`images.read`). Data that is
    not already split is split by `seed`, stratified by class; `groups` describes pictures that must stay
    together (`data.groups`). Pictures in `record` stay in the part that they had in that run; the others are
    split with `draw`, and else become `new`. Raises DataError.
    """
    size = None if size is None else pair(size, "data.load", "size")
    check_channels(channels)
    check_crop(crop)
    if seed < 0:
        raise DataError(mismatch("data.load: seed", "a whole number from 0 on", seed))
    if groups is not None and (source == DIGITS or idx.present(expanded(source))):
        raise DataError(mismatch("groups", "pictures that are files of their own", f"data {str(source)!r}"))
    splits = _load(source, size, channels, crop, seed, groups)
    if not splits.drawn:
        return splits
    if not draw:
        return apart(splits, record)
    return splits if record is None else drawn_on(splits, record, seed)


def _load(
    source: str | os.PathLike[str],
    size: Sequence[int] | None,
    channels: int | None,
    crop: Crop,
    seed: int,
    groups: str | None,
) -> Splits:
    if source == DIGITS:
        from fovea.data import digits

        return digits.load(size, channels, crop, seed)
    path = expanded(source)
    if not path.is_dir():
        got = "a file" if path.exists() else "no such folder"
        expected = '"digits", a folder of pictures, or a folder with IDX files'
        raise DataError(mismatch(f"data {str(source)!r}", expected, got))
    if idx.present(path):
        return idx.load(path, size, channels, crop, seed)
    return folder.load(path, size, channels, crop, seed, None if groups is None else parse(groups, path))
