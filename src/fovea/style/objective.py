"""The function of its pixels that a painting minimises, at one size."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from fovea.network import runner
from fovea.style import losses
from fovea.style.features import extractor
from fovea.style.losses import Perceptual, Region, Targets, Variation
from fovea.style.options import Options

Progress = Callable[[int, int, str], object]  # compiling: done, total, what


class Objective:
    """strength · style + (1 − strength) · w · content + v · variation                                    (1)

    with the losses of losses.py, w of features.py, strength and v of `options`; for a painting (H·W·3,) in
    grey levels. `photo` (H, W, 3) and `styles` are float32 in grey levels, too, and `shares` those of the
    styles.
    """

    def __init__(
        self,
        photo: np.ndarray,
        styles: Sequence[np.ndarray],
        shares: Sequence[float],
        options: Options,
        progress: Progress | None = None,
    ) -> None:
        self.shape, self._extractor, self._progress = photo.shape, extractor(options.network), progress
        self._variation, self._smoothness = options.variation, Variation(photo)
        content_weight = (1 - options.strength) * self._extractor.content_weight
        self._loss = Perceptual(self._extractor.content, content_weight, options.strength)
        self._plan, grams = self._planned(photo), []
        for style in styles:
            plan = self._plan if style.shape == photo.shape else self._planned(style)
            outputs = plan.predict(self._numbers(style))
            grams.append({name: losses.gram(outputs[name]) for name in self._extractor.style})
        content = self._plan.predict(self._numbers(photo))[self._extractor.content]
        regions = {name: self._regions(name, grams, shares) for name in self._extractor.style}
        self._targets = Targets(content, regions)

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """(1), and its gradient by x."""
        picture = x.reshape(self.shape)
        value, dX = self._plan.loss_and_input_gradient(self._numbers(picture), self._targets)
        gradient = dX[0] * self._preprocessing.scale
        if self._variation:
            rough, more = self._smoothness(picture)
            value += self._variation * rough
            gradient += np.float32(self._variation) * more
        return value, gradient.reshape(-1)

    def _planned(self, picture: np.ndarray) -> runner.Plan:
        network = self._extractor.network(*picture.shape[:2])
        self._preprocessing = network.preprocessing
        return runner.plan(network, 1, by_input=True, any_size=True, loss=self._loss, progress=self._progress)

    def _numbers(self, picture: np.ndarray) -> np.ndarray:
        """The network's input (1, H, W, 3)."""
        return (picture * self._preprocessing.scale + self._preprocessing.offset)[None]

    def _regions(
        self, name: str, grams: Sequence[Mapping[str, np.ndarray]], shares: Sequence[float]
    ) -> list[Region]:
        """Several styles' Gram matrices have one mean, which minimises the sum of their losses as well."""
        mean = np.zeros_like(grams[0][name])
        for share, gram in zip(shares, grams, strict=True):
            mean += np.float32(share) * gram[name]
        return [Region(mean)]
