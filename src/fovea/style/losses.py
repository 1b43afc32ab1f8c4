"""The losses that a painting minimises, each divided by its target's mean square: so their weights mean the
same for every network, layer and picture.

    content     L = mean (F − T)² / mean T²              dL/dF = 2 (F − T) / (n · mean T²)                 (1)
    style       L = mean (G − Γ)² / mean Γ²              dL/dG = 2 (G − Γ) / (C² · mean Γ²)                (2)
    variation   L = Σ (∂x)² + (∂y)² of the painting / the same sum of the photograph                      (3)

F and T are the features of painting and photograph in one layer, G and Γ the Gram matrices of painting and
style in others; `functional.gram_backward` leads from dG to dF, and the style's loss is the mean over its
layers. ∂x and ∂y are the differences of neighbouring pixels. Where a mask m weights the pixels, m · F takes
the place of F in (2), and G is divided by the mean of m²; regions weigh as much as they are large.

The features may come in tiles (tiles.py): G and Σ (F − T)² are sums over all pixels, so they are sums over
tiles, and once they are known, each tile's dF depends on its own F alone.

Gatys, Ecker, Bethge: Image style transfer using convolutional neural networks (2016).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from fovea import functional
from fovea.losses import Late, Loss
from fovea.style.tiles import Patch

_LEAST = 1e-8  # of a mean square: below, there is nothing to compare with
_ROWS = 64  # of features in float16, which are converted to be squared


@dataclass(frozen=True)
class Region:
    """A part of the painting and its style: `mask` (H, W) from 0 to 1, None for all of the painting, and the
    style's Gram matrix (C, C)."""

    gram: np.ndarray
    mask: np.ndarray | None = None

    @cached_property
    def weight(self) -> float:
        return 1.0 if self.mask is None else float(self.mask.mean(dtype=np.float64))

    @cached_property
    def scale(self) -> np.float32:
        """Of a Gram matrix of the masked features."""
        return np.float32(1 if self.mask is None else 1 / max(_mean_square(self.mask), _LEAST))

    def masked(self, F: np.ndarray, patch: Patch | None) -> tuple[np.ndarray, np.ndarray | None]:
        """Features F (1, H, W, C) of a patch, masked; and the mask (1, H, W, 1) there."""
        if self.mask is None:
            return F, None
        mask = self.mask if patch is None else self.mask[patch.rows, patch.columns]
        return F * mask[None, :, :, None], mask[None, :, :, None]


@dataclass(frozen=True)
class Targets:
    """The features (1, H, W, C) of the photograph, float32 or float16, and the regions in each layer."""

    content: np.ndarray
    style: Mapping[str, Sequence[Region]]

    @cached_property
    def energy(self) -> float:
        """The mean square of `content`."""
        T = self.content
        if T.dtype != np.float16:
            return max(_mean_square(T), _LEAST)
        rows = range(0, T.shape[1], _ROWS)
        parts = (T[:, row : row + _ROWS].astype(np.float32) for row in rows)
        return max(sum(map(_squares, parts)) / T.size, _LEAST)


@dataclass
class Sums:
    """Over all pixels: the Gram matrices of each layer's regions, and Σ (F − T)²."""

    grams: dict[str, list[np.ndarray]]
    content: float = 0.0


@dataclass(frozen=True)
class Slopes:
    """The loss of the whole painting; its dG for each layer's regions, and its d(Σ (F − T)²), twice."""

    loss: float
    grams: Mapping[str, Sequence[np.ndarray]]
    content: np.float32


@dataclass(frozen=True)
class Part:
    """The targets of a tile: those of the painting, its patch of each layer, and the slopes of the whole."""

    targets: Targets
    patches: Mapping[str, Patch]
    slopes: Slopes


