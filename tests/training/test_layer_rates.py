"""Freezing and layer-wise rates: what learns, how fast, and that nothing else does."""

import numpy as np
import pytest

import fovea
from fovea import Recipe, engine, models
from fovea.errors import TrainingError
from fovea.layers import Add, BatchNorm, Conv2D, Dense, GlobalAveragePool2D, MaxPool2D, ReLU
from fovea.network import runner
from fovea.optimizers import SGD
from fovea.training import layer_rates
from fovea.training.progress import Progress
from tests import tiny

ENGINES = ("reference", "halide") if engine.available() else ("reference",)


def small(seed=1):
    layers = [
        Conv2D(4, 3, padding=1), BatchNorm(), ReLU(), MaxPool2D(2),
        Conv2D(6, 3, padding=1), BatchNorm(), ReLU(), GlobalAveragePool2D(), Dense(3),
    ]  # fmt: skip
    return fovea.Network(layers, (8, 8, 1), seed)


@pytest.fixture(params=ENGINES, autouse=True)
def name(request, monkeypatch):
    monkeypatch.setenv("FOVEA_ENGINE", request.param)
    return request.param


# Names


def of(freeze=(), rates=None, network=None):
    return layer_rates.factors(network or small(), freeze, rates)


def frozen(freeze):
    return [name for name, factor in of(freeze).items() if not factor]


@pytest.mark.parametrize(
    ("asked", "layers"),
    [
        ("", []),
        ("conv1", ["conv1"]),
        ("conv", ["conv1", "conv2"]),
        ("?onv1", ["conv1"]),
        ("*norm?", ["batchnorm1", "batchnorm2"]),
        ("conv1, batchnorm1", ["conv1", "batchnorm1"]),
        (["batchnorm"], ["batchnorm1", "batchnorm2"]),
        ("..relu1", ["conv1", "batchnorm1"]),
        ("..conv2", ["conv1", "batchnorm1", "conv2"]),
        ("body", ["conv1", "batchnorm1", "conv2", "batchnorm2"]),
    ],
)
def test_names_mean_layers_by_their_beginning(asked, layers):
    assert frozen(asked) == layers


def test_a_number_is_whole():
    network = models.resnet56(seed=None)  # with stage1_block1 and no stage1_block10, but conv1 and no conv10
    vgg = models.vgg16((32, 32, 3), 2, seed=None)
    assert {n for n, f in of("conv1", network=vgg).items() if not f} == {"conv1"}
    assert all(n.startswith("stage1_") for n, f in of("stage1", network=network).items() if not f)


def test_rates_decay_with_every_size_that_comes_behind():
    factors = of(rates="decay=0.5")
    assert factors == {"conv1": 0.25, "batchnorm1": 0.25, "conv2": 0.5, "batchnorm2": 0.5, "dense1": 1.0}
    assert of(rates={"decay": 0.5, "conv2": 0.1})["conv2"] == 0.05
    assert of("conv2", "decay=0.5")["conv2"] == 0


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        (
            {"freeze": "conv3"},
            r"expected body, or the beginning of a layer's name \(conv1, .*\), got 'conv3'",
        ),
        ({"freeze": "pool1"}, r"got 'pool1'"),
        ({"freeze": "conv,batchnorm,dense"}, r"expected a layer that learns, got none: all are frozen"),
        ({"freeze": "..dense1"}, r"expected a layer that learns, got none: all are frozen"),
        ({"freeze": 3.5}, r"^train: freeze: expected names of layers"),
        ({"layer_rates": "decay"}, r"^train: layer_rates: expected factors by name .*, got 'decay'"),
        ({"layer_rates": "conv1=-1"}, r"conv1: expected a number of at least 0, got -1"),
        ({"layer_rates": {"conv1": float("nan")}}, r"conv1: expected a number of at least 0, got nan"),
        ({"layer_rates": 0.5}, r"^train: layer_rates: expected factors by name .*, got 0.5"),
        ({"layer_rates": "conv9=1"}, r"got 'conv9': did you mean conv2?"),
    ],
)
def test_what_makes_no_sense_is_refused(how, sentence):
    recipe = {"freeze": (), "layer_rates": None, **how}
    with pytest.raises(TrainingError, match=sentence):
        fovea.train(small(), tiny.splits(), **recipe)


# Steps


