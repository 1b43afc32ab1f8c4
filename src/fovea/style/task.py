"""Learning a style: the task of painting photographs in the manner of one picture.

    photograph ──painter──▶ painting ──VGG-19──▶ content and style ──▶ loss                              (1)

The loss is the one that `fovea paint` minimises by a painting's pixels, here by the painter's γ and β. It
begins with the trained style whose paintings have the least loss.

Dumoulin, Shlens, Kudlur: A learned representation for artistic style (2017), section 3.2.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from fovea import images
from fovea.data import Dataset, Splits
from fovea.data.batches import Examples
from fovea.losses import Loss
from fovea.network import Network, runner
from fovea.network.preprocessing import Preprocessing
from fovea.network.runner import Answering
from fovea.ranges import number
from fovea.style import losses, networks, styles
from fovea.style.features import extractor
from fovea.style.learned import PAINTER, arrays, is_scale
from fovea.style.losses import Perceptual, Region, Targets
from fovea.style.photographs import LONGER
from fovea.training.run_folder import PROGRESS
from fovea.training.setup import Setup
from fovea.training.task import Report, Task

NETWORK = "vgg19"  # which looks at the paintings
FROZEN = ("contract?", "block?_?", "expand?")  # the filters
SHOWN, TRIED = 3, 2  # photographs: in the picture of the progress; by which the first style is chosen
WHITE = np.float32(255)

Progress = Callable[[int, int, str], object]  # compiling: done, total, what


@dataclass(frozen=True)
class LearnStyle(Task):
    """Learn the style of a painting.

    painting: its file. strength: of its style against the photographs, from 0 to 1, as in `fovea paint`.
    style_scale: the size of its strokes against the usual. file: where the style is written in the end.
    parts: the number of parts of photographs in an epoch. photographs: their digest; they may not change
    until a run resumes.
    """

    painting: str = ""
    strength: float = 0.5
    style_scale: float = 1.0
    file: str = ""
    parts: int = 0
    photographs: str = ""

    name: ClassVar[str] = "learn-style"
    command: ClassVar[str] = "learn-style"

    def __post_init__(self) -> None:
        for name, least, most in (("strength", 0, 1), ("style_scale", 0.1, 10)):
            words = f"a number from {least} to {most}"
            checked = number(getattr(self, name), f"learn-style: {name}", words, least, most)
            object.__setattr__(self, name, checked)

    def adopt(self, network: Network, train: Dataset) -> None:
        network.preprocessing = Preprocessing.none(3)  # its filters are trained

    def loss(self, train: Dataset) -> "PaintingLoss":
        return _loss(self.painting, self.strength, self.style_scale, train.shape[0])

    def examples(self, dataset: Dataset) -> Examples:
        return lambda pictures, labels, rng: (pictures, pictures)

    @property
    def fits(self) -> bool:
        return True

    def fit(self, setup: Setup, report: Report) -> tuple[float, dict[str, float], int]:
        """Give the network the trained style whose paintings have the least loss."""
        network, loss = setup.network, setup.loss
        assert isinstance(loss, PaintingLoss)
        photos, _ = setup.train.read(range(min(TRIED, len(setup.train))))
        count, found = len(arrays(PAINTER)["contract0_norm.gamma"]), []
        for place in range(count):
            set_scales(network, place)
            found.append(loss.value(network.run(photos / WHITE), photos))
            report("paintings in trained styles", place + 1, count)
        best = int(np.argmin(found))
        set_scales(network, best)
        return found[best], {}, len(photos)

    def show(self, folder: Path, plan: Answering, data: Splits) -> None:
        """The photographs that are not learned from, above their paintings."""
        assert data.val is not None
        photos, _ = data.val.read(range(min(SHOWN, len(data.val))))
        painted = np.rint(np.concatenate([plan.predict(photo[None]) for photo in photos]) * WHITE)
        rows = [np.concatenate(list(row), axis=1) for row in (photos, painted.astype(np.uint8))]
        images.write(folder / PROGRESS, np.concatenate(rows))

    def settings(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


class PaintingLoss(Loss):
    """strength · style + (1 − strength) · w · content, as in `Objective`, the mean over paintings float32
    (N, side, side, 3) from 0 to 1; the targets are the photographs, uint8 of the same shape.

    `picture` uint8 (H, W, 3) has the style, in the size in which it is looked at.
    """

    def __init__(self, picture: np.ndarray, strength: float, side: int) -> None:
        self._extractor = extractor(NETWORK)
        weight = (1 - strength) * self._extractor.content_weight
        self._loss = Perceptual(self._extractor.content, weight, strength)
        style = self._planned(*picture.shape[:2]).predict(self._numbers(picture.astype(np.float32)))
        self._style = {name: [Region(losses.gram(style[name]))] for name in self._extractor.style}
        self._plan = self._planned(side, side)

    def __call__(self, Z: np.ndarray, targets: np.ndarray) -> tuple[float, np.ndarray]:
        value, dZ = 0.0, np.empty_like(Z)
        for painting, photo, gradient in zip(Z, targets, dZ, strict=True):
            of_one, dX = self._plan.loss_and_input_gradient(
                self._numbers(painting * WHITE), self._targets(photo)
            )
            value += of_one / len(Z)
            gradient[...] = dX[0] * (self._preprocessing.scale * WHITE / np.float32(len(Z)))
        return value, dZ

    def value(self, Z: np.ndarray, targets: np.ndarray) -> float:
        """The loss alone."""
        found = [
            self._loss(self._plan.predict(self._numbers(painting * WHITE)), self._targets(photo))[0]
            for painting, photo in zip(Z, targets, strict=True)
        ]
        return sum(found) / len(found)

    def _targets(self, photo: np.ndarray) -> Targets:
        numbers = self._numbers(photo.astype(np.float32))
        return Targets(self._plan.predict(numbers)[self._extractor.content], self._style)

    def _planned(self, height: int, width: int) -> runner.Plan:
        network = self._extractor.network(height, width)
        self._preprocessing = network.preprocessing
        return runner.plan(network, 1, by_input=True, any_size=True, loss=self._loss)

    def _numbers(self, picture: np.ndarray) -> np.ndarray:
        """The extractor's input (1, H, W, 3), of a picture in grey levels."""
        return (picture * self._preprocessing.scale + self._preprocessing.offset)[None]


