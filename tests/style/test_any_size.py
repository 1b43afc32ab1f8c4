"""A photograph of a second size needs no other kernels than one of the first."""

import numpy as np
import pytest

from fovea.kernels import kernel_cache
from fovea.style import Painter, networks, transfer
from fovea.style.features import EXTRACTORS
from tests.cases import halide

pytestmark = halide


def picture(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def painting(name):
    """photo → its painting"""
    if name in networks.PAINTERS:
        painter = Painter(name)
        return lambda photo: painter.paint(photo, 7 if painter.styles else photo[:40])
    options = {"network": name, "evaluations": (2,)}
    return lambda photo: transfer(photo, photo[:40], size=max(photo.shape), **options)


@pytest.mark.parametrize("name", [*networks.PAINTERS, *EXTRACTORS])
def test_a_photograph_of_another_size_compiles_nothing(name, monkeypatch):
    monkeypatch.setattr(kernel_cache, "_loaded", {})
    paint = painting(name)
    assert paint(picture(48, 60)).shape == (48, 60, 3)
    before = set(kernel_cache._loaded)
    for size in ((53, 41), (57, 94)):
        assert paint(picture(*size)).shape == (*size, 3)
    assert set(kernel_cache._loaded) == before
