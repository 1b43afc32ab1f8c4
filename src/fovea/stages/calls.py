"""Arrays between stages, and kernels with their arguments prepared."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from fovea.kernels import buffers
from fovea.kernels.choice import Choice
from fovea.kernels.compiler import Kernel
from fovea.kernels.specification import Specification


def layout(lanes: int) -> str:
    """An array's layout in words."""
    return "NHWC" if lanes == 1 else f"{lanes} pictures side by side"


class View(NamedTuple):
    """An array of the batch as a kernel sees it: `lanes` pictures to each entry of its first axis."""

    array: np.ndarray
    lanes: int


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
        specification: Specification,
        batched: Sequence[View],
        constant: Sequence[np.ndarray] = (),
        numbers: Sequence[object] = (),
        outputs: Sequence[View] = (),
        gradients: Sequence[np.ndarray] = (),
        choice: Choice | None = None,
    ) -> None:
        """The kernel's arguments in its own order: `batched` inputs, `constant` ones (weights),
        `numbers`, then `outputs` of the batch, then `gradients`, whose size does not depend on the
        batch. `choice` says why it is this kernel, where there was one to make."""
        self.specification, self.choice = specification, choice
        # What it gives in a backward pass.
        self.gives = "+".join(name for name, has in (("dW", gradients), ("dA", outputs)) if has)
        self.kernel: Kernel | None = None  # the plan sets it when all are compiled
        changing = [buffers.Buffer.of(view.array) for view in (*batched, *outputs)]
        lasting = [buffers.Buffer.of(a) for a in (*constant, *gradients)]
        self._changing = [(b, view.lanes) for b, view in zip(changing, (*batched, *outputs), strict=True)]
        first, last = changing[: len(batched)], changing[len(batched) :]
        weights, results = lasting[: len(constant)], lasting[len(constant) :]
        order = (*first, *weights, *numbers, *last, *results)
        self._arguments = [ctypes.byref(a) if isinstance(a, buffers.Buffer) else a for a in order]

    def resize(self, count: int) -> None:
        """Let the kernel see the groups of the first `count` pictures."""
        for buffer, lanes in self._changing:
            buffer.set_outermost(-(-count // lanes))

    def __call__(self) -> None:
        assert self.kernel is not None
        self.kernel(*self._arguments)
