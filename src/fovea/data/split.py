"""Which picture belongs to which part: drawn by a seed, each class alike, and written down."""

import csv
import io
from collections.abc import Sequence
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


def stratified_groups(labels: np.ndarray, groups: Sequence[str], parts: int, seed: int) -> list[np.ndarray]:
    """The same, but that pictures of one of the `groups`, a name for each picture, stay together.

    Groups come in an order drawn by the seed. Each goes where it brings the classes nearer to their tenths,
    by the sum of squares, if a picture of every class of it stays in the first part; else it stays there.
    A part that would get nothing gets the smallest group that may leave.
    """
    names, member = np.unique(np.asarray(groups), return_inverse=True)
    classes = int(labels.max(initial=0)) + 1
    counts = np.zeros((len(names), classes))  # pictures of each class in each group
    np.add.at(counts, (member, labels), 1)
    whole = counts.sum(axis=0)
    part_of, left = np.zeros(len(names), int), whole.copy()

    def leaves(group: int) -> bool:
        return bool((left - counts[group] > 0)[counts[group] > 0].all())

    order = np.random.default_rng([seed, _PURPOSE]).permutation(len(names))
    for part in range(1, parts + 1):
        missing = whole / 10
        for group in (g for g in order if part_of[g] == 0 and leaves(g)):
            rest = missing - counts[group]
            if leaves(group) and _distance(rest, whole) < _distance(missing, whole):
                part_of[group], missing = part, rest
                left -= counts[group]
        free = [g for g in order if part_of[g] == 0 and leaves(g)]
        if free and not (part_of == part).any():
            group = min(free, key=lambda g: counts[g].sum())
            part_of[group] = part
            left -= counts[group]
    return [np.flatnonzero(part_of[member] == part) for part in range(parts + 1)]


def _distance(missing: np.ndarray, whole: np.ndarray) -> float:
    return float(np.square(missing / np.maximum(whole, 1)).sum())


def hold_out(
    dataset: Dataset, parts: int, seed: int, groups: Sequence[str] | None = None
) -> list[Dataset | None]:
    """`dataset` in the parts of `stratified`, or `stratified_groups`; None for one that stays empty."""
    if groups is None:
        found = stratified(dataset.labels, parts, seed)
    else:
        found = stratified_groups(dataset.labels, groups, parts, seed)
    return [dataset.subset(own) if len(own) else None for own in found]


def write_splits(splits: Splits, path: str | Path) -> None:
    """Write `splits.csv`: file, split, class of every picture, and its group where there are any; files as
    seen from the data's folder."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    grouping = splits.grouping
    writer.writerow(("file", "split", "class", *(["group"] if grouping else [])))
    for part, dataset in splits.parts.items():
        for i, label in enumerate(dataset.labels):
            file = relative(dataset.name_of(i), splits.root)
            writer.writerow((file, part, dataset.classes[label], *([grouping(file)] if grouping else [])))
    # A file's name may hold bytes that are no text; they are written as they are.
    write_whole(path, text.getvalue().encode("utf-8", "surrogateescape"))


def relative(file: str, root: str | None) -> str:
    """A picture's path as seen from the data's folder, with slashes; its name where it is no file there."""
    if root is None or not Path(file).is_relative_to(root):
        return file
    return Path(file).relative_to(root).as_posix()
