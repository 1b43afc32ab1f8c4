"""The description of a convolution to which its kernels are specialised, and by which they are chosen."""

import math
from dataclasses import astuple, replace
from typing import Any, NamedTuple

from fovea.geometry import Pair, Window

ANY_SIZE = (0, 0)  # the input of a window, in the specification of a kernel for pictures of any size


class ConvProblem(NamedTuple):
    """A convolution of `channels` channels with `filters` filters in `groups` groups, for `lanes` pictures
    side by side (1 is NHWC), and the window size `pool` of a following max-pooling, (1, 1) without one."""

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
        """The same as nested tuples of numbers, for a specification."""
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
        """Weights of a filter, the products of one sum of Z."""
        return self.window.size[0] * self.row

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of each pass, per picture."""
        return math.prod(self.window.output) * self.weights * self.filters

    @property
    def depthwise(self) -> bool:
        """Whether each channel has one filter of its own."""
        return self.channels == self.filters == self.groups

    def any_size(self) -> "ConvProblem":
        """The same for pictures of any size, which the kernel reads at run time (pipelines/numbers.py)."""
        return self._replace(window=replace(self.window, input=ANY_SIZE))

    def padded(self) -> "ConvProblem":
        """The same convolution of the input with its padding as one input."""
        return self._replace(window=self.window.padded)

    def swapped(self) -> "ConvProblem":
        """The problem of dA_prev: sums over the filters, for each channel, at each pixel of the input."""
        return self._replace(channels=self.filters, filters=self.channels, pool=(1, 1))
