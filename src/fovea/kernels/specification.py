"""What a kernel is to be, and the key under which its object is kept.

A specification names a builder, as in "conv.forward" (`forward` in pipelines/conv.py), and the numbers
that it is specialised to. The key is a digest of everything that the code depends on: the specification,
the source of every builder, Halide's version and the processor.
"""

import functools
import hashlib
import importlib.metadata
import os
from pathlib import Path
from typing import NamedTuple

from fovea.errors import EngineError


class Specification(NamedTuple):
    """A kernel to be: the builder's name, and its arguments as sorted (name, value) pairs of plain values."""

    operation: str
    arguments: tuple[tuple[str, object], ...]

    @property
    def key(self) -> str:
        return _key(self)

    @property
    def symbol(self) -> str:
        return f"fovea_{self.operation.replace('.', '_')}_{self.key[:24]}"


def specify(operation: str, **arguments: object) -> Specification:
    """The specification of `operation` for these numbers, strings, None and tuples of them."""
    return Specification(operation, tuple(sorted(arguments.items())))


@functools.cache
def _key(specification: Specification) -> str:
    return hashlib.sha256(repr((environment(), specification)).encode()).hexdigest()


@functools.cache
def environment() -> tuple[str, ...]:
    """Everything but the specification that an object's code depends on."""
    import llvmlite.binding as llvm

    try:
        halide = importlib.metadata.version("halide")
    except importlib.metadata.PackageNotFoundError as error:
        raise EngineError(
            "Halide: expected its package to be installed: pip install halide==21.0.0"
        ) from error
    features = llvm.get_host_cpu_features().flatten()
    return halide, llvm.get_process_triple(), llvm.get_host_cpu_name(), features, _source(), str(asserts())


def asserts() -> bool:
    """Whether kernels check the buffers they are given: FOVEA_KERNEL_CHECKS=1, for development and tests."""
    return os.environ.get("FOVEA_KERNEL_CHECKS", "0") != "0"


PACKAGE = Path(__file__).parent.parent


def sources() -> list[Path]:
    """The files whose text decides what code comes out."""
    alone = ("kernels/tiles.py", "kernels/algorithms.py", "kernels/workers.py", "geometry.py")
    return [*sorted((PACKAGE / "kernels" / "pipelines").glob("*.py")), *(PACKAGE / name for name in alone)]


def _source() -> str:
    digest = hashlib.sha256()
    for path in sources():
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
