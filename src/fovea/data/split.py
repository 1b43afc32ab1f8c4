"""Random splits into parts, stratified by class."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from fovea.data.dataset import Dataset
from fovea.names import same
from fovea.seeds import Draw, generator


def stratified(
    labels: np.ndarray, parts: int, seed: int, known: np.ndarray | None = None
) -> list[np.ndarray]:
    """Indices 0…n−1 in `parts` + 1 groups: first the rest, then `parts` groups of a tenth of every class.

    A tenth is rounded half up and at least one picture; a class with fewer pictures than groups stays
    entirely in the first. Each group is in ascending order; the same labels and seed always give the same
    groups. `known` is the group of each picture that already has one, else −1: it stays there, and counts.
    """
    known = np.full(len(labels), -1) if known is None else known
    groups: list[list[np.ndarray]] = [[] for _ in range(parts + 1)]
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        free = generator(seed, Draw.SPLIT, int(label)).permutation(members[known[members] < 0])
        tenth = max((len(members) + 5) // 10, 1) if len(members) > parts else 0
        needed = int(not (known[members] == 0).any())  # pictures that the first group still needs
        for part in range(1, parts + 1):
            already = members[known[members] == part]
            missing = max(min(tenth - len(already), len(free) - needed), 0)
            groups[part] += [already, free[:missing]]
            free = free[missing:]
        groups[0] += [members[known[members] == 0], free]
    return [np.sort(np.concatenate(group)) if group else np.empty(0, np.int64) for group in groups]


def stratified_groups(
    labels: np.ndarray, groups: Sequence[str], parts: int, seed: int, known: np.ndarray | None = None
) -> list[np.ndarray]:
    """The same, with all pictures of a group in one part; `groups` names the group of each picture.

    Groups are visited in a random order. A group moves from the first part to one where it brings the classes
    nearer to a tenth, by the sum of squares, if the first part keeps pictures of all its classes. A part that
    would stay empty gets the smallest group that can move. A group with `known` pictures is in the first part
    that has one of them.
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
    for part, present in enumerate(held, start=1):
        missing = whole / 10 - present
        for group in (g for g in order if part_of[g] == 0 and leaves(g)):
            rest = missing - counts[group]
            if leaves(group) and _distance(rest, whole) < _distance(missing, whole):
                part_of[group], missing = part, rest
                left -= counts[group]
        able = [g for g in order if part_of[g] == 0 and leaves(g)]
        if able and not present.any() and not (part_of == part).any():
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
    """`dataset` in the parts of `stratified` or `stratified_groups`; None for an empty part."""
    if groups is None:
        chosen = stratified(dataset.labels, parts, seed, known)
    else:
        chosen = stratified_groups(dataset.labels, groups, parts, seed, known)
    return [dataset.subset(rows) if len(rows) else None for rows in chosen]


def endings(files: Iterable[str]) -> set[str]:
    """Every ending of these paths, from a name in them on: a picture's path relative to the data's folder is
    one, even if that folder was named differently."""
    named = [same(file).replace("\\", "/").split("/") for file in files]
    return {"/".join(names[start:]) for names in named for start in range(len(names))}


def relative(file: str, root: str | None) -> str:
    """A picture's path relative to the data's folder, with slashes; unchanged if it is not below it."""
    if root is None or not Path(file).is_relative_to(root):
        return file
    return Path(file).relative_to(root).as_posix()
