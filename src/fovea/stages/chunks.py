"""Predictions in chunks: the first stages of a network, whose arrays are its largest, run on a few pictures
of a batch at a time, so that the output of one stage is still in the cache when the next stage reads it.

The kernels are those of the whole batch, and so are the bits, because no picture's result depends on its
neighbours. The later stages have small arrays and large weights: they run on the whole batch, which reads the
weights once.

efficientnet_lite0, 8 pictures, 2 cores of Zen 4 with 32 MB of last-level cache: 35.5 ms in chunks of 2, 42.6
without, and 26 MB of memory instead of 48; 64 pictures: 300 and 390 ms, 28 and 385 MB. resnet18 and quicknet,
which are limited by computing, lose 2% in chunks.
"""

from math import prod
from typing import NamedTuple

from fovea.kernels import constants, runtime
from fovea.stages.join import Schedule
from fovea.stages.layer import LayerStage

_NUMBER = 4  # bytes


class Chunks(NamedTuple):
    """The stages that run on one chunk after another, the pictures of a chunk, and the stages that follow."""

    first: Schedule
    size: int
    rest: Schedule


def split(schedule: Schedule, batch_size: int) -> Chunks | None:
    """None where all stages run on the whole batch: their arrays fit the cache, computing limits them and not
    memory, or there is no place for a split."""
    stages, sources = schedule.stages, schedule.sources
    shapes = [stages[0].input_shape, *(stage.output_shape for stage in stages)]
    sizes = [_NUMBER * prod(shape) for shape in shapes]
    touched = [sizes[i + 1] + sum(sizes[j] for j in sources[i]) for i in range(len(stages))]  # per picture
    large = [i for i, size in enumerate(touched) if size * batch_size > constants.CHUNK_BYTES]
    places = _places(schedule)
    if not large or not places:
        return None
    place = next((place for place in places if place > large[-1]), places[-1])
    multiply_adds = sum(stage.multiply_adds for stage in stages[:place])
    if multiply_adds > constants.CHUNK_MULTIPLY_ADDS * sum(touched[:place]):
        return None
    most = max(constants.CHUNK_BYTES // max(touched[:place]), runtime.threads())
    lanes = max(schedule.lanes[j] for j in range(place + 1))
    groups, most = -(-batch_size // lanes), max(1, most // lanes)
    size = -(-groups // -(-groups // most)) * lanes  # chunks of nearly equal size
    if size >= batch_size:
        return None
    return Chunks(schedule.section(0, place), size, schedule.section(place, len(stages)))


def _places(schedule: Schedule) -> list[int]:
    """The arrays, in ascending order, behind which stages may be split from earlier ones, because they read
    no other array from before. A layer in Python sees the whole batch, as it may compute anything from it."""
    stages, places = schedule.stages, list[int]()
    end = next((i for i, stage in enumerate(stages) if isinstance(stage, LayerStage)), len(stages) - 1)
    earliest = min(schedule.outputs)
    for place in range(len(stages) - 1, 0, -1):
        earliest = min(earliest, *schedule.sources[place])
        if earliest == place <= end:
            places.append(place)
    return places[::-1]