def batch(network, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((12, *network.input_shape), np.float32), rng.integers(0, 3, 12)


def gradients(network, factors):
    layer_rates.freeze(network, factors)
    plan = runner.plan(network, 12, training=True)
    plan.loss_and_gradients(*batch(network))
    layer_rates.freeze(network, {})
    return {k: plan.gradients[s : s + int(np.prod(shape))].copy() for k, (s, shape) in network.layout.items()}


@pytest.mark.parametrize("freeze", ["conv1", "conv2", "batchnorm2", "body", "..pool1"])
def test_frozen_layers_have_no_gradients_and_keep_their_statistics(freeze):
    network, own = small(), of(freeze)
    before = network.flat_statistics.copy()
    for key, gradient in gradients(network, own).items():
        assert gradient.any() == bool(own[key.partition(".")[0]]), key
    for key, (start, shape) in network.statistic_layout.items():
        kept = np.array_equal(network.statistics[key].reshape(-1), before[start : start + shape[0]])
        assert kept == (not own[key.partition(".")[0]])


def test_a_frozen_normalisation_is_as_in_inference_and_passes_gradients_on():
    network, exact = small(), small()
    network.statistics["batchnorm2.mean"][...] = exact.statistics["batchnorm2.mean"][...] = 0.2
    got = gradients(network, of("batchnorm2"))
    with fovea.engine("reference"):
        expected = gradients(exact, of("batchnorm2"))
    for key, gradient in expected.items():
        assert np.abs(got[key] - gradient).max() <= 1e-4 * max(np.abs(gradient).max(), 1e-2), key


@pytest.mark.parametrize("freeze", ["batchnorm", "batchnorm2", "batchnorm2,conv2"])
def test_frozen_normalisations_with_a_sum_behind_pass_gradients_on(freeze):
    def residual():
        network = fovea.Network(
            {
                "conv1": Conv2D(16, 3, padding=1), "batchnorm1": BatchNorm(), "relu1": ReLU(),
                "conv2": Conv2D(16, 3, padding=1), "batchnorm2": BatchNorm(),
                "sum": (Add(), "batchnorm2", "relu1"), "relu2": ReLU(),
                "pool": GlobalAveragePool2D(), "dense": Dense(3),
            },
            (8, 8, 1), 5,
        )  # fmt: skip
        network.flat_statistics += 0.1
        return network

    network = residual()
    got = gradients(residual(), of(freeze, network=network))
    with fovea.engine("reference"):
        expected = gradients(network, of(freeze, network=network))
    for key, gradient in expected.items():
        assert np.abs(got[key] - gradient).max() <= 2e-4 * max(np.abs(gradient).max(), 1e-2), key


def test_the_way_back_ends_at_the_lowest_layer_that_learns(name):
    network = small()
    layer_rates.freeze(network, of("..pool1"))
    plan = runner.plan(network, 12, training=True)
    if name == "halide":
        assert not plan.parts[0].backward
    else:
        network.layers[0].backward = None  # it is never called
        plan.loss_and_gradients(*batch(network))


def test_a_rate_of_its_own_is_a_smaller_step():
    def moved(**how):
        network = fovea.Network([Conv2D(4, 3), GlobalAveragePool2D(), Dense(3)], (8, 8, 1), 3)
        before = {key: array.copy() for key, array in network.parameters.items()}
        step = SGD(momentum=0, weight_decay=0)
        fovea.train(
            network,
            tiny.splits(),
            Recipe(optimizer=step, schedule="constant", epochs=1, batch_size=42, **how),
        )
        return {key: network.parameters[key] - before[key] for key in before}

    usual, slow = moved(), moved(layer_rates="conv1=0.25")
    assert np.allclose(slow["conv1.W"], usual["conv1.W"] / 4, rtol=1e-3, atol=1e-7)
    assert np.array_equal(slow["dense1.W"], usual["dense1.W"])
    assert not moved(freeze="conv1")["conv1.W"].any()


def test_a_factor_of_1_for_all_leaves_the_optimizer_one_array():
    network = small()
    assert layer_rates.segments(network, of()) == {"conv1": (slice(0, network.flat.size), 1.0)}
    parts = layer_rates.segments(network, of("batchnorm1"))
    assert list(parts) == ["conv1", "conv2"]
    assert sum(where.stop - where.start for where, _ in parts.values()) < network.flat.size


def test_a_run_that_is_frozen_in_part_resumes_to_the_same_bits(tmp_path):
    def make():
        return fovea.Network(
            [Conv2D(4, 3), BatchNorm(), ReLU(), GlobalAveragePool2D(), Dense(3)], (8, 8, 1), 3
        )

    how = {
        "epochs": 2,
        "freeze": "batchnorm",
        "layer_rates": "decay=0.5",
        "batch_size": 8,
        "optimizer": "adam",
    }
    whole = make()
    fovea.train(whole, tiny.splits(), **how)
    stopped, again = make(), make()
    hear = StopAfterOne()
    with pytest.raises(KeyboardInterrupt):
        fovea.train(stopped, tiny.splits(), out=tmp_path / "run", progress=hear, **how)
    fovea.train(again, tiny.splits(), resume=tmp_path / "run", **how)
    assert np.array_equal(again.memory, whole.memory)


class StopAfterOne(Progress):
    def epoch(self, at):
        if at.epoch == 2:
            raise KeyboardInterrupt