@lru_cache(maxsize=1)
def _loss(painting: str, strength: float, style_scale: float, side: int) -> PaintingLoss:
    picture = styles.picture(painting)
    share, least = LONGER * style_scale / max(picture.shape[:2]), extractor(NETWORK).least
    size = [max(round(length * share), least) for length in picture.shape[:2]]
    return PaintingLoss(images.fit(picture[None], size)[0], strength, side)


def compile_loss(side: int, progress: Progress) -> None:
    """Compile the kernels of the loss, for photographs of any `side`."""
    found = extractor(NETWORK)
    network, loss = found.network(side, side), Perceptual(found.content, 1, 1)
    runner.plan(network, 1, by_input=True, any_size=True, loss=loss, progress=progress)


def painter(side: int) -> Network:
    """The painter with its filters, for photographs of `side`, in the first of its trained styles."""
    network = networks.painter(PAINTER, side, side)
    for name, view in network.parameters.items():
        if not is_scale(name):
            view[...] = arrays(PAINTER)[name]
    set_scales(network, 0)
    return network


def set_scales(network: Network, place: int) -> None:
    """Give the painter γ and β of a trained style, counted from 0."""
    for name, view in network.parameters.items():
        if is_scale(name):
            view[...] = arrays(PAINTER)[name][place]


def scales_of(network: Network) -> Mapping[str, np.ndarray]:
    """A copy of γ and β of a painter's normalisations."""
    return {name: view.copy() for name, view in network.parameters.items() if is_scale(name)}
