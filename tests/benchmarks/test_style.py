"""Fovea and PyTorch minimise the same function of a painting."""

import numpy as np
import pytest

from fovea.style import Options, Transfer
from tests.cases import halide

pytest.importorskip("torch")


@halide
def test_both_sides_have_the_same_losses_and_gradients():
    from benchmarks import style

    photo, other = np.random.default_rng(0).integers(0, 256, (2, 48, 64, 3), np.uint8)
    transfer = Transfer(photo, other, Options(size=64, network="squeezenet", evaluations=(2,)))
    (level,), extractor = transfer.levels, style.EXTRACTORS["squeezenet"]
    x = transfer.photo.reshape(-1)
    style.check(transfer._objective(level)(x), style.TorchObjective(extractor, transfer, level, "NCHW")(x))
