"""The loader of compiled kernels: objects to callables.

Objects are compiled without Halide's runtime; a single runtime object serves them all, so that they share one
pool of threads. llvmlite links both into the process without a compiler. Calls release Python's lock.

The linker is LLVM's JITLink, which keeps each object in one piece and calls others through tables, so they
may be gigabytes apart.
"""

import atexit
import ctypes
import itertools
import os
import re
import threading
from collections.abc import Callable, Sequence
from typing import Any

import llvmlite.binding as llvm

from fovea.errors import EngineError, ShapeError, mismatch
from fovea.kernels import scheduler, scratch
from fovea.ranges import short

MOST_THREADS = 1024

_lock = threading.Lock()
_linker: "llvm.LLJIT | None" = None  # lives until the process ends, as kernels may run until then
_libraries: list["llvm.ResourceTracker"] = []  # all linked libraries, which live as long
_halide: "llvm.ResourceTracker | None" = None  # the one of Halide's runtime
_runtime = ""  # the name under which it is linked
_numbers = itertools.count()
_SOURCES = (scratch, scheduler)
_REPLACED = {  # Halide's hook → our function, which replaces the default
    "halide_set_custom_malloc": scratch.MALLOC,
    "halide_set_custom_free": scratch.FREE,
    "halide_set_custom_do_par_for": scheduler.PARALLEL_FOR,
}
_HOOKS = (*_REPLACED, "halide_set_error_handler", "halide_set_num_threads", "halide_shutdown_thread_pool")
_threads: int | None = None
_messages = threading.local()

_ErrorHandler = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p)


@_ErrorHandler
def _on_error(_context: int, message: bytes) -> None:  # without a handler Halide ends the process
    _messages.last = message.decode(errors="replace").strip()


def is_loaded() -> bool:
    """Whether the runtime is loaded, so that kernels can be."""
    return _halide is not None


def load_runtime(data: bytes) -> None:
    """Load the runtime's object, once per process."""
    global _halide, _runtime
    with _lock:
        if _halide is not None:
            return
        library = llvm.JITLibraryBuilder().add_object_img(data).add_current_process()
        for module in _SOURCES:
            library.add_ir(module.SOURCE)
        _runtime = f"runtime {next(_numbers)}"
        _halide = _link(library, _runtime, *_HOOKS, *_REPLACED.values(), scheduler.SET_THREADS)
        function("halide_set_error_handler", ctypes.c_void_p, _ErrorHandler)(_on_error)
        for hook, name in _REPLACED.items():
            function(hook, ctypes.c_void_p, ctypes.c_void_p)(ctypes.c_void_p(_halide[name]))
        atexit.register(function("halide_shutdown_thread_pool", None))
        _apply_threads()


def load(name: str, data: bytes) -> Callable[..., int]:
    """The kernel `name` of an object, as a C function of its `halide_buffer_t*` and numbers."""
    with _lock:
        assert _halide is not None
        library = (
            llvm.JITLibraryBuilder().add_object_img(data).add_jit_library(_runtime).add_current_process()
        )
        return ctypes.CFUNCTYPE(ctypes.c_int)(_link(library, f"{name} {next(_numbers)}", name)[name])


def load_source(name: str, source: str, arguments: Sequence[Any]) -> Callable[..., None]:
    """The function `name` of a source in LLVM's language, with ctypes `arguments`."""
    with _lock:
        library = llvm.JITLibraryBuilder().add_ir(source).add_current_process()
        return ctypes.CFUNCTYPE(None, *arguments)(_link(library, f"{name} {next(_numbers)}", name)[name])


def check(code: int, who: str) -> None:
    """Raise EngineError for a kernel's return code, unless it is 0."""
    if code:
        message = getattr(_messages, "last", "no message")
        raise EngineError(f'kernel "{who}" failed with code {code}: {message}')


def set_threads(count: int | None) -> None:
    """Use `count` threads from now on (None: FOVEA_THREADS, or all cores that the process may use)."""
    global _threads
    if count is not None and not 1 <= count <= MOST_THREADS:
        raise ShapeError(mismatch("threads", f"1 to {MOST_THREADS}", short(count)))
    _threads = count
    with _lock:
        if _halide is not None:
            _apply_threads()


def threads() -> int:
    """The number of threads that kernels run on."""
    if _threads is not None:
        return _threads
    text = os.environ.get("FOVEA_THREADS")
    if text is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not re.fullmatch("0*[1-9][0-9]{,3}", text) or int(text) > MOST_THREADS:
        expected = f"a whole number of at least 1 and at most {MOST_THREADS}"
        raise ShapeError(mismatch("FOVEA_THREADS", expected, short(text)))
    return int(text)


def function(name: str, result: Any, *arguments: Any) -> Callable:
    """A C function of the loaded runtime: one of Halide's hooks above, or of ours."""
    assert _halide is not None
    return ctypes.CFUNCTYPE(result, *arguments)(_halide[name])


def _link(library: "llvm.JITLibraryBuilder", name: str, *exports: str) -> "llvm.ResourceTracker":
    """Link the library `name`, and look up the addresses of `exports`. A name can be used once, so it has a
    number: a damaged object is compiled and linked again. Raises EngineError."""
    global _linker
    if _linker is None:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        machine = llvm.Target.from_default_triple().create_target_machine(jit=True)
        _linker = llvm.create_lljit_compiler(machine, use_jit_link=True, suppress_errors=True)
    for export in exports:
        library.export_symbol(export)
    try:
        linked = library.link(_linker, name)
    except RuntimeError as error:
        expected = f"an object with the function {exports[0]} that can be linked"
        raise EngineError(mismatch("compiled kernels", expected, " ".join(str(error).split()))) from error
    _libraries.append(linked)
    return linked


def _apply_threads() -> None:
    function("halide_set_num_threads", ctypes.c_int, ctypes.c_int)(threads())
    function(scheduler.SET_THREADS, None, ctypes.c_int)(threads())
