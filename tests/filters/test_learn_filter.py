"""Gradient descent finds the filter behind filtered pictures; what it cannot know it says."""

from itertools import pairwise

import numpy as np
import pytest

import fovea
from fovea import engine, functional
from fovea.losses import mean_squared_error
from tests.cases import ENGINES
from tests.scenes import scene

SOBEL = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32)[:, :, None, None]
UNKNOWN = np.nan


def filtered(W: np.ndarray, count: int = 2, channels: int = 1, b: float = 0.0):
    pictures = [scene(seed, channels=channels).astype(np.float32) / 255 for seed in range(count)]
    return pictures, [functional.conv2d(picture[None], W, None)[0] + np.float32(b) for picture in pictures]


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("seed", [0, 1])
def test_sobels_nine_numbers_come_out_to_three_decimals(name, seed):
    with engine.use(name):
        learned = fovea.learn_filter(*filtered(SOBEL), seed=seed)
    assert np.abs(learned.W - SOBEL).max() < 5e-4
    assert np.abs(learned.b).max() < 5e-4
    assert learned.rests
    assert len(learned.losses) < 500
    assert learned.losses[-1] < 1e-9 < learned.losses[0]


def test_the_loss_hardly_ever_rises():
    with engine.use("reference"):
        losses = fovea.learn_filter(*filtered(SOBEL)).losses
    assert sum(b > a for a, b in pairwise(losses)) < len(losses) / 10
    assert max(losses) < 2 * losses[0]


@pytest.mark.parametrize("name", ENGINES)
def test_filters_of_volumes_are_as_deep_as_the_picture_and_stacked(name):
    W = np.random.default_rng(5).standard_normal((3, 3, 3, 2)).astype(np.float32)
    with engine.use(name):
        learned = fovea.learn_filter(*filtered(W, channels=3, b=0.25))
    assert np.abs(learned.W - W).max() < 5e-3
    assert learned.b == pytest.approx([0.25, 0.25], abs=1e-3)


def test_a_target_may_have_its_border_which_is_not_looked_at():
    with engine.use("reference"):
        pictures, inner = filtered(SOBEL)
        framed = [np.pad(target, ((1, 1), (1, 1), (0, 0)), constant_values=9) for target in inner]
        one, other = (fovea.learn_filter(pictures, targets) for targets in (inner, framed))
    assert np.array_equal(one.W, other.W)


def test_what_is_unknown_in_a_target_is_left_out():
    with engine.use("reference"):
        pictures, targets = filtered(SOBEL)
        cut = [np.where(abs(target) > 0.5, UNKNOWN, target) for target in targets]
        assert np.isnan(cut[0]).any()
        learned = fovea.learn_filter(pictures, cut)
        clipped = fovea.learn_filter(pictures, [target.clip(-0.5, 0.5) for target in targets])
    assert np.abs(learned.W - SOBEL).max() < 5e-4 < np.abs(clipped.W - SOBEL).max()


def test_more_filters_than_targets_begin_apart_and_end_alike():
    starts = []
    with engine.use("reference"):
        learned = fovea.learn_filter(
            *filtered(SOBEL), filters=3, progress=lambda step, loss, W: starts.append(W)
        )
    assert np.abs(learned.W - SOBEL).max() < 5e-4
    assert np.abs(starts[0][..., 0] - starts[0][..., 1]).max() > 0.1


def test_the_same_seed_gives_the_same_bits_and_steps_are_told():
    told = []
    with engine.use("reference"):
        a = fovea.learn_filter(*filtered(SOBEL), steps=20, progress=lambda *now: told.append(now))
        b = fovea.learn_filter(*filtered(SOBEL), steps=20)
    assert np.array_equal(a.W, b.W)
    assert not a.rests
    assert [step for step, _, _ in told] == list(range(20))
    assert [loss for _, loss, _ in told] == a.losses


def picture(side: int = 40, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(0).random((side, side, channels)).astype(np.float32)


@pytest.mark.parametrize(
    ("pictures", "targets", "more", "words"),
    [
        ([], [], {}, "expected pictures, and a target for each, got 0 and 0"),
        ([picture()], [], {}, "got 1 and 0"),
        ([picture()], [picture()], {"size": 4}, "size: expected an odd number from 1 to 31, got 4"),
        ([picture()], [picture()], {"size": 33}, "an odd number from 1 to 31"),
        ([picture()], [picture()], {"size": 2.5}, "a whole number"),
        ([picture()], [picture(39)], {}, "target of 40×40 pixels like the picture's, or of 38×38, got 39×39"),
        ([picture(5)], [picture(5)], {"size": 5}, "at least 6×6 pixels for a filter of 5×5, got 5×5"),
        ([picture()[..., 0]], [picture()], {}, r"pictures \(H, W, C\)"),
        ([picture(), picture(40, 3)], [picture()] * 2, {}, "all of the same channels"),
        ([picture()], [picture(40, 2)], {"filters": 1}, "expected a whole number of at least 2, got 1"),
        ([picture() * 0], [picture()], {}, "flat pictures and targets"),
        ([picture()], [picture() * np.nan], {}, "flat pictures and targets"),
        ([picture() + np.inf], [picture()], {}, "pictures of finite numbers"),
    ],
)  # fmt: skip
def test_bad_input_has_one_sentence(pictures, targets, more, words):
    with engine.use("reference"), pytest.raises(fovea.FoveaError, match=words):
        fovea.learn_filter(pictures, targets, **more)


def test_the_squared_errors_gradient_is_that_of_differences():
    rng = np.random.default_rng(0)
    Z, T, R = rng.standard_normal((3, 2, 4, 5))
    T[0, 1] = UNKNOWN
    _, dZ = mean_squared_error(Z, T)
    h = 1e-6
    slope = (mean_squared_error(Z + h * R, T)[0] - mean_squared_error(Z - h * R, T)[0]) / (2 * h)
    assert (dZ * R).sum() == pytest.approx(slope, rel=1e-8)
    assert not dZ[0, 1].any()
    assert mean_squared_error(Z, Z)[0] == 0
