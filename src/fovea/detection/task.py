"""Detection: the task of finding the boxes of objects."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import log
from typing import Any, ClassVar

import numpy as np

from fovea.augment import Augment
from fovea.data import Dataset, Splits
from fovea.data.batches import Change, Examples
from fovea.detection.answers import answers
from fovea.detection.dataset import Boxed
from fovea.detection.decoding import BOXES, CLASSES, STRIDE
from fovea.detection.detect import check_detector
from fovea.detection.losses import DetectionLoss
from fovea.detection.measuring import measure
from fovea.detection.moves import Moves
from fovea.errors import DataError, ShapeError, mismatch
from fovea.geometry.letterbox import LETTERBOX
from fovea.names import counted
from fovea.network import Network
from fovea.network.runner import Answering
from fovea.training.measure import LOSS, Measure
from fovea.training.recipe import in_range
from fovea.training.task import TRAIN, VAL, Row, Task

MAP, MAP50 = Measure("mAP50-95", "mAP50-95", share=True), Measure("mAP50", "mAP50", share=True)
MAP75 = Measure("mAP75", "mAP75", share=True)
THRESHOLD = Measure("threshold", "Threshold of the best F1")
PLAIN = 0.85  # the share of a training after which there are no more mosaics
SPREAD = 0.01  # of the last weights of a fresh network: at first, all its points agree
PRIOR = 0.01  # the score of a fresh network, at every point


@dataclass(frozen=True)
class Detection(Task):
    """Find objects: task-aligned scores and GIoU, measured by average precision.

    mosaic: the share of training pictures that are mosaics of four, until the last 15% of the epochs.
    scale: enlarges or shrinks training pictures by a factor from 1 − scale to 1 + scale, from 0 to 0.9.

    Raises FoveaError for invalid values.
    """

    mosaic: float = 0.5
    scale: float = 0.4

    name: ClassVar[str] = "detect"
    learned: ClassVar[tuple[Measure, ...]] = (LOSS,)
    measured: ClassVar[tuple[Measure, ...]] = (MAP, MAP50, MAP75, THRESHOLD)
    shown: ClassVar[tuple[str, ...]] = ("mAP50-95", "mAP50", "loss")
    answers: ClassVar[tuple[str, ...]] = ("boxes",)

    def __post_init__(self) -> None:
        for name, most in (("mosaic", 1), ("scale", 0.9)):
            object.__setattr__(self, name, in_range(name, getattr(self, name), 0, most))

    def check(self, network: Network, data: Splits) -> None:
        check_detector(network)
        assert data.train is not None
        if not isinstance(data.train, Boxed):
            raise DataError(mismatch(f"data {data.name}", "pictures with boxes", "pictures with classes"))
        classes, outputs = data.train.classes, network.output_shape[CLASSES][-1]
        if outputs != len(classes):
            expected, got = counted(outputs, "class"), f"{len(classes)} in the data"
            raise ShapeError(mismatch("train: detector", expected, got))
        if network.classes not in (None, classes):
            known, given = ", ".join(network.classes or ()), ", ".join(classes)
            raise DataError(mismatch("train: classes", known, given))

    def adopt(self, network: Network, train: Dataset) -> None:
        network.classes = train.classes
        network.preprocessing = replace(network.preprocessing, crop=LETTERBOX)
        last = {name: network.parameters[f"{name}.b"] for name in (CLASSES, BOXES)}
        if isinstance(train, Boxed) and not any(b.any() for b in last.values()):  # a fresh network
            for name in last:
                W = network.parameters[f"{name}.W"]
                W *= W.dtype.type(SPREAD / max(float(W.std()), SPREAD))
            last[CLASSES][...] = -log((1 - PRIOR) / PRIOR)
            last[BOXES][...] = usual_distances(train)

    def loss(self, train: Dataset) -> DetectionLoss:
        return DetectionLoss()

    def moved(self, dataset: Dataset, augment: Change, done: float) -> Examples | None:
        assert isinstance(dataset, Boxed)
        changes = augment if isinstance(augment, Augment) else Augment()
        return Moves(dataset, changes, self.scale, self.mosaic if done < PLAIN else 0.0)

    def measure(self, plan: Answering, dataset: Dataset, batch_size: int) -> tuple[Row, Any]:
        """The values of metrics.json, and the `Answers`."""
        assert isinstance(dataset, Boxed)
        found = answers(plan, [dataset], batch_size)
        metrics = measure(*found, dataset.classes).metrics
        if metrics[MAP.name] is None:  # there are no boxes to choose a threshold by
            metrics[THRESHOLD.name] = None
        return metrics, found

    def quality(self, row: Mapping[str, Any]) -> tuple[float, ...]:
        """mAP50-95, then a low loss; without boxes in the validation set, the loss alone."""
        value = row[VAL + MAP.name]
        return -1.0 if value is None else value, -row[TRAIN + LOSS.name]

    def facts(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The threshold of the best F1 on the validation set."""
        value = row[VAL + THRESHOLD.name]
        return {} if value is None else {THRESHOLD.name: value}


def usual_distances(train: Boxed) -> np.ndarray:
    """The output that gives the median box of the training pictures: float32 (4,)."""
    sides = np.concatenate([train.boxes_in(i).sides for i in range(len(train))])
    half = np.median(sides, axis=0) / 2 if len(sides) else np.full(2, STRIDE)
    return np.log(np.maximum(half, 1) / STRIDE).astype(np.float32)[[0, 1, 0, 1]]
