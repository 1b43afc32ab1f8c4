"""The reference's optimizer updates."""

import numpy as np
import pytest

from fovea.reference import adam, sgd

ADAM = {"rate": 0.1, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.0}


def test_sgd_walks_down_the_gradient():
    w, velocity = np.array([1.0, 2.0]), np.zeros(2)
    sgd(w, np.array([10.0, -10.0]), velocity, rate=0.1, momentum=0.0, weight_decay=0.0)
    np.testing.assert_allclose(w, [0, 3])


def test_momentum_adds_up_to_the_sum_of_its_geometric_series():
    w, velocity = np.zeros(1), np.zeros(1)
    for _ in range(400):
        sgd(w, np.ones(1), velocity, rate=0.0, momentum=0.9, weight_decay=0.0)
    assert velocity[0] == pytest.approx(1 / (1 - 0.9))


def test_weight_decay_alone_shrinks_the_weights():
    w, velocity = np.array([4.0]), np.zeros(1)
    sgd(w, np.zeros(1), velocity, rate=0.5, momentum=0.0, weight_decay=0.1)
    assert w[0] == pytest.approx(4 * (1 - 0.5 * 0.1))


def test_adams_first_step_is_the_rate_whatever_the_gradients_size():
    w, m, v = np.zeros(3), np.zeros(3), np.zeros(3)
    adam(w, np.array([1e-3, 1.0, -1e3]), m, v, step=1, **ADAM)
    np.testing.assert_allclose(w, [-0.1, -0.1, 0.1], rtol=1e-4)


def test_adam_of_a_constant_gradient_keeps_to_the_rate():
    w, m, v = np.zeros(1), np.zeros(1), np.zeros(1)
    for step in range(1, 11):
        adam(w, np.ones(1), m, v, step=step, **ADAM)
    assert w[0] == pytest.approx(-1.0, rel=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_updates_are_in_place_keep_the_type_and_leave_the_gradient(dtype):
    w, dw, m, v = (np.full(5, value, dtype) for value in (1, 2, 0, 0))
    sgd(w, dw, m, rate=0.1, momentum=0.9, weight_decay=0.1)
    adam(w, dw, m, v, step=3, **ADAM)
    assert {array.dtype for array in (w, m, v)} == {np.dtype(dtype)}
    assert (w < 1).all()
    assert (dw == 2).all()
