"""What a network has learned, copied; and the exponential moving average of it over the steps of a training.

    a ← δ·a + (1 − δ)·w,   δ = min(decay, (1 + t) / (10 + t))                                             (1)

with the step t from 1. The noise of single steps is averaged away, as by a smaller learning rate, but the
network moves on at the full one. The bound on δ lets the first weights, which mean nothing, be forgotten
soon. B. Polyak, A. Juditsky: Acceleration of stochastic approximation by averaging, 1992; the bound is
TensorFlow's.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from fovea.network import Network


class Snapshot:
    """What `network` had learned when it was last taken: its parameters and statistics, in `memory`."""

    def __init__(self, network: Network) -> None:
        self.network, self.memory = network, network.memory.copy()

    def capture(self) -> None:
        """What the network has learned by now."""
        self.memory[...] = self.network.memory

    def restore(self) -> None:
        """The network gets it back."""
        self.network.memory[...] = self.memory

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Within the block, the network has it; afterwards what it had before, to the bit."""
        before = Snapshot(self.network)
        self.restore()
        try:
            yield
        finally:
            before.restore()


class Average(Snapshot):
    """The average of what `network` learns, by (1); it begins with what there is."""

    def __init__(self, network: Network, decay: float) -> None:
        super().__init__(network)
        self.decay = decay

    def update(self, step: int) -> None:
        """The network has made its step number `step`, from 1."""
        decay = min(self.decay, (1 + step) / (10 + step))
        self.memory += self.memory.dtype.type(1 - decay) * (self.network.memory - self.memory)  # (1)
