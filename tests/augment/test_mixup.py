"""Mixup: shares of pictures and the same shares of labels."""

import numpy as np
import pytest

from fovea.augment.mixup import blend, mix

PICTURES = np.random.default_rng(0).integers(0, 256, (12, 3, 4, 1), np.uint8)
LABELS = np.arange(12) % 4


def test_a_whole_share_changes_nothing():
    whole = np.full(12, 256, np.uint16)
    assert np.array_equal(blend(PICTURES, PICTURES[::-1], whole), PICTURES)
    assert np.array_equal(blend(PICTURES, PICTURES[::-1], whole * 0), PICTURES[::-1])


def test_a_blend_is_the_weighted_mean():
    share = np.arange(0, 240, 20).astype(np.uint16)
    exact = (
        PICTURES * share.reshape(-1, 1, 1, 1) + PICTURES[::-1] * (256.0 - share.reshape(-1, 1, 1, 1))
    ) / 256
    assert np.abs(blend(PICTURES, PICTURES[::-1], share) - exact).max() <= 0.5
    assert (blend(PICTURES * 0 + 255, PICTURES * 0 + 255, share) == 255).all()


@pytest.mark.parametrize("alpha", [0.1, 1.0, 5.0])
def test_labels_have_the_shares_of_their_pictures(alpha):
    black, white = np.zeros((1, 2, 2, 1), np.uint8), np.full((1, 2, 2, 1), 255, np.uint8)
    pictures, labels = np.concatenate([black, white] * 20), np.array([0, 1] * 20)
    mixed, targets = mix(pictures, labels, 2, alpha, np.random.default_rng(0))
    np.testing.assert_allclose(targets.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(mixed[:, 0, 0, 0] / 255, targets[:, 1], atol=0.003)
    assert targets.dtype == np.float32


def test_the_same_class_stays_whole():
    _, targets = mix(PICTURES, LABELS * 0 + 2, 4, 1.0, np.random.default_rng(0))
    assert np.array_equal(targets, np.eye(4, dtype=np.float32)[[2] * 12])


def test_unreadable_pictures_are_mixed_with_nothing():
    labels = LABELS.copy()
    labels[5] = -1
    mixed, targets = mix(PICTURES, labels, 4, 1.0, np.random.default_rng(0))
    assert not targets[5].any()
    assert np.array_equal(mixed[4], PICTURES[4])  # the one whose partner it is
    assert np.array_equal(targets[4], np.eye(4)[LABELS[4]])
    assert np.array_equal(mixed[5], PICTURES[5])
    assert not np.array_equal(mixed[6], PICTURES[6])


def test_a_batch_of_one_has_no_partner_but_itself():
    mixed, targets = mix(PICTURES[:1], LABELS[:1], 4, 0.2, np.random.default_rng(0))
    assert np.array_equal(mixed, PICTURES[:1])
    assert np.array_equal(targets, [[1, 0, 0, 0]])