class Perceptual(Loss):
    """Content (1) in the layer `content`, and style (2) in those of `targets.style`, by their weights. Its
    gradients are `Late`.

    With the `targets` of a whole painting, the loss of features Z of all of it; with those of a tile, whose
    slopes are known, the gradients of its own.
    """

    def __init__(self, content: str, content_weight: float, style_weight: float) -> None:
        self.content, self.content_weight, self.style_weight = content, content_weight, style_weight

    def __call__(self, Z: Mapping[str, np.ndarray], targets: Targets | Part) -> tuple[float, dict[str, Late]]:
        if isinstance(targets, Targets):
            sums = Sums({})
            self.add(Z, targets, sums)
            targets = Part(targets, {}, self.slopes(sums, targets))
        names = dict.fromkeys(targets.targets.style if self.style_weight else ())
        if self.content_weight or not names:
            names[self.content] = None
        dZ = {name: Late(Z[name], partial(self._write, name, Z[name], targets)) for name in names}
        return targets.slopes.loss, dZ

    def add(
        self,
        Z: Mapping[str, np.ndarray],
        targets: Targets,
        sums: Sums,
        patches: Mapping[str, Patch] | None = None,
    ) -> None:
        """Add features to `sums`: all of them, or those of a tile, in which the features beyond its core are
        then 0."""
        patches = patches or {}
        for name, regions in targets.style.items() if self.style_weight else ():
            F, patch = Z[name], patches.get(name)
            found = [gram(region.masked(F, patch)[0], patch) for region in regions]
            if name in sums.grams:
                found = [so_far + more for so_far, more in zip(sums.grams[name], found, strict=True)]
            sums.grams[name] = found
        if self.content_weight:
            F, patch = Z[self.content], patches.get(self.content)
            if patch is None:
                difference = F - targets.content
            else:
                difference = F[patch.core] - targets.content[patch.core_of_whole]
            sums.content += _squares(difference)

    def slopes(self, sums: Sums, targets: Targets) -> Slopes:
        loss, grams, content = 0.0, dict[str, list[np.ndarray]](), np.float32(0)
        for name, found in sums.grams.items():
            grams[name], of_layer = [], 0.0
            for G, region in zip(found, targets.style[name], strict=True):
                of_region, dG = _relative(G * region.scale, region.gram)
                of_layer += region.weight * of_region
                grams[name].append(dG * (region.scale * np.float32(region.weight)))
            loss += self.style_weight / len(targets.style) * of_layer
        if self.content_weight:
            n = targets.content.size
            loss += self.content_weight * (sums.content / n / targets.energy)
            content = np.float32(2 / (n * targets.energy))
        return Slopes(loss, grams, content)

    def _write(self, name: str, F: np.ndarray, part: Part, dF: np.ndarray) -> None:
        """dF, 0 beyond the core of a tile."""
        targets, patch, grams = part.targets, part.patches.get(name), part.slopes.grams.get(name, ())
        for number, dG in enumerate(grams):
            masked, mask = targets.style[name][number].masked(F, patch)
            of_region = np.empty_like(dF) if number else dF
            functional.gram_backward((dG if patch is None else dG * patch.share)[None], masked, of_region)
            if mask is not None:
                of_region *= mask
            if number:
                dF += of_region
        if grams:
            dF *= np.float32(self.style_weight / len(targets.style))
        if self.content_weight and name == self.content:
            T = targets.content
            of_content = np.empty_like(dF) if grams else dF
            np.subtract(F, T if patch is None else T[:, patch.rows, patch.columns], out=of_content)
            of_content *= part.slopes.content
            of_content *= np.float32(self.content_weight)
            if grams:
                dF += of_content
        elif not grams:
            dF[...] = 0
        if patch is not None:
            patch.blank(dF)

    def counted(self, targets: Targets | Part) -> int:
        return 1


def gram(F: np.ndarray, patch: Patch | None = None) -> np.ndarray:
    """The Gram matrix (C, C) of features (1, H, W, C); of a patch, its share of the whole's, after the
    features beyond its core are set to 0."""
    if patch is None:
        return functional.gram(F)[0]
    patch.blank(F)
    return functional.gram(F)[0] * patch.share


class Variation:
    """(3), relative to a photograph (H, W, C) in grey levels."""

    def __init__(self, photo: np.ndarray) -> None:
        self._whole = max(self._sum(*_differences(photo)), float(photo.size))  # a level per pixel at least

    def __call__(self, picture: np.ndarray) -> tuple[float, np.ndarray]:
        """The loss, and its gradient by `picture` (H, W, C)."""
        down, across = _differences(picture)
        gradient = np.zeros_like(picture)
        gradient[1:] += down
        gradient[:-1] -= down
        gradient[:, 1:] += across
        gradient[:, :-1] -= across
        gradient *= np.float32(2 / self._whole)
        return self._sum(down, across) / self._whole, gradient

    @staticmethod
    def _sum(*parts: np.ndarray) -> float:
        return sum(map(_squares, parts))


def _relative(A: np.ndarray, T: np.ndarray) -> tuple[float, np.ndarray]:
    """mean (A − T)² / mean T², and its gradient by A."""
    difference, whole = A - T, max(_mean_square(T), _LEAST)
    value = _mean_square(difference) / whole
    difference *= np.float32(2 / (difference.size * whole))
    return value, difference


def _mean_square(A: np.ndarray) -> float:
    return _squares(A) / A.size


def _squares(A: np.ndarray) -> float:
    return float(np.square(A).sum(dtype=np.float64))


def _differences(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return picture[1:] - picture[:-1], picture[:, 1:] - picture[:, :-1]
