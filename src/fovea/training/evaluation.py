"""A network's answers to a whole data set."""

from collections.abc import Callable

import numpy as np

from fovea.data import Dataset
from fovea.data.batches import batches
from fovea.network.runner import Answering


def answers(
    plan: Answering, dataset: Dataset, batch_size: int, progress: Callable[[int], object] = lambda done: None
) -> tuple[np.ndarray, np.ndarray]:
    """(logits float32 (N, classes), labels int32 (N,)) in the data set's order; the label is −1 where the
    picture could not be read. `progress(done)` hears how many pictures are through.
    """
    logits, labels = [], []
    done = 0
    for images, own in batches(dataset, batch_size, seed=0, epoch=0, shuffle=False):
        logits.append(plan.predict(images))
        labels.append(own)
        done += len(own)
        progress(done)
    return np.concatenate(logits), np.concatenate(labels)
