"""The reference's affine maps of pictures."""

import numpy as np
import pytest

from fovea.reference import warp

IDENTITY = np.array([[1, 0, 0], [0, 1, 0]], np.float32)


@pytest.fixture
def pictures():
    return np.random.default_rng(0).integers(0, 256, (3, 5, 7, 2), np.uint8)


def maps(matrix, N=3):
    return np.repeat(np.asarray(matrix, np.float32)[np.newaxis], N, axis=0)


@pytest.mark.parametrize("shift", [(0, 0), (2, 3), (-9, 20), (1000, -1000)])
def test_what_lies_outside_may_be_the_mirror_image(pictures, shift):
    out = warp(pictures, maps([[1, 0, shift[0]], [0, 1, shift[1]]]), (5, 7), mode="reflect")
    wide = np.pad(pictures, ((0, 0), (1000, 1005), (1000, 1007), (0, 0)), mode="symmetric")
    y, x = 1000 + shift[1], 1000 + shift[0]
    assert np.array_equal(out, wide[:, y : y + 5, x : x + 7])


def test_the_mirror_image_has_no_seam():
    level = np.full((1, 4, 4, 1), 200, np.uint8)
    M = np.random.default_rng(0).uniform(-9, 9, (1, 2, 3)).astype(np.float32)
    assert (warp(level, M, (6, 6), mode="reflect") == 200).all()


def test_the_identity_changes_nothing(pictures):
    assert np.array_equal(warp(pictures, maps(IDENTITY), (5, 7)), pictures)


def test_a_shift_shows_another_part_and_black_beside_it(pictures):
    moved = warp(pictures, maps([[1, 0, 2], [0, 1, -1]]), (5, 7))
    assert np.array_equal(moved[:, 1:, :5], pictures[:, :4, 2:])
    assert not moved[:, 0].any()
    assert not moved[:, :, 5:].any()


def test_a_mirror_and_a_quarter_turn_are_exact(pictures):
    mirrored = warp(pictures, maps([[-1, 0, 6], [0, 1, 0]]), (5, 7))
    assert np.array_equal(mirrored, pictures[:, :, ::-1])
    turned = warp(pictures, maps([[0, 1, 0], [-1, 0, 4]]), (7, 5))
    assert np.array_equal(turned, np.rot90(pictures, -1, axes=(1, 2)))


def test_a_larger_output_and_a_crop(pictures):
    larger = warp(pictures, maps(IDENTITY), (6, 9))
    assert np.array_equal(larger[:, :5, :7], pictures)
    assert not larger[:, 5:].any()
    assert np.array_equal(warp(pictures, maps([[1, 0, 1], [0, 1, 2]]), (2, 3)), pictures[:, 2:4, 1:4])


def test_each_picture_has_its_own_map(pictures):
    matrices = maps(IDENTITY)
    matrices[1, 0, 2] = 100
    out = warp(pictures, matrices, (5, 7))
    assert np.array_equal(out[[0, 2]], pictures[[0, 2]])
    assert not out[1].any()


def test_between_two_pixels_lies_their_mean_and_a_half_rounds_up():
    picture = np.array([10, 13, 13], np.uint8).reshape(1, 1, 3, 1)
    out = warp(picture, maps([[1, 0, 0.5], [0, 1, 0]], 1), (1, 3))
    assert out.ravel().tolist() == [12, 13, 7]  # 11.5, 13 and 6.5, half of the last against black


def test_a_turn_there_and_back_keeps_a_smooth_picture():
    y, x = np.mgrid[:32, :32]
    picture = (120 + 60 * np.sin(x / 5) + 60 * np.cos(y / 6)).astype(np.uint8).reshape(1, 32, 32, 1)
    cos, sin, c = np.cos(0.3), np.sin(0.3), 15.5
    there = [[cos, -sin, c - cos * c + sin * c], [sin, cos, c - sin * c - cos * c]]
    back = [[cos, sin, c - cos * c - sin * c], [-sin, cos, c + sin * c - cos * c]]
    again = warp(warp(picture, maps(there, 1), (32, 32)), maps(back, 1), (32, 32))
    middle = (0, slice(8, 24), slice(8, 24), 0)
    assert np.abs(again[middle].astype(int) - picture[middle]).max() <= 3


def test_places_beyond_all_numbers_are_black(pictures):
    matrices = maps([[3e38, 0, 0], [0, 1, 0]])
    out = warp(pictures, matrices, (5, 7))
    assert np.array_equal(out[:, :, 0], pictures[:, :, 0])
    assert not out[:, :, 1:].any()
