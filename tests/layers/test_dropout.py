import numpy as np
import pytest

from fovea.errors import ShapeError
from fovea.layers import Dropout

ONES = np.ones((50, 400), np.float32)


def test_it_does_nothing_in_prediction():
    Z, cache = Dropout(0.5).forward(ONES)
    assert np.array_equal(Z, ONES)
    assert np.array_equal(Dropout(0.5).backward(ONES, cache)[0], ONES)


def test_in_training_a_part_of_the_values_is_zero_and_the_mean_stays():
    Z, _ = Dropout(0.2).forward(ONES, training=True, rng=np.random.default_rng(0))
    assert (Z == 0).mean() == pytest.approx(0.2, abs=0.01)
    assert Z.mean() == pytest.approx(1, abs=0.02)
    assert np.unique(Z).tolist() == [0, 1.25]


def test_what_was_left_out_gets_no_gradient():
    layer = Dropout(0.5)
    Z, cache = layer.forward(ONES, training=True, rng=np.random.default_rng(0))
    assert np.array_equal(layer.backward(ONES, cache)[0], Z)


def test_the_same_generator_leaves_out_the_same_values():
    one, other = (Dropout(0.5).forward(ONES, training=True, rng=np.random.default_rng(3))[0] for _ in "ab")
    assert np.array_equal(one, other)


def test_training_without_a_generator_is_refused():
    with pytest.raises(ShapeError, match=r"^Dropout: expected an rng in training, got None: pass rng="):
        Dropout(0.5).forward(ONES, training=True)


@pytest.mark.parametrize("rate", [1, -0.1, float("nan"), "half", None])
def test_a_rate_outside_0_to_1_is_refused(rate):
    with pytest.raises(ShapeError, match=r"^Dropout: rate: expected a number from 0 to below 1"):
        Dropout(rate)
