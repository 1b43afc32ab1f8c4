"""L-BFGS finds minima: in few steps, whatever the scale, and to the same bits each time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from fovea.optimizers.lbfgs import Descent, minimise


def rosenbrock(x):
    a, b = x[:-1], x[1:]
    g = np.zeros_like(x)
    g[:-1] = -400 * a * (b - a * a) - 2 * (1 - a)
    g[1:] += 200 * (b - a * a)
    return float((100 * (b - a * a) ** 2 + (1 - a) ** 2).sum()), g


@pytest.mark.parametrize("n", [2, 10, 100])
def test_rosenbrocks_valley_leads_to_ones(n):
    found = minimise(rosenbrock, np.full(n, -1.2), steps=2000, tolerance=1e-8)
    assert found.converged
    assert_allclose(found.x, 1, atol=1e-6)
    assert found.evaluations < 3 * found.steps + 20


@given(st.integers(0, 10**6), st.floats(1e-3, 1e3))
def test_a_quadratic_is_solved_as_by_linear_algebra(seed, scale):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((12, 8))
    A, b = scale * (A.T @ A + np.eye(8)), scale * rng.standard_normal(8)
    found = minimise(lambda x: (0.5 * x @ A @ x - b @ x, A @ x - b), np.zeros(8), tolerance=1e-7 * scale)
    assert found.converged
    assert_allclose(found.x, np.linalg.solve(A, b), atol=1e-5)


def test_float32_ends_where_its_precision_does():
    A = np.random.default_rng(0).standard_normal((20, 10)).astype(np.float32)
    A, b = A.T @ A, A[0]

    def function(x):
        return float(0.5 * x @ A @ x - b @ x), A @ x - b

    found = minimise(function, np.zeros(10, np.float32), steps=500, tolerance=0.0)
    assert found.x.dtype == np.float32
    assert found.steps < 500
    assert_allclose(A @ found.x, b, atol=1e-3)


def test_a_minimum_is_left_as_it_is():
    found = minimise(rosenbrock, np.ones(3))
    assert (found.steps, found.evaluations, found.converged) == (0, 1, True)


def test_values_that_are_no_numbers_are_stepped_back_from():
    def logarithm(x):
        if (x <= 0).any():
            return float("nan"), np.full_like(x, np.nan)
        return float((x - np.log(x)).sum()), 1 - 1 / x

    found = minimise(logarithm, np.array([0.01, 50.0]), tolerance=1e-8)
    assert found.converged
    assert_allclose(found.x, 1, atol=1e-6)


def test_a_function_without_a_minimum_ends_after_its_steps():
    found = minimise(lambda x: (float(-x.sum()), -np.ones_like(x)), np.zeros(3), steps=5)
    assert (found.steps, found.converged) == (5, False)


def test_the_same_function_gives_the_same_bits_and_its_values_fall():
    values = []
    first = minimise(rosenbrock, np.full(6, -1.2), progress=lambda step, x, value: values.append(value))
    assert_array_equal(first.x, minimise(rosenbrock, np.full(6, -1.2)).x)
    assert len(values) == first.steps
    assert values == sorted(values, reverse=True)


def test_a_saved_descent_resumes_to_the_same_bits():
    whole = Descent(rosenbrock, np.full(6, -1.2), memory=4)
    for _ in range(9):
        assert whole.step()
    state = whole.state()
    for _ in range(9):
        assert whole.step()
    resumed = Descent.resume(rosenbrock, state, memory=4)
    assert resumed.steps == 9
    for _ in range(9):
        assert resumed.step()
    assert_array_equal(resumed.x, whole.x)
    assert (resumed.value, resumed.steps, resumed.evaluations) == (
        whole.value,
        whole.steps,
        whole.evaluations,
    )


def test_a_descent_from_a_minimum_takes_no_step():
    descent = Descent(lambda x: (0.0, np.zeros_like(x)), np.ones(3))
    assert not descent.step()
    assert (descent.steps, descent.evaluations) == (0, 1)
