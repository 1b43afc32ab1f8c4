"""Activations: what makes a row of layers more than one linear map. The formulas of both passes are in
`fovea.reference.activation`; all take arrays of any shape.

    ReLU        max(Z, 0)                            1 where Z > 0, else 0                                (1)
    LeakyReLU   Z where Z > 0, else slope · Z        1 where Z > 0, else slope                            (2)
    Clip        min(max(Z, low), high)               1 where low < Z < high, else 0                       (3)
    ReLU6       min(max(Z, 0), 6)                    as Clip                                              (3)
    Sigmoid     σ(Z) = 1 / (1 + exp(−Z))             A · (1 − A)                                          (4)
    Tanh        tanh(Z)                              1 − A²                                               (5)
    SiLU        Z · σ(Z)                             σ(Z) · (1 + Z · (1 − σ(Z)))                          (6)

Each is A and dA/dZ. Softmax, of several values together, is in `fovea.layers.softmax`.

Nair, Hinton: Rectified linear units improve restricted Boltzmann machines (2010); Maas, Hannun, Ng: Rectifier
nonlinearities improve neural network acoustic models (2013); Sandler et al.: MobileNetV2 (2018) for ReLU6;
Elfwing, Uchibe, Doya: Sigmoid-weighted linear units (2017).
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fovea import arguments, functional
from fovea.layers.base import Gradients, Layer


class _Activation(Layer):
    """Of each value by itself. `function` is its name in `fovea.functional`, which takes `options` after the
    array. The backward pass needs what went in, or can do with what came out, where `from_output` is true;
    kernels that compute it behind others then need not keep the first."""

    function: str
    from_output: bool = True
    gate: ClassVar[bool] = False  # whether the gradient passes as it is, or not at all

    @property
    def options(self) -> tuple[float, ...]:
        return tuple(self.configuration().values())

    def forward(
        self, A_prev: np.ndarray, *, training: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, Any]:
        Z = A_prev  # the values before the activation
        A = getattr(functional, self.function)(Z, *self.options)
        return A, A if self.from_output else Z

    def backward(self, dZ: np.ndarray, cache: Any) -> tuple[np.ndarray, Gradients]:
        dA = dZ
        return getattr(functional, f"{self.function}_backward")(dA, cache, *self.options), {}


@dataclass(eq=False)
class ReLU(_Activation):
    """(1): each value, or 0 where it is negative."""

    kind = "relu"
    function = "relu"
    gate = True


@dataclass(eq=False)
class LeakyReLU(_Activation):
    """(2): each value, or `slope`, a finite number, times it where it is negative."""

    function = "leaky_relu"

    slope: float = 0.01

    def __post_init__(self) -> None:
        self.slope = arguments.finite(self.slope, "LeakyReLU: slope")
        self.from_output = self.slope >= 0  # else a positive output tells nothing of the input's sign


@dataclass(eq=False)
class Clip(_Activation):
    """(3): each value, but no less than `low` and no more than `high`, finite numbers."""

    function = "clip"
    gate = True

    low: float
    high: float

    def __post_init__(self) -> None:
        arguments.bounds(self.low, self.high, "Clip")
        self.low, self.high = float(self.low), float(self.high)


@dataclass(eq=False)
class ReLU6(_Activation):
    """(3): each value, but no less than 0 and no more than 6."""

    kind = "relu"
    function = "clip"
    gate = True

    @property
    def options(self) -> tuple[float, ...]:
        return 0.0, 6.0


@dataclass(eq=False)
class Sigmoid(_Activation):
    """(4): between 0 and 1."""

    function = "sigmoid"


@dataclass(eq=False)
class Tanh(_Activation):
    """(5): between −1 and 1."""

    function = "tanh"


@dataclass(eq=False)
class SiLU(_Activation):
    """(6), also called swish."""

    function = "silu"
    from_output = False
