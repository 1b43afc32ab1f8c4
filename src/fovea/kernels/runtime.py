"""Loaded kernels: objects in, callables out.

Objects are emitted without Halide's runtime; one runtime object serves them all, so that they share one pool
of threads. llvmlite links both into the process without a compiler. Calls release Python's lock.
"""

import atexit
import ctypes
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

import llvmlite.binding as llvm

from fovea.errors import EngineError, ShapeError, mismatch
from fovea.kernels import workspace

_lock = threading.Lock()
_engine: "llvm.ExecutionEngine | None" = None  # lives as long as any kernel may run: until the process ends
_objects: list[object] = []  # whose memory is referred to: objects of the engine, and other engines
_threads: int | None = None
_messages = threading.local()

_ErrorHandler = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p)


@_ErrorHandler
def _on_error(_context: int, message: bytes) -> None:  # without a handler Halide ends the process
    _messages.last = message.decode(errors="replace").strip()


def is_loaded() -> bool:
    """Whether the runtime has been loaded, and kernels can be."""
    return _engine is not None


def load_runtime(data: bytes) -> None:
    """Load the runtime's object; once a process."""
    global _engine
    with _lock:
        if _engine is not None:
            return
        engine = _compiler(workspace.SOURCE)
        _add(engine, data)
        engine.finalize_object()
        engine.run_static_constructors()
        _engine = engine
        _function("halide_set_error_handler", ctypes.c_void_p, _ErrorHandler)(_on_error)
        for hook, name in (("malloc", workspace.MALLOC), ("free", workspace.FREE)):
            own = ctypes.c_void_p(engine.get_function_address(name))
            _function(f"halide_set_custom_{hook}", ctypes.c_void_p, ctypes.c_void_p)(own)
        atexit.register(_function("halide_shutdown_thread_pool", None))
        _apply_threads()


def load(name: str, data: bytes) -> Callable[..., int]:
    """The kernel `name` of an object, as a C function of as many `halide_buffer_t*` and numbers as it
    takes."""
    with _lock:
        assert _engine is not None
        _add(_engine, data)
        _engine.finalize_object()
        return _function(name, ctypes.c_int)


def load_source(name: str, source: str, arguments: Sequence[Any]) -> Callable[..., None]:
    """The function `name` of a text in LLVM's language, which takes `arguments` of ctypes."""
    with _lock:
        engine = _compiler(source)
        engine.finalize_object()
        _objects.append(engine)
        return ctypes.CFUNCTYPE(None, *arguments)(engine.get_function_address(name))


def check(code: int, who: str) -> None:
    """Raise what a kernel's return code means."""
    if code:
        message = getattr(_messages, "last", "no message")
        raise EngineError(f'kernel "{who}" failed with code {code}: {message}')


def set_threads(count: int | None) -> None:
    """Use `count` threads from now on (None: as many as FOVEA_THREADS says, or as the process may use)."""
    global _threads
    if count is not None and count < 1:
        raise ShapeError(mismatch("threads", "at least 1", count))
    _threads = count
    with _lock:
        if _engine is not None:
            _apply_threads()


def threads() -> int:
    """The number of threads that kernels run on."""
    if _threads is not None:
        return _threads
    text = os.environ.get("FOVEA_THREADS")
    if text is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not text.isdigit() or int(text) < 1:
        raise ShapeError(mismatch("FOVEA_THREADS", "a whole number of at least 1", repr(text)))
    return int(text)


def _compiler(source: str) -> "llvm.ExecutionEngine":
    """An engine that has compiled a text in LLVM's language."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(jit=True)
    return llvm.create_mcjit_compiler(llvm.parse_assembly(source), machine)


def _add(engine: "llvm.ExecutionEngine", data: bytes) -> None:
    reference = llvm.ObjectFileRef.from_data(data)
    _objects.append((reference, data))
    engine.add_object_file(reference)


def _function(name: str, result: Any, *arguments: Any) -> Callable:
    assert _engine is not None
    address = _engine.get_function_address(name)
    if not address:
        raise EngineError(mismatch("compiled kernels", f"an object with the function {name}", "one without"))
    return ctypes.CFUNCTYPE(result, *arguments)(address)


def _apply_threads() -> None:
    _function("halide_set_num_threads", ctypes.c_int, ctypes.c_int)(threads())
