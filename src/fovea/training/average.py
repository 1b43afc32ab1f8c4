"""Snapshots of a network's weights and statistics, and their exponential moving average over training steps.

    a ← δ·a + (1 − δ)·w,   δ = min(decay, (1 + t) / (10 + t))                                             (1)

with the step t from 1. Averaging removes the noise of single steps, as a smaller learning rate would, while
the network trains at the full one. The bound on δ makes the average forget the initial weights soon. B.
Polyak, A. Juditsky: Acceleration of stochastic approximation by averaging, 1992; the bound is TensorFlow's.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from fovea.network import Network

TAIL = 20


class Snapshot:
    """A copy, `memory`, of the parameters and statistics of `network`."""

    def __init__(self, network: Network) -> None:
        self.network, self.memory = network, network.memory.copy()

    def capture(self) -> None:
        """Copy the network's current state."""
        self.memory[...] = self.network.memory

    def restore(self) -> None:
        """Copy the snapshot back into the network."""
        self.network.memory[...] = self.memory

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Within the block, the network has the snapshot's state; afterwards its own again, bit for bit."""
        before = Snapshot(self.network)
        self.restore()
        try:
            yield
        finally:
            before.restore()


def decay(steps: int) -> float:
    """A decay for a training of `steps` steps: the average is over the last 1/`TAIL` of them."""
    return round(min(max(1 - TAIL / steps, 0.9), 0.9999), 4)


class Average(Snapshot):
    """The moving average of the state of `network`, by (1), starting from its current state."""

    def __init__(self, network: Network, decay: float) -> None:
        super().__init__(network)
        self.decay = decay

    def update(self, step: int) -> None:
        """Update the average after step `step`, from 1."""
        decay = min(self.decay, (1 + step) / (10 + step))
        self.memory += self.memory.dtype.type(1 - decay) * (self.network.memory - self.memory)  # (1)
