"""Facts about Gram matrices."""

import numpy as np
from numpy.testing import assert_allclose

from fovea import reference


def test_they_do_not_depend_on_where_things_are():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((1, 4, 5, 3))
    shuffled = rng.permutation(A.reshape(20, 3)).reshape(A.shape)
    assert_allclose(reference.gram(shuffled), reference.gram(A))


def test_they_are_symmetric_and_have_mean_squares_on_the_diagonal():
    A = np.random.default_rng(1).standard_normal((2, 4, 5, 3))
    G = reference.gram(A)
    assert_allclose(G, G.transpose(0, 2, 1))
    assert_allclose(3 * np.diagonal(G, axis1=1, axis2=2), (A**2).mean(axis=(1, 2)))


def test_the_gradient_is_the_slope():
    rng = np.random.default_rng(2)
    A, dA, dG = (rng.standard_normal(shape) for shape in ((2, 3, 4, 5), (2, 3, 4, 5), (2, 5, 5)))
    h = 1e-6
    slope = ((reference.gram(A + h * dA) - reference.gram(A - h * dA)) * dG).sum() / (2 * h)
    assert_allclose((reference.gram_backward(dG, A) * dA).sum(), slope, rtol=1e-7)
