"""The choice of pictures to evaluate a trained network on, with warnings about those it has seen."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fovea.data import Dataset, Record, Splits
from fovea.errors import DataError, mismatch
from fovea.names import counted

_SHOWN = 8  # classes that an error names
_KNOWN = {"train": "was trained on", "val": "chose its best epoch by"}


@dataclass(frozen=True)
class Choice:
    """Pictures to evaluate on. name: "test", "val", "train", "new", or "all". source: their origin, in a few
    words. warnings: reasons why results on them look better than they are."""

    name: str
    parts: list[Dataset]
    source: str
    warnings: list[str]

    @property
    def described(self) -> str:
        """The name, number and origin of the pictures."""
        n = sum(map(len, self.parts))
        return f"{self.name}: {counted(n, 'picture')}, {self.source}"


def class_numbers(names: Sequence[str], classes: Sequence[str], source: str) -> np.ndarray:
    """The model's index of each of the data's classes. Raises DataError for an unknown class."""
    unknown = [name for name in names if name not in classes]
    if unknown:
        more = f", …; {len(classes)} in all" if len(classes) > _SHOWN else ""
        known = f"the model knows {', '.join(classes[:_SHOWN])}{more}"
        raise DataError(mismatch(f"data {source}", "only the model's classes", ", ".join(unknown), known))
    return np.array([classes.index(name) for name in names], int)


def choose(splits: Splits, record: Record | None, model: str) -> Choice:
    """Choose pictures from `splits`, which are split as in the `record` of the model's run.

    The test pictures, the data's own or those that the run held out; if there are none, pictures that the run
    did not have; else its validation or training pictures.
    """
    parts, new = splits.parts, [] if splits.new is None else [splits.new]
    everything = [*parts.values(), *new]
    if "test" in parts:
        name, chosen = "test", [parts["test"]]
    elif record is None or not any(any(record.parts_of(part, splits.root)) for part in everything):
        name, chosen = "all", everything
    elif new:
        name, chosen = "new", new
    else:
        name = "val" if "val" in parts else "train"
        chosen = [parts[name]]
    if record is None:
        why = f"pictures that the model was trained on may be among these (no splits.csv beside {model})"
        warning = f"{why}: results may look better than they are"
        return Choice(name, chosen, "perhaps known to the model", [warning])

    was = Counter(part for dataset in chosen for part in record.parts_of(dataset, splits.root))
    rest = 0 if new == chosen or name == "all" else sum(map(len, new))
    warnings = _known(record, splits, chosen)
    if not record.has_digests and (was[None] or rest):
        warnings.append(f"{record.path} has no digests: moved pictures count as new")
    return Choice(name, chosen, _source(record, was, rest), warnings)


def _source(record: Record, was: Counter[str | None], rest: int) -> str:
    """The origin of the chosen pictures: `was` counts them by part of the run, `rest` other new pictures."""
    run, held, fresh = record.path.parent, was["test"], was[None]
    if held and fresh:
        words = f"{held:,} held out by {run} and {fresh:,} new, not in its splits.csv"
    elif held or fresh:
        words = f"held out by {run}" if held else f"not in {record.path}"
    else:
        words = f"known to {run}"
    return words + (f"; {rest:,} new, not in its splits.csv, left out" if rest else "")


def _known(record: Record, splits: Splits, chosen: list[Dataset]) -> list[str]:
    """A warning for each part of the run, other than test, that chosen pictures were in."""
    total, known = sum(map(len, chosen)), Counter[str]()
    for part in chosen:
        known.update(record.learned(part, splits.root))
    run, better = record.path.parent, "results look better than they are"
    return [
        f"{run} {_KNOWN[part]} {n:,} of {counted(total, 'picture')} here: {better}"
        for part, n in known.items()
    ]
