"""Training a detector on a folder of pictures with boxes, and resuming it."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from fovea import engine, images, models
from fovea.data import Dataset, Record, Splits
from fovea.data.groups import is_table
from fovea.data.record import write_earlier
from fovea.detection import choices, data, figures
from fovea.detection.dataset import Boxed
from fovea.detection.formats.labels import BAD_LABELS, Labelled
from fovea.detection.measuring import measure
from fovea.detection.task import Detection
from fovea.errors import DataError, ShapeError, mismatch
from fovea.models.spot import LITE0
from fovea.names import counted
from fovea.network import Network
from fovea.training import loop, opening, recipe
from fovea.training.progress import Progress
from fovea.training.recipe import Recipe
from fovea.training.run_folder import Folder, Run
from fovea.training.setup import Setup, chosen, training_part
from fovea.training.trained import is_built_in, record_of, trained

NAMES = (*recipe.NAMES, *Detection.names())  # all settings
NO_WEIGHTS = "none"  # for `weights`
SHOWN = 16  # pictures in train_batch.png, at most
BODY = "efficientnet_lite0"  # whose trained weights LITE0 starts from


def check(given: Mapping[str, Any]) -> Recipe:
    """The recipe with these choices and no defaults for the data. Raises FoveaError for invalid values."""
    return chosen(Recipe(), Detection(), given)[0]


def train(
    source: str,
    model: str | None = None,
    *,
    weights: str | None = None,
    size: Sequence[int] | None = None,
    groups: str | None = None,
    precision: str | None = None,
    format: str | None = None,
    out: str | None = None,
    progress: Progress | None = None,
    **given: Any,
) -> Run:
    """Train `model`, a built-in detector or a trained one, on the pictures and boxes at `source`.

    `weights` names a trained detector to start from, or "none" for random numbers where `model` has a trained
    body. `size` (H, W) is that of the pictures in the network. `given` are fields of a `Recipe` or of
    `Detection`; for those not given, `choices.choose` has defaults for the data, which are reported. Pictures
    are left out that cannot be read; faulty labels are listed in the run's bad_labels.csv. Writes a run
    folder: `out`, or a new one in `runs/detect`. Raises FoveaError.
    """
    progress = progress or Progress()
    seed = check(given).seed
    begun = prepare(
        source, model, weights=weights, size=size, seed=seed, groups=groups, precision=precision,
        format=format,
    )  # fmt: skip
    network, splits = begun.network, begun.splits
    goes_on = begun.origin is not None
    training_recipe, task, reasons = choices.choose(
        network, boxed(splits), given, name=begun.name, goes_on=goes_on
    )
    setup = Setup(network, splits, training_recipe, task)  # before there is a folder
    initialise(begun, seed)
    grouping = splits.grouping.text if splits.grouping else None
    arguments = {
        "task": task.name, "data": opening.absolute(source), "model": opening.absolute(begun.name),
        "size": list(splits.shape[:2]), "format": begun.labelled.format, "precision": network.precision,
        "groups": opening.absolute(grouping) if grouping and is_table(grouping) else grouping,
        "weights": opening.absolute(begun.weights) if begun.weights else NO_WEIGHTS,
    }  # fmt: skip
    folder = Folder.create_at(out) if out else Folder.create(task.name, "train")
    _tell(progress, begun, folder)
    with folder.beginning():
        for line in [*begun.notes, *reasons, *opening.shared(splits), *opening.doubled(splits, folder)]:
            progress.note(line)
        with folder.writing():
            if begun.labelled.bad or begun.labelled.orphans:
                begun.labelled.write_bad_labels(folder.path / BAD_LABELS)
            if begun.record is not None:
                write_earlier(begun.record, folder.earlier_splits)
        _draw_data(folder, setup)
        return _drawn(loop.run(setup, out=folder, arguments=arguments, progress=progress), setup)


def resume(run: str, progress: Progress | None = None) -> Run:
    """Resume the run in the folder `run` with its arguments. Raises FoveaError."""
    folder = Folder.open(run)
    arguments, training_recipe, task = opening.recorded(folder, Detection)
    source = arguments["data"]
    opening.check_source(source, folder)
    progress = progress or Progress()
    with engine.use(arguments["engine"]):
        given = {name: arguments.get(name) for name in ("size", "groups", "precision", "format")}
        seed, record = training_recipe.seed, folder.read_record(by_path=True)
        begun = prepare(source, str(folder.last), weights=None, seed=seed, record=record, **given)
        _tell(progress, begun, folder)
        setup = Setup(begun.network, begun.splits, training_recipe, task)
        return _drawn(loop.run(setup, resume=run, progress=progress), setup)


def _drawn(run: Run, setup: Setup) -> Run:
    """The finished run, with figures of its answers on the pictures that measured it."""
    assert run.folder is not None
    part = setup.data.parts[run.metrics["split"]]
    truth, found = run.details
    measured = measure(truth, found, part.classes, setup.network.facts.get("threshold"))
    measured.draw(run.folder.path, truth, found, part.classes, source_of([part]))
    return run


def _draw_data(folder: Folder, setup: Setup) -> None:
    """Draw the training boxes (labels.png), and the first pictures that the network learns from
    (train_batch.png)."""
    train = setup.train
    assert isinstance(train, Boxed)
    figures.labels(folder.path / "labels.png", train.boxes, train.sizes, train.classes)
    with closing(setup.batches(1)) as stream:
        pictures, boxes = next(stream)
    known = [(picture, b) for picture, b in zip(pictures, boxes, strict=True) if b is not None]
    if known:
        shown, truth = zip(*known[:SHOWN], strict=True)
        figures.batch(folder.path / "train_batch.png", shown, truth, train.classes)


def source_of(parts: Sequence[Dataset]) -> figures.Read:
    """The pictures of `parts`, for figures; one that cannot be read is a grey pixel."""
    files = [part.name_of(i) for part in parts for i in range(len(part))]

    @cache
    def read(number: int) -> np.ndarray:
        try:
            return images.read(files[number], channels=3)
        except DataError:
            return np.full((1, 1, 3), images.GREY, np.uint8)

    return figures.Read(files, read)


@dataclass(frozen=True)
class Prepared:
    """A detector and its data, ready for training; the fields are those of a classifier's, and the labels."""

    network: Network
    splits: Splits
    labelled: Labelled
    name: str
    weights: str | None = None
    origin: str | None = None
    record: Record | None = None
    notes: Sequence[str] = ()


