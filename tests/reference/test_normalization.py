"""Facts about batch normalisation, and PyTorch's numbers in float64."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fovea import reference
from tests.cases import assert_close, drawn

shapes = st.one_of(
    st.tuples(st.integers(2, 9), st.integers(1, 20)),
    st.tuples(st.integers(2, 4), st.integers(1, 6), st.integers(1, 6), st.integers(1, 20)),
)


def arrays(shape, seed=0, offset=0.0):
    rng = np.random.default_rng([seed, *shape])
    A_prev, dZ = rng.standard_normal((2, *shape))
    gamma, beta, mean, variance = rng.standard_normal((4, shape[-1]))
    return A_prev + offset, dZ, gamma, beta, mean, np.abs(variance) + 0.1


@given(shapes, st.booleans())
@drawn
def test_it_is_pytorchs(shape, training):
    pytest.importorskip("torch")
    from tests import peers

    A_prev, dZ, gamma, beta, mean, variance = arrays(shape)
    theirs = peers.batch_norm(A_prev, dZ, gamma, beta, mean, variance, 1e-5, 0.1, training)
    if training:
        mean, variance = reference.batch_statistics(A_prev)
    Z = reference.batch_norm(A_prev, mean, variance, gamma, beta)
    gradients = reference.batch_norm_backward(dZ, A_prev, mean, variance, gamma, of_batch=training)
    for ours, other in zip((Z, *gradients), theirs[:4], strict=True):
        assert np.abs(ours - other).max() <= 1e-9 * max(np.abs(other).max(), 1)  # small where all cancels


@given(shapes)
@drawn
def test_afterwards_every_channel_has_beta_and_gamma_as_mean_and_deviation(shape):
    A_prev, _, gamma, beta, _, _ = arrays(shape)
    statistics = reference.batch_statistics(A_prev)
    Z = reference.batch_norm(A_prev, *statistics, gamma, beta, epsilon=1e-12)
    rows = Z.reshape(-1, shape[-1])
    assert_close(rows.mean(axis=0), beta, 1e-9)
    assert_close(rows.std(axis=0), np.abs(gamma), 1e-6)


def test_neither_scale_nor_shift_of_the_input_matters():
    A_prev, dZ, gamma, beta, _, _ = arrays((4, 5, 6, 3))

    def both(A_prev):
        statistics = reference.batch_statistics(A_prev)
        Z = reference.batch_norm(A_prev, *statistics, gamma, beta, epsilon=1e-15)
        return Z, reference.batch_norm_backward(dZ, A_prev, *statistics, gamma, epsilon=1e-15)[0]

    (Z, dA), (Z_moved, dA_moved) = both(A_prev), both(7 * A_prev + 3)
    assert_close(Z_moved, Z, 1e-12)
    assert_close(7 * dA_moved, dA, 1e-12)


def test_so_the_gradient_has_no_part_along_either():
    A_prev, dZ, gamma, _, _, _ = arrays((4, 5, 6, 3))
    mean, variance = reference.batch_statistics(A_prev)
    dA_prev, _, _ = reference.batch_norm_backward(dZ, A_prev, mean, variance, gamma, epsilon=1e-15)
    assert np.abs(dA_prev.sum(axis=(0, 1, 2))).max() < 1e-12
    assert np.abs((dA_prev * (A_prev - mean)).sum(axis=(0, 1, 2))).max() < 1e-11


def test_a_constant_channel_becomes_beta():
    A_prev = np.full((3, 4, 4, 2), 5.0, np.float32)
    gamma, beta = np.array([2, 3], np.float32), np.array([-1, 4], np.float32)
    Z = reference.batch_norm(A_prev, *reference.batch_statistics(A_prev), gamma, beta)
    assert (beta == Z).all()


def test_the_same_numbers_as_pixels_or_as_pictures_have_the_same_statistics():
    A_prev = arrays((4, 5, 6, 3))[0]
    for one, other in zip(
        reference.batch_statistics(A_prev), reference.batch_statistics(A_prev.reshape(-1, 3)), strict=True
    ):
        assert np.array_equal(one, other)
