"""The answers of a detector for data sets: the detections in each picture, beside its boxes."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from fovea.data.batches import batches
from fovea.detection.boxes import Boxes
from fovea.detection.dataset import Boxed
from fovea.detection.detect import detections, in_picture
from fovea.detection.detections import Detections
from fovea.network.runner import Answering


class Answers(NamedTuple):
    """The true boxes of each picture, and the detections, both in the picture's own pixels."""

    truth: list[Boxes]
    found: list[Detections]


def answers(
    plan: Answering,
    parts: Sequence[Boxed],
    batch_size: int,
    progress: Callable[[int], object] = lambda done: None,
) -> Answers:
    """The detections of `plan` in all pictures of `parts`; one that cannot be read has no boxes.
    `progress(done)` counts pictures."""
    truth: list[Boxes] = []
    found: list[Detections] = []
    for part in parts:
        place = 0
        for images, targets in batches(part, batch_size, shuffle=False):
            for one, target in zip(detections(plan.predict(images)), targets, strict=True):
                found.append(in_picture(one, part.sizes[place], part.shape))
                truth.append(Boxes.none() if target is None else part.boxes[place])
                place += 1
            progress(len(found))
    return Answers(truth, found)