def prepare(
    source: str,
    model: str | None,
    *,
    weights: str | None = None,
    size: Sequence[int] | None = None,
    seed: int = 0,
    groups: str | None = None,
    precision: str | None = None,
    format: str | None = None,
    record: Record | None = None,
) -> Prepared:
    """A detector and its data, from the arguments of `train`. The weights of a new network are 0 until they
    are drawn. Pictures are in the parts of the `record`, by default that of the run that trained it."""
    name = model or choices.MODEL
    origin = weights if weights not in (None, NO_WEIGHTS) else None if is_built_in(name) else name
    if origin is None:
        labelled = data.read(source, format, seed=seed, groups=groups, record=record)
        first = next(iter(labelled.parts.values()))
        height, width = size or data.usual_size(labelled.parts.get("train", first))
        network = models.build(name, (height, width, 3), labelled.classes, seed=None, weights=None)
        network.precision = precision or network.precision
        body = BODY if name == LITE0 and weights != NO_WEIGHTS else None
        return Prepared(network, data.splits(labelled, (height, width)), labelled, name, body)
    network = trained(origin)
    height, width, channels = network.input_shape
    if size is not None and tuple(size) != (height, width):
        expected, got = f"its own size, {height}×{width}", "×".join(map(str, size))
        raise DataError(mismatch(f"model {origin}: pictures", expected, got, "leave out the size"))
    if channels != 3:
        raise ShapeError(mismatch(f"model {origin}", "a detector of RGB pictures", network.input_shape))
    record = record or record_of(origin)
    labelled = data.read(source, format, seed=seed, groups=groups, record=record)
    network.precision = precision or network.precision
    splits = data.splits(labelled, (height, width))
    return Prepared(network, splits, labelled, name, weights, origin, record)


def boxed(splits: Splits) -> Boxed:
    """The training pictures. Raises DataError where there are none."""
    part = training_part(splits)
    assert isinstance(part, Boxed)
    return part


def initialise(begun: Prepared, seed: int) -> None:
    """Draw the weights of a new network, and give it those of a trained body, if it has one."""
    if begun.origin is None:
        begun.network.initialise(seed)
        if begun.weights is not None:
            start_from_body(begun.network)


def start_from_body(network: Network) -> None:
    """Copy the trained weights and statistics of EfficientNet-Lite0 into the layers of those names."""
    source = models.build(BODY)
    for mine, theirs in ((network.parameters, source.parameters), (network.statistics, source.statistics)):
        for name, view in mine.items():
            if name in theirs:
                view[...] = theirs[name]
    network.preprocessing = source.preprocessing


def _tell(progress: Progress, begun: Prepared, folder: Folder) -> None:
    """Report the data, its faults and the network."""
    parts = ", ".join(f"{len(part):,} {name}" for name, part in begun.splits.parts.items())
    progress.note(f"{begun.splits.name}: {begun.labelled.line}; {parts}")
    for line in begun.labelled.notes:
        progress.note(line)
    size = counted(begun.network.parameter_count, "parameter")
    progress.note(f"{begun.name}: {size}, engine {engine.current()}; run folder {folder.path}")
