"""Measuring a classifier on data: its predictions, metrics and mistakes."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fovea import data
from fovea.classification import metrics
from fovea.data import Record, Splits, unreadable
from fovea.data.split import endings
from fovea.errors import DataError, mismatch
from fovea.names import same
from fovea.network import Network, runner
from fovea.network.runner import Mirrored
from fovea.network.soundness import check_logits
from fovea.training.evaluation import answers
from fovea.training.evaluation_set import Choice, choose, class_numbers
from fovea.training.trained import arguments_of, bad_of, class_names, record_of

BATCH = 256


@dataclass(frozen=True)
class Mistakes:
    """Every wrong prediction, by decreasing loss, as parallel lists."""

    files: list[str]
    true: list[str]
    predicted: list[str]
    probability: list[float]  # of the predicted class

    def pairs(self) -> list[dict[str, Any]]:
        """The confused pairs of classes with their files, the most frequent first."""
        files_of: dict[tuple[str, str], list[str]] = {}
        for file, true, predicted in zip(self.files, self.true, self.predicted, strict=True):
            files_of.setdefault((true, predicted), []).append(file)
        ordered = sorted(files_of.items(), key=lambda item: (-len(item[1]), item[0]))
        return [{"class": t, "predicted": p, "n": len(files), "files": files} for (t, p), files in ordered]


@dataclass(frozen=True, eq=False)
class Material:
    """The pictures to measure a network on. numbers: the network's index of each of the data's classes. seed:
    that of the run that trained the model; learned: the number of training pictures of each class; each None
    if unknown."""

    splits: Splits
    choice: Choice
    numbers: np.ndarray
    seed: int | None
    learned: dict[str, int] | None

    def __len__(self) -> int:
        return sum(map(len, self.choice.parts))

    def read(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        """The pictures at `indices`, counted through all parts: uint8 (n, H, W, C)."""
        positions = [(part, i) for part in self.choice.parts for i in range(len(part))]
        return np.concatenate([part.read([index])[0] for part, index in (positions[i] for i in indices)])


@dataclass(frozen=True, eq=False)
class Measured:
    """The result: `metrics` as in metrics.json, the `confusion` matrix (true classes by predicted), and every
    mistake. labels, predicted: for every picture, with label −1 if it could not be read; wrong: the indices
    of the mistakes, in their order. choice: the material's, with a warning for each class without a picture
    that can be read."""

    metrics: dict[str, Any]
    confusion: np.ndarray
    mistakes: Mistakes
    labels: np.ndarray
    predicted: np.ndarray
    wrong: np.ndarray
    choice: Choice


def material(network: Network, model: str, source: str) -> Material:
    """The pictures at `source` to measure `network`, loaded from `model`, on, as chosen by `choose`.

    Classes are matched by name. Raises DataError.
    """
    height, width, channels = network.input_shape
    record = record_of(model)
    splits = data.load(
        source,
        size=(height, width),
        channels=channels,
        record=record,
        draw=False,
        crop=network.preprocessing.crop,
    )
    if splits.skipped:
        splits.skipped.warn()
    numbers = class_numbers(splits.classes, class_names(network), source)
    choice, seed = choose(splits, record, model), arguments_of(model).get("seed")
    return Material(splits, choice, numbers, seed, _learned(record, bad_of(model), class_names(network)))


def measure(
    network: Network, material: Material, progress: Callable[[int, int], object], flips: bool = False
) -> Measured:
    """The network's results on the pictures, with `flips` averaged with their mirror images. `progress(done,
    total)` counts pictures. Raises DataError if none can be read, and for logits that are not finite."""
    classes, plan = class_names(network), runner.plan(network, BATCH)
    answering = Mirrored(plan) if flips else plan
    total, before, results = len(material), 0, []
    for part in material.choice.parts:
        Z, y = answers(answering, part, BATCH, lambda done, before=before: progress(before + done, total))
        results.append((Z, np.where(y < 0, -1, material.numbers[y])))
        before += len(part)
    logits, labels = (np.concatenate(arrays) for arrays in zip(*results, strict=True))
    if not (labels >= 0).any():
        who = f"data {material.splits.name}"
        raise DataError(mismatch(who, "pictures that can be read", f"none among {total}"))
    files = [part.name_of(i) for part in material.choice.parts for i in range(len(part))]
    check_logits(network, logits, files, lambda i: material.read([i])[0])

    measured = {"split": material.choice.name, **metrics.classification(logits, labels, classes)}
    predicted = logits.argmax(axis=1)
    wrong = np.flatnonzero((labels >= 0) & (predicted != labels))
    wrong = wrong[np.argsort(-metrics.losses(logits[wrong], labels[wrong]), kind="stable")]
    mistakes = Mistakes(
        files=[files[i] for i in wrong],
        true=[classes[i] for i in labels[wrong]],
        predicted=[classes[i] for i in predicted[wrong]],
        probability=np.exp(-metrics.losses(logits[wrong], predicted[wrong])).tolist(),
    )
    confusion = metrics.confusion(predicted, labels, len(classes))
    true = np.concatenate([material.numbers[part.labels] for part in material.choice.parts])
    lost = unreadable(material.choice.name, classes, true, labels)
    choice = replace(material.choice, warnings=[*material.choice.warnings, *lost])
    measured["seed"] = material.seed
    return Measured(measured, confusion, mistakes, labels, predicted, wrong, choice)


def _learned(record: Record | None, bad: Sequence[str], classes: Sequence[str]) -> dict[str, int] | None:
    """The number of training pictures of each class in the run with this record, if it names their classes;
    without those that were `bad`, which it could not read."""
    if record is None:
        return None
    ends = endings(bad)
    rows = [row for row in record.rows if row.part == "train" and same(row.file) not in ends]
    found = Counter(row.label for row in rows)
    return {name: found[name] for name in classes} if any(found[name] for name in classes) else None
