"""The logits of a network for a whole data set."""

from collections.abc import Callable

import numpy as np

from fovea.data import Dataset
from fovea.data.batches import batches
from fovea.network.runner import Answering


def answers(
    plan: Answering, dataset: Dataset, batch_size: int, progress: Callable[[int], object] = lambda done: None
) -> tuple[np.ndarray, np.ndarray]:
    """(logits float32 (N, classes), labels int32 (N,)) in the data set's order; the label is −1 for an
    unreadable picture. `progress(done)` counts pictures.
    """
    logits, labels = [], []
    done = 0
    for images, batch_labels in batches(dataset, batch_size, seed=0, epoch=0, shuffle=False):
        logits.append(plan.predict(images))
        labels.append(batch_labels)
        done += len(batch_labels)
        progress(done)
    return np.concatenate(logits), np.concatenate(labels)
