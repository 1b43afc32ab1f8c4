"""The processor's peak performance in multiply-adds, in GFLOP/s, for shares of peak.

The better of two measurements: a kernel of nothing but fused multiply-adds on numbers in registers, on
Fovea's own threads (fovea/kernels/peak.py), and PyTorch's product of two large matrices. A peak is a peak:
the best of many runs.
"""

import time

from benchmarks.harness import PATIENCE
from benchmarks.turns import Run, Watch
from fovea.kernels import peak, runtime

_SECONDS = 0.5


def measure(patience: float = PATIENCE) -> float:
    """GFLOP/s in float32, with the number of threads set for Fovea and PyTorch. Waits up to
    `patience` seconds for other work to end."""
    return max(_best(*peak.prepared(), patience), _best(*_matrices(), patience))


def _best(run: Run, multiply_adds: int, patience: float = 0.0) -> float:
    fastest, quiet, begin = float("inf"), False, time.perf_counter()
    while not quiet and (fastest == float("inf") or time.perf_counter() < begin + patience):
        watch, end = Watch(), time.perf_counter() + _SECONDS
        while (start := time.perf_counter()) < end:
            run()
            fastest = min(fastest, time.perf_counter() - start)
        quiet = watch.quiet()
    return 2e-9 * multiply_adds / fastest


def _matrices() -> tuple[Run, int]:
    import torch

    n = 2048
    A, B, out = torch.rand(n, n), torch.rand(n, n), torch.empty(n, n)
    return lambda: torch.mm(A, B, out=out), n**3


if __name__ == "__main__":
    for name, side in (("multiply-adds", peak.prepared()), ("matrices", _matrices())):
        print(f"{name:<14} {_best(*side):.0f} GFLOP/s on {runtime.threads()} threads")
