"""The loss of a detector, its gradients, and the assignment of points to objects."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fovea.detection import losses
from fovea.detection.assignment import TOP, Objects, assign
from fovea.detection.boxes import Boxes, iou
from fovea.detection.decoding import BOXES, CLASSES, STRIDE, corners, distances, flat, points, sigmoid
from fovea.detection.losses import DetectionLoss, binary_cross_entropy, giou_loss, joined
from fovea.errors import ShapeError

GRID = 6, 8


def outputs(rng, n=2, classes=3):
    """Logits, and distances around 12 pixels."""
    return {CLASSES: rng.normal(0, 1, (n, *GRID, classes)), BOXES: rng.normal(0, 0.3, (n, *GRID, 4))}


def some_boxes(rng, n, classes=3):
    corner = rng.uniform(-4, 40, (n, 2))
    return Boxes(np.hstack([corner, corner + rng.uniform(3, 30, (n, 2))]), rng.integers(0, classes, n))


def differences(f, x, h=1e-6):
    gradient = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        low, high = x.copy(), x.copy()
        low[i] -= h
        high[i] += h
        gradient[i] = (f(high) - f(low)) / (2 * h)
    return gradient


def test_points_are_in_the_middle_of_their_cells():
    assert points(2, 3).tolist() == [[4, 4], [12, 4], [20, 4], [4, 12], [12, 12], [20, 12]]


def test_a_box_surrounds_its_point_at_the_decoded_distances():
    Z = outputs(np.random.default_rng(1))
    box, p = corners(Z), points(*GRID)
    d = STRIDE * np.exp(Z[BOXES].reshape(2, -1, 4))
    assert np.allclose(box[..., :2], p - d[..., :2])
    assert np.allclose(box[..., 2:], p + d[..., 2:])
    Z[BOXES][...] = 50
    assert distances(Z).max() == pytest.approx(STRIDE * max(GRID))


def test_the_gradient_of_giou_is_that_of_differences():
    rng = np.random.default_rng(2)
    d, wanted = rng.uniform(1, 40, (2, 30, 4))
    values, gradient = giou_loss(d, wanted)
    found = differences(lambda d: giou_loss(d, wanted)[0].sum(), d)
    assert np.abs(found - gradient).max() < 1e-7
    box, other = (np.hstack([-x[:, :2], x[:, 2:]]) for x in (d, wanted))
    overlap = np.diag(iou(box, other))
    assert (values >= 1 - overlap - 1e-12).all()
    assert (values < 2).all()
    assert giou_loss(d, d)[0] == pytest.approx(0, abs=1e-12)


def test_the_gradient_of_the_scores_is_their_error():
    rng = np.random.default_rng(3)
    z, q = rng.normal(0, 3, (5, 4)), rng.random((5, 4))
    found = differences(lambda z: binary_cross_entropy(z, q).sum(), z)
    assert np.abs(found - (sigmoid(z) - q)).max() < 1e-8
    assert np.isfinite(binary_cross_entropy(np.array([-1e4, 1e4]), np.array([0.0, 1.0]))).all()


@pytest.mark.parametrize("weights", [None, [0.5, 1.0, 2.0]])
def test_the_whole_gradient_is_that_of_differences(weights, monkeypatch):
    rng = np.random.default_rng(4)
    Z, targets = outputs(rng), [some_boxes(rng, 3), None]
    loss = DetectionLoss(weights)
    value, dZ = loss(Z, targets)
    fixed = assign(sigmoid(flat(Z[CLASSES])), corners(Z), joined(targets), GRID)
    monkeypatch.setattr(losses, "assign", lambda *_: fixed)  # which has no gradient
    for name in Z:
        found = differences(lambda A, name=name: loss({**Z, name: A}, targets)[0], Z[name])
        assert np.abs(found - dZ[name]).max() < 1e-6
        assert not dZ[name][1].any()  # an unreadable picture
    assert value > 0
    assert loss.counted(targets) == 1


def test_a_picture_without_objects_teaches_that_nothing_is_there():
    Z = outputs(np.random.default_rng(5), n=1)
    value, dZ = DetectionLoss()(Z, [Boxes.none()])
    assert value == pytest.approx(np.log1p(np.exp(Z[CLASSES])).sum())
    assert (dZ[CLASSES] > 0).all()
    assert not dZ[BOXES].any()


def test_crowds_are_not_learned():
    Z = outputs(np.random.default_rng(6), n=1)
    crowd = Boxes([[0, 0, 40, 40]], [1], crowd=[True])
    assert DetectionLoss()(Z, [crowd])[0] == DetectionLoss()(Z, [Boxes.none()])[0]


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(0, 9))
def test_every_object_has_positive_points_and_every_point_one_object(seed, n):
    rng = np.random.default_rng(seed)
    Z, boxes = outputs(rng, 1), some_boxes(rng, n)
    objects = Objects(boxes.corners, boxes.classes, np.zeros(n, int))
    found = assign(sigmoid(flat(Z[CLASSES])), corners(Z), objects, GRID)
    assert len(set(found.points.tolist())) == len(found.points)
    counts = np.bincount(found.objects, minlength=n)
    assert (counts <= TOP).all()
    alone = n == 1
    assert not alone or counts[0] >= 1
    assert ((found.scores >= 0) & (found.scores <= 1)).all()
    p, b = points(*GRID)[found.points], boxes.corners[found.objects]
    outside = ((p < b[:, :2]) | (p > b[:, 2:])).any(axis=1)
    reach = (b[:, 2:] - b[:, :2]).min(axis=1) < STRIDE  # between the points of the grid, or beyond the border
    beyond = (b[:, :2] < 4).any(axis=1) | (b[:, 2:] > [GRID[1] * 8 - 4, GRID[0] * 8 - 4]).any(axis=1)
    assert (~outside | reach | beyond).all()


def test_the_best_point_is_to_be_as_sure_as_its_box_is_good():
    rng = np.random.default_rng(7)
    Z = outputs(rng, 1)
    boxes = Boxes([[8, 8, 40, 40]], [2])
    objects = Objects(boxes.corners, boxes.classes, np.zeros(1, int))
    found = assign(sigmoid(flat(Z[CLASSES])), corners(Z), objects, GRID)
    overlaps = iou(corners(Z)[0][found.points], boxes.corners)[:, 0]
    assert found.scores.max() == pytest.approx(overlaps.max(), abs=1e-6)


def test_equal_points_are_chosen_around_the_centre():
    n = GRID[0] * GRID[1]
    scores, boxes = np.full((1, n, 1), 0.01), np.tile(np.array([0, 0, 60, 46.0]), (1, n, 1))
    found = assign(
        scores, boxes, Objects(np.array([[0, 0, 64, 48.0]]), np.zeros(1, int), np.zeros(1, int)), GRID
    )
    assert np.abs(points(*GRID)[found.points] - [32, 24]).max() <= 20


def test_outputs_of_another_form_are_named():
    with pytest.raises(ShapeError, match="expected the outputs classes and boxes"):
        DetectionLoss().check((10,))
    with pytest.raises(ShapeError, match=r"expected classes \(rows, columns, C\) and boxes"):
        DetectionLoss().check({CLASSES: (6, 8, 3), BOXES: (6, 8, 5)})
    with pytest.raises(ShapeError, match="expected one for each of 3 classes, got 2"):
        DetectionLoss([1, 2]).check({CLASSES: (6, 8, 3), BOXES: (6, 8, 4)})
