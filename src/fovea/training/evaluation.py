"""A network's answers to a whole data set."""

from collections.abc import Callable
from typing import Protocol

import numpy as np

from fovea.data import Dataset
from fovea.data.batches import batches


class Answering(Protocol):
    """What answers to pictures: a plan."""

    def predict(self, images: np.ndarray) -> np.ndarray:
        """The logits (N, classes)."""
        ...


class Mirrored:
    """Answers with the mean of the logits of each picture and of its mirror image, left and right swapped.

    Where left and right mean nothing, that is a little more often right, in twice the time.
    """

    def __init__(self, plan: Answering) -> None:
        self.plan = plan

    def predict(self, images: np.ndarray) -> np.ndarray:
        logits = self.plan.predict(images).copy()  # a plan's memory is used again for the next batch
        logits += self.plan.predict(np.ascontiguousarray(images[:, :, ::-1]))
        return logits / 2


def answers(
    plan: Answering, dataset: Dataset, batch_size: int, progress: Callable[[int], object] = lambda done: None
) -> tuple[np.ndarray, np.ndarray]:
    """(logits float32 (N, classes), labels int32 (N,)) in the data set's order; the label is −1 where the
    picture could not be read. `progress(done)` hears how many pictures are through.
    """
    logits, labels = [], []
    done = 0
    for images, own in batches(dataset, batch_size, seed=0, epoch=0, shuffle=False):
        logits.append(plan.predict(images).copy())  # a plan's memory is used again for the next batch
        labels.append(own)
        done += len(own)
        progress(done)
    return np.concatenate(logits), np.concatenate(labels)
