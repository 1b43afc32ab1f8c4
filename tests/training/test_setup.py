"""A setup checks that a network, its data, a recipe and a task fit, once per training."""

import numpy as np
import pytest

from fovea import Classification, Recipe
from fovea.classification import class_weights
from fovea.classification import train as classification
from fovea.data import Splits
from fovea.errors import DataError, ShapeError, TrainingError
from fovea.losses import CrossEntropy
from fovea.training import layer_rates
from fovea.training.setup import Setup
from tests import tiny


def test_a_setup_has_the_loss_and_the_factors_of_the_learning_rate():
    task, recipe = Classification(class_weights="balanced"), Recipe(batch_size=8, layer_rates="decay=0.5")
    setup = Setup(tiny.network(), tiny.splits(), recipe, task)
    assert setup.factors == layer_rates.factors(setup.network, layer_rates="decay=0.5")
    assert isinstance(setup.loss, CrossEntropy)
    np.testing.assert_array_equal(setup.loss.weights, task.loss(setup.train).weights)
    assert setup.steps == -(-len(setup.train) // 8)


@pytest.mark.parametrize(
    ("data", "recipe", "task", "error"),
    [
        (Splits("none", None, None, tiny.splits().val), {}, {}, DataError),
        (tiny.splits(), {"freeze": "conv9"}, {}, TrainingError),
        (tiny.splits(), {}, {"class_weights": "cow=2"}, TrainingError),
    ],
)
def test_what_does_not_fit_is_refused(data, recipe, task, error):
    with pytest.raises(error):
        Setup(tiny.network(), data, Recipe(**recipe), Classification(**task))


def test_pictures_of_another_size_are_refused():
    network = tiny.network()
    network.input_shape = (9, 9, 1)
    with pytest.raises(ShapeError, match="load the data in this size"):
        Setup(network, tiny.splits(), Recipe(), Classification())


def test_weights_of_classes_and_rates_of_layers_are_computed_once(monkeypatch, tmp_path):
    calls = []

    def counted(module, name):
        real = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *args: [calls.append(name), real(*args)][1])

    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    monkeypatch.chdir(tmp_path)
    tiny.write_folder(tmp_path / "photos", scale=2)
    counted(class_weights, "weights")
    counted(layer_rates, "factors")
    classification.train("photos", "course39", epochs=1, class_weights="balanced", layer_rates="decay=0.5")
    assert sorted(calls) == ["factors", "weights"]
