"""Layers that merge several inputs of one picture.

    Add       Z = Σ_i A_prev_i                        dA_prev_i = dZ                                       (1)
    Concat    Z = A_prev_0, A_prev_1, … side by side along the channels; each takes its part of dZ back    (2)

He, Zhang, Ren, Sun: Deep residual learning for image recognition (2015); Szegedy and others: Going deeper
with convolutions (2014).
"""

from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from fovea import functional
from fovea.errors import ShapeError, mismatch
from fovea.layers.base import Gradients, Layer, Shape


@dataclass(eq=False)
class Add(Layer):
    """The sum of its inputs, two or more of one shape: where a shortcut meets the way around."""

    kind = "add"
    merges = True

    def output_shape(self, input_shape: Any) -> Shape:
        return _shapes(input_shape, self.who, "one shape", slice(None))[0]

    def forward(
        self, A_prev: Any, *, training: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, Any]:
        """Arrays A_prev (N, …) → Z (N, …)."""
        return functional.add(*A_prev), len(A_prev)  # (1)

    def backward(self, dZ: np.ndarray, cache: Any) -> tuple[Any, Gradients]:
        """dZ (N, …) → dA_prev, for each input the same."""
        return (dZ,) * cache, {}  # (1)


@dataclass(eq=False)
class Concat(Layer):
    """Its inputs side by side along the last axis, the channels; the other axes are the same in all."""

    kind = "concat"
    merges = True

    def output_shape(self, input_shape: Any) -> Shape:
        shapes = _shapes(input_shape, self.who, "the same rows and columns", slice(-1))
        return *shapes[0][:-1], sum(shape[-1] for shape in shapes)

    def forward(
        self, A_prev: Any, *, training: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, Any]:
        """Arrays A_prev (N, H, W, C_i) → Z (N, H, W, Σ C_i)."""
        return np.concatenate(A_prev, axis=-1), [A.shape[-1] for A in A_prev]  # (2)

    def backward(self, dZ: np.ndarray, cache: Any) -> tuple[Any, Gradients]:
        """dZ (N, H, W, Σ C_i) → dA_prev, arrays (N, H, W, C_i)."""
        return tuple(np.split(dZ, list(accumulate(cache))[:-1], axis=-1)), {}  # (2)


def _shapes(input_shape: Any, who: str, alike: str, axes: slice) -> list[Shape]:
    """The inputs' shapes, if there are two or more, and alike along `axes`. Raises ShapeError."""
    shapes = [tuple(shape) if isinstance(shape, tuple | list) else (shape,) for shape in input_shape]
    if len(shapes) < 2 or any(len(s) != len(shapes[0]) or s[axes] != shapes[0][axes] for s in shapes):
        got = " and ".join(map(str, shapes)) or "none"
        raise ShapeError(mismatch(who, f"two inputs or more of {alike}", got))
    return shapes
