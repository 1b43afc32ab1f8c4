"""A folder of pictures in, a trained and measured classifier out."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from fovea import data, engine, models
from fovea.classification.choices import choose, model_for
from fovea.classification.task import Classification
from fovea.data import Record, Splits
from fovea.data.groups import is_table
from fovea.data.record import write_earlier
from fovea.data.split import relative
from fovea.errors import DataError, FoveaError, mismatch
from fovea.files import expanded
from fovea.network import Network
from fovea.training import loop, recipe
from fovea.training.arguments import LINES
from fovea.training.progress import Progress
from fovea.training.recipe import Recipe
from fovea.training.run_folder import Folder, Run
from fovea.training.trained import file_of, record_of, trained

NAMES = (*recipe.NAMES, *Classification.names())  # what can be chosen


def check(choices: dict[str, Any]) -> Recipe:
    """The recipe of these choices alone. Raises FoveaError for what `train` would not take."""
    return loop.chosen(Recipe(), Classification(), choices)[0]


def train(
    source: str,
    model: str | None = None,
    *,
    weights: str | None = None,
    size: Sequence[int] | None = None,
    groups: str | None = None,
    precision: str | None = None,
    out: str | None = None,
    progress: Progress | None = None,
    **choices: Any,
) -> Run:
    """Train `model`, a built-in architecture or a network trained before, on the data that `source` names.

    `weights` names a model file or run, or a file of weights as torchvision names them, to begin with;
    `model` is then which architecture the latter belong to, where their names do not say it. Where the
    classes are others, the last layer begins anew, and it is said.

    `choices` are fields of a `Recipe`; what is not chosen, model and all, is what `choices.choose` picks for
    the data, and it is said. `size` (H, W) brings pictures to another size; `groups` says which of them must
    not be parted (`data.groups`); pictures in more than one part are reported. `precision` is the model's
    unless given. Writes a run folder: `out`, or a new one in `runs/classify`. Raises FoveaError.
    """
    progress = progress or Progress()
    seed = check(choices).seed
    if weights is None:
        network, splits, name, fresh = prepare(source, model, size, seed, groups, precision)
        new = []
    else:
        name, fresh = model or Path(weights).name, False
        network, splits, new = _begin_with(weights, source, model, size, seed, groups, precision)
    loop.check_fit(network, splits, Classification())  # before there is a folder
    goes_on = not fresh
    picked = None if model or weights else name
    how, task, reasons = choose(network, splits, choices, goes_on=goes_on, model=picked)
    loop.check_fit(network, splits, task)
    loop.check_recipe(network, splits, how)
    if fresh:
        network.initialise(seed)
    groups = splits.grouping.text if splits.grouping else None  # perhaps those of the run before
    at = _absolute(groups) if groups and is_table(groups) else groups
    asked = {
        "task": task.name, "data": _absolute(source), "model": _absolute(name), "size":
        list(splits.shape[:2]), "groups": at, "precision": network.precision, "weights": _absolute(weights) if
        weights else None,
    }  # fmt: skip
    folder = Folder.create_at(out) if out else Folder.create(task.name, "train")
    _tell(progress, network, splits, name, folder)
    record = record_of(weights or name) if goes_on else None
    known = _learned(splits, record) if record or not goes_on or new else _unknown(splits, weights or name)
    with folder.beginning():
        for line in [*new, *reasons, *known, *_shared(splits), *_doubled(splits, folder)]:
            progress.note(line)
        if record is not None:
            with folder.writing():
                write_earlier(record, folder.earlier_splits)
        return loop.train(network, splits, how, task=task, out=folder, arguments=asked, progress=progress)


def resume(run: str, progress: Progress | None = None) -> Run:
    """Go on with the run in the folder `run` as it was begun. Raises FoveaError."""
    folder = Folder.open(run)
    asked = folder.read_arguments()
    try:
        _, source, model, chosen = (asked[name] for name in ("epochs", "data", "model", "engine"))
    except KeyError as error:
        raise DataError(mismatch(str(folder.arguments), f"a line for {error}", "none")) from error
    if asked.get("task", Classification.name) != Classification.name:
        raise DataError(mismatch(f"{folder.arguments}: task", Classification.name, asked["task"]))
    unknown = sorted(map(str, set(asked) - set(NAMES) - set(LINES)))
    if unknown:
        raise DataError(mismatch(str(folder.arguments), "only lines that Fovea writes", ", ".join(unknown)))
    try:
        how, task = Recipe.read(asked), Classification.read(asked)
    except FoveaError as error:
        raise DataError(f"{folder.arguments}: {error}") from error
    if source != "digits" and not Path(source).is_dir():
        remedy = f"move it back, or write where it is now into {folder.arguments}"
        raise DataError(mismatch(f"data {source}", "the folder of the run's pictures", "none there", remedy))
    progress = progress or Progress()
    with engine.use(chosen):
        model = str(folder.last) if asked.get("weights") else model  # which has the architecture, too
        more = asked.get("size"), how.seed, asked.get("groups"), asked.get("precision")
        network, splits, *_ = prepare(source, model, *more, record=folder.read_record())
        _tell(progress, network, splits, model, folder)
        return loop.train(network, splits, how, task=task, resume=run, progress=progress)


def prepare(
    source: str,
    model: str | None,
    size: Sequence[int] | None,
    seed: int,
    groups: str | None,
    precision: str | None,
    record: Record | None = None,
) -> tuple[Network, Splits, str, bool]:
    """The network, the data in its size, the network's name, and whether it is fresh: a built-in one, whose
    weights are 0 until `initialise` draws them, which takes long for a large one.

    Pictures are in the parts that the `record` says, by default that of the run which made the network.
    """
    if model is None or (model in models.MODELS and not Path(model).exists()):
        splits = data.load(source, size=size, seed=seed, groups=groups, record=record)
        name = model or model_for(splits.shape)
        network = models.build(name, splits.shape, splits.classes, seed=None)
        network.precision = precision or network.precision
        return network, splits, name, True
    network = trained(model, precision)
    return network, _fitting(network, source, seed, groups, record or record_of(model)), model, False


def _begin_with(
    weights: str,
    source: str,
    model: str | None,
    size: Sequence[int] | None,
    seed: int,
    groups: str | None,
    precision: str | None,
) -> tuple[Network, Splits, list[str]]:
    """The network of a file for the data's classes, the data in its size, and what is new about it."""
    shape = None if size is None else (*size, 3)
    network = models.load(file_of(weights), model=model, input_shape=shape)
    splits = _fitting(network, source, seed, groups, record_of(weights))
    had, new = network.shapes[-1][-1], []
    if network.classes is None and had == len(splits.classes):
        network.classes = splits.classes
    elif network.classes != splits.classes:
        network = models.adapted(network, splits.classes, seed)
        last = next(layer.name for layer in reversed(network.layers) if layer.parameters)
        new = [f"{last} reinitialised for {len(splits.classes)} classes; the weights were for {had}"]
    network.precision = precision or network.precision
    return network, splits, new


