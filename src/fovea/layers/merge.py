"""Layers that merge several inputs of one picture.

    Add       Z = Σ_i A_prev_i                        dA_prev_i = dZ                                       (1)
    Multiply  Z = Π_i A_prev_i                        dA_prev_i = dZ · Π_{j ≠ i} A_prev_j                  (2)
    Concat    Z = A_prev_0, A_prev_1, … side by side along the channels; each takes its part of dZ back    (3)

Sums and products broadcast as in NumPy: (C,) and (1, 1, C) hold a number for each channel of (H, W, C), and
(H, W, 1) one for each pixel; gradients are summed over the axes along which an input was repeated.

He, Zhang, Ren, Sun: Deep residual learning for image recognition (2015); Hu, Shen, Albanie, Sun, Wu:
Squeeze-and-excitation networks (2017), for products; Szegedy and others: Going deeper with convolutions
(2014).
"""

from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from fovea import functional
from fovea.errors import ShapeError, mismatch
from fovea.layers.base import Gradients, Layer, Shape


class _Broadcast(Layer):
    """Two or more inputs whose shapes broadcast."""

    merges = True

    def output_shape(self, input_shape: Any) -> Shape:
        shapes = _shapes(input_shape)
        try:
            if len(shapes) > 1:
                return tuple(map(int, np.broadcast_shapes(*shapes)))
        except ValueError:
            pass
        raise _input_error(self.who, "shapes that broadcast", shapes)


@dataclass(eq=False)
class Add(_Broadcast):
    """The sum of two or more inputs, as at the end of a residual block."""

    kind = "add"

    def forward(
        self, A_prev: Any, *, training: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, Any]:
        """Arrays A_prev (N, …) → Z (N, …)."""
        return functional.add(*A_prev), [A.shape for A in A_prev]  # (1)

    def backward(self, dZ: np.ndarray, cache: Any) -> tuple[Any, Gradients]:
        """dZ (N, …) → dA_prev, for each input of its shape."""
        return functional.add_backward(dZ, *cache), {}  # (1)


@dataclass(eq=False)
class Multiply(_Broadcast):
    """The element-wise product of two or more inputs, as with the gate in squeeze-and-excitation."""

    kind = "multiply"

    def forward(
        self, A_prev: Any, *, training: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, Any]:
        """Arrays A_prev (N, …) → Z (N, …)."""
        return functional.multiply(*A_prev), A_prev  # (2)

    def backward(self, dZ: np.ndarray, cache: Any) -> tuple[Any, Gradients]:
        """dZ (N, …) → dA_prev, for each input of its shape."""
        return functional.multiply_backward(dZ, *cache), {}  # (2)


@dataclass(eq=False)
class Concat(Layer):
    """Two or more inputs, concatenated along the last axis, the channels; the other axes are equal."""

    kind = "concat"
    merges = True

    def output_shape(self, input_shape: Any) -> Shape:
        shapes = _shapes(input_shape)
        if len(shapes) < 2 or any(s[:-1] != shapes[0][:-1] for s in shapes):
            raise _input_error(self.who, "the same rows and columns", shapes)
        return *shapes[0][:-1], sum(shape[-1] for shape in shapes)

    def forward(
        self, A_prev: Any, *, training: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, Any]:
        """Arrays A_prev (N, H, W, C_i) → Z (N, H, W, Σ C_i)."""
        return np.concatenate(A_prev, axis=-1), [A.shape[-1] for A in A_prev]  # (3)

    def backward(self, dZ: np.ndarray, cache: Any) -> tuple[Any, Gradients]:
        """dZ (N, H, W, Σ C_i) → dA_prev, arrays (N, H, W, C_i)."""
        return tuple(np.split(dZ, list(accumulate(cache))[:-1], axis=-1)), {}  # (3)


def _shapes(input_shape: Any) -> list[Shape]:
    return [tuple(shape) if isinstance(shape, tuple | list) else (shape,) for shape in input_shape]


def _input_error(who: str, common: str, shapes: list[Shape]) -> ShapeError:
    got = " and ".join(map(str, shapes)) or "none"
    return ShapeError(mismatch(who, f"two inputs or more of {common}", got))
