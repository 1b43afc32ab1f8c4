"""The function of its pixels that a painting minimises, at one size."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from fovea import functional, images
from fovea.network import runner
from fovea.style import losses
from fovea.style.features import Extractor, extractor
from fovea.style.losses import Part, Perceptual, Region, Sums, Targets, Variation
from fovea.style.masks import Areas
from fovea.style.options import Options
from fovea.style.tiles import patches, tiles

Progress = Callable[[int, int, str], object]  # compiling: done, total, what
Pause = Callable[[float], object]  # between tiles: the share of an evaluation that is done

FORWARD, BACKWARD = 0.3, 0.7  # of an evaluation's time in tiles: forward, then forward again and back
LARGEST = np.finfo(np.float16).max


class Objective:
    """strength · style + (1 − strength) · w · content + v · variation                                    (1)

    with the losses of losses.py, w of features.py, strength and v of `options`; for a painting (H·W·3,) in
    grey levels. `photo` (H, W, 3) and `styles` are float32 in grey levels, too; `areas` are those of the
    photograph, and the gradient is 0 outside.

    In tiles with sides of at most `side` pixels, the loss and its gradient are the same but for rounding:
    first all tiles' features are summed up, then each tile's gradient is computed from the sums. `pause` is
    called between tiles; an exception that it raises ends the evaluation.
    """

    def __init__(
        self,
        photo: np.ndarray,
        styles: Iterable[np.ndarray],
        areas: Areas,
        options: Options,
        progress: Progress | None = None,
        side: int | None = None,
        pause: Pause = lambda done: None,
    ) -> None:
        self.shape, self._extractor, self._pause = photo.shape, extractor(options.network), pause
        self._painted, self._variation = areas.painted, options.variation
        self._smoothness = Variation(photo) if options.variation else None
        content_weight = (1 - options.strength) * self._extractor.content_weight
        self._loss = Perceptual(self._extractor.content, content_weight, options.strength)
        how = {"side": side, "loss": self._loss, "progress": progress}
        self._tiled, grams = Tiled(self._extractor, photo.shape[:2], **how), []
        for style in styles:
            same = style.shape == photo.shape
            tiled = self._tiled if same else Tiled(self._extractor, style.shape[:2], **how)
            grams.append(self._grams(tiled, style))
            del tiled, style  # its memory serves the next one
        regions = {
            name: _regions([gram[name] for gram in grams], areas, self._tiled.shapes[name][:2])
            for name in self._extractor.style
        }
        self._targets = Targets(self._content(photo), regions)

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """(1), and its gradient by x."""
        picture, tiled = x.reshape(self.shape), self._tiled
        if tiled.patches is None:
            value, dX = tiled.plan.loss_and_input_gradient(tiled.numbers(picture), self._targets)
            gradient = dX[0] * tiled.preprocessing.scale
        else:
            value, gradient = self._in_tiles(picture)
        if self._smoothness is not None:
            rough, more = self._smoothness(picture)
            value += self._variation * rough
            gradient += np.float32(self._variation) * more
        if self._painted is not None:
            gradient *= self._painted[:, :, None]
        return value, gradient.reshape(-1)

    def _in_tiles(self, picture: np.ndarray) -> tuple[float, np.ndarray]:
        """The loss of features, and its gradient by the picture (H, W, 3)."""
        tiled, sums, gradient = self._tiled, Sums({}), np.zeros_like(picture)
        assert tiled.patches is not None
        for number, patches_ in enumerate(tiled.patches):
            self._loss.add(tiled.outputs(picture, number), self._targets, sums, patches_)
            self._pause(FORWARD * (number + 1) / len(tiled.patches))
        slopes = self._loss.slopes(sums, self._targets)
        for number, patches_ in enumerate(tiled.patches):
            window, numbers = tiled.window(number), tiled.numbers(picture, number)
            _, dX = tiled.plan.loss_and_input_gradient(numbers, Part(self._targets, patches_, slopes))
            gradient[window] += dX[0] * tiled.preprocessing.scale
            self._pause(FORWARD + BACKWARD * (number + 1) / len(tiled.patches))
        return slopes.loss, gradient

    def _grams(self, tiled: "Tiled", style: np.ndarray) -> dict[str, np.ndarray]:
        """The Gram matrix of each layer for a style's picture."""
        total = dict[str, np.ndarray]()
        for number, patches_ in enumerate(tiled.patches or [{}]):
            outputs = tiled.outputs(style, number)
            for name in self._extractor.style:
                gram = losses.gram(outputs[name], patches_.get(name))
                total[name] = total[name] + gram if name in total else gram
            self._pause(0)
        return total

    def _content(self, photo: np.ndarray) -> np.ndarray:
        """The photograph's features, in float16 if they come in tiles."""
        name, tiled = self._extractor.content, self._tiled
        if tiled.patches is None:
            return tiled.outputs(photo)[name].copy()
        features = np.empty((1, *tiled.shapes[name]), np.float16)
        for number, patches_ in enumerate(tiled.patches):
            patch, F = patches_[name], tiled.outputs(photo, number)[name]
            features[patch.core_of_whole] = np.minimum(F[patch.core], LARGEST)
            self._pause(0)
        return features


