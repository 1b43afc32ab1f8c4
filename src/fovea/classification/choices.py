"""The defaults of `fovea train`, chosen from the data, with reasons.

Pictures larger than `SMALL` start from the weights of `PRETRAINED`, which knows photographs: its last layer
is fitted to them in the first epoch, and where there are enough pictures, its upper layers are fine-tuned in
some more (`TRANSFER`). All others are learned from scratch: the first preset in `ROWS` that suits the
pictures gives the network and its recipe; the number of epochs, the batch size and the decay of the average
then follow from the number of pictures. A new network is one more name in a preset, before those that it is
better than; a new kind of data is one more preset.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, prod
from typing import Any

from fovea import models
from fovea.classification.task import Classification
from fovea.data import Dataset, Splits
from fovea.layers import BatchNorm
from fovea.memory import machine_memory
from fovea.names import counted
from fovea.network import Network
from fovea.optimizers import SGD
from fovea.training import layer_rates, setup, whitening
from fovea.training.average import decay
from fovea.training.recipe import Recipe

SMALL = 48  # pixels of the longer side
LEAST_STEPS = 8  # in an epoch: smaller batches are better than fewer steps
LEAST_BATCH = 16
MEMORY = 4  # a training may take 1/MEMORY of the machine's memory
FINE = 0.1  # of the learning rate, for a network that is already trained
PRETRAINED = "efficientnet_lite0"
SIDE = 256  # pixels of the pictures that it sees by default
ENOUGH = 400  # training pictures, below which fine-tuning does not pay
LONG = 20  # epochs: a longer training needs stronger augmentation
UNEVEN = 3  # classes are uneven if the largest has at least this many times the pictures of the smallest


@dataclass(frozen=True)
class Preset:
    """The settings for one kind of data.

    kind: a description of such pictures. suits: True for a shape (H, W, C) of that kind. models: names of
    networks, of which the first existing one is used. batch_size, and the learning_rate for it. steps: enough
    to train from scratch; epochs: their minimum and maximum. recipe: further settings; long: those that
    differ in a training of more than `LONG` epochs.
    """

    kind: str
    suits: Callable[[tuple[int, int, int]], bool]
    models: Sequence[str]
    batch_size: int
    learning_rate: float
    steps: int
    epochs: tuple[int, int]
    recipe: Mapping[str, Any] = field(default_factory=dict)
    long: Mapping[str, Any] = field(default_factory=dict)


ROWS = (
    Preset(
        kind=f"grey pictures up to {SMALL} pixels",
        suits=lambda shape: max(shape[:2]) <= SMALL and shape[2] == 1,
        models=("lenet5",),
        batch_size=64, learning_rate=SGD.learning_rate, steps=1400, epochs=(10, 60),
    ),
    Preset(
        kind=f"colour pictures up to {SMALL} pixels",
        suits=lambda shape: max(shape[:2]) <= SMALL,
        models=("quicknet", "lenet5"),
        batch_size=256, learning_rate=0.2, steps=2100, epochs=(12, 60),
        recipe={
            "optimizer": "sgd,nesterov", "label_smoothing": 0.1,
            "augment": "pad=2,reflect,flip", "average": True,
        },
        long={"augment": "pad=2,reflect,flip,cutout=0.25"},
    ),
    Preset(
        kind=f"pictures larger than {SMALL} pixels",
        suits=lambda shape: True,
        models=("resnet18", "lenet5"),
        batch_size=32, learning_rate=0.05, steps=4000, epochs=(12, 100),
        recipe={
            "optimizer": "sgd,nesterov", "label_smoothing": 0.1,
            "augment": "crop=0.5,stretch=0.33,reflect,flip,brightness=0.2,contrast=0.2", "average": True,
        },
    ),
)  # fmt: skip

# Settings for fine-tuning
TRANSFER = Preset(
    kind="trained weights",
    suits=lambda shape: True,
    models=(PRETRAINED,),
    batch_size=32, learning_rate=0.001, steps=300, epochs=(3, 8),
    recipe={
        "optimizer": "sgd,nesterov", "label_smoothing": 0.1,
        "augment": "crop=0.2,stretch=0.2,reflect,flip,brightness=0.2,contrast=0.2", "average": True,
    },
)  # fmt: skip


OF_STEPS = (  # settings that a fit alone does not use
    *("optimizer", "learning_rate", "schedule", "clip", "average", "patience", "layer_rates"),
    *("augment", "mixup"),
)


def starts_from_weights(shape: tuple[int, int, int]) -> bool:
    """True if pictures of that shape are trained from the weights of `PRETRAINED` by default."""
    return max(shape[:2]) > SMALL


def row_for(shape: tuple[int, int, int]) -> Preset:
    """The preset for pictures of that shape."""
    return next(row for row in ROWS if row.suits(shape))


def model_for(shape: tuple[int, int, int]) -> str:
    """The default network for pictures of that shape."""
    return next(name for name in row_for(shape).models if name in models.MODELS)


def choose(
    network: Network,
    splits: Splits,
    given: Mapping[str, Any],
    *,
    goes_on: bool = False,
    fits: bool = False,
    fine_tune: int | None = None,
    model: str | None = None,
) -> tuple[Recipe, Classification, list[str]]:
    """The recipe and task to train `network` on `splits`: the settings `given`, and defaults for all others;
    and lines that report the defaults and the reasons. `goes_on` is True for a network that is already
    trained; with `fits`, its last layer is fitted in the first epoch, and `fine_tune` epochs follow; `model`
    is its name if that is a default too.

    The same data gives the same choice, except for a smaller batch on a machine with little memory.
    """
    train = setup.training_part(splits)
    if fits:
        return _transfer(network, train, given, fine_tune, model)
    row, n = row_for(splits.shape), len(train)
    picked, why = dict(row.recipe), [f"model {model}"] if model else []

    batch = given.get("batch_size") or _batch(network, n, row.batch_size)
    if "batch_size" not in given:
        picked["batch_size"] = batch
        few = (
            f" as there are only {counted(n, 'training picture')}" if n < LEAST_STEPS * row.batch_size else ""
        )
        little = " as more would not fit the memory" if batch < row.batch_size and not few else ""
        why.append(f"batch size {batch}{few}{little}")
    steps = -(-n // batch)  # in an epoch
    least, most = row.epochs
    epochs = given.get("epochs") or min(max(ceil(row.steps / steps), least), most)
    if "epochs" not in given:
        picked["epochs"] = epochs
        why.append(f"{counted(epochs, 'epoch')} of {counted(steps, 'step')}")
    if epochs > LONG:
        picked |= row.long
    if picked.pop("average", False):
        picked["average"] = decay(epochs * steps)
    if "learning_rate" not in given and "optimizer" not in given:
        rate = row.learning_rate * min(batch / row.batch_size, 1) * (FINE if goes_on else 1)
        picked["learning_rate"] = round(rate, 6)
    measured = [layer.name for layer in whitening.measured(network)]
    if measured and "freeze" not in given:
        picked["freeze"] = measured
        why.append(f"{', '.join(measured)} frozen, whose filters are measured instead of learned")
    recipe, task = setup.chosen(Recipe(), Classification(), {**picked, **given})

    fine = ""
    if goes_on and "learning_rate" in picked:
        fine = f", {FINE:g} of the usual as the model is trained already"
    why.append(f"learning rate {recipe.rate:g}{fine}")
    why += _told(row, picked, given)
    lines = [f"settings for {row.kind}: {', '.join(why)}"]
    return recipe, task, lines + _hints(train, task)


def _transfer(
    network: Network, train: Dataset, given: Mapping[str, Any], fine_tune: int | None, model: str | None
) -> tuple[Recipe, Classification, list[str]]:
    """`choose` for a network whose last layer is fitted first."""
    n = len(train)
    batch = given.get("batch_size") or _batch(network, n, TRANSFER.batch_size)
    steps = -(-n // batch)
    least, most = TRANSFER.epochs
    tuned = min(max(ceil(TRANSFER.steps / steps), least), most) if n >= ENOUGH else 0
    tuned = fine_tune if fine_tune is not None else given.get("epochs", 1 + tuned) - 1
    picked = {"fit_last": True, "batch_size": batch, "epochs": 1 + tuned}
    smoothing = {"label_smoothing": TRANSFER.recipe["label_smoothing"]}
    if tuned:
        rate = round(TRANSFER.learning_rate * min(batch / TRANSFER.batch_size, 1), 6)
        picked |= {**TRANSFER.recipe, "average": decay(tuned * steps), "freeze": below_the_end(network)}
        picked |= {} if "optimizer" in given else {"learning_rate": rate}
    recipe, task = setup.chosen(Recipe(), Classification(), {**picked, **smoothing, **given})

    last = network.layers[-1].name
    computed = "the layers below compute" if model is None else f"{model} computes"
    first = f"epoch 1 fits {last} to the features that {computed}"
    if model is not None:
        first += " (--weights none trains from scratch)"
    if not tuned:
        few = n < ENOUGH and fine_tune is None and "epochs" not in given
        why = f", as there are only {counted(n, 'training picture')}" if few else ""
        lines = [f"{first}; no fine-tuning{why}"]
        if idle := [name for name in OF_STEPS if given.get(name)]:
            lines.append(f"no effect without fine-tuning (--fine-tune {least}): {', '.join(idle)}")
        return recipe, task, lines + _hints(train, task)
    why = [
        f"{counted(steps, 'step')} each",
        f"batch size {batch}",
        f"learning rate {recipe.rate:g}",
    ]
    why += _told(TRANSFER, picked, given)
    tuning = "epoch 2 fine-tunes" if tuned == 1 else f"epochs 2 to {1 + tuned} fine-tune"
    lines = [first, f"{tuning} the upper layers: {', '.join(why)}"]
    return recipe, task, lines + _hints(train, task)


def below_the_end(network: Network) -> list[str]:
    """The layers to freeze in fine-tuning: all whose output is at least twice as high and wide as the last
    picture-shaped one, and every BatchNorm, whose statistics are of far more pictures."""
    depths = layer_rates.depths(network)
    lower = [name for name, depth in depths.items() if depth > 1]
    above = list(depths)[len(lower) :] if lower else list(depths)
    kinds = {layer.name: layer.kind for layer in network.layers}
    return [*(f"..{name}" for name in lower[-1:]), *(n for n in above if kinds[n] == BatchNorm.kind)]


def _told(row: Preset, picked: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    return [f"{_WORDS[name]} {picked[name]}" for name in row.recipe if name in _WORDS and name not in given]


_WORDS = {name: name.replace("_", " ") for name in ("optimizer", "label_smoothing", "augment", "average")}


def _batch(network: Network, n: int, usual: int) -> int:
    """The largest power of two up to `usual` with enough steps per epoch, and that fits the memory."""
    numbers = 2 * sum(map(prod, network.shapes))  # per picture: the output of each layer, and its gradient
    room = machine_memory() // MEMORY // (4 * numbers)
    batch = usual
    while batch > LEAST_BATCH and n < LEAST_STEPS * batch:
        batch //= 2
    while batch > 2 and batch > room:
        batch //= 2
    while batch > 2 and n % batch == 1:  # batch normalisation needs more than one picture
        batch -= 1
    return batch


def _hints(train: Dataset, task: Classification) -> list[str]:
    """Hints on uneven classes."""
    counts = [int((train.labels == label).sum()) for label in range(len(train.classes))]
    low, high = min(counts), max(counts)
    if high < UNEVEN * max(low, 1) or task.class_weights is not None:
        return []
    few, many = (train.classes[counts.index(count)] for count in (low, high))
    return [
        f"classes differ much: {counted(low, 'picture')} of {few}, {high:,} of {many}; "
        "--class-weights balanced lets all classes count alike"
    ]
