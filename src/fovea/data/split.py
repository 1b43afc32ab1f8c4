"""Which picture belongs to which part: drawn by a seed, each class alike, and written down."""

import csv
import io
from pathlib import Path

import numpy as np

from fovea.data.dataset import Dataset, Splits
from fovea.files import write_whole

_PURPOSE = 3  # of the random numbers; batches and training have others, so that no two of them go together


def stratified(labels: np.ndarray, parts: int, seed: int) -> list[np.ndarray]:
    """Numbers 0…n−1 in `parts` + 1 groups: the rest first, then `parts` of a tenth of every class each.

    A tenth is rounded half up and at least one picture; a class with fewer pictures than groups stays whole
    in the first. Each group is in ascending order; the same labels and seed always give the same groups.
    """
    groups: list[list[np.ndarray]] = [[] for _ in range(parts + 1)]
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        shuffled = np.random.default_rng([seed, _PURPOSE, int(label)]).permutation(members)
        tenth = max((len(members) + 5) // 10, 1) if len(members) > parts else 0
        for part in range(parts):
            groups[part + 1].append(shuffled[part * tenth : (part + 1) * tenth])
        groups[0].append(shuffled[parts * tenth :])
    return [np.sort(np.concatenate(group)) if group else np.empty(0, np.int64) for group in groups]


def hold_out(dataset: Dataset, parts: int, seed: int) -> list[Dataset | None]:
    """`dataset` in the groups of `stratified`; None for one that stays empty."""
    groups = stratified(dataset.labels, parts, seed)
    return [dataset.subset(group) if len(group) else None for group in groups]


def write_splits(splits: Splits, path: str | Path) -> None:
    """Write `splits.csv`: file, split, class of every picture, files as seen from the data's folder."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("file", "split", "class"))
    for part, dataset in splits.parts.items():
        for i, label in enumerate(dataset.labels):
            writer.writerow((_relative(dataset.name_of(i), splits.root), part, dataset.classes[label]))
    # A file's name may hold bytes that are no text; they are written as they are.
    write_whole(path, text.getvalue().encode("utf-8", "surrogateescape"))


def _relative(file: str, root: str | None) -> str:
    if root is None or not Path(file).is_relative_to(root):
        return file
    return Path(file).relative_to(root).as_posix()
