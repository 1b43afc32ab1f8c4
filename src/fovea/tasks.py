"""The built-in tasks of labelled data, and the choice of one for some data."""

from typing import Any

from fovea.classification.task import Classification
from fovea.data import DIGITS, Splits
from fovea.detection.dataset import Boxed
from fovea.detection.task import Detection
from fovea.network import Network
from fovea.training import loop, rate_search
from fovea.training.rate_search import RateSearch
from fovea.training.recipe import Recipe
from fovea.training.run_folder import Run
from fovea.training.task import Task

TASKS: dict[str, type[Task]] = {task.name: task for task in (Classification, Detection)}


def task_for(data: Splits) -> Task:
    """The task for `data`: detection for pictures with boxes, classification for others."""
    return Detection() if isinstance(data.train, Boxed) else Classification()


def named_for(source: str, format: str | None = None) -> str:
    """The name of the task for the folder `source`: "detect" if it has boxes, or if their `format` is given,
    else "classify"."""
    if format is None:
        from fovea.detection import formats

        if source == DIGITS or not formats.has_boxes(source):
            return Classification.name
    return Detection.name


def train(
    network: Network, data: Splits, recipe: Recipe | None = None, *, task: Task | None = None, **more: Any
) -> Run:
    """Train `network` in place on `data`; at the end it has the weights that were best on the validation set.

    `task` is by default the one for `data`. Arguments in `more` named like fields of `Recipe` or of the task
    override these: `fovea.train(network, data, epochs=3, label_smoothing=0.1)`; the others are arguments of
    `fovea.training.loop.train`: out, resume, arguments and progress. Raises FoveaError, and Stopped, a
    KeyboardInterrupt, after Ctrl-C.
    """
    return loop.train(network, data, recipe, task=task or task_for(data), **more)


def find_rate(
    network: Network, data: Splits, recipe: Recipe | None = None, *, task: Task | None = None, **more: Any
) -> RateSearch:
    """Find a learning rate for `network`, `data` and `recipe`, as `fovea.training.rate_search.find_rate`
    does; the network is unchanged. `task` is by default the one for `data`."""
    return rate_search.find_rate(network, data, recipe, task=task or task_for(data), **more)
