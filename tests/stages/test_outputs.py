"""Plans of networks with several outputs compute what the layers compute one by one in the reference."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fovea
from fovea import layers as L
from fovea.errors import ShapeError
from fovea.losses import Loss
from fovea.network.runner import Layerwise
from fovea.stages import Plan, memory
from fovea.stages.join import join
from tests.cases import FORWARD, GRADIENT, assert_close, halide

pytestmark = halide


class Pull(Loss):
    """Half the squares' sum of the outputs that have targets, each weighted by its own."""

    def __call__(self, Z, targets):
        dZ = {name: Z[name] * targets[name] / len(Z[name]) for name in targets}
        return sum(float((Z[name] * dZ[name]).sum()) / 2 for name in dZ), dZ

    def counted(self, targets):
        return len(next(iter(targets.values())))


def everything():
    """A graph in which each kind of layer may be an output, and be taken in by others as well."""
    return {
        "stem": L.Conv2D(16, 3, padding="same"),
        "relu": L.ReLU(),
        "pool": L.MaxPool2D(2),
        "conv": L.Conv2D(16, 3, padding="same"),
        "norm": L.BatchNorm(),
        "sum": (L.Add(), "norm", "pool"),
        "relu2": L.ReLU(),
        "small": (L.Conv2D(3, 1), "relu2"),
        "flat": L.Flatten(),
        "dense": L.Dense(5),
        "tanh": L.Tanh(),
        "up": (L.Upsample2D(2), "relu2"),
        "both": (L.Concat(), "up", "relu"),
        "head": L.Conv2D(4, 1),
        "means": (L.GlobalAveragePool2D(), "both"),
        "wide": (L.Flatten(), "means"),
        "drop": (L.Dropout(0.5), "means"),
    }


ENDS = ["tanh", "head", "wide", "drop"]  # those that nothing takes in
OTHERS = [name for name in everything() if name not in ENDS]


def network(outputs, seed=0):
    return fovea.Network(everything(), (8, 6, 3), seed, outputs=outputs, precision="exact")


def batch(own, count, seed=0):
    rng = np.random.default_rng(seed)
    images = rng.normal(size=(count, *own.input_shape)).astype(np.float32)
    shapes = own.output_shape.items()
    return images, {n: rng.uniform(0.5, 1.5, (count, *s)).astype(np.float32) for n, s in shapes}


def check(own, images, targets, plan):
    layers = Layerwise(own, Pull())
    statistics = own.flat_statistics.copy()
    with fovea.engine("reference"):
        expected, _ = layers.loss_and_gradients(images, targets, rng=np.random.default_rng(5))
    own.flat_statistics[...] = statistics
    loss, _ = plan.loss_and_gradients(images, targets, rng=np.random.default_rng(5))
    own.flat_statistics[...] = statistics
    assert loss == pytest.approx(expected, rel=1e-5)
    assert_close(plan.gradients, layers.gradients, GRADIENT)
    with fovea.engine("reference"):
        wanted = layers.predict(images)
    for predicting in (plan, Plan(own, len(images)), own.constant()):
        found = predicting.predict(images) if isinstance(predicting, Plan) else predicting.run(images)
        assert list(found) == list(own.outputs)
        for name, Z in wanted.items():
            assert_close(found[name], Z, FORWARD)


@settings(deadline=None, max_examples=12, derandomize=True)
@given(st.lists(st.sampled_from(OTHERS), unique=True, max_size=5), st.data())
def test_any_layers_may_be_outputs(middle, data):
    own = network(data.draw(st.permutations([*middle, *ENDS])))
    images, targets = batch(own, 5)
    given = data.draw(st.sets(st.sampled_from(own.outputs), min_size=1))  # the others have no gradient
    check(
        own,
        images,
        {name: targets[name] for name in own.outputs if name in given},
        Plan(own, 5, training=True, loss=Pull()),
    )


def test_all_layers_are_outputs_at_once():
    own = network(list(everything()))
    plan = Plan(own, 20, training=True, loss=Pull())
    for count in (20, 3):
        check(own, *batch(own, count, seed=count), plan)


def test_the_picture_itself_may_come_out():
    own = fovea.Network(
        {"raw": L.Flatten(), "drop": (L.Dropout(0.5), "input"), "conv": (L.Conv2D(16, 1), "input")},
        (4, 4, 3),
        outputs=("raw", "conv", "drop"),
    )
    images, targets = batch(own, 3)
    check(own, images, targets, Plan(own, 3, training=True, loss=Pull()))
    assert np.array_equal(own.run(images)["raw"], images.reshape(3, -1))


def test_an_output_and_the_same_flattened_share_an_array_and_add_their_gradients():
    own = fovea.Network(
        {
            "conv": L.Conv2D(16, 3),
            "flat": L.Flatten(),
            "flat2": (L.Flatten(), "conv"),
            "end": (L.Conv2D(16, 1), "conv"),
        },
        (6, 6, 2),
        outputs=("flat", "conv", "end", "flat2"),
    )
    schedule = join(own)
    assert (len(schedule.stages), schedule.outputs) == (2, [1, 1, 2, 1])
    images, targets = batch(own, 5)
    check(own, images, targets, Plan(own, 5, training=True, loss=Pull()))


