import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fovea import check_layer, engine
from fovea.errors import ShapeError
from fovea.layers import BatchNorm
from tests.cases import ENGINES


def built(shape=(5, 4, 3), **hyperparameters):
    return BatchNorm(**hyperparameters).build(shape, np.random.default_rng(0))


def batch(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@settings(deadline=None, max_examples=20)
@given(
    st.one_of(st.tuples(st.integers(1, 9)), st.tuples(*[st.integers(1, 5)] * 3)),
    st.floats(1e-3, 1),
    st.floats(0, 1),
    st.integers(4, 6),
)
def test_any_shape_passes_the_check(shape, epsilon, momentum, n):
    check_layer(BatchNorm(epsilon, momentum), shape, batch=n, engines=("reference",), samples=12)


def test_it_begins_as_the_identity_but_for_epsilon():
    A_prev = batch(2, 5, 4, 3)
    Z, _ = built(epsilon=1e-12).forward(A_prev)
    np.testing.assert_allclose(Z, A_prev, rtol=1e-6)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("shape", [(5, 4, 3), (7,)])
def test_the_running_statistics_are_pytorchs(shape, name):
    pytest.importorskip("torch")
    from tests import peers

    layer, other = built(shape, momentum=0.3), None
    other = [np.array(layer.statistics[name]) for name in ("mean", "variance")]
    gamma, beta = (np.array(layer.parameters[name]) for name in ("gamma", "beta"))
    for seed in range(3):
        A_prev = 2 * batch(6, *shape, seed=seed) + 1
        with engine.use(name):
            new = layer.update(layer.forward(A_prev, training=True)[1])
        for key, values in new.items():
            layer.statistics[key][...] = values
        other = peers.batch_norm(A_prev, A_prev, gamma, beta, *other, 1e-5, 0.3, True)[-2:]
    for key, values in zip(("mean", "variance"), other, strict=True):
        np.testing.assert_allclose(layer.statistics[key], values, rtol=2e-6)


def test_the_running_variance_is_the_unbiased_one():
    layer = built((1,), momentum=1)
    A_prev = np.array([[1], [2], [6]], np.float32)
    new = layer.update(layer.forward(A_prev, training=True)[1])
    assert new["mean"] == pytest.approx(3)
    assert new["variance"] == pytest.approx(7)  # (4 + 1 + 9) / 2


def test_a_forward_pass_writes_no_statistics():
    layer = built()
    layer.forward(batch(2, 5, 4, 3), training=True)
    assert not layer.statistics["mean"].any()
    assert (layer.statistics["variance"] == 1).all()


def test_prediction_learns_nothing():
    layer = built()
    assert layer.update(layer.forward(batch(2, 5, 4, 3))[1]) == {}


def test_with_no_momentum_the_running_statistics_stay():
    layer = built(momentum=0)
    new = layer.update(layer.forward(batch(2, 5, 4, 3), training=True)[1])
    assert all(np.array_equal(values, layer.statistics[name]) for name, values in new.items())


@pytest.mark.parametrize("shape", [(1, 3), (1, 1, 1, 3)])
def test_a_single_number_a_channel_cannot_be_trained_with(shape):
    layer = built(shape[1:])
    layer.name = "batchnorm1"
    sentence = r'^BatchNorm "batchnorm1": expected two numbers per channel in training, got a batch of 1: '
    with pytest.raises(ShapeError, match=sentence):
        layer.forward(batch(*shape), training=True)
    layer.forward(batch(*shape))  # one picture is enough to predict


def test_one_picture_of_many_pixels_can():
    Z, _ = built().forward(batch(1, 5, 4, 3), training=True)
    assert np.abs(Z.mean(axis=(0, 1, 2))).max() < 1e-6


@pytest.mark.parametrize(
    "hyperparameters",
    [{"epsilon": 0}, {"epsilon": -1}, {"epsilon": "small"}, {"epsilon": np.inf}, {"epsilon": True},
     {"momentum": -0.1}, {"momentum": 1.1}, {"momentum": None}, {"momentum": np.nan}],
)  # fmt: skip
def test_wrong_hyperparameters_are_refused(hyperparameters):
    with pytest.raises(ShapeError, match=r"^BatchNorm: (epsilon|momentum): expected a number .*, got "):
        BatchNorm(**hyperparameters)


def test_two_axes_are_refused():
    with pytest.raises(
        ShapeError, match=r"^BatchNorm: expected an input of \(H, W, C\) or \(n,\), got \(3, 4\)"
    ):
        BatchNorm().output_shape((3, 4))
