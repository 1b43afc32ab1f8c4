"""A data set in the parts that a run's record gives its pictures, however they were drawn this time.

Parts that are the data's own folders or files stay as they are.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from fovea.data.dataset import Dataset, Splits
from fovea.data.groups import parse
from fovea.data.record import Record
from fovea.data.split import hold_out, relative
from fovea.errors import DataError, mismatch


def apart(splits: Splits, record: Record | None) -> Splits:
    """`splits` as the record has them; all other pictures are `new`."""
    pool = _pool(splits)
    known = _known(splits, record.parts_of(pool, splits.root) if record else [None] * len(pool))
    chosen = {name: np.flatnonzero(known == place) for place, name in enumerate(splits.drawn)}
    chosen["new"] = np.flatnonzero(known < 0)
    return replace(splits, **{name: pool.subset(at) if len(at) else None for name, at in chosen.items()})


def drawn_on(splits: Splits, record: Record, seed: int) -> Splits:
    """`splits` as the record has them; other pictures are drawn so that each class comes near its tenths.

    Such a picture goes where its group is, or where the picture was that had its path, if there is any.
    Groups are the run's unless `splits` have some. Where the record has none of the pictures, they stay as
    they were drawn. Raises DataError where nothing is left to train with.
    """
    pool, root = _pool(splits), splits.root
    parts = record.parts_of(pool, root)
    if not any(parts):
        return splits
    files = [relative(pool.name_of(i), root) for i in range(len(pool))]
    parts = [part or record.part_by_path(file) for part, file in zip(parts, files, strict=True)]
    grouping = splits.grouping
    if grouping is None and record.groups and root is not None:
        grouping = parse(record.groups, Path(root))
    groups = None if grouping is None else [grouping(file) for file in files]
    found = hold_out(pool, len(splits.drawn) - 1, seed, groups, _known(splits, parts))
    if found[0] is None:
        got = f"only pictures that {record.path.parent} kept for {' and '.join(splits.drawn[1:])}"
        raise DataError(mismatch(f"data {splits.name}", "pictures to train with", got))
    return replace(splits, **dict(zip(splits.drawn, found, strict=True)), grouping=grouping)


def _known(splits: Splits, parts: list[str | None]) -> np.ndarray:
    """The number of each part, −1 for None. What was a test picture and lies in a folder `train` now is to be
    learned from."""
    drawn = splits.drawn
    return np.array([-1 if p is None else drawn.index(p) if p in drawn else 0 for p in parts], np.int64)


def _pool(splits: Splits) -> Dataset:
    """All pictures that were drawn into parts, in their order before."""
    drawn = [splits.parts[part] for part in splits.drawn if part in splits.parts]
    indices = np.concatenate([part.indices for part in drawn])
    labels = np.concatenate([part.labels for part in drawn])
    order, one = np.argsort(indices), drawn[0]
    return Dataset(one.pictures, labels[order], one.classes, indices=indices[order], name=one.name)
