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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple, TypeAlias

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
    late: list[list[Array]]  # n; of `upstream`, those that a stage's backward pass is the first to read
    input_gradient: Array | None  # None where no gradient by the input is asked for
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


def lay_out(
    schedule: Schedule,
    batch_size: int,
    image_size: int,
    training: bool,
    by_input: bool = False,
    late: bool = False,
) -> Memory:
    """Memory for up to `batch_size` pictures of `image_size` bytes. The gradients of a `late` loss are
    written just before they are read."""
    stages = schedule.stages
    shapes = [(stages[0].input_shape, schedule.lanes[0]), *((s.output_shape, s.lanes) for s in stages)]
    extents = [(-(-batch_size // lanes), prod(shape), lanes) for shape, lanes in shapes]
    learning = schedule.learning(by_input) if training or by_input else [False] * len(extents)
    wanted = {"images": _Wanted((batch_size * image_size,), np.uint8, 0, 0)}
    wanted |= _activations(schedule, extents, learning)
    readers = _first_readers(schedule, learning)
    since = {j: _backward_step(i, len(stages)) if late else len(stages) + 1 for j, i in readers.items()}
    for j, step in since.items():  # which may read the output again
        kept = wanted["activation", j]
        wanted["activation", j] = kept._replace(last=max(kept.last, step))
    back, of_input = _gradients(schedule, extents, learning, since, wanted)

    places, size = arrange([array.life for array in wanted.values()])
    whole = buffers.zeros((size,), np.uint8)
    values = {key: w.within(whole[place:]) for (key, w), place in zip(wanted.items(), places, strict=True)}
    images = values.pop("images")
    arrays: dict[_Key | None, Array] = {key: Array(array) for key, array in values.items()}

    memory = Memory(
        input=arrays["activation", 0],
        arrays=[],
        gradients=[],
        sums=[],
        outputs=[arrays["activation", j] for j in schedule.outputs],
        upstream=[arrays.get(("gradient", j, 0)) for j in schedule.outputs],
        late=[
            [arrays["gradient", j, 0] for j, reader in readers.items() if late and reader == i]
            for i in range(len(stages))
        ],
        input_gradient=arrays.get(of_input),
        images=images,
        size=size,
    )
    for i, sources in enumerate(schedule.sources):
        inputs = tuple(arrays["activation", source] for source in sources)
        memory.arrays.append(Arrays(inputs, arrays["activation", i + 1], arrays.get(("saved", i))))
        dA, slots = back.get(i, (None, []))
        targets = tuple(arrays.get(slot.target) for slot in slots)
        accumulated = tuple(arrays.get(slot.accumulated) for slot in slots)
        scratch = arrays.get(("scratch", i))
        memory.gradients.append(Gradients(arrays[dA], targets, accumulated, scratch) if dA else None)
        memory.sums.append([Sum(*(arrays[key] for key in slot.sum)) for slot in slots if slot.sum])
    return memory


# Of an array: "images"; "activation" and its number; "gradient", the activation's number and a version;
# "saved" or "scratch" and a stage's number; or "part", a stage's number and its input's.
_Key: TypeAlias = str | tuple[Any, ...]


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
        wanted["activation", j] = _Wanted(extent, np.float32, j, max(last))
    return wanted


class _Slot(NamedTuple):
    """The arrays of the gradient of one of a stage's inputs: those of `Gradients`, and of a `Sum`."""

    target: _Key | None = None
    accumulated: _Key | None = None
    sum: tuple[_Key, _Key, _Key] | None = None


def _gradients(
    schedule: Schedule,
    extents: Sequence[tuple[int, ...]],
    learning: Sequence[bool],
    since: Mapping[int, int],
    wanted: dict[_Key, _Wanted],
) -> tuple[dict[int, tuple[_Key, list[_Slot]]], _Key | None]:
    """dA and the gradients of the inputs of each stage up to which anything learns, and the network's input's
    gradient, if there is one. The loss writes those of outputs in the steps `since`. Adds to `wanted`."""
    stages, n, back = schedule.stages, len(schedule.stages), dict[int, tuple[_Key, list[_Slot]]]()
    # Each activation's gradient so far, its version, and the step that wrote it. The loss is first.
    latest: dict[int, tuple[_Key, int, int]] = {j: (("gradient", j, 0), 0, step) for j, step in since.items()}
    for i in reversed([i for i in range(n) if learning[i + 1]]):
        now, stage, slots = _backward_step(i, n), stages[i], list[_Slot]()
        dA, version, written = latest[i + 1]
        wanted[dA] = _Wanted(extents[i + 1], np.float32, written, now)
        if stage.saves is not None:
            wanted["saved", i] = _Wanted(extents[i + 1], stage.saves, i + 1, now)
        if stage.scratch is not None:
            groups, _, lanes = extents[i + 1]
            wanted["scratch", i] = _Wanted((groups, prod(stage.scratch), lanes), np.float32, now, now)
        for source in schedule.sources[i]:
            if not learning[source]:
                slots.append(_Slot())
            elif source in latest:
                so_far, version, written = latest[source]
                wanted[so_far] = _Wanted(extents[source], np.float32, written, now)
                target, part = ("gradient", source, version + 1), ("part", i, len(slots))
                latest[source] = target, version + 1, now
                if stage.adds:
                    slots.append(_Slot(target, so_far))
                else:
                    wanted[part] = _Wanted(extents[source], np.float32, now, now)
                    slots.append(_Slot(part, None, (so_far, part, target)))
            elif stage.in_place and not slots:
                slots.append(_Slot(dA))
                latest[source] = latest[i + 1]
            else:
                slots.append(_Slot(("gradient", source, 0)))
                latest[source] = ("gradient", source, 0), 0, now
        back[i] = dA, slots
    if not learning[0]:
        return back, None
    of_input, _, written = latest[0]
    wanted[of_input] = _Wanted(extents[0], np.float32, written, _backward_step(0, n))
    return back, of_input


def _first_readers(schedule: Schedule, learning: Sequence[bool]) -> dict[int, int]:
    """For each output that has a gradient, the first stage whose backward pass reads it: the last that reads
    the output, or the one that writes it."""
    readers = {}
    for j in schedule.outputs:
        if learning[j]:
            places = [
                i for i, sources in enumerate(schedule.sources) if j in (*sources, i + 1) and learning[i + 1]
            ]
            readers[j] = max(places)
    return readers


def _backward_step(i: int, n: int) -> int:
    """The step in which stage i of n runs backward."""
    return 2 * n + 1 - i


def _aligned(place: int) -> int:
    return -(-place // buffers.ALIGNMENT) * buffers.ALIGNMENT
