"""Data sets split again as the record of a run has them.

Parts that are folders or files of the data itself stay as they are.
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
    """`splits` as the record has them, with all other pictures in `new`."""
    pool = _pool(splits)
    known = _known(splits, record.parts_of(pool, splits.root) if record else [None] * len(pool))
    chosen = {name: np.flatnonzero(known == number) for number, name in enumerate(splits.drawn)}
    chosen["new"] = np.flatnonzero(known < 0)
    return replace(
        splits, **{name: pool.subset(rows) if len(rows) else None for name, rows in chosen.items()}
    )


def drawn_on(splits: Splits, record: Record, seed: int) -> Splits:
    """`splits` as the record has them; new pictures are drawn so that each class stays near its tenths.

    A new picture joins its group, or the part of the recorded picture with the same path, if there is one.
    Groups are those of the run unless `splits` has its own. If the record has none of the pictures, `splits`
    is returned unchanged. Raises DataError if nothing is left to train with.
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
    datasets = hold_out(pool, len(splits.drawn) - 1, seed, groups, _known(splits, parts))
    if datasets[0] is None:
        got = f"only pictures that {record.path.parent} kept for {' and '.join(splits.drawn[1:])}"
        raise DataError(mismatch(f"data {splits.name}", "pictures to train with", got))
    return replace(splits, **dict(zip(splits.drawn, datasets, strict=True)), grouping=grouping)


def _known(splits: Splits, parts: list[str | None]) -> np.ndarray:
    """The number of each part, −1 for None. Pictures that were in test but are now in a folder `train` are
    training pictures."""
    drawn = splits.drawn
    return np.array([-1 if p is None else drawn.index(p) if p in drawn else 0 for p in parts], np.int64)


def _pool(splits: Splits) -> Dataset:
    """All pictures that were drawn into parts, in their original order."""
    drawn = [splits.parts[part] for part in splits.drawn if part in splits.parts]
    indices = np.concatenate([part.indices for part in drawn])
    labels = np.concatenate([part.labels for part in drawn])
    order, one = np.argsort(indices), drawn[0]
    return Dataset(one.pictures, labels[order], one.classes, indices=indices[order], name=one.name)
