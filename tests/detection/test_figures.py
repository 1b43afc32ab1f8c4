"""The figures of a detector, of any number of classes and boxes."""

import numpy as np
import pytest

from fovea import images
from fovea.detection import figures
from fovea.detection.average_precision import of_matches
from fovea.detection.boxes import Boxes
from fovea.detection.detections import Detections
from fovea.detection.matching import match
from fovea.detection.mistakes import confusion, mistakes
from tests.detecting import random_pictures

NAMES = ["$20_$50", "猫", "x" * 100, "two\nlines", "", "<b>&"]


@pytest.fixture(autouse=True)
def _none_fails(caplog):
    yield
    assert not caplog.records


def scene(count, pictures=5):
    truth, found = random_pictures(np.random.default_rng(0), pictures, 8, 12, count)
    names = (NAMES * count)[:count]
    matches = match(truth, found, count)
    read = figures.Read(
        ["a/猫 $x$.jpg"] * pictures, lambda number: np.full((480, 500 + 40 * number, 3), 90, np.uint8)
    )
    return truth, found, names, matches, read


def is_picture(path):
    height, width, channels = images.read(path).shape
    return min(height, width) > 200 and channels == 3


@pytest.mark.parametrize("count", [1, 6, 30])
def test_all_are_drawn(count, tmp_path):
    truth, found, names, matches, read = scene(count)
    wrong = mistakes(truth, found, matches, 0.5)
    assert {mistake.kind for mistake in wrong} >= {"missed", "invented"}
    precision = of_matches(matches, len(truth), 100).precision[0, 0]
    figures.precision_recall(tmp_path / "1.png", precision, names, (0.5, 0.8, 0.9))
    figures.confusion_matrix(tmp_path / "2.png", confusion(matches, wrong, 0.5), names)
    figures.worst_mistakes(tmp_path / "3.png", wrong, names, read)
    figures.predictions(tmp_path / "4.png", [0, 3], truth, found, names, read)
    figures.labels(tmp_path / "5.png", truth, [(480, 640)] * len(truth), names)
    figures.batch(tmp_path / "6.png", [read.read(0)] * 5, truth, names)
    for number in range(1, 7):
        assert is_picture(tmp_path / f"{number}.png")


def test_nothing_is_drawn_too(tmp_path):
    truth, found = [Boxes.none()], [Detections.none()]
    matches = match(truth, found, 2)
    read = figures.Read(["a.jpg"], lambda number: np.zeros((40, 60, 1), np.uint8))
    precision = of_matches(matches, 1, 100).precision[0, 0]
    figures.precision_recall(tmp_path / "1.png", precision, "ab")
    figures.confusion_matrix(tmp_path / "2.png", confusion(matches, [], 0.5), "ab")
    figures.worst_mistakes(tmp_path / "3.png", [], "ab", read)
    figures.predictions(tmp_path / "4.png", [0], truth, found, "ab", read)
    figures.labels(tmp_path / "5.png", truth, [(40, 60)], "ab")
    assert all((tmp_path / f"{number}.png").is_file() for number in range(1, 6))
