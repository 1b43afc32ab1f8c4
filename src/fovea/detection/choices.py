"""The defaults of a detector's training, chosen from the data, with reasons."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

import numpy as np

from fovea.detection.dataset import Boxed
from fovea.detection.task import Detection
from fovea.layers import BatchNorm
from fovea.models.spot import LITE0
from fovea.names import counted
from fovea.network import Network
from fovea.training import setup
from fovea.training.average import decay
from fovea.training.recipe import Recipe

MODEL = "spot_small"
PICTURES = 40_000  # of a training: epochs times training pictures
EPOCHS = (30, 300)  # at least, at most
FEW, BATCHES = 500, (8, 16)  # pictures per step: the first below `FEW` training pictures
RATE = 0.02
FINE = 0.1  # of the learning rate, for a detector that is already trained
SMALL = 12.0  # pixels of a side, below which objects are hard to find
USUAL = {
    "optimizer": "sgd,nesterov", "clip": 10.0,
    "augment": "flip,shift=0.1,stretch=0.2,brightness=0.3,contrast=0.3,saturation=0.5,hue=0.015",
}  # fmt: skip


def choose(
    network: Network, train: Boxed, given: Mapping[str, Any], *, name: str, goes_on: bool = False
) -> tuple[Recipe, Detection, list[str]]:
    """The recipe and task to train `network`: the settings `given`, and defaults for all others; and lines
    that report the defaults and the reasons. `name` is the model's; `goes_on` is True for a detector that is
    already trained."""
    n, why = len(train), [f"model {name}", "×".join(map(str, network.input_shape[:2]))]
    picked: dict[str, Any] = dict(USUAL)
    batch = given.get("batch_size") or BATCHES[n >= FEW]
    picked["batch_size"] = batch
    steps = -(-n // batch)
    least, most = EPOCHS
    epochs = given.get("epochs") or min(max(ceil(PICTURES / n), least), most)
    picked["epochs"] = epochs
    picked["average"] = decay(epochs * steps)
    if "learning_rate" not in given and "optimizer" not in given:
        picked["learning_rate"] = RATE * (FINE if goes_on else 1)
    if name == LITE0 and not goes_on and "freeze" not in given:
        picked["freeze"] = body(network)
        why.append("the lower half of its body frozen, with all statistics")
    recipe, task = setup.chosen(Recipe(), Detection(), {**picked, **given})
    why += [f"{counted(recipe.epochs, 'epoch')} of {counted(steps, 'step')}", f"batch size {batch}"]
    why += [f"learning rate {recipe.rate:g}", *(f"{key} {picked[key]}" for key in USUAL if key not in given)]
    return recipe, task, [f"settings for boxes: {', '.join(why)}", *_hints(train)]


def body(network: Network) -> list[str]:
    """The layers of a trained body that do not learn: its lower half, which sees edges and textures, and the
    statistics of all of it, which are of far more pictures."""
    names = [layer.name for layer in network.layers if layer.kind == BatchNorm.kind]
    return ["..block5", *(name for name in names if name.startswith("block"))]


def _hints(train: Boxed) -> Sequence[str]:
    sides = np.concatenate([np.sqrt(np.prod(train.boxes_in(i).sides, axis=1)) for i in range(len(train))])
    if len(sides) and (middle := float(np.median(sides))) < SMALL:
        H, W = train.shape[:2]
        return [f"half of the objects are below {middle:.0f} pixels at {H}×{W}: a larger --size finds more"]
    return []
