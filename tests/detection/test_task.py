"""Training, measuring and running a detector."""

import numpy as np
import pytest

import fovea
from fovea import models
from fovea.detection.decoding import corners
from fovea.detection.detect import detect, detections
from fovea.detection.task import Detection
from fovea.errors import DataError, FoveaError, ShapeError
from fovea.training.interrupts import Stopped
from tests import tiny as pictures
from tests.detection import tiny

HOW = {"epochs": 4, "batch_size": 8, "optimizer": "adam", "learning_rate": 0.01, "average": 0.9}


def trained(**more):
    network = tiny.network()
    run = fovea.train(network, tiny.splits(), task=Detection(mosaic=0.5, scale=0.2), **HOW | more)
    return network, run


@pytest.fixture(scope="module")
def found():
    return trained(epochs=40)


def test_a_detector_learns_to_find(found):
    network, run = found
    assert run.metrics["mAP50"] > 0.8
    assert run.metrics["n_boxes"] == sum(len(boxes) for boxes in tiny.splits().test.boxes)
    assert set(run.metrics["per_class"]) == set(tiny.CLASSES)
    assert network.classes == tiny.CLASSES
    assert run.history[-1]["val_mAP50-95"] <= run.history[-1]["val_mAP50"]


def test_detections_are_in_the_pixels_of_each_picture(found):
    network, _ = found
    data = tiny.dataset(1, seed=9)
    picture = data.read([0])[0][0]
    large = picture.repeat(3, axis=0).repeat(3, axis=1)
    (small,), (big,) = detect(network, [picture], 0.3), detect(network, [large], 0.3)
    assert len(small) >= len(data.boxes[0])
    assert np.allclose(3 * small.corners, big.corners, atol=3)
    wide = np.pad(large, ((0, 0), (0, 120), (0, 0)), constant_values=114)
    (beside,) = detect(network, [wide], 0.1)
    assert (beside.corners[:, 2] <= 240).all()
    assert detect(network, []) == []


@pytest.mark.parametrize("steps", [1, 5])
def test_a_stopped_training_resumes_to_the_same_bits(steps, tmp_path):
    trained(out=tmp_path / "whole")
    with pytest.raises(Stopped):
        trained(out=tmp_path / "run", progress=pictures.PressCtrlC(steps))
    trained(resume=tmp_path / "run")
    assert pictures.outcome(tmp_path / "run") == pictures.outcome(tmp_path / "whole")


def test_a_fresh_detector_expects_the_usual_box_and_little_else():
    network, data = tiny.network(), tiny.splits()
    Detection().adopt(network, data.train)
    Z = {name: np.zeros((1, *shape), np.float32) for name, shape in network.output_shape.items()}
    Z = {name: A + network.parameters[f"{name}.b"] for name, A in Z.items()}
    sides = np.concatenate([data.train.boxes_in(i).sides for i in range(len(data.train))])
    box = corners(Z)[0, 0]
    assert box[2:] - box[:2] == pytest.approx(np.median(sides, axis=0))
    assert {round(float(score), 4) for score in detections(Z)[0].scores} == {0.01}
    before = network.memory.copy()
    Detection().adopt(network, tiny.dataset(4, seed=5))  # one that has been trained keeps its own
    assert np.array_equal(network.memory, before)


def test_what_does_not_fit_is_named():
    data = tiny.splits()
    with pytest.raises(
        ShapeError,
        match="expected a network with the outputs classes and boxes for points 8 pixels apart, got 3",
    ):
        fovea.train(pictures.network(), pictures.splits(), task=Detection())
    with pytest.raises(DataError, match="expected pictures with boxes, got pictures with classes"):
        fovea.train(_square(), pictures.splits(), task=Detection())
    network = tiny.network()
    network.classes = ["cat", "dog"]
    with pytest.raises(DataError, match="train: classes: expected cat, dog, got dark, light"):
        fovea.train(network, data, task=Detection())
    with pytest.raises(FoveaError, match="train: mosaic: expected a number from 0 to 1, got 2"):
        Detection(mosaic=2)
    with pytest.raises(
        ShapeError,
        match=r"detect: expected uint8 pictures \(H, W, C\) with 1 or 3 channels, got float32 \(8, 8\)",
    ):
        detect(tiny.network(), [np.zeros((8, 8), np.float32)])


def _square():
    from fovea.layers import Conv2D

    layers = {"classes": (Conv2D(3, 8, 8), "input"), "boxes": (Conv2D(4, 8, 8), "input")}
    return fovea.Network(layers, pictures.network().input_shape, outputs=("boxes", "classes"))


@pytest.mark.parametrize("name", ["spot_small", "spot_medium", "spot_lite0"])
def test_built_in_detectors_have_a_point_every_8_pixels(name):
    network = models.build(name, (96, 128, 3), ["a", "b", "c"], seed=None, weights=None)
    assert network.output_shape == {"boxes": (12, 16, 4), "classes": (12, 16, 3)}
    assert network.classes == ["a", "b", "c"]
    with pytest.raises(ShapeError, match=f"{name}: expected pictures with sides that are multiples of 32"):
        models.build(name, (100, 128, 3), 2, seed=None, weights=None)


def test_the_body_of_lite0_has_the_names_of_its_weights():
    network = models.build("spot_lite0", (64, 64, 3), 1, seed=None, weights=None)
    whole = models.build("efficientnet_lite0", (64, 64, 3), seed=None, weights=None)
    body = {
        name: array.shape for name, array in network.parameters.items() if name.startswith(("stem", "block"))
    }
    assert len(body) > 100
    assert body.items() <= {name: array.shape for name, array in whole.parameters.items()}.items()
