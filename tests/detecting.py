"""Pictures with true boxes, and detections near them."""

import numpy as np

from fovea.detection.boxes import Boxes
from fovea.detection.detections import Detections


def random_pictures(rng, pictures, true, made, classes):
    """Up to `true` boxes in each picture, some of them difficult, some crowds; and `made` detections, mostly
    near them and of their class, with scores that are often equal."""
    truth, found = [], []
    for _ in range(pictures):
        n = rng.integers(0, true + 1)
        low = rng.random((n, 2)) * 500
        exact = np.concatenate([low, low + 5 + rng.random((n, 2)) ** 2 * 150], axis=1)
        kinds = rng.integers(0, classes, n)
        truth.append(Boxes(exact, kinds, rng.random(n) < 0.1, rng.random(n) < 0.1))
        near = rng.integers(0, max(n, 1), made if n else 0)
        moved = exact[near] + rng.normal(0, 4, (len(near), 4))
        moved[:, 2:] = np.maximum(moved[:, 2:], moved[:, :2] + 1)
        kind = np.where(rng.random(len(near)) < 0.9, kinds[near] if n else 0, 0)
        found.append(Detections(moved, rng.random(len(near)).round(2), kind))
    return truth, found
