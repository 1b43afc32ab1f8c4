"""The memory of a plan: arrays that are not needed at the same time share it.

A plan's steps have an order, and an array is needed from the step that writes it to the last that reads it:

    load 0 → forward of stage i: i + 1 → loss n + 1 → backward of stage i: 2n + 1 − i          (n stages)

So an activation that some stage's backward pass reads is kept until then, an output until the loss, and any
other only until its last reader has run. Gradients are short-lived; those of early stages use the memory of
late activations. The gradient of an activation with several readers is a sum. The loss, for an output, or the
first reader to run backward writes it; each of the others reads the sum so far and writes the next, itself or
by way of an array for its own part. A stage that works number by number may write its gradient over the one
that it reads.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple, TypeAlias

import numpy as np

from fovea.kernels import buffers
from fovea.stages.base import Arrays, Gradients
from fovea.stages.calls import Array
from fovea.stages.join import Schedule


class Life(NamedTuple):
    """The bytes of an array to be allocated, and the first and the last step that need it."""

    size: int
    first: int
    last: int


class Sum(NamedTuple):
    """accumulated + part → total, behind a stage that does not add by itself."""

    accumulated: Array
    part: Array
    total: Array


@dataclass(frozen=True)
class Memory:
    """The arrays of n stages, in one piece of memory."""

    input: Array
    arrays: list[Arrays]  # n
    gradients: list[Gradients | None]  # n; None where nothing up to a stage learns
    sums: list[list[Sum]]  # n
    outputs: list[Array]  # of the network
    upstream: list[Array | None]  # the loss's gradient of each; None where nothing learns
    images: np.ndarray  # bytes that a batch of pictures is copied to
    size: int  # bytes in all


def arrange(lives: Sequence[Life]) -> tuple[list[int], int]:
    """The offset of each, and the size of the whole; no two that are needed at the same step share a byte.

    The largest come first, each at the lowest offset that is free during its life. The size is seldom far
    above the lower bound: the most that is needed at any one step. All start on a cache line.
    """
    places: dict[int, int] = {}
    for i in sorted(range(len(lives)), key=lambda i: -lives[i].size):
        life, place = lives[i], 0
        others = [j for j in places if lives[j].first <= life.last and life.first <= lives[j].last]
        for j in sorted(others, key=places.__getitem__):
            if place + life.size <= places[j]:
                break
            place = max(place, _aligned(places[j] + lives[j].size))
        places[i] = place
    ends = [places[i] + life.size for i, life in enumerate(lives)]
    return [places[i] for i in range(len(lives))], max(ends, default=0)


def lay_out(schedule: Schedule, batch_size: int, image_size: int, training: bool) -> Memory:
    """Memory for up to `batch_size` pictures of `image_size` bytes."""
    stages = schedule.stages
    shapes = [(stages[0].input_shape, schedule.lanes[0]), *((s.output_shape, s.lanes) for s in stages)]
    extents = [(-(-batch_size // lanes), prod(shape), lanes) for shape, lanes in shapes]
    learning = schedule.learning() if training else [False] * len(extents)
    back = _backward(schedule, extents, learning)
    images = _Wanted((batch_size * image_size,), np.uint8, 0, 0)
    wanted = {("images", 0, 0): images, **_activations(schedule, extents, learning), **back.wanted}

    places, size = arrange([array.life for array in wanted.values()])
    memory = buffers.zeros((size,), np.uint8)
    parts = {key: w.within(memory[place:]) for (key, w), place in zip(wanted.items(), places, strict=True)}
    arrays = {key: Array(values) for key, values in parts.items() if key != ("images", 0, 0)}

    def find(key: _Key | None) -> Array | None:
        return None if key is None else arrays.get(key)

    activations = [arrays["activation", j, 0] for j in range(len(extents))]
    result = Memory(
        input=activations[0],
        arrays=[],
        gradients=[],
        sums=[],
        outputs=[activations[j] for j in schedule.outputs],
        upstream=[find(back.upstream.get(j)) for j in schedule.outputs],
        images=parts["images", 0, 0],
        size=size,
    )
    for i, sources in enumerate(schedule.sources):
        inputs = tuple(activations[source] for source in sources)
        result.arrays.append(Arrays(inputs, activations[i + 1], find(("saved", i, 0))))
        slots = [(i, slot) for slot in range(len(sources))]
        own = [find(("part", *slot)) for slot in slots]
        targets = [find(back.targets.get(slot)) for slot in slots]
        accumulated = [find(back.accumulated.get(slot)) for slot in slots]
        sums = zip(accumulated, own, targets, strict=True)
        result.sums.append(
            [Sum(so_far, part, total) for so_far, part, total in sums if so_far and part and total]
        )
        result.gradients.append(None)
        if i in back.dA:
            result.gradients[i] = Gradients(
                arrays[back.dA[i]],
                tuple(part or target for part, target in zip(own, targets, strict=True)),
                tuple(None if part else so_far for part, so_far in zip(own, accumulated, strict=True)),
            )
    return result


class _Wanted(NamedTuple):
    """An array to be allocated, and the first and the last step that need it."""

    extent: tuple[int, ...]
    kind: type
    first: int
    last: int

    @property
    def life(self) -> Life:
        return Life(prod(self.extent) * np.dtype(self.kind).itemsize, self.first, self.last)

    def within(self, memory: np.ndarray) -> np.ndarray:
        return memory[: self.life.size].view(self.kind).reshape(self.extent)


# ("activation", its number, 0), ("gradient", the activation's number, version), ("saved", the stage's number,
# 0), ("part", the stage's number, the input's)
_Key: TypeAlias = tuple[str, int, int]
_Slot: TypeAlias = tuple[int, int]  # a stage's number, and that of one of its inputs


def _activations(
    schedule: Schedule, extents: Sequence[tuple[int, ...]], learning: Sequence[bool]
) -> dict[_Key, _Wanted]:
    stages, n = schedule.stages, len(schedule.stages)
    wanted: dict[_Key, _Wanted] = {}
    for j, extent in enumerate(extents):
        last = [n + 1 if j in schedule.outputs else j + 1]
        for i, sources in enumerate(schedule.sources):
            for slot in [slot for slot, source in enumerate(sources) if source == j]:
                role = "other_inputs" if slot else "A_prev"
                read_again = learning[i + 1] and role in stages[i].reads
                last.append(_backward_step(i, n) if read_again else i + 1)
        if j and learning[j] and "A" in stages[j - 1].reads:
            last.append(_backward_step(j - 1, n))
        wanted["activation", j, 0] = _Wanted(extent, np.float32, j, max(last))
    return wanted


class _Backward(NamedTuple):
    """The arrays of the backward pass: those it needs besides activations, and the roles of each gradient."""

    wanted: dict[_Key, _Wanted]
    upstream: dict[int, _Key]  # of each output, by its number: written by the loss
    dA: dict[int, _Key]  # of each stage
    targets: dict[_Slot, _Key]  # the gradient of each input, with the stage's part
    accumulated: dict[_Slot, _Key]  # the same before it


def _backward(schedule: Schedule, extents: Sequence[tuple[int, ...]], learning: Sequence[bool]) -> _Backward:
    stages, n = schedule.stages, len(schedule.stages)
    # The sum so far of each activation's gradient, and the step that writes it.
    latest: dict[int, tuple[_Key, int]] = {
        j: (("gradient", j, 0), n + 1) for j in schedule.outputs if learning[j]
    }
    back = _Backward({}, {j: key for j, (key, _) in latest.items()}, {}, {}, {})
    for i in reversed([i for i in range(n) if learning[i + 1]]):
        now, saves, extent = _backward_step(i, n), stages[i].saves, extents[i + 1]
        dA, since = latest[i + 1]
        back.dA[i], back.wanted[dA] = dA, _Wanted(extent, np.float32, since, now)
        if saves is not None:
            back.wanted["saved", i, 0] = _Wanted(extent, saves, i + 1, now)
        for slot, source in enumerate(schedule.sources[i]):
            if not learning[source]:
                continue
            target: _Key = ("gradient", source, 0)
            written = now
            if source in latest:
                so_far, first = latest[source]
                back.accumulated[i, slot] = so_far
                back.wanted[so_far] = _Wanted(extents[source], np.float32, first, now)
                target = ("gradient", source, so_far[2] + 1)
                if not stages[i].adds:
                    back.wanted["part", i, slot] = _Wanted(extents[source], np.float32, now, now)
            elif stages[i].in_place and not slot:
                target, written = dA, since
            back.targets[i, slot], latest[source] = target, (target, written)
    return back


def _backward_step(i: int, n: int) -> int:
    """The step in which stage i of n runs backward."""
    return 2 * n + 1 - i


def _aligned(place: int) -> int:
    return -(-place // buffers.ALIGNMENT) * buffers.ALIGNMENT
