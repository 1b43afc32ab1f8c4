"""The processor's peak rate of multiply-adds, for shares of peak."""

import ctypes
import time
from collections.abc import Callable

import numpy as np

from fovea.kernels import buffers, kernel_cache, targets
from fovea.kernels.specification import specify

_SUMS = 16  # vectors, at most: a fused multiply-add takes about 4 cycles, and two may start per cycle
_FACTORS, _ROUNDS = 256, 80
_TASKS = 64


def measure(seconds: float = 0.3) -> float:
    """GFLOP/s in float32, on the kernels' number of threads: the best of many runs within `seconds`.

    A fused multiply-add counts as two operations. The clock changes with temperature and other load, so this
    varies by a few per cent.
    """
    run, multiply_adds = prepared()
    fastest, end = float("inf"), time.perf_counter() + seconds
    while (start := time.perf_counter()) < end:
        run()
        fastest = min(fastest, time.perf_counter() - start)
    return 2e-9 * multiply_adds / fastest


def prepared() -> tuple[Callable[[], None], int]:
    """A function that runs the kernel once, and its number of multiply-adds."""
    target = targets.current()
    sums = min(_SUMS, target.accumulators)
    specification = specify(
        "peak.multiply_adds",
        ["x"],
        ["out"],
        vector=target.vector,
        sums=sums,
        factors=_FACTORS,
        rounds=_ROUNDS,
    )
    kernel = kernel_cache.get(specification)
    x, out = buffers.copy(np.full(_FACTORS, 0.5, np.float32)), buffers.zeros((_TASKS, target.vector * sums))
    arguments = [ctypes.byref(buffers.Buffer.of(array)) for array in (x, out)]
    kernel(*arguments)
    assert np.all(out == 2)  # the fixed point of s = s/2 + 1
    return lambda: kernel(*arguments), out.size * _FACTORS * _ROUNDS
