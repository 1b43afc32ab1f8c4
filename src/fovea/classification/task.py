"""Classification: the task of naming the class of a picture."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import partial
from math import inf
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from fovea.augment.mixup import mix
from fovea.classification import class_weights, figures, linear, metrics
from fovea.classification.class_weights import Asked
from fovea.classification.features import Features, body_of, features, has_body
from fovea.data import Dataset, Splits, unreadable
from fovea.data.batches import Examples
from fovea.errors import DataError, ShapeError, mismatch
from fovea.losses import CrossEntropy
from fovea.names import counted, visible
from fovea.network import Network
from fovea.network.runner import Answering, Mirrored
from fovea.network.summary import outputs
from fovea.ranges import flag
from fovea.training.evaluation import answers
from fovea.training.measure import LOSS, Measure
from fovea.training.recipe import in_range
from fovea.training.setup import Setup
from fovea.training.task import Report, Row, Task
from fovea.training.trained import class_names

TOP1 = Measure("top1", "Accuracy", share=True, label="")
TOP5 = Measure("top5", "Top-5 accuracy", share=True)

_OTHER_CLASSES = "for other classes start from its weights: --weights, or fovea.models.adapted"


@dataclass(frozen=True)
class Classification(Task):
    """Classify pictures: softmax and cross-entropy, measured by accuracy.

    mixup: blends pictures and their labels, by shares drawn from Beta(mixup, mixup) (`fovea.augment.mixup`);
        0.2 is usual, 0 for never.
    label_smoothing: the share of each label that is spread evenly over all classes, from 0 to below 1.
    class_weights: the weights of classes: "balanced", numbers by name, or one per class
        (`fovea.classification.class_weights`).
    flips: average predictions over each picture and its mirror image.
    fit_last: in the first epoch, fit the last layer, a Dense one, to the features that the layers below it
        compute of the pictures and their mirror images (`fovea.classification.linear`), instead of taking
        steps; for networks that are trained already.

    Raises FoveaError for invalid values.
    """

    mixup: float = 0.0
    label_smoothing: float = 0.0
    class_weights: Asked = None
    flips: bool = False
    fit_last: bool = False

    name: ClassVar[str] = "classify"
    learned: ClassVar[tuple[Measure, ...]] = (LOSS, TOP1)
    measured: ClassVar[tuple[Measure, ...]] = (LOSS, TOP1, TOP5)
    shown: ClassVar[tuple[str, ...]] = ("top1", "loss")
    answers: ClassVar[tuple[str, ...]] = ("class", "probabilities")
    former: ClassVar[Mapping[str, str]] = {"loss": "loss", "correct": "top1"}  # until 28 November 2026

    def __post_init__(self) -> None:
        flag(self.flips, "train: flips")
        flag(self.fit_last, "train: fit_last")
        checked = {
            "mixup": in_range("mixup", self.mixup, 0, 100),
            "label_smoothing": in_range("label_smoothing", self.label_smoothing, 0, 0.999),
            "class_weights": class_weights.parse(self.class_weights),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    def check(self, network: Network, data: Splits) -> None:
        assert data.train is not None
        classes = data.train.classes
        if not network.ends_in_classes:
            raise ShapeError(mismatch("train", "a network that ends in classes", outputs(network)))
        if self.fit_last and not has_body(network):
            raise ShapeError(mismatch("train: fit_last", "a last layer of Dense", network.layers[-1].who))
        if network.output_shape != (len(classes),):
            expected, got = counted(network.output_shape[-1], "class"), f"{len(classes)} in the data"
            raise ShapeError(mismatch(network.layers[-1].who, expected, got, _OTHER_CLASSES))
        if network.classes is not None and network.classes != classes:
            known, given = ", ".join(network.classes), ", ".join(classes)
            raise DataError(mismatch("train: classes", known, given, _OTHER_CLASSES))

    def adopt(self, network: Network, train: Dataset) -> None:
        network.classes = train.classes

    def loss(self, train: Dataset) -> CrossEntropy:
        weights = class_weights.weights(self.class_weights, train.labels, train.classes)
        return CrossEntropy(self.label_smoothing, weights)

    @property
    def fits(self) -> bool:
        return self.fit_last

    def fit(self, setup: Setup, report: Report) -> tuple[float, dict[str, float], int]:
        """Fit W and b of the last layer; `val` chooses the strength of the weight decay."""
        network, body, size = setup.network, body_of(setup.network), setup.recipe.batch_size

        def computed(name: str, part: Dataset, mirrored: bool) -> Features:
            what = f"features of {name}"
            return features(body, part, size, mirrored=mirrored, progress=partial(report, what))

        known = computed("train", setup.train, mirrored=True)
        if lines := unreadable("train", setup.train.classes, setup.train.labels, known.labels):
            file, why = next(iter(setup.data.bad.items()))
            raise DataError(f"data {setup.data.name}: {lines[0]}, such as {file}: {why}")
        F, labels = known.both()
        val = None if setup.data.val is None else computed("val", setup.data.val, False).readable()
        layer = linear.fitted(F, labels, network.output_shape[0], setup.loss, val)
        for name, array in (("W", layer.W), ("b", layer.b)):
            network.layers[-1].parameters[name][...] = array
        F, labels = known.readable()
        Z = layer(F)
        return setup.loss(Z, labels)[0], setup.loss.sums(Z, labels), len(labels)

    def examples(self, dataset: Dataset) -> Examples | None:
        if not self.mixup:
            return None
        return lambda images, labels, rng: mix(images, labels, len(dataset.classes), self.mixup, rng)

    def measure(self, plan: Answering, dataset: Dataset, batch_size: int) -> tuple[Row, np.ndarray]:
        """The values of metrics.json, and the confusion matrix (true classes by predicted)."""
        logits, labels = answers(Mirrored(plan) if self.flips else plan, dataset, batch_size)
        confusion = metrics.confusion(logits.argmax(axis=1), labels, len(dataset.classes))
        return metrics.classification(logits, labels, dataset.classes), confusion

    def quality(self, row: Mapping[str, Any]) -> tuple[float, ...]:
        """Accuracy, then a low loss."""
        loss = row["val_loss"]
        return row["val_top1"], -inf if loss is None else -loss

    def draw(self, folder: Path, data: Splits, found: np.ndarray) -> None:
        figures.confusion_matrix(folder / "confusion_matrix.png", found, data.classes)

    def predict(self, network: Network, images: np.ndarray) -> list[dict[str, Any]]:
        """{"class", "probabilities"} of each picture, the latter by class."""
        names, found = class_names(network), network.predict(images, flips=self.flips)
        return [
            {"class": names[int(p.argmax())], "probabilities": dict(zip(names, p.tolist(), strict=True))}
            for p in found
        ]

    def cells(self, network: Network, entry: Mapping[str, Any]) -> dict[str, Any]:
        """file, class, error, and the probability of every class."""
        p = entry.get("probabilities") or {}
        own = {f"p({name})": p.get(name, "") for name in class_names(network)}
        return {"file": entry["file"], "class": entry.get("class"), "error": entry["error"], **own}

    def text(self, prediction: Mapping[str, Any]) -> str:
        best = prediction["class"]
        return f"{visible(best)}\t{prediction['probabilities'][best]:.2%}"

    def settings(self) -> dict[str, Any]:
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        return own | {"class_weights": class_weights.to_setting(self.class_weights)}
