"""Activations: the non-linear functions between linear layers. The formulas of both passes are in
`fovea.reference.activation`; arrays may have any shape.

    ReLU        max(Z, 0)                            1 where Z > 0, else 0                                (1)
    LeakyReLU   Z where Z > 0, else slope · Z        1 where Z > 0, else slope                            (2)
    Clip        min(max(Z, low), high)               1 where low < Z < high, else 0                       (3)
    ReLU6       min(max(Z, 0), 6)                    as Clip                                              (3)
    Sigmoid     σ(Z) = 1 / (1 + exp(−Z))             A · (1 − A)                                          (4)
    Tanh        tanh(Z)                              1 − A²                                               (5)
    SiLU        Z · σ(Z)                             σ(Z) · (1 + Z · (1 − σ(Z)))                          (6)

The columns are A and dA/dZ. Softmax, over several values, is in `fovea.layers.softmax`.

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
    """An element-wise function. `function` is its name in `fovea.functional`, called with `options` after the
    array. With `from_output` the backward pass needs only the output; a kernel that fuses the activation then
    need not store its input. Otherwise it needs the input."""

    function: str
    from_output: bool = True
    gate: ClassVar[bool] = False  # True if the slope is always 0 or 1

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
    """(2): each value, multiplied by `slope`, a finite number, where it is negative."""

    function = "leaky_relu"

    slope: float = 0.01

    def __post_init__(self) -> None:
        self.slope = arguments.finite(self.slope, "LeakyReLU: slope")
        self.from_output = self.slope >= 0  # else the output's sign does not determine the input's


@dataclass(eq=False)
class Clip(_Activation):
    """(3): each value, limited to at least `low` and at most `high`, finite numbers."""

    function = "clip"
    gate = True

    low: float
    high: float

    def __post_init__(self) -> None:
        arguments.bounds(self.low, self.high, "Clip")
        self.low, self.high = float(self.low), float(self.high)


@dataclass(eq=False)
class ReLU6(_Activation):
    """(3): each value, limited to at least 0 and at most 6."""

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
