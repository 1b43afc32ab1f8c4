"""Compilation of specifications to objects, by Halide.

Halide holds Python's lock while it compiles, so several kernels are divided among worker processes (`python
-m fovea.kernels.compiler`), which read specifications as lines and write objects into a folder. One or two
are compiled in this process, which is quicker than starting another.
"""

import ast
import importlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Queue

from fovea.errors import EngineError, mismatch
from fovea.files import caching
from fovea.kernels import runtime, targets
from fovea.kernels.specification import Specification, checks

_IN_PROCESS = 2  # kernels, at most, that are compiled without worker processes


def emit(specifications: list[Specification]) -> Iterator[tuple[Specification, bytes]]:
    """Each specification with its object, in the order in which they are finished."""
    with caching.scratch() as folder:
        if len(specifications) <= _IN_PROCESS:
            for specification in specifications:
                yield specification, _emit(specification, folder)
        else:
            yield from _by_workers(specifications, folder)


def _by_workers(specifications: list[Specification], folder: Path) -> Iterator[tuple[Specification, bytes]]:
    waiting: Queue[Specification | None] = Queue()
    done: Queue[tuple[Specification, bytes | Exception]] = Queue()
    count = min(runtime.threads(), len(specifications))
    for specification in [*specifications, *[None] * count]:
        waiting.put(specification)
    workers = [_Worker(waiting, done, folder) for _ in range(count)]
    try:
        for _ in specifications:
            specification, result = done.get()
            if isinstance(result, Exception):
                raise result
            yield specification, result
    finally:
        for worker in workers:
            worker.stop()


class _Worker:
    """A process that compiles, and the thread that feeds it."""

    def __init__(self, waiting: Queue, done: Queue, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._thread = threading.Thread(target=self._feed, args=(waiting, done), daemon=True)
        self._thread.start()

    def _feed(self, waiting: Queue, done: Queue) -> None:
        while (specification := waiting.get()) is not None:
            try:
                done.put((specification, self._compile(specification)))
            except Exception as error:  # of any kind: raised again by the caller
                done.put((specification, error))
                return

    def _compile(self, specification: Specification) -> bytes:
        stdin, stdout, stderr = self._process.stdin, self._process.stdout, self._process.stderr
        assert stdin is not None
        assert stdout is not None
        assert stderr is not None
        try:
            print(repr(tuple(specification)), file=stdin, flush=True)
            answer = stdout.readline().strip()
        except OSError:  # the process is gone
            answer = ""
        if not answer:
            raise EngineError(
                f'kernel "{specification.operation}": the compiler stopped: {stderr.read()[-2000:]}'
            )
        if Path(answer).stem != specification.key:
            who, remedy = f'kernel "{specification.operation}"', "start again"
            got = "one whose files or settings have changed since it started"
            raise EngineError(mismatch(who, "a compiler as this process has it", got, remedy))
        return Path(answer).read_bytes()

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._thread.join()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()


def _emit(specification: Specification, folder: Path) -> bytes:
    """Compile in this process."""
    import halide as hl

    path = folder / f"{specification.key}.o"
    target = hl.Target(targets.halide(specification.target, str(hl.get_host_target())))
    try:
        if specification.operation == "runtime":
            hl.compile_standalone_runtime(str(path), target)
        else:
            target = target.with_feature(hl.TargetFeature.NoRuntime)
            for least, feature in enumerate(["NoBoundsQuery", "NoAsserts"], start=1):
                if checks() < least:
                    target = target.with_feature(getattr(hl.TargetFeature, feature))
            module, builder = specification.operation.split(".")
            build = getattr(importlib.import_module(f"fovea.kernels.pipelines.{module}"), builder)
            outputs, inputs = build(**dict(specification.arguments))
            named = {i.name(): i for i in inputs}
            _check_names(specification, list(named), " ".join(outputs).split())
            arguments = [hl.Argument(named[name]) for name in specification.reads]
            files = {hl.OutputFileType.object: str(path)}
            hl.Pipeline(list(outputs.values())).compile_to(files, arguments, specification.symbol, target)
    except hl.HalideError as error:
        raise EngineError(f"kernel {specification}: Halide refused it: {error}") from error
    return path.read_bytes()


def _check_names(specification: Specification, reads: list[str], writes: list[str]) -> None:
    """Compare the names of inputs, in any order, and of outputs with the builder's."""
    given = sorted(specification.reads), list(specification.writes)
    if given != (sorted(reads), writes):
        expected = f"{' '.join(reads)} → {' '.join(writes)}"
        got = f"{' '.join(specification.reads)} → {' '.join(specification.writes)}"
        raise EngineError(mismatch(f'kernel "{specification.operation}"', expected, got))


def main() -> None:
    """Read specifications from standard input, and print the path of each one's object."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends Ctrl-C to all; the caller decides
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # Halide may print to standard output
    folder = Path(sys.argv[1])
    for line in sys.stdin:
        specification = Specification(*ast.literal_eval(line))
        _emit(specification, folder)
        print(folder / f"{specification.key}.o", file=answers, flush=True)


if __name__ == "__main__":
    main()
