import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fovea import Network, engine, models, seeing
from fovea.errors import FoveaError, ShapeError
from fovea.layers import Conv2D, Dense, Flatten, ReLU
from tests.cases import ENGINES, assert_close, drawn


@given(st.integers(2, 20), st.integers(2, 9), st.integers(0, 10**6))
@drawn
def test_the_axes_are_orthogonal_and_explain_the_variance(N, n, seed):
    F = np.random.default_rng(seed).standard_normal((N, n)) * np.arange(1, n + 1)
    k = min(N, n)
    plane = seeing.pca(F, k)
    np.testing.assert_allclose(plane.axes @ plane.axes.T, np.eye(k), atol=1e-9)
    np.testing.assert_allclose(plane.points @ plane.axes + plane.mean, F, atol=1e-9)
    spread = plane.points.var(axis=0)
    np.testing.assert_allclose(plane.explained, spread / F.var(axis=0).sum(), atol=1e-9)
    assert plane.explained.sum() == pytest.approx(1)
    assert (np.diff(plane.explained) <= 1e-12).all()


def test_the_first_axis_is_where_the_cloud_is_broadest():
    along = np.linspace(-1, 1, 50)[:, None] * np.array([3.0, -4.0]) + 7
    plane = seeing.pca(along + np.random.default_rng(0).normal(0, 1e-3, along.shape))
    np.testing.assert_allclose(plane.axes[0], [-0.6, 0.8], atol=1e-3)  # the largest number is positive
    assert plane.explained[0] > 0.999


def test_equal_pictures_lie_on_one_point():
    plane = seeing.pca(np.ones((5, 3)))
    assert not plane.points.any()
    assert not plane.explained.any()


@pytest.mark.parametrize("wrong", [np.zeros((1, 5)), np.zeros((5, 1)), np.zeros(5), np.zeros((0, 3))])
def test_too_few_pictures_or_features_are_refused(wrong):
    with pytest.raises(ShapeError, match=r"^pca: expected features \(N, n\) with N and n of at least 2"):
        seeing.pca(wrong)


def test_what_is_no_number_is_refused():
    with pytest.raises(ShapeError, match="NaN or infinity"):
        seeing.pca(np.full((4, 4), np.nan))


@pytest.mark.parametrize("name", ENGINES)
def test_features_are_what_the_last_layer_takes_in(name):
    network = models.lenet5()
    pictures = np.random.default_rng(0).integers(0, 256, (7, 28, 28, 1)).astype(np.uint8)
    with engine.use(name):
        F = seeing.features(network, pictures, batch_size=3)
        Z, _ = network.forward(network.preprocessing.apply(pictures))
    assert F.shape == (7, 84)
    assert_close(F @ network.parameters["dense3.W"] + network.parameters["dense3.b"], Z, 1e-5)


def test_features_of_any_layer_are_one_row_a_picture():
    network = Network([Conv2D(2, 3), ReLU(), Flatten(), Dense(2)], (5, 4, 1))
    X = np.random.default_rng(0).random((3, 5, 4, 1), np.float32)
    assert np.array_equal(seeing.features(network, X), seeing.features(network, X, "relu1"))
    assert seeing.features(network, X, "dense1").shape == (3, 2)
    with pytest.raises(ShapeError, match=r"^features: layer: expected one of conv1, relu1"):
        seeing.features(network, X, "conv2")


def test_a_network_of_one_layer_has_the_pictures_for_features():
    X = np.random.default_rng(0).random((3, 4), np.float32)
    assert np.array_equal(seeing.features(Network([Dense(2)], (4,)), X), X)
    assert np.array_equal(seeing.features(Network([ReLU()], (4,)), X), X)


def test_tsne_keeps_groups_apart_and_gives_the_same_twice():
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(0)
    F = np.concatenate([rng.normal(0, 1, (20, 6)), rng.normal(20, 1, (20, 6))])
    found = seeing.tsne(F)
    assert found.shape == (40, 2)
    assert np.array_equal(found, seeing.tsne(F))
    distance = np.linalg.norm(found[:, None] - found, axis=2) + 1e9 * np.eye(40)
    assert ((distance.argmin(axis=1) < 20) == (np.arange(40) < 20)).all()
    assert seeing.tsne(F[:3, :1]).shape == (3, 2)


def test_without_scikit_learn_tsne_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    with pytest.raises(FoveaError, match=r"^t-SNE: expected scikit-learn, .*: pip install scikit-learn; PCA"):
        seeing.tsne(np.zeros((9, 3)))
