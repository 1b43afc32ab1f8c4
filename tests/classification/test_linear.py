"""A linear layer on features: the minimum of a convex function, and a strength that the evidence supports."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from fovea import engine
from fovea.classification import linear
from fovea.losses import CrossEntropy
from tests.cases import drawn, halide


def examples(seed, n=60, D=5, K=3):
    """Features float32 (n, D) around a centre for each of K classes, and labels (n,)."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % K
    features = rng.normal(size=(K, D))[labels] + rng.normal(size=(n, D)) + 7
    return (3 * features).astype(np.float32), labels.astype(np.int32)


def objective(layer, features, labels, loss):
    """J of (1), written anew in float64, for a layer on the features as they are."""
    mean = features.mean(axis=0, dtype=np.float64)
    deviation = np.sqrt(((features - mean) ** 2).mean())
    W, b = layer.W.astype(np.float64), layer.b.astype(np.float64)
    Z = features.astype(np.float64) @ W + b
    return loss(Z, labels)[0] + layer.strength / W.shape[1] / 2 * ((W * deviation) ** 2).sum()


@given(st.integers(0, 10**6), st.integers(2, 5), st.sampled_from([0.0, 0.1]), st.booleans())
@drawn
def test_no_other_layer_is_better(seed, K, smoothing, weighted):
    weights = np.linspace(0.5, 2, K) if weighted else None
    loss, (features, labels) = CrossEntropy(smoothing, weights), examples(seed, K=K)
    rng = np.random.default_rng(seed)
    with engine.use("reference"):
        for layer in linear.fit(features, labels, K, loss, (12.0, 1.2)):
            least = objective(layer, features, labels, loss)
            for size in (1e-3, 1e-2, 0.1):
                W = layer.W + (size * rng.normal(size=layer.W.shape)).astype(np.float32)
                b = layer.b + (size * rng.normal(size=layer.b.shape)).astype(np.float32)
                other = linear.Linear(layer.strength, W, b)
                assert objective(other, features, labels, loss) >= least - 1e-6


def test_the_strongest_decay_comes_first_and_makes_the_smallest_weights():
    features, labels = examples(0)
    with engine.use("reference"):
        layers = linear.fit(features, labels, 3, CrossEntropy())
    assert [layer.strength for layer in layers] == sorted(linear.STRENGTHS, reverse=True)
    sizes = [float(np.abs(layer.W).sum()) for layer in layers]
    assert sizes == sorted(sizes)
    assert (layers[-1](features).argmax(axis=1) == labels).mean() > 0.8


def test_features_that_are_all_alike_leave_only_the_shares_of_the_classes():
    features, labels = np.ones((40, 4), np.float32), np.repeat(np.array([0, 1], np.int32), (30, 10))
    with engine.use("reference"):
        (layer,) = linear.fit(features, labels, 2, CrossEntropy(), (12.0,))
        Z = layer(features[:1])
    assert_allclose(np.exp(Z) / np.exp(Z).sum(), [[0.75, 0.25]], atol=1e-3)


@halide
def test_both_engines_and_any_number_of_threads_agree(monkeypatch):
    features, labels = examples(3, n=200, D=40)
    found = []
    for threads in ("1", "2"):
        monkeypatch.setenv("HL_NUM_THREADS", threads)
        found.append(linear.fit(features, labels, 3, CrossEntropy(0.1), (12.0,))[0])
    assert_array_equal(found[0].W, found[1].W)
    with engine.use("reference"):
        (other,) = linear.fit(features, labels, 3, CrossEntropy(0.1), (12.0,))
    assert_allclose(found[0].W, other.W, atol=1e-4)


def layers_right_for(right):
    """Layers that are right for the pictures where `right[strength]` is 1; and features and labels."""
    n = len(next(iter(right.values())))
    layers = []
    for strength in sorted(right, reverse=True):
        share = np.array(right[strength], np.float32)
        layers.append(linear.Linear(strength, np.stack([1 - share, share], axis=1), np.zeros(2, np.float32)))
    return layers, np.eye(n, dtype=np.float32), np.ones(n, np.int32)


@pytest.mark.parametrize(
    ("stronger", "weaker", "best"),
    [
        ([0] * 8, [0] * 8, linear.USUAL),
        ([0] * 8, [1] + [0] * 7, linear.USUAL),  # 1 picture more is not more than √1
        ([0] * 8, [1, 1] + [0] * 6, 1.0),  # 2 are more than √2
        ([1, 1, 1] + [0] * 5, [1, 1] + [0] * 6, 40.0),
        ([1, 1] + [0] * 6, [0, 1, 1] + [0] * 5, 40.0),  # equals: the stronger
    ],
)
def test_a_strength_must_be_better_by_more_than_chance(stronger, weaker, best):
    right = {40.0: stronger, linear.USUAL: [0] * 8, 1.0: weaker}
    with engine.use("reference"):
        assert linear.chosen(*layers_right_for(right)).strength == best
