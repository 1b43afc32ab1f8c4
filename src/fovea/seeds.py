"""Random generators from (seed, purpose, place): nothing about them needs to be saved.

Purposes have values of their own, so that no two of them draw the same numbers in one run.
"""

from enum import IntEnum

import numpy as np


class Draw(IntEnum):
    """The purposes of random numbers. A run's results depend on these values: never change one."""

    ORDER = 0  # (epoch): the order of the training pictures
    AUGMENT = 1  # (epoch, step): changes to pictures
    LAYERS = 2  # (epoch, step): dropout, and custom layers
    SPLIT = 3  # (class), or nothing where groups are split
    MIRROR = 4  # the half of the pictures that is mirrored in even epochs
    EXAMPLES = 5  # (epoch, step): mixup, or what else a task makes of a batch
    RATE_SEARCH = 6  # (step): layers in the search for a learning rate
    CURVE = 7  # (pictures of a class, draw): the pictures of a point of the learning curve
    PAINTING = 8  # noise that a painting starts from
    CROP = 9  # (crop): the part of a photograph from which a style is learned; without a place, their order
    PARTS = 1  # the parts of pictures that learn-filter reads; it augments nothing


def generator(seed: int, purpose: Draw, *place: int) -> np.random.Generator:
    """The generator of this seed and purpose at a place such as (epoch, step): always the same numbers."""
    return np.random.default_rng([seed, int(purpose), *place])
