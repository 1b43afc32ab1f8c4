"""The reference's maps of colours."""

import numpy as np

from fovea.reference import recolour

PICTURES = np.random.default_rng(0).integers(0, 256, (3, 5, 7, 3), np.uint8)


def maps(matrix):
    return np.repeat(np.asarray(matrix, np.float32)[np.newaxis], len(PICTURES), axis=0)


def test_the_identity_changes_nothing():
    assert np.array_equal(recolour(PICTURES, maps(np.eye(3, 4))), PICTURES)


def test_channels_can_be_swapped_and_inverted():
    swapped = recolour(PICTURES, maps([[0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0]]))
    assert np.array_equal(swapped, PICTURES[..., ::-1])
    inverted = recolour(PICTURES, maps(np.concatenate([-np.eye(3), np.full((3, 1), 255)], axis=1)))
    assert np.array_equal(inverted, 255 - PICTURES)


def test_what_is_beyond_black_and_white_is_cut_off():
    assert (recolour(PICTURES, maps(np.full((3, 4), 300))) == 255).all()
    assert (recolour(PICTURES, maps(np.full((3, 4), -300))) == 0).all()
