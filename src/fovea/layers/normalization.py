"""Batch normalisation: every channel with mean 0 and variance 1 over the batch, then scaled and shifted.

    x̂ = (A_prev − μ) / √(σ² + ε),    Z = γ x̂ + β                                                         (1)

In training, μ and σ² are the mean and the variance of a channel over all images and pixels of the batch, so
an image's Z depends on its batch. Meanwhile running averages of both are updated,

    mean ← mean + momentum · (μ − mean),    variance ← variance + momentum · (σ² M/(M − 1) − variance)     (2)

for M numbers per channel: the running variance is the unbiased one, as in PyTorch. In inference they replace
μ and σ², and an image's Z depends on that image alone. The gradients are in `fovea.reference.normalization`.

Ioffe, Szegedy: Batch normalization (2015), arXiv:1502.03167.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

import numpy as np

from fovea import functional
from fovea.errors import ShapeError, mismatch
from fovea.layers.base import Gradients, Layer, Shape
from fovea.ranges import SMALLEST, number


class _Cache(NamedTuple):
    A_prev: np.ndarray
    mean: np.ndarray  # the two that A_prev was normalised with
    variance: np.ndarray
    training: bool


@dataclass(eq=False)
class BatchNorm(Layer):
    """Normalises each channel of (H, W, C) or (n,).

    `epsilon` > 0 keeps the square root above 0. `momentum`, 0 to 1, is the weight of a new batch in the
    running statistics. Parameters: gamma (C,), initially 1, and beta (C,), initially 0. Statistics: mean
    (C,), initially 0, and variance (C,), initially 1. In training a batch needs two numbers per channel.
    """

    kind = "batchnorm"

    epsilon: float = 1e-5
    momentum: float = 0.1

    def __post_init__(self) -> None:
        self.epsilon = number(self.epsilon, "BatchNorm: epsilon", "a number above 0", SMALLEST)
        self.momentum = number(self.momentum, "BatchNorm: momentum", "a number from 0 to 1", 0, 1)

    def output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) not in (1, 3):
            raise ShapeError(mismatch(self.who, "an input of (H, W, C) or (n,)", tuple(input_shape)))
        return input_shape

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        return {"gamma": (input_shape[-1],), "beta": (input_shape[-1],)}

    def statistic_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        return {"mean": (input_shape[-1],), "variance": (input_shape[-1],)}

    def initialise(self, input_shape: Shape, rng: np.random.Generator) -> None:
        self.parameters["gamma"][...] = 1
        self.statistics["variance"][...] = 1

    def forward(
        self, A_prev: np.ndarray, *, training: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, Any]:
        """A_prev (N, H, W, C) or (N, n) → Z of the same shape."""
        training = training and not self.frozen  # a frozen layer behaves as in inference
        if training:
            self.check_batch(len(A_prev), A_prev.shape[1:])
            mean, variance = functional.batch_statistics(A_prev)
        else:
            mean, variance = (self.parameter(name, A_prev) for name in ("mean", "variance"))
        gamma, beta = (self.parameter(name, A_prev) for name in ("gamma", "beta"))
        Z = functional.batch_norm(A_prev, mean, variance, gamma, beta, epsilon=self.epsilon)  # (1)
        return Z, _Cache(A_prev, mean, variance, training)

    def backward(self, dZ: np.ndarray, cache: Any) -> tuple[np.ndarray, Gradients]:
        """dZ → dA_prev, both of the shape of A_prev; dgamma (C,), dbeta (C,)."""
        A_prev, mean, variance, training = cache
        gamma = self.parameter("gamma", A_prev)
        dA_prev, dgamma, dbeta = functional.batch_norm_backward(
            dZ, A_prev, mean, variance, gamma, epsilon=self.epsilon, of_batch=training
        )
        return dA_prev, {"gamma": dgamma, "beta": dbeta}

    def update(self, cache: Any) -> Mapping[str, np.ndarray]:
        """The running statistics after a forward pass in training, (2); empty after any other pass."""
        A_prev, mean, variance, training = cache
        if not training:
            return {}
        M = A_prev.size // A_prev.shape[-1]
        new = {"mean": mean, "variance": variance * variance.dtype.type(M / (M - 1))}
        old = {name: self.parameter(name, A_prev) for name in new}
        momentum = A_prev.dtype.type(self.momentum)
        with np.errstate(over="ignore", invalid="ignore"):  # the training loop checks them and reports NaN
            return {name: old[name] + momentum * (new[name] - old[name]) for name in new}  # (2)

    def check_batch(self, pictures: int, input_shape: Shape) -> None:
        """Raise ShapeError for fewer than two numbers per channel."""
        if pictures * prod(input_shape[:-1]) < 2:
            got, remedy = f"a batch of {pictures}", "choose a batch size that leaves no batch of one picture"
            raise ShapeError(mismatch(self.who, "two numbers per channel in training", got, remedy))