class Tiled:
    """A plan for pictures of `size` (H, W), or for the windows of their tiles, if a side is longer than
    `side` pixels. `shapes` are those of each layer's features for a whole picture, and `patches` those of
    each tile by layer, None for a single one."""

    def __init__(
        self,
        extractor: Extractor,
        size: tuple[int, int],
        side: int | None,
        loss: Perceptual,
        progress: Progress | None,
    ) -> None:
        self._tiles = tiles(size, side or max(size), extractor.halo)
        first = self._tiles[0]
        network = extractor.network(first.rows.stop, first.columns.stop)
        self.shapes, self.preprocessing = extractor.network(*size).output_shape, network.preprocessing
        self.patches = None
        if len(self._tiles) > 1:
            self.patches = [patches(tile, size, network.output_shape, self.shapes) for tile in self._tiles]
        runner.compile_operations(lambda: _call_grams(extractor, self.shapes), progress)
        self.plan = runner.plan(network, 1, by_input=True, any_size=True, loss=loss, progress=progress)

    def window(self, number: int) -> tuple[slice, slice]:
        """The pixels of a tile's window."""
        rows, columns = self._tiles[number]
        return slice(rows.start, rows.stop), slice(columns.start, columns.stop)

    def numbers(self, picture: np.ndarray, number: int = 0) -> np.ndarray:
        """The network's input (1, H, W, 3) for a tile of a picture."""
        window = picture[self.window(number)]
        return (window * self.preprocessing.scale + self.preprocessing.offset)[None]

    def outputs(self, picture: np.ndarray, number: int = 0) -> Mapping[str, np.ndarray]:
        """The features of a tile; the next call may overwrite them."""
        return self.plan.outputs(self.numbers(picture, number))


def _call_grams(extractor: Extractor, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Call the operations on Gram matrices for each number of channels."""
    for channels in {shapes[name][2] for name in extractor.style}:
        row = np.zeros((1, 1, 1, channels), np.float32)
        functional.gram_backward(functional.gram(row), row)


def _regions(grams: Sequence[np.ndarray], areas: Areas, size: tuple[int, ...]) -> list[Region]:
    """The regions of features (H, W). The Gram matrices of an area's styles have one mean, which minimises
    the sum of their losses as well."""
    regions = []
    for shares, weight in zip(areas.shares, areas.weights, strict=True):
        mean = np.zeros_like(grams[0])
        for index, share in shares.items():
            mean += np.float32(share) * grams[index]
        regions.append(Region(mean, None if weight is None else images.averaged(weight, size)))
    return regions