def layers_of(own, training):
    return [
        [layer.name for layer in stage.layers]
        for stage in join(own, training=training).stages
        if stage.layers
    ]


@pytest.mark.parametrize(
    ("outputs", "stages"),
    [
        (("pool",), [["conv", "relu", "pool"]]),
        (("relu", "pool"), [["conv", "relu"], ["pool"]]),
        (("conv", "pool"), [["conv"], ["relu"], ["pool"]]),
    ],
)
def test_a_stage_ends_with_an_output(outputs, stages):
    own = fovea.Network(
        {"conv": L.Conv2D(4, 3), "relu": L.ReLU(), "pool": L.MaxPool2D(2)}, (8, 8, 1), outputs=outputs
    )
    assert layers_of(own, training=True) == stages


@pytest.mark.parametrize(
    ("outputs", "stages"),
    [
        (("end",), [["side"], ["conv", "norm", "sum", "end"]]),
        (("sum", "end"), [["side"], ["conv", "norm", "sum"], ["end"]]),
        (("norm", "end"), [["side"], ["conv", "norm"], ["sum"], ["end"]]),
        (("conv", "end"), [["side"], ["conv"], ["norm", "sum", "end"]]),
    ],
)
def test_folding_ends_with_an_output(outputs, stages):
    own = fovea.Network(
        {
            "side": (L.Conv2D(4, 1), "input"),
            "conv": (L.Conv2D(4, 3, padding="same"), "input"),
            "norm": L.BatchNorm(),
            "sum": (L.Add(), "norm", "side"),
            "end": L.ReLU(),
        },
        (5, 5, 4),
        outputs=outputs,
    )
    assert layers_of(own, training=False) == stages
    images, targets = batch(own, 4)
    check(own, images, targets, Plan(own, 4, training=True, loss=Pull()))


def test_shared_memory_changes_no_bit(monkeypatch):
    own = network(list(everything()))
    images, targets = batch(own, 9)

    def found():
        plan = Plan(own, 9, training=True, loss=Pull())
        plan.loss_and_gradients(images, targets, rng=np.random.default_rng(5))
        return [plan.gradients, *plan.predict(images).values(), *Plan(own, 9).predict(images).values()], plan

    statistics = own.flat_statistics.copy()
    shared, plan = found()
    own.flat_statistics[...] = statistics

    def apart(lives):
        places = np.cumsum([0, *(-(-life.size // 64) * 64 for life in lives)])
        return [int(place) for place in places[:-1]], int(places[-1])

    monkeypatch.setattr(memory, "arrange", apart)
    alone, other = found()
    assert plan.memory < other.memory
    assert all(np.array_equal(one, two) for one, two in zip(shared, alone, strict=True))


def test_a_network_of_two_heads_learns():
    own = network(["head", "tanh", "wide", "drop"])
    images, targets = batch(own, 8)
    plan, rng, losses = Plan(own, 8, training=True, loss=Pull()), np.random.default_rng(0), []
    for _ in range(15):
        losses.append(plan.loss_and_gradients(images, targets, rng=rng)[0])
        own.flat -= 0.001 * plan.gradients
    assert losses[-1] < losses[0] / 2


def test_frozen_heads_and_heads_without_parameters_are_left_alone():
    own = network(["relu", "head", "tanh", "wide", "drop"])
    for layer in own.layers:
        layer.frozen = layer.name in ("stem", "head")
    images, targets = batch(own, 5)
    check(own, images, targets, Plan(own, 5, training=True, loss=Pull()))


@pytest.mark.parametrize(
    ("dZ", "message"),
    [
        (lambda Z: Z["a"], "loss Wrong: expected dZ as a dict by output (a, b), got ndarray"),
        (lambda Z: {"c": Z["a"]}, "loss Wrong: expected dZ of its outputs (a, b), got 'c'"),
        (lambda Z: {"a": Z["a"][:1]}, "loss Wrong: expected dZ (3, 2), got (1, 2)"),
        (lambda Z: {"a": Z["a"], "b": Z["a"]}, "loss Wrong: expected dZ (N, 4) of b"),
    ],
)
def test_a_loss_with_other_gradients_is_refused(dZ, message):
    class Wrong(Loss):
        def __call__(self, Z, targets):
            return 0.0, dZ(Z)

    own = fovea.Network({"a": L.Dense(2), "b": (L.Dense(4), "input")}, (3,), outputs=("a", "b"))
    plan = Plan(own, 3, training=True, loss=Wrong())
    with pytest.raises(ShapeError, match=re.escape(message)):
        plan.loss_and_gradients(np.zeros((3, 3), np.float32), np.zeros(3))


def test_cross_entropy_refuses_outputs_with_names():
    own = fovea.Network([L.Dense(2)], (3,), outputs=("dense1",))
    with pytest.raises(ShapeError, match="cross-entropy: expected one output"):
        Plan(own, 3, training=True)
