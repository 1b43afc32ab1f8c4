"""Normalisation within each picture: every group of values gets mean 0 and variance 1, and each channel is
then scaled and shifted.

    x̂ = (A_prev − μ) / √(σ² + ε),    Z = γ x̂ + β                                                         (1)

μ and σ² are, in training and in prediction, the mean and the variance over

    GroupNorm       all pixels of a group of neighbouring channels
    InstanceNorm    all pixels of a channel
    LayerNorm       all channels of a pixel

of one picture. The gradients are in `fovea.reference.grouped`.

Wu, He: Group normalization (2018); Ulyanov, Vedaldi, Lempitsky: Instance normalization (2016); Ba, Kiros,
Hinton: Layer normalization (2016).
"""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from fovea import arguments, functional
from fovea.errors import ShapeError, mismatch
from fovea.layers.base import Gradients, Layer, Shape
from fovea.ranges import SMALLEST, number, whole


class _Scaled(Layer):
    """Normalises (H, W, C) or (n,). Parameters: gamma (C,), initially 1, and beta (C,), initially 0."""

    epsilon: float

    def __post_init__(self) -> None:
        self.epsilon = number(self.epsilon, f"{type(self).__name__}: epsilon", "a number above 0", SMALLEST)

    def groups_of(self, channels: int) -> int | None:
        """The number of groups of channels; None if each pixel is normalised by itself."""
        raise NotImplementedError

    def output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) not in (1, 3):
            raise ShapeError(mismatch(self.who, "an input of (H, W, C) or (n,)", tuple(input_shape)))
        groups = self.groups_of(input_shape[-1])
        arguments.groups_of(input_shape[-1], groups or 1, self.who)
        if prod(input_shape) < 2 * (groups or prod(input_shape[:-1])):
            remedy = "one number has no variance"
            raise ShapeError(mismatch(self.who, "two numbers per group", input_shape, remedy))
        return input_shape

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        return {"gamma": (input_shape[-1],), "beta": (input_shape[-1],)}

    def initialise(self, input_shape: Shape, rng: np.random.Generator) -> None:
        self.parameters["gamma"][...] = 1

    def forward(
        self, A_prev: np.ndarray, *, training: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, Any]:
        """A_prev (N, H, W, C) or (N, n) → Z of the same shape."""
        gamma, beta = (self.parameter(name, A_prev) for name in ("gamma", "beta"))
        groups = self.groups_of(A_prev.shape[-1])
        if groups is None:
            return functional.layer_norm(A_prev, gamma, beta, epsilon=self.epsilon), A_prev  # (1)
        return functional.group_norm(A_prev, gamma, beta, groups, epsilon=self.epsilon), A_prev  # (1)

    def backward(self, dZ: np.ndarray, cache: Any) -> tuple[np.ndarray, Gradients]:
        """dZ → dA_prev, both of the shape of A_prev; dgamma (C,), dbeta (C,)."""
        gamma, groups = self.parameter("gamma", cache), self.groups_of(cache.shape[-1])
        epsilon = self.epsilon
        if groups is None:
            dA_prev, dgamma, dbeta = functional.layer_norm_backward(dZ, cache, gamma, epsilon=epsilon)
        else:
            dA_prev, dgamma, dbeta = functional.group_norm_backward(dZ, cache, gamma, groups, epsilon=epsilon)
        return dA_prev, {"gamma": dgamma, "beta": dbeta}


@dataclass(eq=False)
class GroupNorm(_Scaled):
    """Normalises `groups` groups of neighbouring channels; `epsilon` > 0 keeps the square root above 0."""

    groups: int
    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        super().__post_init__()
        self.groups = whole(self.groups, "GroupNorm", "groups")

    def groups_of(self, channels: int) -> int | None:
        return self.groups


@dataclass(eq=False)
class InstanceNorm(_Scaled):
    """Normalises each channel of each picture; `epsilon` > 0 keeps the square root above 0."""

    epsilon: float = 1e-5

    def groups_of(self, channels: int) -> int | None:
        return channels


@dataclass(eq=False)
class LayerNorm(_Scaled):
    """Normalises the channels of each pixel; `epsilon` > 0 keeps the square root above 0."""

    epsilon: float = 1e-5

    def groups_of(self, channels: int) -> int | None:
        return None
