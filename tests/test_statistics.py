"""What a network learns beside gradients is kept wherever its weights are."""

import copy
import pickle

import numpy as np
import pytest

import fovea
from fovea import tasks
from fovea.errors import DataError, ShapeError, TrainingError
from fovea.files.tensors import read_tensors, write_tensors
from fovea.layers import BatchNorm, Conv2D, Dense, Flatten, Layer, MaxPool2D, ReLU
from fovea.network import Network
from fovea.training import progress
from fovea.training.position import Position
from fovea.training.state import RunState
from tests import tiny
from tests.cases import ENGINES


@pytest.fixture(params=ENGINES, autouse=True)
def _engine(request):
    with fovea.engine(request.param):
        yield


def network(seed=0):
    layers = [Conv2D(4, 3, bias=False), BatchNorm(), ReLU(), MaxPool2D(2), Flatten()]
    return Network([*layers, Dense(5), BatchNorm(), Dense(3)], (8, 8, 1), seed)


def learned(seed=0):
    result = network(seed)
    rng = np.random.default_rng(1)
    for values in result.statistics.values():
        values[...] = rng.uniform(0.5, 2, values.shape)
    return result


def train(result, **options):
    options = {"epochs": 2, "batch_size": 16, **options}
    return tasks.train(result, tiny.splits(), **options)


def test_they_begin_with_mean_0_and_variance_1():
    statistics = network().statistics
    assert list(statistics) == [f"batchnorm{n}.{name}" for n in (1, 2) for name in ("mean", "variance")]
    assert all((values == name.endswith("variance")).all() for name, values in statistics.items())


def test_they_are_views_behind_the_parameters():
    result = network()
    assert np.shares_memory(result.memory, result.flat)
    assert result.memory.size == result.flat.size + result.flat_statistics.size
    result.flat_statistics[...] = 5
    assert all((values == 5).all() for layer in result.layers for values in layer.statistics.values())
    assert not any(np.shares_memory(p, result.flat_statistics) for p in result.parameters.values())


def test_a_network_without_any_has_none():
    result = tiny.network()
    assert not result.statistics
    assert result.memory.size == result.flat.size


def test_they_are_no_parameters_to_the_summary():
    assert network().summary().splitlines()[-1].split()[2] == str(4 * 9 + 8 + 36 * 5 + 5 + 10 + 18)


def test_a_forward_pass_leaves_them_and_update_writes_them():
    result, (X, _) = network(), tiny.pictures(9)
    before = result.memory.copy()
    _, caches = result.forward(X.astype(np.float32), training=True)
    assert np.array_equal(result.memory, before)
    result.update(caches)
    assert np.array_equal(result.flat, before[: result.flat.size])
    Z, _ = result.layers[0].forward(X.astype(np.float32))
    np.testing.assert_allclose(result.statistics["batchnorm1.mean"], 0.1 * Z.mean(axis=(0, 1, 2)), rtol=1e-5)


def test_a_layer_that_forgets_one_is_told():
    class Forgetful(Layer):
        def statistic_shapes(self, input_shape):
            return {"seen": (1,)}

        def forward(self, A_prev, *, training=False, rng=None):
            return A_prev, None

    result = Network([Forgetful()], (3,))
    with pytest.raises(ShapeError, match=r"forgetful1\": expected an update of \['seen'\], got \[\]"):
        result.update(result.forward(np.ones((2, 3), np.float32), training=True)[1])


@pytest.mark.parametrize("again", [copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))])
def test_copies_have_their_own(again):
    one = learned()
    other = again(one)
    assert np.array_equal(one.memory, other.memory)
    assert not np.shares_memory(one.memory, other.memory)
    assert np.shares_memory(other.layers[1].statistics["mean"], other.memory)


def test_a_model_file_has_them(tmp_path):
    one = learned()
    one.save(tmp_path / "model.safetensors")
    other = fovea.load(tmp_path / "model.safetensors")
    assert np.array_equal(one.memory, other.memory)
    assert np.array_equal(one.predict(tiny.pictures(5)[0]), other.predict(tiny.pictures(5)[0]))


def test_a_model_file_without_them_is_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    learned().save(path)
    metadata, tensors = read_tensors(path)
    tensors.pop("batchnorm2.mean")
    write_tensors(path, tensors, metadata)
    with pytest.raises(DataError, match=r"expected a tensor batchnorm2\.mean \(5,\), got none"):
        fovea.load(path)


def test_a_pictures_prediction_does_not_depend_on_its_batch():
    result, (X, _) = learned(), tiny.pictures(20)
    together = result.predict(X)
    for n in range(3):
        np.testing.assert_allclose(result.predict(X[n]), together[n : n + 1], rtol=1e-5)


def test_training_learns_them_and_predicts_with_them():
    result = network()
    run = train(result, epochs=4)
    assert all((values != 0).all() for values in result.statistics.values())
    assert run.metrics["top1"] > 0.5
    X, y = tiny.pictures(12, seed=2)
    assert (result.predict(X).argmax(axis=1) == y).mean() == run.metrics["top1"]


def test_the_best_weights_come_with_their_statistics():
    result = network()
    state = RunState(None, result, fovea.optimizers.SGD(), {})
    best = result.memory.copy()
    state.mark_best()
    result.memory[...] += 1
    state.restore_best(Position())
    assert np.array_equal(result.memory, best)


def test_a_run_that_goes_on_has_the_same_bits(tmp_path):
    whole, parts = network(), network()
    train(whole, epochs=3, out=tmp_path / "whole", schedule="constant")

    class Stop(progress.Progress):
        def step(self, at):
            if (at.epoch, at.step) == (2, 2):
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(parts, epochs=3, out=tmp_path / "parts", schedule="constant", progress=Stop())
    again = network(seed=9)
    train(again, epochs=3, resume=tmp_path / "parts", schedule="constant")
    assert tiny.outcome(tmp_path / "whole") == tiny.outcome(tmp_path / "parts")
    assert np.array_equal(whole.memory, again.memory)


def test_statistics_that_are_no_numbers_end_a_training():
    result = network()
    result.statistics["batchnorm2.mean"][0] = np.nan
    with pytest.raises(TrainingError, match=r"weights .*expected finite numbers"):
        train(result)


def test_a_last_batch_of_one_picture_is_refused_before_training_begins():
    with pytest.raises(
        ShapeError,
        match=r'"batchnorm2": expected two numbers per channel in training, got a batch of 1: choose a',
    ):
        train(network(), batch_size=41)
