"""All measures of a detector together."""

import json

import numpy as np
import pytest

from fovea.detection import figures
from fovea.detection.average_precision import average_precision
from fovea.detection.boxes import Boxes
from fovea.detection.detections import Detections
from fovea.detection.measuring import COLUMNS, measure
from tests.detecting import random_pictures

NAMES = ["cat", "dog", "猫"]


@pytest.fixture(scope="module")
def answers():
    return random_pictures(np.random.default_rng(0), 6, 8, 12, 3)


def test_the_numbers_belong_together(answers):
    found = measure(*answers, NAMES)
    average = average_precision(*answers, 3).metrics(NAMES)
    assert {name: found.metrics[name] for name in ("mAP50-95", "mAP50", "AR100", "n_boxes", "by_size")} == {
        name: average[name] for name in ("mAP50-95", "mAP50", "AR100", "n_boxes", "by_size")
    }
    assert found.metrics["threshold"] == found.threshold
    right = np.trace(found.confusion)
    assert found.metrics["recall"] == pytest.approx(right / found.metrics["n_boxes"])
    for number, name in enumerate(NAMES):
        numbers = found.metrics["per_class"][name]
        assert numbers["AP50"] == pytest.approx(found.precision[:, number].mean())
        assert numbers["boxes"] == found.confusion[number].sum()
    json.dumps(found.metrics, allow_nan=False)
    assert [row[0] for row in found.rows()] == NAMES
    assert all(len(row) == len(COLUMNS) for row in found.rows())


def test_a_threshold_of_ones_own_changes_no_average(answers):
    default, own = measure(*answers, NAMES), measure(*answers, NAMES, threshold=0.9)
    assert own.metrics["mAP50-95"] == default.metrics["mAP50-95"]
    assert own.metrics["F1"] <= default.metrics["F1"]
    assert own.metrics["threshold"] == 0.9


def test_everything_is_drawn(answers, tmp_path, caplog):
    source = figures.Read(["a.jpg"] * 6, lambda number: np.full((300, 500, 3), 90, np.uint8))
    measure(*answers, NAMES).draw(tmp_path, *answers, NAMES, source)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "confusion_matrix.png", "precision_recall.png", "predictions.png", "worst_mistakes.png",
    ]  # fmt: skip
    assert not caplog.records


def test_nothing_is_measured_and_drawn_too(tmp_path, caplog):
    truth, found = [Boxes.none()], [Detections.none()]
    source = figures.Read(["a.jpg"], lambda number: np.zeros((30, 50, 3), np.uint8))
    result = measure(truth, found, NAMES)
    assert result.metrics["mAP50-95"] is None
    assert result.rows()[0] == ("cat", 0, "", "", "", "", "", "")
    result.draw(tmp_path, truth, found, NAMES, source)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "confusion_matrix.png",
        "precision_recall.png",
    ]
    assert not caplog.records
