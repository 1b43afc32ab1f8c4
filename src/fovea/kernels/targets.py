"""The processors that kernels are made for, and the constants of the models that choose between kernels.

targets.json is the table: a line a constant, a column a kind of processor. `python -m benchmarks.tune
--write` fits its constants to measured times; "measured_on" says on which machine, and a column that says
"never" is only reasoned, from the number of registers and the size of caches.

The kind is the first of `_KINDS` that the processor has. FOVEA_TARGET asks for another one that it has too:
for the kernels of an AVX2 processor, say, on one with AVX-512.
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
    sums: int  # registers that may hold sums; the others hold what is loaded
    side_by_side: int  # with fewer channels or filters, pictures fill the vector
    # Direct convolution
    packed_rows: int  # bytes of rows of a task, pictures side by side: they fill the first-level cache
    rows: int  # the same for one picture, whose bands overlap by the filter's height and had better be high
    kept: int  # bytes of weights that stay in the second-level cache; where more pass, bands fill half of it
    weights_rows: int  # bytes of rows for the gradient of the weights, of input and of dZ
    unroll: int  # steps of the innermost sum that are written out at most, pictures side by side
    unroll_filters: int  # the same where filters fill the vector
    load_packed: float  # what a load costs beside a product, pictures side by side
    load: float  # the same where filters fill the vector
    near: int  # bytes of a block of filters that stay in the first-level cache
    distant: float  # what a vector of others costs beside a product: it comes from the second level for each
    task: int  # multiply-adds that are worth a task of their own
    many_weights: int  # weights whose sum is too large for each thread to have one
    positions: int  # of dZ that are summed in registers, where each thread has sums of its own
    shared_positions: int  # the same at most, where they share one
    tasks: int  # that such a sum is shared out to
    # Winograd
    transform: float  # vector instructions' time to transform one tile of a vector of channels
    sharing: float  # pictures that share a transform of the filters
    advantage: float  # how much less it must cost: below, the more exact algorithm
    few_tiles: int  # tiles that a block should have, where a picture has not even half as many
    block: int  # bytes of transformed tiles that leave room for the rest in the second-level cache
    beyond: float  # what a block costs that is larger
    meeting: int  # tiles of a block that transformed filters from memory should meet
    group: int  # tiles that meet filters which are transformed where they are used
    group_bytes: int  # bytes of them, transformed, that leave room for the rest in the last-level cache
    chunk: int  # channels of such filters at a time
    whole: int  # bytes of all transformed filters, or of a sum of their gradients, that wait in memory anyway
    together: int  # tiles that then make a block
    part: int  # bytes of a sum of which there may be several
    one_sum: int  # bytes of a sum that the threads share; of a larger one there is only a block's, in parts
    shared_tiles: int  # of a block that the threads share


# From best to least: what a processor must have, and what Halide is told where it has better (None: nothing
# is better).
_KINDS = {
    "avx512-intel": ("avx512f", None),
    "avx512": ("avx512f", None),
    "avx2": ("avx", "avx-avx2-f16c-fma-sse41"),
    "sse": ("sse2", "sse41"),
    "neon": ("neon", None),
}
# Where vectors do not tell processors apart, LLVM's names do: these have 2 MB of second-level cache to a
# core, and a last-level cache that is large and far.
_NAMES = {"avx512-intel": ("sapphirerapids", "emeraldrapids", "graniterapids", "graniterapids-d")}

TABLE = Path(__file__).with_name("targets.json")

_tried: list[Target] = []


def current() -> Target:
    """The target that kernels are made for. Raises EngineError where FOVEA_TARGET asks for what this
    processor has not."""
    return _tried[-1] if _tried else _chosen()


@contextmanager
def trying(target: Target) -> Iterator[None]:
    """Choose kernels by other constants for a while: for the tuner, and for tests. Not for threads."""
    _tried.append(target)
    try:
        yield
    finally:
        _tried.pop()


@functools.cache
def table() -> dict[str, Target]:
    """Every target by name."""
    rows = json.loads(TABLE.read_text(encoding="utf-8"))
    assert tuple(rows) == Target._fields, "targets.json has a line for each field of Target, in order"
    return {column[0]: Target(*column) for column in zip(*rows.values(), strict=True)}


def available() -> list[str]:
    """The targets that this processor has, the best first."""
    import llvmlite.binding as llvm

    features, own = llvm.get_host_cpu_features(), llvm.get_host_cpu_name()
    return [
        name
        for name, (feature, _) in _KINDS.items()
        if features.get(feature) and own in _NAMES.get(name, (own,))
    ]


def halide(name: str, host: str) -> str:
    """Halide's word for the target of that name, such as "x86-64-linux-avx-avx2", where `host` is its word
    for this machine."""
    features = _KINDS[name][1]
    if name in available()[:1] or features is None:
        return host
    return "-".join([*host.split("-")[:3], features])


@functools.cache
def _chosen() -> Target:
    there = available() or ["sse"]  # not known by name: what asks least
    asked = os.environ.get("FOVEA_TARGET") or there[0]
    if asked not in there:
        raise EngineError(mismatch("FOVEA_TARGET", f"one that this processor has: {', '.join(there)}", asked))
    return table()[asked]
