"""The kernels of a network that runs layer by layer are compiled in advance, and together."""

import numpy as np
import pytest

from fovea.network import runner
from tests import tiny


def test_layers_find_their_kernels_compiled(monkeypatch):
    pytest.importorskip("halide")
    from fovea.kernels import kernel_cache

    network = tiny.network()
    before = network.memory.copy()
    runner.compile_layers(network)
    monkeypatch.setattr(kernel_cache, "obtain", None)  # it would be called for a missing kernel
    Z, caches = network.forward(np.ones((3, *network.input_shape), np.float32))
    network.backward(np.ones_like(Z), caches)
    assert np.array_equal(network.memory, before)


def test_the_reference_compiles_nothing(monkeypatch):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    runner.compile_layers(tiny.network(), lambda *_: pytest.fail("there is nothing to compile"))
