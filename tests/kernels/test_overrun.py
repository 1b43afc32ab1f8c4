"""Kernels read nothing beyond the end of their arrays, where memory may end."""

import subprocess
import sys

import pytest

from tests.cases import halide

pytestmark = [halide, pytest.mark.skipif(sys.platform != "linux", reason="takes away pages as Linux does")]

# An array that ends where a page does, before one that may not be read. Bands of rows that do not divide the
# number of rows are where something could be read too much.
SCRIPT = """
import ctypes, mmap
import numpy as np
from fovea.kernels import conv, targets

def at_the_end(shape):
    size, page = 4 * int(np.prod(shape)), mmap.PAGESIZE
    whole = -(-size // page) * page
    memory = mmap.mmap(-1, whole + page)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(start + whole), page, 0) == 0
    array = np.frombuffer(memory, np.float32, size // 4, whole - size).reshape(shape)
    array[...] = np.random.default_rng(0).standard_normal(shape)
    return array

target = targets.current()
for rows in (3, 5):
    for f, s, padding in ((1, 1, 0), (1, 2, 0), (3, 1, 0), (3, 2, 1)):
        print(f"{rows=} {f=} {s=} {padding=}", flush=True)
        n, out = 17 if s == 2 else 14, (17 if s == 2 else 14) + 2 * padding - f
        out = out // s + 1
        A_prev, W, b, dZ = map(at_the_end, [(2, n, n, 32), (f, f, 32, 32), (32,), (2, out, out, 32)])
        band_bytes = rows * 32 * 4 * n
        with targets.trying(target._replace(band_bytes=band_bytes, weights_band_bytes=2 * band_bytes)):
            conv.conv2d(A_prev, W, b, stride=s, padding=padding)
            conv.conv2d_backward(dZ, A_prev, W, stride=s, padding=padding)
"""


def test_nothing_is_read_where_memory_has_ended():
    ended = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, (ended.stdout, ended.stderr)  # the last line of the output is where
