"""Kernels from specification to callable: specialise → object → cache on disk → function.

    specification ──key──▶ in this process? ──▶ function
                              │ no
                              ▼
                           on disk, undamaged? ──▶ loaded by runtime.py
                              │ no
                              ▼
                           emitted by Halide, in worker processes where there are several

Halide itself is imported only where something is missing.
"""

import hashlib
import struct
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from fovea import caching
from fovea.files import write_whole
from fovea.kernels import runtime
from fovea.kernels.specification import Specification

Progress = Callable[[int, int, str], object]  # done, total, what has just been done

_MAGIC = b"fovea-object-1\n"
_RUNTIME = "runtime"


@dataclass(frozen=True)
class Kernel:
    """A loaded kernel: call it with `ctypes.byref` of buffers and ctypes numbers."""

    specification: Specification
    function: Callable[..., int]

    def __call__(self, *arguments: object) -> None:
        code = self.function(*arguments)
        if code:
            runtime.check(code, self.specification.operation)


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
        first = [] if runtime.is_loaded() else [_runtime()]
        names: dict[Specification, None] = dict.fromkeys([*first, *wanted])
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


# ---- Files: magic, digest, length, object ----------------------------------------------------------------


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
