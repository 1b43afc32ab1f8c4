"""The losses that a painting minimises, each divided by its target's mean square: so their weights mean the
same for every network, layer and picture.

    content     L = mean (F − T)² / mean T²              dL/dF = 2 (F − T) / (n · mean T²)                 (1)
    style       L = mean (G − Γ)² / mean Γ²              dL/dG = 2 (G − Γ) / (C² · mean Γ²)                (2)
    variation   L = Σ (∂x)² + (∂y)² of the painting / the same sum of the photograph                      (3)

F and T are the features of painting and photograph in one layer, G and Γ the Gram matrices of painting and
style in others; `functional.gram_backward` leads from dG to dF, and the style's loss is the mean over its
layers. ∂x and ∂y are the differences of neighbouring pixels. Where a mask m weights the pixels, m · F takes
the place of F in (2), and G is divided by the mean of m²; regions weigh as much as they are large.

Gatys, Ecker, Bethge: Image style transfer using convolutional neural networks (2016).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fovea import functional
from fovea.losses import Loss

_LEAST = 1e-8  # of a mean square: below, there is nothing to compare with


@dataclass(frozen=True)
class Region:
    """A part of the painting and its style: `mask` (H, W) from 0 to 1, None for all of the painting, and the
    style's Gram matrix (C, C)."""

    gram: np.ndarray
    mask: np.ndarray | None = None


@dataclass(frozen=True)
class Targets:
    """The features (1, H, W, C) of the photograph, and the regions in each layer."""

    content: np.ndarray
    style: Mapping[str, Sequence[Region]]


class Perceptual(Loss):
    """Content (1) in the layer `content`, and style (2) in those of `targets.style`, by their weights."""

    def __init__(self, content: str, content_weight: float, style_weight: float) -> None:
        self.content, self.content_weight, self.style_weight = content, content_weight, style_weight

    def __call__(self, Z: Mapping[str, np.ndarray], targets: Targets) -> tuple[float, dict[str, np.ndarray]]:
        value, dZ = 0.0, dict[str, np.ndarray]()
        for name, regions in targets.style.items() if self.style_weight else ():
            loss, dZ[name] = style(Z[name], regions)
            share = self.style_weight / len(targets.style)
            value += share * loss
            dZ[name] *= np.float32(share)
        if self.content_weight:
            loss, dF = content(Z[self.content], targets.content)
            value += self.content_weight * loss
            dF *= np.float32(self.content_weight)
            dZ[self.content] = dZ[self.content] + dF if self.content in dZ else dF
        return value, dZ or {self.content: np.zeros_like(Z[self.content])}

    def counted(self, targets: Targets) -> int:
        return 1


def content(F: np.ndarray, T: np.ndarray) -> tuple[float, np.ndarray]:
    """(1): the loss and dF."""
    return _relative(F, T)


def style(F: np.ndarray, regions: Sequence[Region]) -> tuple[float, np.ndarray]:
    """(2): the loss and dF of features (1, H, W, C)."""
    value, dF = 0.0, None
    for region in regions:
        m, weight = None, 1.0
        if region.mask is not None:
            m, weight = region.mask[None, :, :, None], float(region.mask.mean(dtype=np.float64))
        part = F if m is None else F * m
        scale = np.float32(1 if m is None else 1 / max(_mean_square(m), _LEAST))
        loss, dG = _relative(functional.gram(part)[0] * scale, region.gram)
        value += weight * loss
        of_part = functional.gram_backward((dG * (scale * np.float32(weight)))[None], part)
        of_part = of_part if m is None else of_part * m
        dF = of_part if dF is None else dF + of_part
    return value, np.zeros_like(F) if dF is None else dF


def gram(F: np.ndarray) -> np.ndarray:
    """The Gram matrix (C, C) of features (1, H, W, C)."""
    return functional.gram(F)[0]


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
        return sum(float(np.square(part).sum(dtype=np.float64)) for part in parts)


def _relative(A: np.ndarray, T: np.ndarray) -> tuple[float, np.ndarray]:
    """mean (A − T)² / mean T², and its gradient by A."""
    difference, whole = A - T, max(_mean_square(T), _LEAST)
    value = _mean_square(difference) / whole
    difference *= np.float32(2 / (difference.size * whole))
    return value, difference


def _mean_square(A: np.ndarray) -> float:
    return float(np.square(A).sum(dtype=np.float64)) / A.size


def _differences(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return picture[1:] - picture[:-1], picture[:, 1:] - picture[:, :-1]
