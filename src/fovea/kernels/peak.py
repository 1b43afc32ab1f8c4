"""What the processor multiplies and adds at most: what shares of peak are shares of."""

import ctypes
import time
from collections.abc import Callable

import numpy as np

from fovea.kernels import buffers, kernel_cache, targets
from fovea.kernels.specification import specify

_SUMS = 16  # vectors at most; a fused multiply-add takes some 4 cycles, and two may begin in each
_FACTORS, _ROUNDS = 256, 80
_TASKS = 64


def measure(seconds: float = 0.3) -> float:
    """GFLOP/s in float32, on as many threads as kernels run on: the best of many runs within `seconds`.

    A fused multiply-add counts as two operations. The processor's clock changes with its heat and with other
    work, so that this, too, varies by some per cent.
    """
    run, multiply_adds = prepared()
    fastest, end = float("inf"), time.perf_counter() + seconds
    while (start := time.perf_counter()) < end:
        run()
        fastest = min(fastest, time.perf_counter() - start)
    return 2e-9 * multiply_adds / fastest


def prepared() -> tuple[Callable[[], None], int]:
    """What runs the kernel once, and how many multiply-adds that is."""
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
    assert np.all(out == 2)  # where s = s/2 + 1 ends
    return lambda: kernel(*arguments), out.size * _FACTORS * _ROUNDS
