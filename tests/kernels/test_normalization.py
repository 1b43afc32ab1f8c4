"""The kernels of batch normalisation agree with float64, with the same bits at any number of threads."""

import numpy as np
import pytest

import fovea
from fovea import functional as F
from fovea import reference
from fovea.kernels import runtime
from tests.cases import FORWARD, GRADIENT, assert_close, halide

pytestmark = halide

SHAPES = [
    (2, 1),
    (64, 120),
    (3, 5, 7, 3),
    (16, 8, 8, 16),
    (2, 7, 7, 17),
    (5, 14, 14, 24),
    (2, 7, 7, 512),
    (9, 31, 31, 64),
]


@pytest.fixture(autouse=True)
def _engine():
    with fovea.engine("halide"):
        yield


def arrays(shape):
    rng = np.random.default_rng(shape)
    return [rng.standard_normal(s, np.float32) for s in (shape, shape, shape[-1:], shape[-1:])]


@pytest.mark.parametrize("of_batch", [True, False], ids=["training", "inference"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_all_are_the_references(shape, of_batch):
    A_prev, dZ, gamma, beta = arrays(shape)
    exact = [a.astype(np.float64) for a in (A_prev, dZ, gamma, beta)]
    if of_batch:
        statistics, right = F.batch_statistics(A_prev), reference.batch_statistics(exact[0])
        for got, expected in zip(statistics, right, strict=True):
            assert_close(got, expected, FORWARD)
    else:
        statistics = beta, gamma * gamma
        right = [s.astype(np.float64) for s in statistics]
    Z, expected = (
        F.batch_norm(A_prev, *statistics, gamma, beta),
        reference.batch_norm(exact[0], *right, *exact[2:]),
    )
    assert_close(Z, expected, FORWARD)
    got = F.batch_norm_backward(dZ, A_prev, *statistics, gamma, of_batch=of_batch)
    expected = reference.batch_norm_backward(exact[1], exact[0], *right, exact[2], of_batch=of_batch)
    for ours, gradient in zip(got, expected, strict=True):
        assert np.abs(ours - gradient).max() <= GRADIENT * max(np.abs(gradient).max(), 0.01)


@pytest.mark.parametrize("shape", [(128, 16, 16, 16), (64, 40)], ids=str)
@pytest.mark.parametrize(("offset", "deviation"), [(1e4, 1.0), (-300.0, 0.01), (1e-3, 1e-6), (3e18, 1e15)])
def test_small_variance_far_from_zero_is_not_lost(shape, offset, deviation):
    rng = np.random.default_rng(1)
    A_prev = (rng.standard_normal(shape) * deviation + offset).astype(np.float32)
    mean, variance = F.batch_statistics(A_prev)
    rows = A_prev.reshape(-1, shape[-1]).astype(np.float64)
    np.testing.assert_allclose(mean, rows.mean(axis=0), rtol=3e-7)
    np.testing.assert_allclose(variance, rows.var(axis=0), rtol=1e-5)


def test_a_first_picture_that_is_like_no_other_leaves_four_digits():
    rng = np.random.default_rng(1)
    A_prev = rng.standard_normal((128, 8, 8, 16), np.float32)
    A_prev[1:] += 1e5
    rows = A_prev.reshape(-1, 16).astype(np.float64)
    mean, variance = F.batch_statistics(A_prev)
    np.testing.assert_allclose(mean, rows.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(variance, rows.var(axis=0), rtol=1e-4)


def test_a_constant_has_no_variance():
    for value in (0.0, 0.1, 1e20, -3e-30):
        mean, variance = F.batch_statistics(np.full((64, 7, 7, 16), value, np.float32))
        np.testing.assert_allclose(mean, np.float32(value), rtol=3e-7)
        assert (variance >= 0).all()
        assert (np.sqrt(variance) <= abs(value) * 1e-6).all()


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_stays_in_its_channel_and_is_seen(wrong):
    A_prev = arrays((4, 6, 6, 20))[0]
    A_prev[2, 3, 3, 7] = wrong
    mean, variance = F.batch_statistics(A_prev)
    assert np.flatnonzero(~np.isfinite(mean)).tolist() == [7]
    assert np.flatnonzero(~np.isfinite(variance)).tolist() == [7]


def test_one_thread_and_two_give_the_same_bits():
    from fovea.kernels import runtime

    A_prev, dZ, gamma, beta = arrays((37, 9, 9, 24))

    def all_of_it():
        statistics = F.batch_statistics(A_prev)
        return (
            *statistics,
            F.batch_norm(A_prev, *statistics, gamma, beta),
            *F.batch_norm_backward(dZ, A_prev, *statistics, gamma),
        )

    try:
        runtime.set_threads(1)
        one = all_of_it()
        runtime.set_threads(2)
        two = all_of_it()
    finally:
        runtime.set_threads(None)
    for a, b in zip(one, two, strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("groups", [None, 1, 4])
def test_normalising_each_picture_gives_the_same_bits_at_any_number_of_threads(groups):
    A_prev, dZ, gamma, beta = arrays((5, 19, 17, 20))
    found = []
    for threads in (1, 3):
        runtime.set_threads(threads)
        if groups is None:
            results = F.layer_norm(A_prev, gamma, beta), *F.layer_norm_backward(dZ, A_prev, gamma)
        else:
            results = (
                F.group_norm(A_prev, gamma, beta, groups),
                *F.group_norm_backward(dZ, A_prev, gamma, groups),
            )
        found.append([np.array(array) for array in results])
    runtime.set_threads(None)
    assert all(np.array_equal(one, other) for one, other in zip(*found, strict=True))


@pytest.mark.parametrize("offset", [300.0, -1e4])
def test_normalising_each_picture_loses_little_far_from_zero(offset):
    A_prev, _, gamma, beta = arrays((2, 9, 8, 24))
    A_prev += np.float32(offset)
    for name, groups in (("layer_norm", ()), ("group_norm", (3,))):
        exact = [a.astype(np.float64) for a in (A_prev, gamma, beta)]
        expected = getattr(reference, name)(*exact, *groups)
        assert_close(getattr(F, name)(A_prev, gamma, beta, *groups), expected, 1e-5)
