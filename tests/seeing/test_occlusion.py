import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fovea import Network, engine, seeing
from fovea.errors import ShapeError
from fovea.layers import Dense, Flatten
from tests.cases import ENGINES, drawn


def looks_at(*pixels, shape=(12, 10, 1)):
    """Two classes; the first is likelier the brighter these pixels are."""
    network = Network([Flatten(), Dense(2)], shape)
    W = network.parameters["dense1.W"]
    W[...] = 0
    W.reshape(*shape, 2)[*np.array(pixels).T, :, 0] = 3
    return network


BRIGHT = np.ones((12, 10, 1), np.float32)


@pytest.mark.parametrize("name", ENGINES)
def test_the_answer_falls_where_the_object_is_and_nowhere_else(name):
    with engine.use(name):
        D = seeing.occlusion(looks_at((3, 4)), BRIGHT, 0, patch=1, stride=1)
    assert D.shape == (12, 10)
    expected = np.zeros((12, 10))
    expected[3, 4] = 1 / (1 + np.exp(-3)) - 1 / 2
    np.testing.assert_allclose(D, expected, atol=1e-6)


def test_the_other_class_gains_what_one_loses():
    one, other = (seeing.occlusion(looks_at((3, 4)), BRIGHT, c, patch=(3, 2), stride=2) for c in (0, 1))
    np.testing.assert_allclose(one, -other, atol=1e-6)
    assert one[3, 4] > 0


def test_larger_patches_blur_the_loss_around_the_object():
    D = seeing.occlusion(looks_at((6, 5)), BRIGHT, 0, patch=3, stride=1)
    assert np.unravel_index(D.argmax(), D.shape) == (6, 5)
    assert np.argwhere(D > 1e-6).min(axis=0).tolist() == [4, 3]
    assert np.argwhere(D > 1e-6).max(axis=0).tolist() == [8, 7]


def by_the_formula(network, picture, number, patch, stride):
    """(1), with a loop over the patches."""
    (H, W, _), (f_H, f_W), (s_H, s_W) = picture.shape, patch, stride
    total, count = np.zeros((H, W)), np.zeros((H, W))
    for i in sorted({*range(0, H - f_H + 1, s_H), H - f_H}):
        for j in sorted({*range(0, W - f_W + 1, s_W), W - f_W}):
            copy = picture.copy()
            copy[i : i + f_H, j : j + f_W] = 0
            total[i : i + f_H, j : j + f_W] += network.predict(copy)[0, number]
            count[i : i + f_H, j : j + f_W] += 1
    with np.errstate(invalid="ignore"):
        return network.predict(picture)[0, number] - total / count


@given(*(st.tuples(st.integers(1, most), st.integers(1, most)) for most in (6, 7)), st.integers(1, 9))
@drawn
def test_any_patch_and_stride_follow_the_formula(patch, stride, batch_size):
    network, rng = Network([Flatten(), Dense(3)], (9, 6, 2), seed=1), np.random.default_rng(0)
    picture = rng.standard_normal((9, 6, 2)).astype(np.float32)
    with engine.use("reference"):
        D = seeing.occlusion(network, picture, 2, patch=patch, stride=stride, batch_size=batch_size)
        expected = by_the_formula(network, picture, 2, patch, stride)
    np.testing.assert_allclose(D, expected, atol=1e-6)  # NaN in the same places
    if stride[0] <= patch[0] and stride[1] <= patch[1]:
        assert np.isfinite(D).all()


def test_progress_counts_patches():
    heard = []
    seeing.occlusion(
        looks_at((0, 0)), BRIGHT, patch=6, stride=3, batch_size=4, progress=lambda *n: heard.append(n)
    )
    assert heard == [(4, 9), (8, 9), (9, 9)]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"patch": 11}, "patch: expected at most 12×10, the picture, got 11×11"),
        ({"patch": 0}, "patch: expected one or two whole numbers of at least 1"),
        ({"stride": 0}, "stride"),
        ({"batch_size": 0}, "batch_size"),
        ({"class_index": 2}, "class_index"),
    ],
)
def test_wrong_arguments_are_refused(options, words):
    with pytest.raises(ShapeError, match=words):
        seeing.occlusion(looks_at((0, 0)), BRIGHT, **options)
