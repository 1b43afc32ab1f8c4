"""Kernels by specification: loaded in this process, cached on disk, or compiled.

    specification ──key──▶ loaded in this process? ──▶ function
                              │ no
                              ▼
                           on disk, undamaged? ──▶ loaded by runtime.py; compiled again if that fails
                              │ no
                              ▼
                           compiled by compiler.py, and written to disk

Halide is imported only if something is missing.
"""

import hashlib
import struct
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fovea.errors import EngineError, mismatch
from fovea.files import caching, write_whole
from fovea.kernels import runtime
from fovea.kernels.bounds import checked
from fovea.kernels.specification import Specification, checks, specify

Progress = Callable[[int, int, str], object]  # done, total, the operation just compiled

_MAGIC = b"fovea-object-1\n"
_RUNTIME = "runtime"
_PART = "kernels"  # the folder within the cache


@dataclass(frozen=True)
class Kernel:
    """A loaded kernel: call it with `ctypes.byref` of buffers and ctypes numbers."""

    specification: Specification
    function: Callable[..., int]

    def __call__(self, *arguments: object) -> None:
        code = self.function(*arguments)
        if code:
            runtime.check(code, self.specification.operation)


_loaded: dict[Specification, Kernel] = {}
_lock = threading.Lock()  # one thread compiles, the others wait and use its kernels


def get(specification: Specification) -> Kernel:
    """The kernel of `specification`, compiled if necessary."""
    kernel = _loaded.get(specification)
    if kernel is None:
        obtain([specification])
        kernel = _loaded[specification]
    return kernel


def obtain(specifications: Iterable[Specification], progress: Progress | None = None) -> list[Kernel]:
    """The kernels of all `specifications`; those that are missing are compiled in parallel, each once.

    `progress(done, total, operation)` is called after each compilation, and never if all kernels were cached.
    Raises EngineError if one cannot be compiled.
    """
    specifications = list(specifications)
    with _lock:
        _load(specifications, progress)
        return [_loaded[s] for s in specifications]


def _load(specifications: list[Specification], progress: Progress | None) -> None:
    wanted = [s for s in dict.fromkeys(specifications) if s not in _loaded]
    if not wanted:
        return
    first = [] if runtime.is_loaded() else [specify(_RUNTIME)]
    names = list(dict.fromkeys([*first, *wanted]))  # kernels are linked with the runtime
    cached = {s: data for s in names if (data := _read(s)) is not None}
    compiled = _compile([s for s in names if s not in cached], progress)
    for s in names:
        try:
            _link(s, compiled.get(s) or cached[s])
        except EngineError:
            if s in compiled:
                raise
            _link(s, _compile([s], progress)[s])


def _link(specification: Specification, data: bytes) -> None:
    if specification.operation == _RUNTIME:
        runtime.load_runtime(data)
    else:
        function = runtime.load(specification.symbol, data)
        _loaded[specification] = Kernel(
            specification, checked(function, specification) if checks() else function
        )


def _compile(missing: list[Specification], progress: Progress | None) -> dict[Specification, bytes]:
    objects: dict[Specification, bytes] = {}
    if missing:
        from fovea.kernels import compiler

        for specification, data in compiler.emit(missing):
            if not _has_symbol(specification, data):
                expected = f"an object with {_symbol(specification)}"
                raise EngineError(mismatch(f'kernel "{specification.operation}"', expected, "one without it"))
            _write(specification, data)
            objects[specification] = data
            if progress is not None:
                progress(len(objects), len(missing), specification.operation)
    return objects


def _symbol(specification: Specification) -> str:
    """The symbol that an object defines; a kernel's contains the digest of all that its code depends on."""
    return "halide_set_num_threads" if specification.operation == _RUNTIME else specification.symbol


def _has_symbol(specification: Specification, data: bytes) -> bool:
    return _symbol(specification).encode() in data


# ---- Files, named by the key: magic, digest, length, object ----------------------------------------------


def _write(specification: Specification, data: bytes) -> None:
    """Write an object to the cache, if that is possible: no kernel fails for want of a cache."""
    caching.keep(_PART, lambda folder: write_whole(folder / specification.key, _head(data) + data))


def _read(specification: Specification) -> bytes | None:
    """The cached object; None if it is missing, damaged or another kernel's."""
    head = len(_MAGIC) + 40
    for content in caching.find(_PART, specification.key):
        data = content[head:]
        if content[:head] == _head(data) and _has_symbol(specification, data):
            return data
    return None


def _head(data: bytes) -> bytes:
    return _MAGIC + hashlib.sha256(data).digest() + struct.pack("<Q", len(data))
