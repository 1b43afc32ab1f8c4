"""The parts of pictures with boxes: those that the data has, else drawn by the seed.

Drawn parts are stratified by the rarest class in each picture, pictures without boxes being a class of their
own. Augmented copies by Roboflow (`a_jpg.rf.1f3c.jpg`, `a_jpg.rf.9b2e.jpg`) stay in one part, and so do the
pictures of a group.
"""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np

from fovea.data import layout
from fovea.data.groups import Grouping
from fovea.data.split import stratified, stratified_groups
from fovea.detection.formats.labels import Picture
from fovea.names import counted

PARTS = tuple(layout.PARTS)
_COPY = re.compile(r"^(.+)\.rf\.[0-9a-zA-Z]+$")


def split(
    pictures: Sequence[Picture], given: Sequence[str | None], groups: Sequence[str], seed: int
) -> tuple[dict[str, list[Picture]], tuple[str, ...], list[str]]:
    """The pictures by part, the names of the parts drawn here, and notes.

    given: the part of each picture, None if the data has none for it. Without `train` the pictures of no part
    are split into it; without `val` a tenth of `train` is held out; without any, two tenths of all pictures.
    """
    rows: dict[str, list[int]] = {part: [] for part in PARTS}
    free = [i for i, part in enumerate(given) if part is None]
    for i, part in enumerate(given):
        if part is not None:
            rows[part].append(i)
    notes, drawn = [], ()
    if free and rows["train"]:
        notes.append(f"{counted(len(free), 'picture')} in none of the parts train, val and test: left out")
    else:
        rows["train"] += free
    missing = [part for part in PARTS[1:] if not rows[part]]
    if len(free) < len(pictures):
        missing = [part for part in missing if part == "val"]  # a given split without test has none
    if missing and rows["train"]:
        drawn = ("train", *missing)
        whole = rows["train"]
        found = _drawn([pictures[i] for i in whole], [groups[i] for i in whole], len(missing), seed)
        rows |= {part: [whole[i] for i in chosen] for part, chosen in zip(drawn, found, strict=True)}
    parts = {part: [pictures[i] for i in sorted(rows[part])] for part in PARTS if rows[part]}
    across = _across({part: [groups[i] for i in rows[part]] for part in parts})
    if across:
        example = across[0]
        notes.append(
            f"{counted(len(across), 'group')} of related pictures in more than one part, such as {example}"
        )
    notes += [
        f"{part} has no boxes" for part, inside in parts.items() if not any(len(p.boxes) for p in inside)
    ]
    return parts, drawn, notes


def group_of(file: str, grouping: Grouping | None) -> str:
    """The group of a picture, by its path relative to the data's folder."""
    found = grouping.find(file) if grouping else None
    copy = _COPY.match(PurePosixPath(file).stem)
    return found or (copy[1] if copy else file)


def _drawn(pictures: Sequence[Picture], groups: Sequence[str], parts: int, seed: int) -> list[np.ndarray]:
    labels = _rarest([picture.boxes.classes for picture in pictures])
    if len(set(groups)) == len(groups):
        return stratified(labels, parts, seed)
    return stratified_groups(labels, groups, parts, seed)


def _rarest(classes: Sequence[np.ndarray]) -> np.ndarray:
    """The class of each picture's that fewest pictures have; one more for pictures without boxes."""
    count = 1 + max((int(own.max(initial=-1)) for own in classes), default=0)
    present = np.zeros(count, np.int64)
    for own in classes:
        present[np.unique(own)] += 1
    return np.array([min(set(own.tolist()), key=lambda c: (present[c], c), default=count) for own in classes])


def _across(groups: dict[str, list[str]]) -> list[str]:
    """The groups that are in several parts."""
    seen: dict[str, str] = {}
    return sorted(
        {group for part, own in groups.items() for group in own if seen.setdefault(group, part) != part}
    )
