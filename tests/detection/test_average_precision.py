"""Average precision, against pycocotools."""

import contextlib
import io
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from fovea.detection.average_precision import average_precision
from fovea.detection.boxes import Boxes
from fovea.detection.detections import Detections
from tests.detecting import random_pictures


class Oracle(COCOeval):
    """COCOeval with the flag `ignore`, which it overwrites with `iscrowd`."""

    def _prepare(self):
        super()._prepare()
        for boxes in self._gts.values():
            for box in boxes:
                box["ignore"] = box["ignore"] or box["difficult"]


def oracle(truth, found, classes, most):
    """pycocotools' precision (thresholds, recalls, classes, areas), recall and its summary."""
    boxes, detections = [], []
    for number, (true, made) in enumerate(zip(truth, found, strict=True), start=1):
        for (x0, y0, x1, y1), kind, difficult, crowd in zip(
            true.corners.tolist(), true.classes.tolist(), true.difficult, true.crowd, strict=True
        ):
            box = [x0, y0, x1 - x0, y1 - y0]
            boxes.append(
                {
                    "id": len(boxes) + 1,  # with 0, the box would count as unmatched
                    "image_id": number,
                    "category_id": kind + 1,
                    "bbox": box,
                    "area": box[2] * box[3],
                    "iscrowd": int(crowd),
                    "difficult": int(difficult),
                }
            )
        for (x0, y0, x1, y1), score, kind in zip(
            made.corners.tolist(), made.scores.tolist(), made.classes.tolist(), strict=True
        ):
            box = [x0, y0, x1 - x0, y1 - y0]
            detections.append({"image_id": number, "category_id": kind + 1, "bbox": box, "score": score})
    known = COCO()
    known.dataset = {
        "info": {},
        "images": [{"id": i + 1} for i in range(len(truth))],
        "categories": [{"id": c + 1, "name": str(c)} for c in range(classes)],
        "annotations": boxes,
    }
    with contextlib.redirect_stdout(io.StringIO()):
        known.createIndex()
        made = COCO()
        if detections:
            made = known.loadRes(detections)
        else:  # loadRes fails
            made.dataset = {**known.dataset, "annotations": []}
            made.createIndex()
        evaluation = Oracle(known, made, "bbox")
        evaluation.params.maxDets = [1, 10, most] if most > 10 else [most]
        evaluation.evaluate()
        evaluation.accumulate()
        if most > 10:
            evaluation.summarize()
    return evaluation.eval["precision"][..., -1], evaluation.eval["recall"][..., -1], evaluation.stats


def check(truth, found, classes, most=100):
    result = average_precision(truth, found, classes, most)
    precision, recall, stats = oracle(truth, found, classes, most)
    mine = np.nan_to_num(result.precision, nan=-1).transpose(1, 2, 3, 0)
    np.testing.assert_allclose(mine, precision, rtol=0, atol=1e-9)
    np.testing.assert_allclose(
        np.nan_to_num(result.recall, nan=-1).transpose(1, 2, 0), recall, rtol=0, atol=1e-9
    )
    if most == 100:
        metrics = result.metrics([str(c) for c in range(classes)])
        sizes = metrics["by_size"].values()
        named = [metrics["mAP50-95"], metrics["mAP50"], metrics["mAP75"], *(s["mAP50-95"] for s in sizes)]
        named += [metrics["AR100"], *(s["AR100"] for s in sizes)]
        assert [-1 if value is None else value for value in named] == pytest.approx(
            [*stats[:6], *stats[8:]], abs=1e-9
        )
    return result


place, side = st.integers(0, 24), st.integers(1, 16)
scale = st.sampled_from([1, 7])  # sides to 112 pixels: all three sizes occur
classes = st.integers(0, 2)
true = st.tuples(place, place, side, side, classes, st.booleans(), st.booleans())
made = st.tuples(place, place, side, side, classes, st.integers(1, 4))
picture = st.tuples(st.lists(true, max_size=6), st.lists(made, max_size=8))


def corners(rows, scale):
    rows = np.array([row[:4] for row in rows], np.float32).reshape(-1, 4) * scale
    return np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:]], axis=1)


