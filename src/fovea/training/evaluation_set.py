"""Which pictures of a data set a trained network is measured on, and what it knows of them already."""

from collections import Counter
from dataclasses import dataclass

from fovea.data import Dataset, Record, Splits

_KNOWN = {"train": "was trained on", "val": "chose its best epoch by"}


@dataclass(frozen=True)
class Choice:
    """name: "test", "val", "train", "new", or "all". source: where these pictures come from, in a few words.
    warnings: what makes results on them look better than they are."""

    name: str
    parts: list[Dataset]
    source: str
    warnings: list[str]

    @property
    def described(self) -> str:
        """How many pictures they are, and where they come from."""
        n = sum(map(len, self.parts))
        return f"{self.name}: {n:,} picture{'' if n == 1 else 's'}, {self.source}"


def choose(splits: Splits, record: Record | None, model: str) -> Choice:
    """What to measure of `splits`, which have the parts that are in the `record` of the model's run.

    The test pictures: the data's own, or those that the run held out. Where there are none, what the run
    never had; where there is none of that, what it knows.
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

    was = Counter(part for of in chosen for part in record.parts_of(of, splits.root))
    rest = 0 if new == chosen or name == "all" else sum(map(len, new))
    warnings = _known(record, splits, chosen)
    if not record.has_digests and (was[None] or rest):
        warnings.append(f"{record.path} was written without digests: moved pictures are taken for new ones")
    return Choice(name, chosen, _source(record, was, rest), warnings)


def _source(record: Record, was: Counter[str | None], rest: int) -> str:
    """`was`: how many of the chosen pictures the run had in each part; `rest`: how many others are new."""
    run, held, fresh = record.path.parent, was["test"], was[None]
    if held and fresh:
        words = f"{held:,} held out by {run} and {fresh:,} new, not in its splits.csv"
    elif held or fresh:
        words = f"held out by {run}" if held else f"not in {record.path}"
    else:
        words = f"known to {run}"
    return words + (f"; {rest:,} new, not in its splits.csv, left out" if rest else "")


def _known(record: Record, splits: Splits, chosen: list[Dataset]) -> list[str]:
    """A line for each part of the run that chosen pictures were in, other than test."""
    total, known = sum(map(len, chosen)), Counter[str]()
    for part in chosen:
        known.update(record.learned(part, splits.root))
    run, better = record.path.parent, "results look better than they are"
    return [f"{run} {_KNOWN[part]} {n:,} of these {total:,} pictures: {better}" for part, n in known.items()]
