"""Where the arrays of a plan lie: arrays that are not needed at the same time share memory.

A plan's steps have an order, and an array is needed from the step that writes it to the last that reads it:

    load 0 → forward of stage i: i + 1 → loss n + 1 → backward of stage i: 2n + 1 − i          (n stages)

So an activation that some stage's backward pass reads lives until then, and any other only until the next
stage has read it. Gradients come and go in turn, those of the early stages where the late activations have
been.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

import numpy as np

from fovea.kernels import buffers
from fovea.stages.base import Stage
from fovea.stages.calls import Array


class Life(NamedTuple):
    """An array to be: its bytes, and the first and the last step that need it."""

    size: int
    first: int
    last: int


@dataclass(frozen=True)
class Memory:
    """The arrays of n stages, in one piece of memory; gradients and notes only where there are any."""

    activations: list[Array]  # n + 1: what goes into each stage, and what comes out of the last
    gradients: list[Array | None]  # of each activation
    notes: list[Array | None]  # n: what each stage's forward pass notes down for its backward pass
    images: np.ndarray  # bytes that a batch of pictures is copied to
    size: int  # bytes, all in all


def arrange(lives: Sequence[Life]) -> tuple[list[int], int]:
    """Where each begins, and how large the whole is; no two share a byte that are needed at the same step.

    The largest come first, each to the lowest place that is free as long as it lives. That is seldom far from
    the least there can be: the most that is needed at any one step. All begin on a cache line.
    """
    places: dict[int, int] = {}
    for i in sorted(range(len(lives)), key=lambda i: -lives[i].size):
        here, place = lives[i], 0
        beside = [j for j in places if lives[j].first <= here.last and here.first <= lives[j].last]
        for j in sorted(beside, key=places.__getitem__):
            if place + here.size <= places[j]:
                break
            place = max(place, _aligned(places[j] + lives[j].size))
        places[i] = place
    ends = [places[i] + life.size for i, life in enumerate(lives)]
    return [places[i] for i in range(len(lives))], max(ends, default=0)


def lay_out(stages: Sequence[Stage], batch_size: int, image_size: int, learning: int | None) -> Memory:
    """Memory for up to `batch_size` pictures of `image_size` bytes; `learning` is the first stage that is run
    backward, None where none is."""
    n = len(stages)
    shapes = [(stages[0].input_shape, stages[0].lanes), *((s.output_shape, s.lanes) for s in stages)]
    extents = [(-(-batch_size // lanes), prod(shape), lanes) for shape, lanes in shapes]
    backward = () if learning is None else range(learning, n)
    wanted = {("images", 0): _Wanted((batch_size * image_size,), np.uint8, 0, 0)}
    for j, extent in enumerate(extents):
        readers = ((j, "A_prev"), (j - 1, "A"))
        read = [2 * n + 1 - i for i, name in readers if i in backward and name in stages[i].reads]
        wanted["activation", j] = _Wanted(extent, np.float32, j, max([j + 1, *read]))
    for i in backward:
        extent, kind, last = extents[i + 1], stages[i].notes, 2 * n + 1 - i
        wanted["gradient", i + 1] = _Wanted(extent, np.float32, last - 1, last)
        if kind is not None:
            wanted["notes", i] = _Wanted(extent, kind, i + 1, last)
    places, size = arrange([w.life for w in wanted.values()])
    whole = buffers.zeros((size,), np.uint8)
    found = {key: w.within(whole[place:]) for (key, w), place in zip(wanted.items(), places, strict=True)}

    def arrays(name: str, count: int) -> list[Array | None]:
        return [Array(found[name, i]) if (name, i) in found else None for i in range(count)]

    activations = [Array(found["activation", j]) for j in range(n + 1)]
    return Memory(activations, arrays("gradient", n + 1), arrays("notes", n), found["images", 0], size)


class _Wanted(NamedTuple):
    extent: tuple[int, ...]
    kind: type
    first: int
    last: int

    @property
    def life(self) -> Life:
        return Life(prod(self.extent) * np.dtype(self.kind).itemsize, self.first, self.last)

    def within(self, memory: np.ndarray) -> np.ndarray:
        return memory[: self.life.size].view(self.kind).reshape(self.extent)


def _aligned(place: int) -> int:
    return -(-place // buffers.ALIGNMENT) * buffers.ALIGNMENT
