"""Masks: the photograph's bits where they are black, the styles' shares elsewhere; every mistake is named."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

import fovea
from fovea.errors import DataError, FoveaError
from fovea.style import Options, Painter, Style, Transfer, masks, transfer
from fovea.style.masks import Masks

QUICK = {"size": 48, "network": "squeezenet", "evaluations": (3, 3)}


@pytest.fixture(autouse=True)
def reference():
    with fovea.engine("reference"):
        yield


def scene(height=36, width=48, seed=0):
    rng = np.random.default_rng(seed)
    return np.repeat(np.repeat(rng.integers(0, 256, (height // 4, width // 4, 3), np.uint8), 4, 0), 4, 1)


def left(width=20, shape=(36, 48)):
    mask = np.zeros(shape, np.uint8)
    mask[:, :width] = 255
    return mask


class TestAreas:
    def test_without_masks_one_area_is_the_whole_picture(self):
        areas = Masks([None, None], [0.25, 0.75], (4, 6)).at((4, 6))
        assert areas.shares == [{0: 0.25, 1: 0.75}]
        assert areas.weights == [None]
        assert areas.coverage is None

    def test_styles_of_one_mask_are_mixed(self):
        grey = np.full((4, 6), 0.5)
        areas = Masks([grey, None, grey.copy()], [0.25, 0.5, 0.25], (4, 6)).at((4, 6))
        assert areas.shares == [{0: 0.5, 2: 0.5}, {1: 1}]
        assert_allclose(areas.coverage, 1)
        assert_allclose(areas.weights[0], 1 / 3)

    def test_a_mask_and_its_inverse_leave_no_seam(self):
        slope = np.tile(np.linspace(0, 1, 6), (4, 1))
        areas = Masks([slope, 1 - slope], [0.5, 0.5], (4, 6)).at((4, 6))
        assert_allclose(areas.coverage, 1, rtol=1e-6)
        assert_allclose(areas.weights[0], slope, atol=1e-6)

    def test_where_masks_overlap_shares_decide(self):
        areas = Masks([np.ones((4, 6)), left(3, (4, 6))], [0.75, 0.25], (4, 6)).at((4, 6))
        assert_allclose(areas.weights[1], np.where(left(3, (4, 6)), 0.25, 0))

    def test_smaller_areas_are_means(self):
        areas = Masks([left(3, (4, 6))], [1], (4, 6)).at((2, 3))
        assert_allclose(areas.coverage, [[1, 0.5, 0]] * 2)
        assert_allclose(areas.weights[0], [[1, 1, 0]] * 2)

    def test_a_style_without_a_share_paints_nothing(self):
        areas = Masks([left(), None], [1, 0], (36, 48)).at((36, 48))
        assert areas.shares == [{0: 1}]
        assert_array_equal(areas.painted, left() > 0)

    def test_grey_is_the_opacity_of_the_painting(self):
        photo, painting = scene(), scene(seed=1)
        areas = Masks([np.full((36, 48), 0.25)], [1], photo.shape).at((36, 48))
        expected = 0.75 * photo + 0.25 * painting.astype(float)
        assert_allclose(areas.blended(photo, [painting]), expected, atol=0.51)


@pytest.mark.parametrize("start", ["photo", "noise"])
@pytest.mark.parametrize("colours", ["style", "photo"])
def test_a_painting_keeps_the_photograph_s_bits_outside_of_its_masks(start, colours):
    painting = transfer(scene(), Style(scene(40, 40, 1), mask=left()), start=start, colours=colours, **QUICK)
    assert_array_equal(painting[:, 20:], scene()[:, 20:])
    assert (painting[:, :20] != scene()[:, :20]).mean() > 0.5


def test_a_painting_at_another_size_keeps_the_photograph_outside():
    how = QUICK | {"size": 32}
    one, other = (
        transfer(scene(), Style(scene(40, 40, seed), mask=left()), **how)[:, 14:] for seed in (1, 2)
    )
    assert_array_equal(one, other)


def test_a_white_mask_changes_no_bit():
    white = np.full((36, 48), 255, np.uint8)
    whole = transfer(scene(), scene(40, 40, 1), **QUICK)
    assert_array_equal(transfer(scene(), Style(scene(40, 40, 1), mask=white), **QUICK), whole)


def test_each_style_is_painted_in_its_own_mask():
    rng = np.random.default_rng(0)
    texture = np.repeat(rng.integers(0, 60, (40, 40, 1), np.uint8), 3, 2)
    red, blue = (np.array(colour, np.uint8) + texture for colour in ((110, 10, 10), (10, 10, 110)))
    both = [Style(red, mask=left(24)), Style(blue, mask=255 - left(24))]
    grey = rng.integers(60, 200, (36, 48, 1), np.uint8)
    painting = transfer(grey, both, strength=1, **QUICK | {"evaluations": (20,)}).astype(int)
    warm = painting[..., 0] - painting[..., 2]
    assert warm[:, :20].mean() > 20
    assert warm[:, 28:].mean() < -20


def test_a_masked_transfer_resumes_to_the_same_bits():
    def made():
        both = [Style(scene(40, 40, 1), mask=left()), Style(scene(40, 40, 2), mask=left(30))]
        return Transfer(scene(), both, Options(**QUICK))

    whole, states = made(), []
    for _ in whole.steps():
        states.append({name: array.copy() for name, array in whole.state().items()})
    for state in states:
        resumed = made()
        resumed.resume(state)
        for _ in resumed.steps():
            pass
        assert_array_equal(resumed.painting(), whole.painting())


def test_a_state_belongs_to_its_masks():
    def digest(*given):
        return Transfer(scene(), [Style(scene(seed=k), mask=mask) for k, mask in enumerate(given)]).digest

    found = {digest(None, None), digest(left(), None), digest(None, left()), digest(left(), left(10))}
    assert len(found) == 4


class TestInOnePass:
    def test_masks_blend_a_painting_per_area(self):
        photo, painter = scene(), Painter()
        painting = painter.paint(photo, [Style(3, mask=left()), Style(7, mask=255 - left(30))])
        assert_array_equal(painting[:, :20], painter.paint(photo, 3)[:, :20])
        assert_array_equal(painting[:, 20:30], photo[:, 20:30])
        assert_array_equal(painting[:, 30:], painter.paint(photo, 7)[:, 30:])

    def test_several_styles_of_one_mask_are_a_mixture(self):
        photo, painter = scene(), Painter()
        painting = painter.paint(photo, [Style(3, 1, left()), Style(7, 3, left())])
        assert_array_equal(painting[:, :20], painter.paint(photo, {3: 0.25, 7: 0.75})[:, :20])
        assert_array_equal(painting[:, 20:], photo[:, 20:])

    def test_pictures_are_mixed_too(self):
        photo, painter, one, other = scene(), Painter("arbitrary"), scene(40, 40, 1), scene(40, 40, 2)
        assert_array_equal(painter.paint(photo, [Style(one), Style(other, 0)]), painter.paint(photo, one))
        mixed = painter.paint(photo, [Style(one), Style(other)])
        assert (mixed != painter.paint(photo, one)).any()
        assert_array_equal(mixed, painter.paint(photo, [Style(other), Style(one)]))


class TestFiles:
    grey = np.array([[0, 128, 255]] * 2, np.uint8)

    def read(self, path, image):
        image.save(path / "mask.png")
        return masks.read(path / "mask.png")

    @pytest.mark.parametrize("mode", ["L", "RGB", "P", "LA", "RGBA", "I;16"])
    def test_grey_values_are_read_whatever_their_form(self, tmp_path, mode):
        image = Image.fromarray(self.grey)
        if mode == "I;16":
            image = Image.fromarray(self.grey.astype(np.uint16) * 257)
        assert_array_equal(self.read(tmp_path, image if mode == "I;16" else image.convert(mode)), self.grey)

    def test_one_bit(self, tmp_path):
        image = Image.fromarray(self.grey).convert("1", dither=Image.Dither.NONE)
        assert_array_equal(self.read(tmp_path, image)[0, ::2], [0, 255])

    @pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (200, 30, 30)])
    def test_of_one_colour_on_a_transparent_ground_the_opacity_counts(self, tmp_path, colour):
        pixels = np.dstack([np.full((2, 3, 3), colour, np.uint8), self.grey])
        assert_array_equal(self.read(tmp_path, Image.fromarray(pixels)), self.grey)
        pixels[:, 0, :3] = 77  # a colour that nobody sees
        assert_array_equal(self.read(tmp_path, Image.fromarray(pixels)), self.grey)

    def test_transparent_pixels_of_a_grey_mask_are_not_painted(self, tmp_path):
        opacity = np.array([[255, 255, 0]] * 2, np.uint8)
        found = self.read(tmp_path, Image.fromarray(np.dstack([self.grey] * 3 + [opacity])))
        assert_array_equal(found, [[0, 128, 0]] * 2)

    def test_a_mask_is_turned_as_its_exif_says(self, tmp_path):
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.fromarray(self.grey).save(tmp_path / "mask.png", exif=exif)
        assert_array_equal(masks.read(tmp_path / "mask.png"), np.rot90(self.grey, -1))

    @pytest.mark.parametrize("value", [0, 1])
    def test_a_mask_without_white_is_named(self, tmp_path, value):
        with pytest.raises(
            DataError, match=f"white, 255, where to paint, got a mask without a value above {value}"
        ):
            self.read(tmp_path, Image.fromarray(np.full((2, 3), value, np.uint8)))


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (
            left(5, (48, 36)),
            "style: expected a mask of 48×36 pixels, got 36×48 pixels: make the mask as large",
        ),
        (np.zeros((36, 48)), "style: expected a mask that is above 0 where to paint, got 0 everywhere"),
        (np.full((36, 48), 2.0), "style: expected a mask of numbers from 0 to 1, got 2.0 to 2.0"),
        (np.full((36, 48), np.nan), "style: expected a mask of numbers from 0 to 1, got nan to nan"),
        (scene(), "style: expected a mask, uint8, bool or float (H, W), got uint8 (36, 48, 3)"),
        (np.ones((36, 48), int), "style: expected a mask, uint8, bool or float (H, W), got int64 (36, 48)"),
        ("mask.png", "style: expected a mask, uint8, bool or float (H, W), got str"),
    ],
)
def test_masks_that_do_not_fit(mask, message):
    with pytest.raises(FoveaError, match=f"^{re.escape(message)}"):
        Transfer(scene(), Style(scene(), mask=mask))
    with pytest.raises(FoveaError, match=re.escape(message.removeprefix("style: "))):
        Painter().paint(scene(), [Style(3), Style(4, mask=mask)])
