"""The one-pass painters against the files that their weights come from, and their bad input."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fovea import engine, images
from fovea.errors import DataError, ShapeError
from fovea.style import Painter, networks
from fovea.style.painter import described

SOURCES = Path(os.environ.get("FOVEA_DATA", ".")).parent / "weights"
runtime = pytest.importorskip("onnxruntime") if os.environ.get("FOVEA_DATA") else None
needs_data = pytest.mark.skipif(runtime is None, reason="FOVEA_DATA names the folder of data sets")


def scene(H, W, seed=0):
    """A smooth coloured picture."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (1, max(H // 8, 2), max(W // 8, 2), 3), np.uint8)
    return images.fit(coarse, (H, W))[0]


@pytest.fixture
def reference():
    """Nothing is compiled."""
    with engine.use("reference"):
        yield


@needs_data
@pytest.mark.parametrize("size", [(24, 20), (13, 30), (5, 6)])
def test_a_mixture_of_styles_equals_that_of_onnxruntime(reference, size):
    photo, shares = scene(*size), {3: 0.5, 12: 1.5}
    painter = Painter()
    session = runtime.InferenceSession(str(SOURCES / "multistyle26.onnx"))
    x = np.ascontiguousarray((photo / np.float32(255)).transpose(2, 0, 1)[None])
    expected = session.run(None, {"image": x, "style_weights": painter.shares(shares)})[0][0].transpose(
        1, 2, 0
    )
    painting = painter.paint(photo, shares)
    assert painting.shape == photo.shape
    assert_allclose(painting, 255 * expected[: size[0], : size[1]], atol=0.5 + 255e-4)


@needs_data
def test_the_stylist_describes_a_style_as_its_source_with_eight_bits(reference):
    picture = scene(90, 120)
    session = runtime.InferenceSession(str(SOURCES / "arbitrary_predict.onnx"))
    side = networks.SIDE
    x = images.fit(picture[None], (side, side)) / np.float32(255)
    expected = session.run(None, {"style_image": x})[0].ravel()
    assert np.corrcoef(described(picture), expected)[0, 1] > 0.995


@pytest.mark.parametrize("name", ["multistyle26", "arbitrary"])
def test_both_engines_paint_alike_at_any_number_of_threads(name):
    from fovea.kernels import runtime as threads

    photo, style = scene(24, 20), 7 if name == "multistyle26" else scene(30, 40, 1)
    with engine.use("reference"):
        expected = Painter(name).paint(photo, style)
    painter, before = Painter(name), threads.threads()
    paintings = []
    try:
        for count in (1, 2, 3):
            threads.set_threads(count)
            paintings.append(painter.paint(photo, style))
    finally:
        threads.set_threads(before)
    assert np.abs(paintings[0].astype(int) - expected).max() <= 1
    assert_array_equal(paintings[1], paintings[0])
    assert_array_equal(paintings[2], paintings[0])


def test_the_strength_blends_with_the_photograph(reference):
    photo, painter = scene(12, 16), Painter()
    whole, half = painter.paint(photo, 4), painter.paint(photo, 4, strength=0.5)
    assert_array_equal(painter.paint(photo, 4, strength=0), photo)
    assert_allclose(half, (whole.astype(float) + photo) / 2, atol=0.51)


def test_a_picture_s_own_style_is_left_at_strength_0(reference):
    photo, painter = scene(16, 12), Painter("arbitrary")
    assert_array_equal(painter.paint(photo, scene(20, 20, 3), strength=0), painter.paint(photo, photo))


def test_the_sheet_has_all_styles_in_their_order(reference):
    photo, painter = scene(8, 8), Painter()
    sheet = painter.sheet(photo)
    assert sheet.shape == (26, 8, 8, 3)
    assert_array_equal(sheet[6], painter.paint(photo, 7))


def test_plans_of_a_few_sizes_are_kept(reference):
    painter = Painter()
    for side in range(5, 12):
        painter.paint(scene(side, 6), 1)
    assert len(painter._plans) <= 4


@pytest.mark.parametrize(
    ("photo", "style", "strength", "message"),
    [
        (scene(4, 9), 1, 1, "Painter: photo: expected a picture of 3 channels and at least 5×5 pixels"),
        (scene(8, 8)[:, :, :1], 1, 1, "expected a picture of 3 channels"),
        (scene(8, 8).astype(float), 1, 1, r"expected a picture, uint8 (H, W, 3), got float64 (8, 8, 3)"),
        ("photo.jpg", 1, 1, "expected a picture, uint8 (H, W, 3)"),
        (scene(8, 8), 0, 1, "Painter: style: expected a whole number of at least 1"),
        (scene(8, 8), 27, 1, "at most 26, got 27"),
        (scene(8, 8), {1: 0, 2: 0}, 1, "expected shares of a sum above 0, got 1: 0, 2: 0"),
        (scene(8, 8), {}, 1, "expected shares of a sum above 0, got none"),
        (scene(8, 8), {1: -1, 2: 3}, 1, "share of style 1: expected a number of at least 0, got -1"),
        (scene(8, 8), {1: float("nan")}, 1, "share of style 1"),
        (scene(8, 8), 1, 1.5, "Painter: strength: expected a number from 0 to 1, got 1.5"),
    ],
)
def test_bad_input_is_named(photo, style, strength, message):
    with pytest.raises(ShapeError, match=re.escape(message)):
        Painter().paint(photo, style, strength=strength)


def test_an_unknown_painter_is_named():
    with pytest.raises(DataError, match=r"Painter: expected 'multistyle26' or 'arbitrary', got 'vangogh'"):
        Painter("vangogh")


def test_a_style_for_the_painter_of_any_must_be_a_picture():
    with pytest.raises(ShapeError, match=r"Painter: style: expected a picture, uint8"):
        Painter("arbitrary").paint(scene(8, 8), 7)
