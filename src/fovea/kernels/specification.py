"""The specification of a kernel, and the key of its object in the cache.

A specification names a builder, as in "conv.forward" (`forward` in pipelines/conv.py), the kernel's inputs
and outputs, the numbers that it is specialised to, and the target (targets.py). The key is a digest of
everything that the code depends on: the specification, the source of every builder, Halide's version, and the
processor.
"""

import functools
import hashlib
import importlib.metadata
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from fovea.errors import EngineError
from fovea.kernels import targets


class Specification(NamedTuple):
    """The builder's name; the names of the kernel's inputs and outputs, in the order of its C arguments; the
    builder's arguments as sorted (name, value) pairs of plain values; and the name of the target."""

    operation: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    arguments: tuple[tuple[str, object], ...]
    target: str

    @property
    def key(self) -> str:
        return _key(self)

    @property
    def symbol(self) -> str:
        return f"fovea_{self.operation.replace('.', '_')}_{self.key[:24]}"


def specify(
    operation: str, reads: Iterable[str] = (), writes: Iterable[str] = (), /, **arguments: object
) -> Specification:
    """The specification of `operation` for the current target; `arguments` are numbers, strings, None and
    tuples of them."""
    pairs = tuple(sorted(arguments.items()))
    return Specification(operation, tuple(reads), tuple(writes), pairs, targets.current().name)


def activation(function: str, *numbers: float) -> str:
    """An activation's name in a specification: "relu", "leaky_relu(0.01)"."""
    return f"{function}({','.join(map(repr, map(float, numbers)))})" if numbers else function


@functools.cache
def _key(specification: Specification) -> str:
    return hashlib.sha256(repr((environment(), specification)).encode()).hexdigest()


@functools.cache
def environment() -> tuple[str, ...]:
    """Everything that an object's code depends on, except its specification."""
    import llvmlite.binding as llvm

    try:
        halide = importlib.metadata.version("halide")
    except importlib.metadata.PackageNotFoundError as error:
        raise EngineError(
            "Halide: expected its package to be installed: pip install halide==21.0.0"
        ) from error
    features = llvm.get_host_cpu_features().flatten()
    processor = llvm.get_process_triple(), llvm.get_host_cpu_name(), features
    return halide, *processor, _source(), str(checks())


def checks() -> int:
    """FOVEA_KERNEL_CHECKS, for development and tests. 1: buffers are checked before each run (bounds.py). 2:
    also by Halide's own assertions, which double the time of compilation."""
    return int(os.environ.get("FOVEA_KERNEL_CHECKS", "0"))


PACKAGE = Path(__file__).parent.parent


def sources() -> list[Path]:
    """The files whose text determines the compiled code."""
    modules = (
        "constants.py",
        "problem.py",
        "tiles.py",
        "winograd_tiles.py",
        "targets.py",
        "targets.json",
        "compiler.py",
    )
    kernels = PACKAGE / "kernels"
    return [
        *sorted((kernels / "pipelines").glob("*.py")),
        *(kernels / n for n in modules),
        PACKAGE / "geometry" / "__init__.py",
    ]


def _source() -> str:
    digest = hashlib.sha256()
    for path in sources():
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
