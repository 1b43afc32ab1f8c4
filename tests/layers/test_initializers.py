import numpy as np
import pytest

from fovea.errors import ShapeError
from fovea.layers.initializers import INITIALIZERS, fans, initializer

SHAPES = [(5, 5, 16, 32), (400, 120)]


def test_fans_count_what_meets_in_a_value():
    assert fans((5, 5, 6, 16)) == (5 * 5 * 6, 5 * 5 * 16)
    assert fans((400, 120)) == (400, 120)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", INITIALIZERS)
def test_the_variance_is_the_papers(name, shape):
    fan_in, fan_out = fans(shape)
    expected = 2 / (fan_in + fan_out) if name.startswith("glorot") else 2 / fan_in
    W = initializer(name)(np.random.default_rng(0), shape)
    assert W.shape == shape
    assert W.var() == pytest.approx(expected, rel=0.05)
    assert abs(W.mean()) < 0.02 * np.sqrt(expected)
    if name.endswith("uniform"):
        assert np.abs(W).max() == pytest.approx(np.sqrt(3 * expected), rel=0.01)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", INITIALIZERS)
def test_the_same_seed_gives_the_same_weights(name, shape):
    one, other = (initializer(name)(np.random.default_rng(7), shape) for _ in "ab")
    assert np.array_equal(one, other)


@pytest.mark.parametrize("name", ["zeros", None, ["he_normal"]])
def test_an_unknown_one_is_refused_with_those_there_are(name):
    with pytest.raises(ShapeError, match=r"^Conv2D: initializer: expected he_normal or .*, got "):
        initializer(name, "Conv2D")
