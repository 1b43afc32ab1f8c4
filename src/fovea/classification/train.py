"""Training a classifier on a folder of pictures, and resuming it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fovea import data, engine, models
from fovea.classification.choices import PRETRAINED, SIDE, choose, model_for, starts_from_weights
from fovea.classification.features import has_body
from fovea.classification.task import Classification
from fovea.data import Record, Splits
from fovea.data.groups import is_table
from fovea.data.record import write_earlier
from fovea.errors import DataError, TrainingError, mismatch
from fovea.names import counted
from fovea.network import Network
from fovea.ranges import MOST
from fovea.training import loop, opening, recipe
from fovea.training.progress import Progress
from fovea.training.recipe import Recipe, in_range
from fovea.training.run_folder import Folder, Run
from fovea.training.setup import Setup, chosen
from fovea.training.trained import file_of, is_built_in, record_of, trained
from fovea.weights import are_here

NAMES = (*recipe.NAMES, *Classification.names())  # all settings
NO_WEIGHTS = "none"  # for `weights`


def check(choices: dict[str, Any]) -> Recipe:
    """The recipe with these choices and no defaults for the data. Raises FoveaError for invalid values."""
    return chosen(Recipe(), Classification(), choices)[0]


def train(
    source: str,
    model: str | None = None,
    *,
    weights: str | None = None,
    fine_tune: int | None = None,
    size: Sequence[int] | None = None,
    groups: str | None = None,
    precision: str | None = None,
    out: str | None = None,
    progress: Progress | None = None,
    **choices: Any,
) -> Run:
    """Train `model`, a built-in architecture or a trained network, on the data at `source`.

    `weights` names a built-in network with trained weights, a model file or run, or a file of weights with
    torchvision's names, to start from; `model` is then their architecture, if their names do not determine
    it. By default, a built-in `model` starts from its own weights if there are some, and photographs from
    those of `choices.PRETRAINED`; with "none" they start from random numbers. If the classes differ, the last
    layer is reinitialised; a Dense one is fitted in the first epoch (`Classification.fit_last`), and
    `fine_tune` epochs follow, by default more where there are more pictures.

    `choices` are fields of a `Recipe` or of the task; for those not given, the model included,
    `choices.choose` has defaults for the data, which are reported. `size` (H, W) resizes pictures; `groups`
    describes pictures that must stay in one part (`data.groups`); pictures in more than one part are
    reported. `precision` is by default the model's. Writes a run folder: `out`, or a new one in
    `runs/classify`. Raises FoveaError.
    """
    progress = progress or Progress()
    seed = check(choices).seed
    begun = prepare(source, model, weights=weights, size=size, seed=seed, groups=groups, precision=precision)
    network, splits, origin, record = begun.network, begun.splits, begun.origin, begun.record
    fits = begun.fits(choices, fine_tune)
    picked = None if model or weights else begun.name
    training_recipe, task, reasons = choose(
        network, splits, choices, goes_on=origin is not None, fits=fits, fine_tune=fine_tune, model=picked
    )
    setup = Setup(network, splits, training_recipe, task)  # before there is a folder
    if origin is None:
        network.initialise(seed)
    groups = splits.grouping.text if splits.grouping else None  # perhaps those of the run before
    groups_argument = opening.absolute(groups) if groups and is_table(groups) else groups
    arguments = {
        "task": task.name, "data": opening.absolute(source), "model": opening.absolute(begun.name),
        "size": list(splits.shape[:2]), "groups": groups_argument, "precision": network.precision,
        "weights": opening.absolute(begun.weights) if begun.weights else NO_WEIGHTS,
    }  # fmt: skip
    folder = Folder.create_at(out) if out else Folder.create(task.name, "train")
    opening.tell(progress, network, splits, begun.name, folder)
    explained = record is not None or bool(begun.notes)
    known = _learned(splits, record) if explained or origin is None else _unknown(splits, origin)
    with folder.beginning():
        for line in [
            *begun.notes,
            *reasons,
            *known,
            *opening.shared(splits),
            *opening.doubled(splits, folder),
        ]:
            progress.note(line)
        if record is not None:
            with folder.writing():
                write_earlier(record, folder.earlier_splits)
        return loop.run(setup, out=folder, arguments=arguments, progress=progress)


def resume(run: str, progress: Progress | None = None) -> Run:
    """Resume the run in the folder `run` with its arguments. Raises FoveaError."""
    folder = Folder.open(run)
    arguments, training_recipe, task = opening.recorded(folder, Classification)
    source, model = arguments["data"], arguments["model"]
    opening.check_source(source, folder)
    progress = progress or Progress()
    with engine.use(arguments["engine"]):
        weights = arguments.get("weights") or NO_WEIGHTS
        if weights != NO_WEIGHTS:
            model = str(folder.last)  # which has the architecture, too
        given = {name: arguments.get(name) for name in ("size", "groups", "precision")}
        seed, record = training_recipe.seed, folder.read_record(by_path=True)
        begun = prepare(source, model, weights=NO_WEIGHTS, seed=seed, record=record, **given)
        opening.tell(progress, begun.network, begun.splits, model, folder)
        return loop.run(
            Setup(begun.network, begun.splits, training_recipe, task), resume=run, progress=progress
        )


@dataclass(frozen=True)
class Prepared:
    """A network and its data, ready for training.

    splits: the data in the network's size. weights: those that it starts from, if any. origin: the model or
    the weights that the network comes from, None for a new one. record: the parts of the pictures in the run
    that trained the origin. notes: a line on reinitialised layers.
    """

    network: Network
    splits: Splits
    name: str
    weights: str | None = None
    origin: str | None = None
    record: Record | None = None
    notes: Sequence[str] = ()

    def fits(self, choices: Mapping[str, Any], fine_tune: int | None) -> bool:
        """True if the last layer is fitted in the first epoch, by these arguments of `train`. Raises
        TrainingError if `fine_tune` does not go with them."""
        asked = choices.get("fit_last")
        fits = self.weights is not None and has_body(self.network) if asked is None else asked
        if fine_tune is not None:
            in_range("fine_tune", fine_tune, 0, MOST, True)
            if "epochs" in choices:
                raise TrainingError(
                    mismatch("train", "epochs or fine_tune", "both", "epochs count the fit, too")
                )
            if not fits:
                raise TrainingError(_cannot_fine_tune(self))
        return fits


def prepare(
    source: str,
    model: str | None,
    *,
    weights: str | None = None,
    size: Sequence[int] | None = None,
    seed: int = 0,
    groups: str | None = None,
    precision: str | None = None,
    record: Record | None = None,
) -> Prepared:
    """A network and its data, from the arguments of `train`.

    The weights of a new network are 0 until `initialise` draws them, which takes long for a large one.
    Pictures are in the parts of the `record`, by default that of the run that trained the network.
    """
    splits = None
    if weights is None and model is None:
        splits = data.load(source, size=size, seed=seed, groups=groups, record=record)
        weights = PRETRAINED if starts_from_weights(splits.shape) else None
    elif weights is None and model is not None:
        weights = model if is_built_in(model) and are_here(model) else None
    elif weights == NO_WEIGHTS:
        weights = None
    origin = weights or model
    if origin is None or (weights is None and is_built_in(origin)):
        splits = splits or data.load(source, size=size, seed=seed, groups=groups, record=record)
        name = model or model_for(splits.shape)
        network = models.build(name, splits.shape, splits.classes, seed=None, weights=None)
        network.precision = precision or network.precision
        return Prepared(network, splits, name)
    network = trained(origin) if weights is None else initial(weights, model, size)
    height, width, channels = network.input_shape
    if size is not None and tuple(size) != (height, width):
        expected, got = f"its own size, {height}×{width}", "×".join(map(str, size))
        raise DataError(mismatch(f"model {origin}: pictures", expected, got, "leave out the size"))
    record = record or record_of(origin)
    splits = data.load(
        source, size=(height, width), channels=channels, crop=network.preprocessing.crop, seed=seed,
        groups=groups, record=record,
    )  # fmt: skip
    notes = []
    if weights is not None:
        network, notes = _with_classes(network, splits.classes, seed)
    network.precision = precision or network.precision
    return Prepared(network, splits, model or Path(origin).name, weights, origin, record, notes)


def _cannot_fine_tune(begun: Prepared) -> str:
    """The error for `fine_tune` where the last layer is not fitted."""
    expected = "trained weights, and a last layer that is fitted to them first"
    if begun.weights is not None:
        got, remedy = begun.network.layers[-1].who, "epochs is the length of the training"
    elif begun.origin is not None:
        got, remedy = f"the model {begun.name} to continue", f"start from its weights: --weights {begun.name}"
    else:
        got, remedy = f"{begun.name} from scratch", "epochs is the length of the training"
    return mismatch("train: fine_tune", expected, got, remedy)


def initial(weights: str, model: str | None, size: Sequence[int] | None) -> Network:
    """The network that `weights` names: a built-in one, a model file, a run or a file with torchvision's
    names, for pictures of `size`. Raises DataError where `model` is another."""
    shape = None if size is None else (*size, 3)
    if not (is_built_in(weights) and are_here(weights)):
        return models.load(file_of(weights), model=model, input_shape=shape)
    if model not in (None, weights):
        raise DataError(mismatch(f"weights {weights}", f"weights of {model}", f"those of {weights}"))
    return models.build(weights, shape or ((SIDE, SIDE, 3) if weights == PRETRAINED else None))


def _with_classes(network: Network, classes: list[str], seed: int) -> tuple[Network, list[str]]:
    """The network for these classes, with a new last layer if it had others, and a line on that."""
    count = network.shapes[-1][-1]
    if network.classes is None and count == len(classes):
        network.classes = classes
        return network, []
    if network.classes == classes:
        return network, []
    network = models.adapted(network, classes, seed)
    line = (
        f"{_last(network)} reinitialised for {counted(len(classes), 'class')}; the weights were for {count:,}"
    )
    return network, [line]


def _last(network: Network) -> str:
    """The name of the last layer with parameters."""
    return next(layer.name for layer in reversed(network.layers) if layer.parameters)


def _learned(splits: Splits, record: Record | None) -> list[str]:
    """A warning for each of val and test that has pictures from which an earlier run learned."""
    lines = []
    for part, better in (("val", ("train",)), ("test", ("train", "val"))):
        if record is not None and part in splits.parts:
            known = record.learned(splits.parts[part], splits.root)
            n, total = sum(known.get(name, 0) for name in better), len(splits.parts[part])
            if n:
                lines.append(
                    f"warning: {record.path.parent} learned from {n:,} of {counted(total, 'picture')} "
                    f"in {part}: results look better than they are"
                )
    return lines


def _unknown(splits: Splits, model: str) -> list[str]:
    """A warning for a trained network whose training pictures are unknown."""
    held = " and ".join(part for part in ("val", "test") if part in splits.parts)
    if not held:
        return []
    why = f"pictures that the model was trained on may be in {held} (no splits.csv beside {model})"
    return [f"warning: {why}: results may look better than they are"]
