"""Kernels from specification to callable: specialise → object → cache on disk → function.

    specification ──key──▶ in this process? ──▶ function
                              │ no
                              ▼
                           on disk, undamaged? ──▶ loaded by runtime.py
                              │ no
                              ▼
                           emitted by Halide, in worker processes where there are several

A specification names a builder, as in "conv.forward" (`forward` in pipelines/conv.py), and the numbers
that it is specialised to. The key is a digest of everything that the code depends on: the specification,
the source of every builder, Halide's version and the processor. Halide itself is imported only where
something is missing.
"""

import functools
import hashlib
import importlib.metadata
import os
import struct
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from fovea import caching
from fovea.errors import EngineError
from fovea.files import write_whole
from fovea.kernels import runtime

Progress = Callable[[int, int, str], object]  # done, total, what has just been done

_MAGIC = b"fovea-object-1\n"
_RUNTIME = "runtime"


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


@dataclass(frozen=True)
class Kernel:
    """A loaded kernel: call it with `ctypes.byref` of buffers and ctypes numbers."""

    specification: Specification
    function: Callable[..., int]

    def __call__(self, *arguments: object) -> None:
        code = self.function(*arguments)
        if code:
            runtime.check(code, self.specification.operation)


def specify(operation: str, **arguments: object) -> Specification:
    """The specification of `operation` for these numbers, strings, None and tuples of them."""
    return Specification(operation, tuple(sorted(arguments.items())))


def cache_folder() -> Path:
    """Where objects are kept; the name of the file is the key."""
    return caching.root() / "kernels"


_loaded: dict[Specification, Kernel] = {}
_lock = threading.Lock()  # one thread compiles, the others find the result


def get(specification: Specification) -> Kernel:
    """The kernel of `specification`; compiled if need be."""
    kernel = _loaded.get(specification)
    if kernel is None:
        obtain([specification])
        kernel = _loaded[specification]
    return kernel


def obtain(specifications: Iterable[Specification], progress: Progress | None = None) -> list[Kernel]:
    """The kernels of all `specifications`, each compiled once, what is missing in parallel.

    `progress(done, total, what)` is called as kernels are compiled; never where all were cached.
    Raises EngineError where one cannot be compiled.
    """
    specifications = list(specifications)
    with _lock:
        _load(specifications, progress)
        return [_loaded[s] for s in specifications]


def _load(specifications: list[Specification], progress: Progress | None) -> None:
    wanted = [s for s in dict.fromkeys(specifications) if s not in _loaded]
    if wanted:
        names = dict.fromkeys([*([] if runtime.is_loaded() else [_runtime()]), *wanted])
        objects = {s: data for s in names if (data := _read(cache_folder() / s.key)) is not None}
        missing = [s for s in names if s not in objects]
        if missing:
            objects.update(_compile(missing, progress))
        if not runtime.is_loaded():
            runtime.load_runtime(objects[_runtime()])
        for s in wanted:
            if s not in _loaded:
                _loaded[s] = Kernel(s, runtime.load(s.symbol, objects[s]))


def _runtime() -> Specification:
    return Specification(_RUNTIME, ())


def _compile(missing: list[Specification], progress: Progress | None) -> dict[Specification, bytes]:
    from fovea.kernels import workers

    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    objects: dict[Specification, bytes] = {}
    for specification, data in workers.emit(missing):
        _write(folder / specification.key, data)
        objects[specification] = data
        if progress is not None:
            progress(len(objects), len(missing), specification.operation)
    return objects


# ---- The key ---------------------------------------------------------------------------------------------


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
    alone = ("kernels/tiles.py", "kernels/workers.py", "geometry.py")
    return [*sorted((PACKAGE / "kernels" / "pipelines").glob("*.py")), *(PACKAGE / name for name in alone)]


def _source() -> str:
    digest = hashlib.sha256()
    for path in sources():
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


# ---- Files: magic, digest, length, object -----------------------------------------------------------------


def _write(path: Path, data: bytes) -> None:
    write_whole(path, _MAGIC + hashlib.sha256(data).digest() + struct.pack("<Q", len(data)) + data)


def _read(path: Path) -> bytes | None:
    """The object at `path`; None where it is missing or damaged."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    head = len(_MAGIC) + 40
    data = content[head:]
    whole = content[: len(_MAGIC)] == _MAGIC and content[len(_MAGIC) : head] == (
        hashlib.sha256(data).digest() + struct.pack("<Q", len(data))
    )
    return data if whole else None
