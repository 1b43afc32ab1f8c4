"""Which picture belongs to which part: drawn by a seed, each class alike."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fovea.data.dataset import Dataset
from fovea.seeds import Draw, generator


def stratified(
    labels: np.ndarray, parts: int, seed: int, known: np.ndarray | None = None
) -> list[np.ndarray]:
    """Numbers 0…n−1 in `parts` + 1 groups: the rest first, then `parts` of a tenth of every class each.

    A tenth is rounded half up and at least one picture; a class with fewer pictures than groups stays whole
    in the first. Each group is in ascending order; the same labels and seed always give the same groups.
    `known` is the group of each picture that has one already, else −1: it stays there, and counts.
    """
    known = np.full(len(labels), -1) if known is None else known
    groups: list[list[np.ndarray]] = [[] for _ in range(parts + 1)]
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        free = generator(seed, Draw.SPLIT, int(label)).permutation(members[known[members] < 0])
        tenth = max((len(members) + 5) // 10, 1) if len(members) > parts else 0
        needed = int(not (known[members] == 0).any())  # of them, for the first group
        for part in range(1, parts + 1):
            own = members[known[members] == part]
            missing = max(min(tenth - len(own), len(free) - needed), 0)
            groups[part] += [own, free[:missing]]
            free = free[missing:]
        groups[0] += [members[known[members] == 0], free]
    return [np.sort(np.concatenate(group)) if group else np.empty(0, np.int64) for group in groups]


def stratified_groups(
    labels: np.ndarray, groups: Sequence[str], parts: int, seed: int, known: np.ndarray | None = None
) -> list[np.ndarray]:
    """The same, but that pictures of one of the `groups`, a name for each picture, stay together.

    Groups come in an order drawn by the seed. Each goes where it brings the classes nearer to their tenths,
    by the sum of squares, if a picture of every class of it stays in the first part; else it stays there.
    A part that would get nothing gets the smallest group that may leave. Of pictures that are `known`, the
    whole group is where the first of the parts has one of them.
    """
    known = np.full(len(labels), -1) if known is None else known
    names, member = np.unique(np.asarray(groups), return_inverse=True)
    classes = int(labels.max(initial=0)) + 1
    part_of = np.full(len(names), parts + 1)
    np.minimum.at(part_of, member[known >= 0], known[known >= 0])
    movable = part_of > parts
    part_of[movable] = 0
    place = np.where(known < 0, part_of[member], known)  # of each picture

    def count(rows: np.ndarray, size: int) -> np.ndarray:
        counts = np.zeros((size, classes))  # pictures of each class
        np.add.at(counts, (rows, labels), 1)
        return counts

    counts, (left, *held) = count(member, len(names)), count(place, parts + 1)
    whole = counts.sum(axis=0)

    def leaves(group: int) -> bool:
        return movable[group] and bool((left - counts[group] > 0)[counts[group] > 0].all())

    order = generator(seed, Draw.SPLIT).permutation(len(names))
    for part, own in enumerate(held, start=1):
        missing = whole / 10 - own
        for group in (g for g in order if part_of[g] == 0 and leaves(g)):
            rest = missing - counts[group]
            if leaves(group) and _distance(rest, whole) < _distance(missing, whole):
                part_of[group], missing = part, rest
                left -= counts[group]
        able = [g for g in order if part_of[g] == 0 and leaves(g)]
        if able and not own.any() and not (part_of == part).any():
            group = min(able, key=lambda g: counts[g].sum())
            part_of[group] = part
            left -= counts[group]
    place = np.where(known < 0, part_of[member], known)
    return [np.flatnonzero(place == part) for part in range(parts + 1)]


def _distance(missing: np.ndarray, whole: np.ndarray) -> float:
    return float(np.square(missing / np.maximum(whole, 1)).sum())


def hold_out(
    dataset: Dataset,
    parts: int,
    seed: int,
    groups: Sequence[str] | None = None,
    known: np.ndarray | None = None,
) -> list[Dataset | None]:
    """`dataset` in the parts of `stratified`, or `stratified_groups`; None for one that stays empty."""
    if groups is None:
        found = stratified(dataset.labels, parts, seed, known)
    else:
        found = stratified_groups(dataset.labels, groups, parts, seed, known)
    return [dataset.subset(own) if len(own) else None for own in found]


def relative(file: str, root: str | None) -> str:
    """A picture's path as seen from the data's folder, with slashes; its name where it is no file there."""
    if root is None or not Path(file).is_relative_to(root):
        return file
    return Path(file).relative_to(root).as_posix()
