"""A network's step of training, layer by layer.

`plan` answers with what runs a network: `stages.Plan` where the engine is Halide, and else `Layerwise`, which
does the same in the open. Both have

    loss, correct = plan.loss_and_gradients(images, labels, rng=None)    fills plan.gradients
    logits = plan.predict(images)

for up to `batch_size` images, uint8 (N, H, W, C) or floating point as the network takes it.
"""

from collections.abc import Callable
from math import prod
from typing import Protocol

import numpy as np

from fovea import engine, losses
from fovea.network import Network


class Plan(Protocol):
    """What trains and runs a network."""

    gradients: np.ndarray  # flat, in the network's layout

    def predict(self, images: np.ndarray) -> np.ndarray:
        """The logits (N, classes)."""
        ...

    def loss_and_gradients(
        self, images: np.ndarray, labels: np.ndarray, *, rng: np.random.Generator | None = None
    ) -> tuple[float, int]:
        """The mean loss over the examples whose label is not −1, and how many of them are right."""
        ...


def plan(
    network: Network,
    batch_size: int,
    *,
    training: bool = False,
    progress: Callable[[int, int, str], object] | None = None,
) -> Plan:
    """What runs `network` with the current engine; `progress(done, total, what)` hears of compiling."""
    if engine.current() == "reference":
        return Layerwise(network)
    from fovea import stages

    return stages.Plan(network, batch_size, training=training, progress=progress)


class Layerwise:
    """One layer after another, as `network.forward` and `network.backward` do."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.gradients = np.zeros_like(network.flat)

    def predict(self, images: np.ndarray) -> np.ndarray:
        Z, _ = self.network.forward(self._input(images))
        return Z

    def loss_and_gradients(
        self, images: np.ndarray, labels: np.ndarray, *, rng: np.random.Generator | None = None
    ) -> tuple[float, int]:
        Z, caches = self.network.forward(self._input(images), training=True, rng=rng)
        loss, dZ = losses.softmax_cross_entropy(Z, labels)
        _, gradients = self.network.backward(dZ, caches)
        for name, (offset, shape) in self.network.layout.items():
            self.gradients[offset : offset + prod(shape)] = gradients[name].reshape(-1)
        return loss, int((Z.argmax(axis=1) == labels).sum())  # −1 is nobody's argmax

    def _input(self, images: np.ndarray) -> np.ndarray:
        return self.network.preprocessing.apply(images) if images.dtype == np.uint8 else images
