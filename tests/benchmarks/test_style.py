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
    peer = style.TorchObjective(extractor, transfer, level, "NCHW")
    style.check(style.objective_of(transfer, level)(x), peer(x))


@halide
def test_the_painters_paint_as_their_peers_do():
    pytest.importorskip("onnxruntime")
    from benchmarks import style

    photo = np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8)
    rows = list(style.passes([photo, photo[:20]], 2, 24, turns=2, turn=0.001, patience=0.0))
    assert [row.case for row in rows] == [f"{name} 24×24" for name in style.PAINTERS for _ in range(2)]
