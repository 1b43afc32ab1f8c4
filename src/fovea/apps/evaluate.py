"""How good a trained network is on some data, and where it goes wrong."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fovea import data, layerwise, metrics
from fovea.apps import pictures
from fovea.apps.models import arguments_of, class_names, trained
from fovea.data import Dataset, Splits
from fovea.errors import DataError, mismatch
from fovea.evaluation import answers
from fovea.runs import Folder

SHOWN = 30  # of the worst mistakes
BATCH = 256


@dataclass(frozen=True)
class Mistakes:
    """Every wrong answer, the worst (of the highest loss) first, as parallel lists."""

    files: list[str]
    true: list[str]
    predicted: list[str]
    probability: list[float]  # of the predicted class

    def pairs(self) -> list[dict[str, Any]]:
        """The pairs of classes that were confused, the most frequent first, each with the files behind it."""
        found: dict[tuple[str, str], list[str]] = {}
        for file, true, predicted in zip(self.files, self.true, self.predicted, strict=True):
            found.setdefault((true, predicted), []).append(file)
        ordered = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
        return [{"class": t, "predicted": p, "n": len(files), "files": files} for (t, p), files in ordered]


@dataclass(frozen=True)
class Evaluation:
    """What was found: `metrics` as in metrics.json, `bad` (file → why it is unreadable), where it lies."""

    metrics: dict[str, Any]
    mistakes: Mistakes
    bad: dict[str, str]
    folder: Folder


def evaluate(
    model: str,
    source: str,
    *,
    precision: str | None = None,
    out: str | None = None,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> Evaluation:
    """Measure `model` on the pictures that `source` names, and write what was found to a folder.

    They are its test pictures where it has some; where Fovea split a folder by itself, those that this run
    held back, or all of them if it was trained on others. Classes go together by their names.
    `precision` is the model's unless given. `progress(done, total)` counts pictures. Raises FoveaError.
    """
    network = trained(model, precision)
    classes = class_names(network)
    asked = arguments_of(model)
    height, width, channels = network.input_shape
    splits = data.load(source, size=(height, width), channels=channels, seed=asked.get("seed", 0))
    own = asked.get("data") in (source, str(Path(source).expanduser().resolve()))
    name, parts = _parts(splits, own)
    numbers = _numbers(splits.classes, classes, source)
    folder = Folder.create_at(out) if out else Folder.create("classify", "evaluate")

    plan = layerwise.plan(network, BATCH)
    total, before, found = sum(map(len, parts)), 0, []
    for part in parts:
        Z, y = answers(plan, part, BATCH, lambda done, before=before: progress(before + done, total))
        found.append((Z, np.where(y < 0, -1, numbers[y])))
        before += len(part)
    logits, labels = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    if not (labels >= 0).any():
        raise DataError(mismatch(f"data {source}", "pictures that can be read", f"none among {total}"))

    measured = {"split": name, **metrics.classification(logits, labels, classes), "seed": asked.get("seed")}
    predicted = logits.argmax(axis=1)
    wrong = np.flatnonzero((labels >= 0) & (predicted != labels))
    wrong = wrong[np.argsort(-metrics.losses(logits[wrong], labels[wrong]), kind="stable")]
    where = [(part, i) for part in parts for i in range(len(part))]
    mistakes = Mistakes(
        files=[part.name_of(i) for part, i in (where[i] for i in wrong)],
        true=[classes[i] for i in labels[wrong]],
        predicted=[classes[i] for i in predicted[wrong]],
        probability=np.exp(-metrics.losses(logits[wrong], predicted[wrong])).tolist(),
    )
    evaluation = Evaluation(measured, mistakes, splits.bad, folder)
    with folder.writing():
        _write(evaluation, metrics.confusion(predicted, labels, len(classes)), classes)
        worst = [part.read([i])[0] for part, i in (where[i] for i in wrong[:SHOWN])]  # each (1, H, W, C)
        _draw_worst(folder, mistakes, worst)
    return evaluation


def _parts(splits: Splits, own: bool) -> tuple[str, list[Dataset]]:
    """What to measure on, and what it is called: a split's name, or "all"."""
    parts = splits.parts
    if own:
        name = next(name for name in ("test", "val", "train") if name in parts)
        return name, [parts[name]]
    if "test" in parts and not _split_here(splits):
        return "test", [parts["test"]]
    return "all", list(parts.values())


def _split_here(splits: Splits) -> bool:
    """Whether all pictures lie in one folder of classes, root/<class>/*, so that the split is Fovea's own."""
    files = [part.files[0] for part in splits.parts.values() if part.files]
    return splits.root is not None and any(len(Path(f).relative_to(splits.root).parts) == 2 for f in files)


def _numbers(names: Sequence[str], classes: Sequence[str], source: str) -> np.ndarray:
    """The network's number for each of the data's classes. DataError where it does not know one."""
    unknown = [name for name in names if name not in classes]
    if unknown:
        expected = f"only classes that the model knows ({', '.join(classes)})"
        raise DataError(mismatch(f"data {source}", expected, f"also {', '.join(unknown)}"))
    return np.array([classes.index(name) for name in names])


def _write(evaluation: Evaluation, confusion: np.ndarray, classes: Sequence[str]) -> None:
    folder, wrong = evaluation.folder, evaluation.mistakes
    folder.write_json(folder.metrics, evaluation.metrics)
    folder.write_bad_images(evaluation.bad)
    folder.write_json(folder.path / "confused.json", wrong.pairs())
    certain = [f"{p:.4f}" for p in wrong.probability]
    rows = zip(wrong.files, wrong.true, wrong.predicted, certain, strict=True)
    folder.write_table(folder.path / "mistakes.csv", ("file", "class", "predicted", "probability"), rows)
    pictures.confusion_matrix(folder.path / "confusion_matrix.png", confusion, classes)


def _draw_worst(folder: Folder, wrong: Mistakes, worst: Sequence[np.ndarray]) -> None:
    """worst_mistakes.png, where there are any mistakes."""
    if worst:
        shown = list(zip(wrong.true, wrong.predicted, wrong.probability, strict=True))
        pictures.mistakes(folder.path / "worst_mistakes.png", np.concatenate(worst), shown[: len(worst)])
