"""The function of its pixels that a painting minimises, at one size."""

from collections.abc import Callable, Sequence

import numpy as np

from fovea import images
from fovea.network import runner
from fovea.style import losses
from fovea.style.features import extractor
from fovea.style.losses import Perceptual, Region, Targets, Variation
from fovea.style.masks import Areas
from fovea.style.options import Options

Progress = Callable[[int, int, str], object]  # compiling: done, total, what


class Objective:
    """strength · style + (1 − strength) · w · content + v · variation                                    (1)

    with the losses of losses.py, w of features.py, strength and v of `options`; for a painting (H·W·3,) in
    grey levels. `photo` (H, W, 3) and `styles` are float32 in grey levels, too; `areas` are those of the
    photograph, and the gradient is 0 outside.
    """

    def __init__(
        self,
        photo: np.ndarray,
        styles: Sequence[np.ndarray],
        areas: Areas,
        options: Options,
        progress: Progress | None = None,
    ) -> None:
        self.shape, self._extractor, self._progress = photo.shape, extractor(options.network), progress
        self._painted = areas.painted
        self._variation, self._smoothness = options.variation, Variation(photo)
        content_weight = (1 - options.strength) * self._extractor.content_weight
        self._loss = Perceptual(self._extractor.content, content_weight, options.strength)
        self._plan, grams = self._planned(photo), []
        for style in styles:
            plan = self._plan if style.shape == photo.shape else self._planned(style)
            outputs = plan.predict(self._numbers(style))
            grams.append({name: losses.gram(outputs[name]) for name in self._extractor.style})
        outputs = self._plan.predict(self._numbers(photo))
        regions = {
            name: _regions([gram[name] for gram in grams], areas, outputs[name].shape[1:3])
            for name in self._extractor.style
        }
        self._targets = Targets(outputs[self._extractor.content], regions)

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """(1), and its gradient by x."""
        picture = x.reshape(self.shape)
        value, dX = self._plan.loss_and_input_gradient(self._numbers(picture), self._targets)
        gradient = dX[0] * self._preprocessing.scale
        if self._variation:
            rough, more = self._smoothness(picture)
            value += self._variation * rough
            gradient += np.float32(self._variation) * more
        if self._painted is not None:
            gradient *= self._painted[:, :, None]
        return value, gradient.reshape(-1)

    def _planned(self, picture: np.ndarray) -> runner.Plan:
        network = self._extractor.network(*picture.shape[:2])
        self._preprocessing = network.preprocessing
        return runner.plan(network, 1, by_input=True, any_size=True, loss=self._loss, progress=self._progress)

    def _numbers(self, picture: np.ndarray) -> np.ndarray:
        """The network's input (1, H, W, 3)."""
        return (picture * self._preprocessing.scale + self._preprocessing.offset)[None]


def _regions(grams: Sequence[np.ndarray], areas: Areas, size: tuple[int, int]) -> list[Region]:
    """The regions of features (H, W). The Gram matrices of an area's styles have one mean, which minimises
    the sum of their losses as well."""
    regions = []
    for shares, weight in zip(areas.shares, areas.weights, strict=True):
        mean = np.zeros_like(grams[0])
        for index, share in shares.items():
            mean += np.float32(share) * grams[index]
        regions.append(Region(mean, None if weight is None else images.averaged(weight, size)))
    return regions
