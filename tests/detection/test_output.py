"""Detections in the forms of other programs."""

import json

import numpy as np

from fovea.detection.detections import Detections
from fovea.detection.output import COLUMNS, crops, entries, rows, yolo_lines

FOUND = Detections([[10, 20, 30.1, 60], [0, 0, 4, 4]], [0.1, 0.3], [0, 2])
CLASSES = ["cat", "dog", "猫"]


def test_entries_are_short_and_exact():
    assert entries(FOUND, CLASSES) == [
        {"class": "猫", "score": 0.3, "box": [0.0, 0.0, 4.0, 4.0]},
        {"class": "cat", "score": 0.1, "box": [10.0, 20.0, 30.1, 60.0]},
    ]
    rng = np.random.default_rng(0)
    found = Detections(rng.random((50, 4)) * 1000, rng.random(50), np.zeros(50))
    read = json.loads(json.dumps(entries(found, CLASSES)))
    assert np.array_equal(np.array([entry["box"] for entry in read], np.float32), found.corners)
    assert np.array_equal(np.array([entry["score"] for entry in read], np.float32), found.scores)


def test_a_picture_without_detections_has_a_row():
    assert rows("a.jpg", FOUND, CLASSES)[1] == ("a.jpg", "cat", 0.1, 10.0, 20.0, 30.1, 60.0)
    (empty,) = rows("a.jpg", Detections.none(), CLASSES)
    assert empty == ("a.jpg", "", "", "", "", "", "")
    assert len(empty) == len(COLUMNS)


def test_yolos_lines_give_the_same_boxes():
    text = yolo_lines(FOUND, height=80, width=40)
    assert text.splitlines()[0] == "2 0.05 0.025 0.1 0.05 0.3"
    values = np.array([line.split() for line in text.splitlines()], float)
    centre, side = values[:, 1:3] * [40, 80], values[:, 3:5] * [40, 80]
    again = np.concatenate([centre - side / 2, centre + side / 2], axis=1).astype(np.float32)
    np.testing.assert_allclose(again, FOUND.corners, atol=1e-5)
    assert yolo_lines(Detections.none(), 80, 40) == ""


def test_crops_are_inside_the_picture_and_never_empty():
    picture = np.arange(8 * 10).reshape(8, 10, 1).astype(np.uint8)
    boxes = [[2, 1, 5, 4], [2.5, 1.5, 2.6, 1.6], [-5, -5, 2, 3], [9.5, 7.5, 50, 50], [20, 20, 30, 30]]
    made = crops(picture, Detections(boxes, [0.5] * 5, [0] * 5))
    assert [part.shape for part in made] == [(3, 3, 1), (1, 1, 1), (3, 2, 1), (1, 1, 1), (1, 1, 1)]
    assert np.array_equal(made[0], picture[1:4, 2:5])
    assert np.array_equal(made[2], picture[:3, :2])
