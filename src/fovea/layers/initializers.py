"""Initial values of weights: He's and Glorot's, normal and uniform.

Values are drawn with mean 0 and a variance that preserves the signal's size from layer to layer:

    He      Var[W] = 2 / fan_in                   (for ReLU, which drops half of the signal)            (1)
    Glorot  Var[W] = 2 / (fan_in + fan_out)       (for forward and backward alike)                      (2)

Uniform values are in ±√(3·Var[W]); normal ones are not truncated. "whitening" is He's normal one, until
training replaces it by filters computed from the pictures (`fovea.training.whitening`). fan_in: the number of
inputs of one output value; fan_out: the number of outputs that one input value reaches, at stride 1.

He, Zhang, Ren, Sun: Delving Deep into Rectifiers (2015), arXiv:1502.01852.
Glorot, Bengio: Understanding the difficulty of training deep feedforward neural networks (2010).
"""

from collections.abc import Callable
from math import prod, sqrt
from typing import TypeAlias

import numpy as np

from fovea.errors import ShapeError, mismatch
from fovea.ranges import short

Initializer: TypeAlias = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """fan_in and fan_out of weights (n_in, n_out) or filters (f_H, f_W, C_in, C_out)."""
    window = prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


def he_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return sqrt(_he(shape)) * rng.standard_normal(shape)


def he_uniform(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return sqrt(3 * _he(shape)) * rng.uniform(-1, 1, shape)


def glorot_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return sqrt(_glorot(shape)) * rng.standard_normal(shape)


def glorot_uniform(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return sqrt(3 * _glorot(shape)) * rng.uniform(-1, 1, shape)


def _he(shape: tuple[int, ...]) -> float:
    return 2 / fans(shape)[0]  # (1)


def _glorot(shape: tuple[int, ...]) -> float:
    return 2 / sum(fans(shape))  # (2)


INITIALIZERS: dict[str, Initializer] = {
    "he_normal": he_normal,
    "he_uniform": he_uniform,
    "glorot_normal": glorot_normal,
    "glorot_uniform": glorot_uniform,
    "whitening": he_normal,
}


def initializer(name: str, who: str = "initializer") -> Initializer:
    """The initializer of that name. Raises ShapeError, in the name of `who`, if there is none."""
    try:
        return INITIALIZERS[name]
    except (KeyError, TypeError):
        raise ShapeError(mismatch(f"{who}: initializer", " or ".join(INITIALIZERS), short(name))) from None
