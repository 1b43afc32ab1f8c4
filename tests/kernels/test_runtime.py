"""Kernels loaded into a process whose memory is otherwise full."""

import subprocess
import sys

import pytest

SCRIPT = """
import mmap
from fovea.kernels import kernel_cache
from fovea.kernels.specification import specify

taken, unbacked = [], mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000  # MAP_NORESERVE: addresses, no memory
for side in range(8, 48):
    shape = {"window": ((side, side), (2, 2), (2, 2), (0, 0, 0, 0)), "channels": 3, "lanes": 1}
    how = {**shape, "count_include_pad": False, "vector": 16}
    kernel_cache.get(specify("pool.average", ["A_prev"], ["A"], **how))
    taken += [mmap.mmap(-1, 3 << 30, flags=unbacked), mmap.mmap(-1, 100 << 10)]
print("all loaded")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for addresses alone")
def test_kernels_may_lie_far_from_each_other():
    run = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=300)
    assert run.stdout == "all loaded\n", run.stderr[-500:]
