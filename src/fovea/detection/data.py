"""A folder of pictures with boxes as the parts of a data set, in the size that a detector sees."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fovea.data import Record, Splits
from fovea.data.files import Files, check_room
from fovea.data.split import relative
from fovea.detection import formats
from fovea.detection.dataset import Boxed
from fovea.detection.formats import Labelled, Picture
from fovea.geometry.letterbox import LETTERBOX
from fovea.names import counted, same

PARTS, NEW = ("train", "val", "test"), "new"
STEP = 32  # pixels: the sides of the size are multiples of it
LONGER = 320  # pixels of its longer side


def read(
    source: str,
    format: str | None = None,
    *,
    seed: int = 0,
    groups: str | None = None,
    record: Record | None = None,
    draw: bool = True,
) -> Labelled:
    """The pictures and boxes at `source`, in `format` or a recognised one.

    Where the parts are drawn, pictures in `record` keep the part that they had in that run; the others are
    left out with `draw`, and else become the part `NEW`. Raises DataError.
    """
    found = formats.read(source, format, seed=seed, groups=groups)
    if found is None:
        raise formats.none_found(source)
    if not found.drawn or (record is None and draw):
        return found
    part_of = {} if record is None else {same(row.file): row.part for row in record.rows}
    parts: dict[str, list[Picture]] = {part: [] for part in (*PARTS, NEW)}
    for picture in sorted(found.pictures, key=lambda picture: picture.file):
        parts[part_of.get(same(relative(picture.file, str(found.root))), NEW)].append(picture)
    notes = []
    if draw and (new := parts.pop(NEW)):
        notes = [f"{counted(len(new), 'picture')} added since the run began: left out"]
    parts = {part: pictures for part, pictures in parts.items() if pictures}
    return replace(found, parts=parts, notes=[*found.notes, *notes])


def splits(found: Labelled, size: Sequence[int]) -> Splits:
    """The parts of `found`, with RGB pictures in letterboxes of `size` = (H, W). Raises DataError if they do
    not fit the memory."""
    shape = (size[0], size[1], 3)
    check_room(len(found.pictures), shape, f"data {found.root}")
    files = Files([picture.file for picture in found.pictures], shape, crop=LETTERBOX)
    made, start = dict[str, Boxed](), 0
    for name, pictures in found.parts.items():
        indices = np.arange(start, start + len(pictures))
        boxes, sizes = [p.boxes for p in pictures], [(p.height, p.width) for p in pictures]
        made[name] = Boxed(files, boxes, sizes, found.classes, indices=indices, name=name)
        start += len(pictures)
    return Splits(
        found.root.name or found.root.resolve().name, *(made.get(part) for part in PARTS),
        root=str(found.root), drawn=found.drawn, grouping=found.grouping, new=made.get(NEW),
    )  # fmt: skip


def usual_size(pictures: Sequence[Picture], longer: int = LONGER) -> tuple[int, int]:
    """The size (H, W) with the median proportions of the pictures, whose longer side has `longer` pixels and
    the other a multiple of `STEP`."""
    tall = float(np.median([picture.height / picture.width for picture in pictures]))
    shorter = max(round(longer * min(tall, 1 / tall) / STEP), 1) * STEP
    return (longer, shorter) if tall > 1 else (shorter, longer)
