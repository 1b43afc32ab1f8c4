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
    """An array of the batch as a kernel sees it: `lanes` pictures to each entry of its first axis."""

    array: np.ndarray
    lanes: int


Input = View | np.ndarray | c_float | c_int32  # what a kernel reads


@dataclass(frozen=True)
class Array:
    """Room for up to a batch of pictures, L side by side: `values` is (⌈N/L⌉, numbers, L).

    A stage sees the numbers of a picture in its own shape, so that flattening is no work.
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
    """A kernel to run on the same arrays again and again; those with a batch in them grow and shrink
    with it."""

    def __init__(
        self,
        operation: str,
        inputs: Mapping[str, Input | None],
        outputs: Mapping[str, View | np.ndarray | None],
        choice: Choice | None = None,
        **arguments: object,
    ) -> None:
        """The kernel of `operation` specialised to `arguments`, and what it reads and writes, by the
        pipeline's names for it: views of the batch, arrays whose size does not depend on it (weights,
        gradients), and numbers; None stands for one that is not there. `choice` says why it is this kernel,
        where there was one to make."""
        given = {name: value for name, value in inputs.items() if value is not None}
        results = {name: value for name, value in outputs.items() if value is not None}
        self.specification, self.choice = specify(operation, given, results, **arguments), choice
        # What it gives in a backward pass.
        of_batch = {isinstance(value, View) for value in results.values()}
        self.gives = "+".join(name for name, views in (("dW", False), ("dA", True)) if views in of_batch)
        self.kernel: Kernel | None = None  # the plan sets it when all are compiled
        self._changing: list[tuple[buffers.Buffer, int]] = []
        self._arguments = [self._prepared(value) for value in (*given.values(), *results.values())]

    def _prepared(self, value: Input) -> object:
        """As the kernel takes it."""
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
