"""A convolution as one value: what its kernels are specialised to, and what chooses between them reads."""

import math
from dataclasses import astuple
from typing import Any, NamedTuple

from fovea.geometry import Pair, Window


class ConvProblem(NamedTuple):
    """A convolution of `channels` with `filters` in `groups`, of `lanes` pictures side by side (1 is NHWC),
    and the windows of the max-pooling that follows it, (1, 1) where none does."""

    window: Window
    channels: int
    filters: int
    groups: int = 1
    pool: Pair = (1, 1)
    lanes: int = 1

    @classmethod
    def of(cls, plain: tuple) -> "ConvProblem":
        """The inverse of `plain`."""
        window, *rest = plain
        return cls(Window(*window), *rest)

    @property
    def plain(self) -> tuple[Any, ...]:
        """As a specification takes it: tuples of numbers."""
        return (astuple(self.window), *self[1:])

    @property
    def pooled(self) -> Pair:
        """Rows and columns of A, after pooling."""
        (n_H, n_W), (p_H, p_W) = self.window.output, self.pool
        return n_H // p_H, n_W // p_W

    @property
    def covered(self) -> Pair:
        """Rows and columns of Z that pooling reads."""
        return self.pooled[0] * self.pool[0], self.pooled[1] * self.pool[1]

    @property
    def row(self) -> int:
        """Weights of a filter in a row of its window."""
        return self.window.size[1] * (self.channels // self.groups)

    @property
    def weights(self) -> int:
        """Weights of a filter: products of a sum of Z."""
        return self.window.size[0] * self.row

    @property
    def multiply_adds(self) -> int:
        """Of each pass, for a picture."""
        return math.prod(self.window.output) * self.weights * self.filters

    @property
    def depthwise(self) -> bool:
        """Whether each channel has one filter of its own."""
        return self.channels == self.filters == self.groups

    def swapped(self) -> "ConvProblem":
        """How dA_prev sees it: sums over the filters, for each channel, at each pixel of the input."""
        return self._replace(channels=self.filters, filters=self.channels, pool=(1, 1))
