"""With FOVEA_KERNEL_CHECKS, as in tests, an unsuitable buffer is an error, and memory stays unharmed."""

import ctypes

import numpy as np
import pytest

from fovea.errors import EngineError
from fovea.kernels import buffers, kernel_cache
from fovea.kernels.specification import specify
from tests.cases import halide

pytestmark = halide


def buffer(*shape, dtype=np.float32):
    return buffers.Buffer.of(buffers.zeros(shape, dtype))


def run(Z, A, **own):
    relu = specify("elementwise.activate", ["Z"], ["A"], activation="relu", vector=4, **own)
    kernel_cache.get(relu)(ctypes.byref(Z), ctypes.byref(A))


def test_what_is_given_may_be_larger_than_what_is_needed():
    run(buffer(1, 100), buffer(1, 100))
    larger = buffer(2, 100)
    larger.set_outermost(1)
    run(larger, buffer(1, 100))


def moved(array):
    array.dim[0].stride = 2
    return array


def lost(array):
    array.host = None
    return array


@pytest.mark.parametrize(
    ("Z", "A", "name"),
    [
        (lambda: buffer(1, 99), lambda: buffer(1, 100), "Z"),
        (lambda: buffer(1, 100), lambda: buffer(1, 3), "Z"),  # which is too wide then
        (lambda: buffer(100), lambda: buffer(1, 100), "Z"),
        (lambda: buffer(1, 100, dtype=np.int32), lambda: buffer(1, 100), "Z"),
        (lambda: buffer(1, 100), lambda: buffer(1, 100, dtype=np.float64), "A"),
        (lambda: moved(buffer(1, 100)), lambda: buffer(1, 100), "Z"),
        (lambda: lost(buffer(1, 100)), lambda: buffer(1, 100), "Z"),
        (lambda: buffer(1, 100), lambda: lost(buffer(1, 100)), "A"),
    ],
)
def test_what_does_not_fit_is_refused(Z, A, name):
    with pytest.raises(EngineError, match=rf'^kernel "elementwise.activate": {name}: expected .*, got '):
        run(Z(), A())
