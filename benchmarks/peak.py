"""What the processor multiplies and adds at most, in GFLOP/s: what shares of peak are shares of.

The better of two measurements: a kernel of nothing but fused multiply-adds on numbers in registers, on
Fovea's own threads, and PyTorch's product of two large matrices. A peak is a peak: the best of many runs.
"""

import ctypes
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.harness import PATIENCE
from benchmarks.turns import Run, Watch
from fovea.kernels import buffers, compiler, runtime, tiles
from fovea.kernels.specification import specify

_SUMS = 16  # vectors; a fused multiply-add takes some 4 cycles, and two may begin in each
_FACTORS, _ROUNDS = 256, 80
_TASKS = 64
_SECONDS = 0.5


def measure(patience: float = PATIENCE) -> float:
    """GFLOP/s in float32, on as many threads as Fovea and PyTorch have been told to use. Waits up to
    `patience` seconds for other work to end."""
    return max(_best(*_multiply_adds(), patience), _best(*_matrices(), patience))


def _best(run: Run, operations: int, patience: float = 0.0) -> float:
    fastest, quiet, begin = float("inf"), False, time.perf_counter()
    while not quiet and (fastest == float("inf") or time.perf_counter() < begin + patience):
        watch, end = Watch(), time.perf_counter() + _SECONDS
        while (start := time.perf_counter()) < end:
            run()
            fastest = min(fastest, time.perf_counter() - start)
        quiet = watch.quiet()
    return 1e-9 * operations / fastest


def _multiply_adds() -> tuple[Run, int]:
    """sums[i, task] = sums[i, task]·x[r] + 1, so many times over."""
    lanes = tiles.vector() * _SUMS
    x, out = buffers.copy(np.full(_FACTORS, 0.5, np.float32)), buffers.zeros((_TASKS, lanes))
    compiler.get(specify("elementwise.relu", vector=tiles.vector()))  # any kernel: loads the runtime
    kernel = runtime.load("fovea_peak", _emit(tiles.vector()))
    arguments = [ctypes.byref(buffers.Buffer.of(array)) for array in (x, out)]
    assert kernel(*arguments) == 0
    assert np.all(out == 2)  # where x = x/2 + 1 ends
    return lambda: kernel(*arguments), 2 * out.size * _FACTORS * _ROUNDS


def _emit(vector: int) -> bytes:
    import halide as hl

    x, out, sums = hl.ImageParam(hl.Float(32), 1, "x"), hl.Func("out"), hl.Func("sums")
    i, task, lane, vectors = (hl.Var(name) for name in ("i", "task", "lane", "vectors"))
    r = hl.RDom([(0, _FACTORS), (0, _ROUNDS)], "r")
    # ---- algorithm
    sums[i, task] = hl.f32(1.0)
    sums[i, task] = sums[i, task] * x[r[0]] + hl.f32(1.0)
    out[i, task] = sums[i, task]
    # ---- schedule
    out.bound(i, 0, vector * _SUMS).parallel(task).vectorize(i, vector)
    sums.compute_at(out, task)
    sums.vectorize(i, vector).unroll(i)
    sums.update().reorder(i, r[0], r[1], task).split(i, vectors, lane, vector).vectorize(lane).unroll(vectors)
    target = hl.get_host_target().with_feature(hl.TargetFeature.NoRuntime)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "peak.o")
        files = {hl.OutputFileType.object: str(path)}
        hl.Pipeline([out]).compile_to(files, [hl.Argument(x)], "fovea_peak", target)
        return path.read_bytes()


def _matrices() -> tuple[Run, int]:
    import torch

    n = 2048
    A, B, out = torch.rand(n, n), torch.rand(n, n), torch.empty(n, n)
    return lambda: torch.mm(A, B, out=out), 2 * n**3


if __name__ == "__main__":
    for name, side in (("multiply-adds", _multiply_adds()), ("matrices", _matrices())):
        print(f"{name:<14} {_best(*side):.0f} GFLOP/s on {runtime.threads()} threads")
