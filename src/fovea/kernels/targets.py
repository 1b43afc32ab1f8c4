"""The processors that kernels are made for, and the constants of the models that choose between kernels.

targets.json is the table: one line per constant, one column per kind of processor. `python -m benchmarks.tune
--write` fits its constants to measured times; "measured_on" names the machine, or is "never" where a column
is only derived from the number of registers and the sizes of caches. Constants that are the same everywhere
are in constants.py.

The kind is the first of `_KINDS` that the processor supports. FOVEA_TARGET selects another one that it also
supports: the kernels of an AVX2 processor, for example, on one with AVX-512.
"""

import functools
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from fovea.errors import EngineError, mismatch


class Target(NamedTuple):
    """A column of the table."""

    name: str
    measured_on: str
    # Registers
    vector: int  # float32 numbers in a vector register
    registers: int  # vector registers
    accumulators: int  # registers that may hold sums; the others hold the operands
    min_channels: int  # with fewer channels or filters, pictures fill the vector
    # Direct convolution; lanes_… where pictures fill the vector, else filters do
    lanes_band_bytes: int  # of a task's rows, which fill the first-level cache
    band_bytes: int  # of a task's rows; bands overlap by the filter's height, so they should be high
    l2_weight_bytes: int  # of weights that stay in the second-level cache; with more, bands fill half of it
    weights_band_bytes: int  # of rows of input and dZ, for the gradient of the weights
    lanes_unroll: int  # steps of the innermost sum that are unrolled, at most
    unroll: int
    lanes_load_cost: float  # of a load, relative to a product
    load_cost: float
    l1_filter_bytes: int  # of a block of filters that stays in the first-level cache
    l2_load_cost: float  # of a vector of a larger block, which every tile loads from the second level
    task_multiply_adds: int  # that are worth a task
    shared_sum_weights: int  # whose sum is too large for each thread to have one
    block_positions: int  # of dZ that are summed in registers, if each thread has its own sum
    shared_block_positions: int  # the same at most, if the threads share one
    shared_sum_tasks: int  # into which a shared sum is divided
    # Winograd
    transform_cost: float  # of one tile of a vector of channels, in vector instructions
    pictures_per_transform: float  # of the filters
    winograd_min_gain: float  # below, the more exact algorithm is chosen
    min_block_tiles: int  # tiles of a block, if a picture has not even half of them
    l2_tile_bytes: int  # of transformed tiles that leave room for the rest in the second-level cache
    l2_overflow_cost: float  # of a larger block
    min_reuse_tiles: int  # tiles that should reuse each transformed filter once it is loaded
    llc_tiles: int  # of a block, if filters are transformed on the fly
    llc_tile_bytes: int  # of such a block that leave room for the rest in the last-level cache
    chunk_channels: int  # that are summed at a time in small blocks
    max_stored_bytes: int  # of all transformed filters, or of a sum of their gradients, kept in memory anyway
    stored_block_tiles: int  # of a block that uses them
    private_sum_bytes: int  # of a sum of which each thread may have one
    shared_sum_bytes: int  # of a sum that the threads share; larger ones exist only block by block, in parts
    shared_block_tiles: int  # of a block that the threads share


# From best to least: the feature that a processor must have, and Halide's features for this kind on a better
# processor (None: there is none better).
_KINDS = {
    "avx512-intel": ("avx512f", None),
    "avx512": ("avx512f", None),
    "avx2": ("avx", "avx-avx2-f16c-fma-sse41"),
    "sse": ("sse2", "sse41"),
    "neon": ("neon", None),
}

# If vectors do not distinguish processors, LLVM's names do: these have 2 MB of second-level cache per core
# and a last-level cache that is large and slow.
_NAMES = {"avx512-intel": ("sapphirerapids", "emeraldrapids", "graniterapids", "graniterapids-d")}

TABLE = Path(__file__).with_name("targets.json")

_overrides: list[Target] = []


def current() -> Target:
    """The target that kernels are made for. Raises EngineError if FOVEA_TARGET names one that this processor
    does not support."""
    return _overrides[-1] if _overrides else _chosen()


@contextmanager
def trying(target: Target) -> Iterator[None]:
    """Choose kernels by other constants inside a `with` block, for the tuner and tests. Not thread-safe."""
    _overrides.append(target)
    try:
        yield
    finally:
        _overrides.pop()


@functools.cache
def table() -> dict[str, Target]:
    """Every target by name."""
    rows = json.loads(TABLE.read_text(encoding="utf-8"))
    assert tuple(rows) == Target._fields, "targets.json has one line per field of Target, in order"
    return {column[0]: Target(*column) for column in zip(*rows.values(), strict=True)}


def available() -> list[str]:
    """The targets that this processor supports, the best first."""
    import llvmlite.binding as llvm

    features, processor = llvm.get_host_cpu_features(), llvm.get_host_cpu_name()
    return [
        name
        for name, (feature, _) in _KINDS.items()
        if features.get(feature) and processor in _NAMES.get(name, (processor,))
    ]


def halide(name: str, host: str) -> str:
    """Halide's string for the target `name`, such as "x86-64-linux-avx-avx2"; `host` is the one of this
    machine."""
    features = _KINDS[name][1]
    if name in available()[:1] or features is None:
        return host
    return "-".join([*host.split("-")[:3], features])


@functools.cache
def _chosen() -> Target:
    supported = available() or ["sse"]  # an unknown processor: the least demanding
    name = os.environ.get("FOVEA_TARGET") or supported[0]
    if name not in supported:
        expected = f"one that this processor has: {', '.join(supported)}"
        raise EngineError(mismatch("FOVEA_TARGET", expected, name))
    return table()[name]
