"""The learning curve: the accuracy that fewer training pictures would have given.

For a network that was trained from known weights: on the features that these compute (`features`), the last
layer is fitted to k pictures of each class, drawn at random, as a training's first epoch does (`linear`), and
measured on pictures that the network has not seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fovea import data
from fovea.classification import linear
from fovea.classification.features import body_of, features, has_body
from fovea.classification.measuring import Material
from fovea.classification.task import Classification
from fovea.classification.train import NO_WEIGHTS, initial
from fovea.data import Dataset
from fovea.errors import DataError, mismatch
from fovea.models import MODELS
from fovea.network import Network
from fovea.seeds import Draw, generator
from fovea.training import opening
from fovea.training.task import Report
from fovea.training.trained import arguments_of, class_names, folder_of, record_of

FIRST = 10  # pictures of a class, then twice as many, and so on
DRAWS = 5  # of the pictures, for each number of them


@dataclass(frozen=True)
class Point:
    """The accuracy `top1` of each draw with up to `pictures` pictures of each class, `n` in all, by the fit
    of the last layer alone."""

    pictures: int
    n: int
    top1: list[float]

    @property
    def mean(self) -> float:
        return float(np.mean(self.top1))


def counts(largest: int) -> list[int]:
    """10, 20, 40, …, and last the number of pictures in the largest class, which is at least half more."""
    found, k = [], FIRST
    while 1.5 * k < largest:
        found, k = [*found, k], 2 * k
    return [*found, largest]


def learning_curve(network: Network, model: str, material: Material, report: Report) -> list[Point]:
    """The points for the run `model` of `network`, measured on the pictures of `material`.

    `report(what, done, total)` counts pictures. Raises DataError for a run without weights that it started
    from, without its pictures, or of a network that does not end in Dense.
    """
    arguments, who = arguments_of(model), f"learning curve of {model}"
    weights = arguments.get("weights") or NO_WEIGHTS
    if weights == NO_WEIGHTS or not has_body(network):
        expected = "a run that started from trained weights, of a network that ends in Dense"
        got = network.layers[-1].who
        if weights == NO_WEIGHTS:
            built_in = arguments.get("model") in MODELS
            got = "one that learned from scratch" if built_in else "one that continued another model"
        raise DataError(mismatch(who, expected, got if arguments else "a model without its run"))
    height, width, channels = network.input_shape
    start = initial(weights, None, None)  # in its own size, which a model file of Fovea does not change
    body = body_of(
        start if start.input_shape == network.input_shape else initial(weights, None, (height, width))
    )
    opening.check_source(arguments["data"], folder_of(model))
    splits = data.load(
        arguments["data"], size=(height, width), channels=channels, crop=network.preprocessing.crop,
        record=record_of(model), draw=False,
    )  # fmt: skip
    classes, task = class_names(network), Classification.read(arguments)
    if splits.train is None or splits.classes != classes:
        raise DataError(
            mismatch(
                who, f"the pictures in {splits.root} that the run learned from", "others", "restore them"
            )
        )
    size = arguments["batch_size"]

    def computed(what: str, part: Dataset, mirrored: bool = False):
        return features(
            body, part, size, mirrored=mirrored, progress=lambda *at: report(f"features of {what}", *at)
        )

    train = computed("train", splits.train, mirrored=True)
    val = None if splits.val is None else computed("val", splits.val).readable()
    tests = [computed(material.choice.name, part).readable() for part in material.choice.parts]
    F_test = np.concatenate([F for F, _ in tests])
    labels_test = np.concatenate([material.numbers[labels] for _, labels in tests])
    loss, known = task.loss(splits.train), np.flatnonzero(train.labels >= 0)
    largest = int(np.bincount(train.labels[known]).max())
    todo, points = counts(largest), []
    for number, k in enumerate(todo):
        top1, n = [], 0
        for draw in range(DRAWS if k < largest else 1):
            order = generator(arguments["seed"], Draw.CURVE, k, draw).permutation(known)
            chosen = np.concatenate([order[train.labels[order] == c][:k] for c in range(len(classes))])
            sides = [train.pictures, train.mirrored] if train.mirrored is not None else [train.pictures]
            F = np.concatenate([side[chosen] for side in sides])
            layer = linear.fitted(F, np.tile(train.labels[chosen], len(sides)), len(classes), loss, val)
            top1.append(float((layer(F_test).argmax(axis=1) == labels_test).mean()))
            n = len(chosen)
        points.append(Point(k, n, top1))
        report("learning curve", number + 1, len(todo))
    return points


COLUMNS = ("pictures_per_class", "pictures", "top1", "lowest", "highest")


def rows(points: Sequence[Point]) -> list[tuple[int, int, float, float, float]]:
    """The `COLUMNS` of each point; lowest and highest of top1 are over the draws."""
    return [(p.pictures, p.n, p.mean, min(p.top1), max(p.top1)) for p in points]
