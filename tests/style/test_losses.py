"""The gradients of a painting's losses are their slopes, and their values do not depend on scale."""

import numpy as np
import pytest

import fovea
from fovea.style.losses import Perceptual, Region, Targets, Variation, gram


@pytest.fixture(autouse=True)
def exact():
    with fovea.engine("reference"):
        yield


def content(F, T):
    """The loss of content, and its gradient."""
    value, dZ = Perceptual("here", 1, 0)({"here": F}, Targets(T, {}))
    return value, dZ["here"].array()


def style(F, regions):
    """The loss of style, and its gradient."""
    value, dZ = Perceptual("", 0, 1)({"here": F}, Targets(np.zeros(1), {"here": regions}))
    return value, dZ["here"].array()


def features(seed=0, shape=(1, 6, 5, 4)):
    return np.random.default_rng(seed).uniform(0, 2, shape)


def mask(seed=3):
    return np.random.default_rng(seed).uniform(0, 1, (6, 5))


def check_slope(loss, F, rtol=1e-5):
    direction, h = np.random.default_rng(9).standard_normal(F.shape), 1e-6
    slope = (loss(F + h * direction)[0] - loss(F - h * direction)[0]) / (2 * h)
    assert (loss(F)[1] * direction).sum() == pytest.approx(slope, rel=rtol)


REGIONS = {
    "everywhere": lambda: [Region(gram(features(1)))],
    "a mask": lambda: [Region(gram(features(1)), mask())],
    "two masks": lambda: [Region(gram(features(1)), mask()), Region(gram(features(2)), 1 - mask())],
}


@pytest.mark.parametrize("regions", REGIONS.values(), ids=REGIONS)
def test_the_gradient_of_style_is_its_slope(regions):
    check_slope(lambda F: style(F, regions()), features())


def test_the_gradient_of_content_is_its_slope():
    check_slope(lambda F: content(F, features(1)), features())


def test_the_gradient_of_variation_is_its_slope():
    check_slope(Variation(100 * features(1)[0]), features()[0])


def test_the_sum_has_the_gradients_of_its_parts():
    Z = {"first": features(0), "second": features(1, (1, 3, 2, 5))}
    targets = Targets(features(2), {name: [Region(gram(1.1 * F))] for name, F in Z.items()})
    loss = Perceptual("first", 0.3, 0.7)
    for name in Z:

        def of_one(F, name=name):
            value, dZ = loss(Z | {name: F}, targets)
            return value, dZ[name].array()

        check_slope(of_one, Z[name])


def test_a_painting_like_its_targets_costs_nothing():
    F = features()
    assert content(F, F)[0] == 0
    assert style(F, [Region(gram(F))])[0] == pytest.approx(0, abs=1e-12)
    assert not style(F, [Region(gram(F))])[1].any()


def test_scale_changes_no_loss():
    F, T = features(), features(1)
    assert content(10 * F, 10 * T)[0] == pytest.approx(content(F, T)[0])
    assert style(10 * F, [Region(gram(10 * T))])[0] == pytest.approx(style(F, [Region(gram(T))])[0])


def test_a_mask_hides_the_rest():
    F, where = features(), np.zeros((6, 5))
    where[:, :2] = 1
    other = F.copy()
    other[:, :, 2:] = 7
    regions = [Region(gram(features(1)), where)]
    assert style(other, regions)[0] == style(F, regions)[0]
    assert not style(F, regions)[1][:, :, 2:].any()
    left = [Region(gram(F[:, :, :2]), where)]
    assert style(F, left)[0] == pytest.approx(0, abs=1e-12)


def test_features_of_nothing_have_finite_losses():
    nothing = np.zeros((1, 6, 5, 4))
    for value, gradient in (content(features(), nothing), style(features(), [Region(gram(nothing))])):
        assert np.isfinite(value)
        assert np.isfinite(gradient).all()
    assert Variation(np.zeros((4, 4, 3)))(np.zeros((4, 4, 3)))[0] == 0
