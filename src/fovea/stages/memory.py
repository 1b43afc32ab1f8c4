"""Where the arrays of a plan lie: arrays that are not needed at the same time share memory.

A plan's steps have an order, and an array is needed from the step that writes it to the last that reads it:

    load 0 → forward of stage i: i + 1 → loss n + 1 → backward of stage i: 2n + 1 − i          (n stages)

So an activation that some stage's backward pass reads lives until then, an output until the loss, and any
other only until the last stage that takes it in has read it. Gradients come and go in turn, those of the
early stages where the late activations have been. Where several stages take in an activation, its gradient is
a sum: the loss, of an output, or the first of them to run backward begins it, and each of the others makes a
new array of what is begun and its own part; by itself, or by way of an array for its part alone. A stage that
works number by number begins one in the place of the gradient that it was given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from fovea.kernels import buffers
from fovea.stages.calls import Array
from fovea.stages.join import Row


class Life(NamedTuple):
    """An array to be: its bytes, and the first and the last step that need it."""

    size: int
    first: int
    last: int


Slot: TypeAlias = tuple[int, int]  # a stage's number, and which of its inputs


@dataclass(frozen=True)
class Memory:
    """The arrays of n stages, in one piece of memory; gradients and notes only where there are any."""

    activations: list[Array]  # n + 1: what comes in, and what each stage gives out
    gradients: list[Array | None]  # of each activation
    upstream: dict[int, Array]  # what the loss writes: the gradients of the outputs, others' parts aside
    targets: dict[Slot, Array]  # what has to be written for each input: its gradient, as far as it is known
    begun: dict[Slot, Array]  # what others have begun of it
    parts: dict[Slot, Array]  # where a stage writes its part, if it does not add by itself
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


def lay_out(row: Row, batch_size: int, image_size: int, learning: Sequence[bool]) -> Memory:
    """Memory for up to `batch_size` pictures of `image_size` bytes; `learning` says which of the activations
    need gradients, 0 the pictures never."""
    stages, n = row.stages, len(row.stages)
    shapes = [(stages[0].input_shape, row.lanes[0]), *((s.output_shape, s.lanes) for s in stages)]
    extents = [(-(-batch_size // lanes), prod(shape), lanes) for shape, lanes in shapes]
    wanted: dict[tuple[str, Any], _Wanted] = {}
    wanted["images", 0] = _Wanted((batch_size * image_size,), np.uint8, 0, 0)
    for j, extent in enumerate(extents):
        last = [n + 1 if j in row.outputs else j + 1]
        for i, sources in enumerate(row.sources):
            for slot in [slot for slot, source in enumerate(sources) if source == j]:
                read = learning[i + 1] and ("beside" if slot else "A_prev") in stages[i].reads
                last.append(_backward(i, n) if read else i + 1)
        if j and learning[j] and "A" in stages[j - 1].reads:
            last.append(_backward(j - 1, n))
        wanted["activation", j] = _Wanted(extent, np.float32, j, max(last))

    # What there is so far of each activation's gradient: where it is, and since when. The loss begins.
    latest = {j: (("gradient", (j, 0)), n + 1) for j in row.outputs if learning[j]}
    upstream = {j: key for j, (key, _) in latest.items()}
    targets, begun = dict[Slot, tuple[str, Any]](), dict[Slot, tuple[str, Any]]()
    for i in reversed(range(n)):
        now, kind = _backward(i, n), stages[i].notes
        if not learning[i + 1]:
            continue
        own, began = latest[i + 1]
        wanted[own] = _Wanted(extents[i + 1], np.float32, began, now)
        if kind is not None:
            wanted["notes", i] = _Wanted(extents[i + 1], kind, i + 1, now)
        for slot, source in enumerate(row.sources[i]):
            if not learning[source]:
                continue
            version = 0
            if stages[i].in_place and not slot and source not in latest:
                targets[i, slot], latest[source] = own, (own, began)
                continue
            if source in latest:
                key, since = latest[source]
                wanted[key] = _Wanted(extents[source], np.float32, since, now)
                begun[i, slot], version = key, key[1][1] + 1
                if not stages[i].adds:
                    wanted["part", (i, slot)] = _Wanted(extents[source], np.float32, now, now)
            targets[i, slot] = ("gradient", (source, version))
            latest[source] = targets[i, slot], now

    places, size = arrange([w.life for w in wanted.values()])
    whole = buffers.zeros((size,), np.uint8)
    found = {key: w.within(whole[place:]) for (key, w), place in zip(wanted.items(), places, strict=True)}

    def arrays(keys: Mapping[Any, tuple[str, Any]]) -> dict[Any, Array]:
        return {name: Array(found[key]) for name, key in keys.items() if key in found}

    activations = arrays({j: ("activation", j) for j in range(n + 1)})
    gradients = arrays({j: key for j, (key, _) in latest.items()})
    notes = arrays({i: ("notes", i) for i in range(n)})
    return Memory(
        activations=[activations[j] for j in range(n + 1)],
        gradients=[gradients.get(j) for j in range(n + 1)],
        upstream=arrays(upstream),
        targets=arrays(targets),
        begun=arrays(begun),
        parts=arrays({key[1]: key for key in found if key[0] == "part"}),
        notes=[notes.get(i) for i in range(n)],
        images=found["images", 0],
        size=size,
    )


def _backward(i: int, n: int) -> int:
    """The step in which stage i of n runs backward."""
    return 2 * n + 1 - i


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
