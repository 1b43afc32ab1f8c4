"""Mixup: each picture and its label blended with another of the same batch.

    x' = λ·x + (1 − λ)·y,   t' = λ·t(x) + (1 − λ)·t(y),   λ ~ Beta(α, α)                                  (1)

The next picture of the batch is y; batches are shuffled. H. Zhang et al.: mixup: beyond empirical risk
minimization, 2018, with a λ for each picture, in steps of 1/256, so that (1) is exact in whole numbers.
"""

import numpy as np


def mix(
    pictures: np.ndarray, labels: np.ndarray, classes: int, alpha: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """(1) for uint8 pictures (N, …) and labels (N,): uint8 (N, …) and float32 (N, classes), rows of sum 1.

    A label of −1 gives a row of zeros; such a picture is not mixed. The arguments are not changed.
    """
    n = len(labels)
    partner = np.roll(np.arange(n), -1)
    share = np.rint(256 * rng.beta(alpha, alpha, n)).astype(np.uint16)  # 256·λ
    share[(labels < 0) | (labels[partner] < 0)] = 256
    return blend(pictures, pictures[partner], share), _targets(labels, labels[partner], share, classes)


def blend(x: np.ndarray, y: np.ndarray, share: np.ndarray) -> np.ndarray:
    """share/256 of uint8 x and the rest of y, halves rounded up; `share` uint16 (N,), from 0 to 256."""
    share = share.reshape(-1, *[1] * (x.ndim - 1))
    return ((x * share + y * (256 - share) + np.uint16(128)) >> 8).astype(np.uint8)  # below 2¹⁶


def _targets(labels: np.ndarray, partners: np.ndarray, share: np.ndarray, classes: int) -> np.ndarray:
    rows, targets = np.flatnonzero(labels >= 0), np.zeros((len(labels), classes), np.float32)
    part = share[rows].astype(np.float32) / 256
    targets[rows, labels[rows]] = part
    targets[rows, partners[rows]] += 1 - part  # 0 for an unreadable partner, whose label −1 is any class here
    return targets