def boxes(rows, scale):
    kinds, difficult, crowd = ([row[i] for row in rows] for i in (4, 5, 6))
    return Boxes(corners(rows, scale), kinds, difficult, crowd)


def detections(rows, scale):
    return Detections(corners(rows, scale), [row[5] / 4 for row in rows], [row[4] for row in rows])


@settings(max_examples=200, deadline=None)
@given(st.lists(picture, min_size=1, max_size=4), scale)
def test_it_is_pycocotools(pictures, scale):
    """With ties, crowds, difficult boxes, all sizes, classes and pictures without boxes or detections."""
    truth = [boxes(rows, scale) for rows, _ in pictures]
    found = [detections(rows, scale) for _, rows in pictures]
    check(truth, found, 3)


@settings(max_examples=200, deadline=None)
@given(st.lists(picture, min_size=1, max_size=4), st.randoms(use_true_random=False), scale)
def test_it_is_pycocotools_for_detections_near_the_truth(pictures, random, scale):
    truth = [boxes(rows, scale) for rows, _ in pictures]
    found = []
    for rows, _ in pictures:
        near = [
            (*(v + random.choice([0, 0, 1]) for v in row[:4]), row[4], random.randint(1, 4))
            for row in rows
            for _ in range(random.randint(0, 3))
        ]
        found.append(detections(near, scale))
    check(truth, found, 3)


@pytest.mark.parametrize("most", [1, 10, 100, 300])
def test_it_is_pycocotools_with_more_detections_than_take_part(most):
    truth, found = random_pictures(np.random.default_rng(most), 4, 12, 400, 2)
    check(truth, found, 2, most)


def test_nothing_found_is_zero_and_nothing_to_find_is_undefined():
    some, nothing = Boxes([[0, 0, 9, 9]], [1]), Boxes.none()
    lost = check([some], [Detections.none()], 2)
    assert lost.metrics("ab")["mAP50-95"] == 0
    assert lost.metrics("ab")["per_class"] == {
        "a": {"AP50-95": None, "AP50": None, "AP75": None, "boxes": 0},
        "b": {"AP50-95": 0.0, "AP50": 0.0, "AP75": 0.0, "boxes": 1},
    }
    invented = check([nothing], [Detections([[0, 0, 9, 9]], [0.9], [1])], 2)
    assert invented.metrics("ab")["mAP50-95"] is None
    assert average_precision([], [], 2).metrics("ab")["mAP50"] is None


def test_the_interpolation_has_101_points():
    truth = [Boxes([[0, 0, 9, 9], [20, 0, 29, 9], [40, 0, 49, 9]], [0, 0, 0])]
    found = [Detections([[0, 0, 9, 9]], [0.9], [0])]
    assert check(truth, found, 1).metrics("a")["mAP50"] == pytest.approx(34 / 101)


def test_any_number_of_detections_in_a_crowd_cost_nothing():
    crowd = Boxes([[0, 0, 100, 100], [200, 0, 230, 30]], [0, 0], crowd=[True, False])
    inside = [[x, 0, x + 20, 20] for x in range(0, 80, 20)]
    found = Detections([*inside, [200, 0, 230, 30]], [0.9, 0.9, 0.9, 0.9, 0.5], [0] * 5)
    result = check([crowd], [found], 1).metrics("a")
    assert (result["mAP50-95"], result["n_boxes"]) == (1, 1)


def test_equal_scores_count_in_the_order_of_pictures():
    right, wrong = Detections([[0, 0, 9, 9]], [0.5], [0]), Detections([[50, 0, 59, 9]], [0.5], [0])
    some, nothing = Boxes([[0, 0, 9, 9]], [0]), Boxes.none()
    assert check([some, nothing], [right, wrong], 1).metrics("a")["mAP50"] == 1
    assert check([nothing, some], [wrong, right], 1).metrics("a")["mAP50"] == 0.5


@pytest.mark.alone
def test_300_pictures_take_less_than_a_second():
    truth, found = random_pictures(np.random.default_rng(0), 300, 20, 100, 3)
    times = []
    for _ in range(2):
        start = time.process_time()
        average_precision(truth, found, 3)
        times.append(time.process_time() - start)
    assert min(times) < 1