def _fitting(network: Network, source: str, seed: int, groups: str | None, record: Record | None) -> Splits:
    """The data in the network's size."""
    height, width, channels = network.input_shape
    how = {"size": (height, width), "channels": channels, "seed": seed, "groups": groups}
    return data.load(source, record=record, **how)


def _learned(splits: Splits, record: Record | None) -> list[str]:
    """A line for each part to measure on whose pictures the network knows from an earlier run."""
    lines = []
    for part, better in (("val", ("train",)), ("test", ("train", "val"))):
        if record is not None and part in splits.parts:
            known = record.learned(splits.parts[part], splits.root)
            n, total = sum(known.get(name, 0) for name in better), len(splits.parts[part])
            if n:
                lines.append(
                    f"warning: {record.path.parent} learned from {n:,} of the {total:,} pictures in {part}: "
                    "results look better than they are"
                )
    return lines


def _unknown(splits: Splits, model: str) -> list[str]:
    """A line on a network of the same classes that nobody knows the pictures of."""
    held = " and ".join(part for part in ("val", "test") if part in splits.parts)
    if not held:
        return []
    why = f"pictures that the model was trained on may be in {held} (no splits.csv beside {model})"
    return [f"warning: {why}: results may look better than they are"]


def _tell(progress: Progress, network: Network, splits: Splits, model: str, folder: Folder) -> None:
    """What is about to happen, in two lines, and in one more what was skipped in the data's folder."""
    parts = ", ".join(f"{len(part):,} {name}" for name, part in splits.parts.items())
    shape = "×".join(map(str, splits.shape))
    progress.note(f"{splits.name}: pictures of {shape} in {len(splits.classes)} classes: {parts}")
    if splits.skipped and (line := splits.skipped.line()):
        progress.note(line)
    count = sum(array.size for array in network.parameters.values())
    progress.note(f"{model}: {count:,} parameters, engine {engine.current()}; run folder {folder.path}")


def _shared(splits: Splits) -> list[str]:
    """A line on the groups, where there are any."""
    if splits.grouping is None:
        return []
    find, of, alone = splits.grouping.find, [], []
    for part in splits.parts.values():
        groups = {(file := relative(path, splits.root)): find(file) for path in part.files or ()}
        of.append({group for group in groups.values() if group is not None})
        alone += [file for file, group in groups.items() if group is None]
    shared = sorted({name for a, b in combinations(of, 2) for name in a & b})
    count = len(set().union(*of))
    line = f"{count:,} group{'' if count == 1 else 's'}, each in one part"
    if shared:  # in folders that were split already
        line += f" but for {len(shared):,}, such as {shared[0]!r}: results look better than they are"
    if alone:
        line += f"; pictures without a group: {len(alone):,}, such as {alone[0]}"
    return [line]


def _doubled(splits: Splits, folder: Folder) -> list[str]:
    """A line on the pictures that are in more than one part, which the folder's duplicates.csv then lists."""
    found = data.duplicates(splits)
    if not found:
        return []
    columns = ("file", "split", "same_as", "its_split", "how")
    rows = [
        (relative(d.file, splits.root), d.part, relative(d.other_file, splits.root), d.other_part,
         "same" if d.exact else "nearly") for d in found
    ]  # fmt: skip
    path = folder.duplicates
    with folder.writing():
        folder.write_table(path, columns, rows)
    exact = sum(d.exact for d in found)
    file, part, other, its, _ = rows[0]
    return [
        f"{len(found):,} pictures are in an earlier part too ({exact:,} the same, {len(found) - exact:,} "
        f"nearly), such as {file} ({part}) and {other} ({its}): results look better than they are; "
        f"{path} lists them"
    ]


def _absolute(name: str) -> str:
    """A path that still leads there from another folder; a built-in name stays."""
    path = expanded(name)
    return str(path.resolve()) if path.exists() and name != "digits" else name
