import numpy as np
import pytest

from fovea import models
from fovea.errors import FoveaError, ShapeError
from fovea.models import MODELS, course39, lenet5


@pytest.fixture(autouse=True)
def on_the_reference(monkeypatch):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")


@pytest.mark.parametrize("name", MODELS)
def test_every_model_runs_forward_and_back(name):
    network = models.build(name, seed=3)
    X = np.random.default_rng(0).random((2, *network.input_shape), np.float32)
    logits, caches = network.forward(X)
    dX, gradients = network.backward(logits, caches)
    assert logits.shape == (2, 10)
    assert dX.shape == X.shape
    assert np.isfinite(logits).all()
    assert all(gradient.any() for gradient in gradients.values())


@pytest.mark.parametrize("name", MODELS)
def test_every_model_takes_a_shape_classes_and_a_seed(name):
    network = models.build(name, (40, 44, 1), ["cat", "dog"], seed=3)
    assert network.input_shape == (40, 44, 1)
    assert network.output_shape == (2,)
    assert network.classes == ["cat", "dog"]
    assert np.array_equal(network.flat, models.build(name, (40, 44, 1), 2, seed=3).flat)
    assert not np.array_equal(network.flat, models.build(name, (40, 44, 1), 2, seed=4).flat)


def test_lenet5_is_the_papers_but_for_its_activations():
    assert lenet5().shapes == [
        *[(28, 28, 6), (28, 28, 6), (14, 14, 6)],
        *[(10, 10, 16), (10, 10, 16), (5, 5, 16)],
        *[(400,), (120,), (120,), (84,), (84,), (10,)],
    ]
    assert sum(p.size for p in lenet5().parameters.values()) == 61_706


def test_lenet5_takes_pictures_in_colour_and_other_sizes():
    assert lenet5((32, 32, 3)).shapes[5:7] == [(6, 6, 16), (576,)]
    assert lenet5((12, 12, 1)).shapes[5] == (1, 1, 16)
    with pytest.raises(ShapeError, match=r'^MaxPool2D "pool2": expected an input of at least 2×2'):
        lenet5((11, 11, 1))


def test_the_notes_network_has_the_notes_shapes():
    assert [s for s in course39().shapes if len(s) == 3][::2] == [(37, 37, 10), (17, 17, 20), (7, 7, 40)]
    assert course39().shapes[-2:] == [(1960,), (10,)]


def test_an_unknown_model_is_refused_with_those_there_are():
    with pytest.raises(FoveaError, match=r"^model: expected one of lenet5, course39, got 'lenet6'"):
        models.build("lenet6")


@pytest.mark.parametrize("classes", [0, [], "cat", 2.5])
def test_wrong_classes_are_refused(classes):
    with pytest.raises(ShapeError, match=r"^lenet5: classes: expected a whole number of at least 1"):
        lenet5(classes=classes)


def test_the_same_name_twice_is_refused():
    with pytest.raises(ShapeError, match=r"expected 2 different class names"):
        lenet5(classes=["cat", "cat"])
