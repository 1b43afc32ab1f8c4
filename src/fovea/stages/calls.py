"""Arrays between stages, and kernels with their arguments prepared."""

import ctypes
from collections.abc import Mapping
from ctypes import c_float, c_int32
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from fovea.kernels import buffers
from fovea.kernels.choice import Choice
from fovea.kernels.kernel_cache import Kernel
from fovea.kernels.specification import specify


def layout(lanes: int) -> str:
    """An array's layout in words."""
    return "NHWC" if lanes == 1 else f"{lanes} pictures side by side"


class View(NamedTuple):
    """An array of the batch as a kernel sees it: each entry of its first axis holds `lanes` pictures."""

    array: np.ndarray
    lanes: int


Input = View | np.ndarray | c_float | c_int32  # of a kernel


@dataclass(frozen=True)
class Array:
    """Room for up to a batch of pictures, L side by side: `values` is (⌈N/L⌉, numbers, L).

    Each stage sees the numbers of a picture in a shape of its own, so flattening costs nothing.
    """

    values: np.ndarray

    @property
    def lanes(self) -> int:
        return self.values.shape[2]

    def seen_as(self, *shape: int) -> View:
        """As (⌈N/L⌉, *shape, L)."""
        return View(self.values.reshape(-1, *shape, self.lanes), self.lanes)

    def as_runs(self) -> View:
        """As (⌈N/L⌉, numbers·L): each group one long run."""
        return View(self.values.reshape(len(self.values), -1), self.lanes)

    def pictures(self, count: int) -> np.ndarray:
        """The first `count` pictures' numbers, (count, numbers); a view where L = 1."""
        groups, numbers, lanes = self.values.shape
        if lanes == 1:
            return self.values.reshape(groups, numbers)[:count]
        return self.values.transpose(0, 2, 1).reshape(groups * lanes, numbers)[:count]


class Call:
    """A kernel to run on the same arrays again and again; those that hold a batch grow and shrink with it."""

    def __init__(
        self,
        operation: str | Choice,
        inputs: Mapping[str, Input | None],
        outputs: Mapping[str, View | np.ndarray | None],
        **arguments: object,
    ) -> None:
        """The kernel of `operation` specialised to `arguments`, and its inputs and outputs, keyed by the
        pipeline's names for them: views of the batch, arrays of a fixed size (weights and their gradients),
        and numbers; None for one that is absent. A `Choice` brings an operation and arguments of its own."""
        self.choice = operation if isinstance(operation, Choice) else None
        if isinstance(operation, Choice):
            inputs = {**inputs, **{name: c_int32(number) for name, number in operation.numbers.items()}}
            operation, arguments = operation.operation, {**operation.arguments, **arguments}
        given = {name: value for name, value in inputs.items() if value is not None}
        results = {name: value for name, value in outputs.items() if value is not None}
        self.specification = specify(operation, given, results, **arguments)
        self.kernel: Kernel | None = None  # until `Context.bind`
        self._changing: list[tuple[buffers.Buffer, int]] = []
        self._arguments = [self._prepared(value) for value in (*given.values(), *results.values())]

    def _prepared(self, value: Input) -> object:
        """The C argument."""
        if isinstance(value, View):
            buffer = buffers.Buffer.of(value.array)
            self._changing.append((buffer, value.lanes))
            return ctypes.byref(buffer)
        return ctypes.byref(buffers.Buffer.of(value)) if isinstance(value, np.ndarray) else value

    def resize(self, count: int) -> None:
        """Let the kernel see the groups of the first `count` pictures."""
        for buffer, lanes in self._changing:
            buffer.set_outermost(-(-count // lanes))

    def __call__(self) -> None:
        assert self.kernel is not None
        self.kernel(*self._arguments)
