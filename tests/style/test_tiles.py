"""A painting in tiles has the loss and the gradient of the whole, so no seams; and its memory is known."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fovea
from fovea import memory
from fovea.errors import FoveaError, OutOfMemoryError
from fovea.style import Options, Style, Transfer
from fovea.style.features import EXTRACTORS, extractor
from fovea.style.objective import Tiled
from fovea.style.options import LEAST_TILE
from fovea.style.room import LEAST_PAIRS, MOST_PAIRS, Need, pairs
from fovea.style.tiles import GRID, patches, spans, tiles
from tests.cases import halide
from tests.style.test_transfer import photo, stripes

HALOS = sorted({one.halo for one in EXTRACTORS.values()})


@given(length=st.integers(1, 5000), side=st.integers(LEAST_TILE, 1500), halo=st.sampled_from(HALOS))
def test_spans_cover_an_axis_once_and_see_the_halo(length, side, halo):
    found = spans(length, side, halo)
    assert [span.first for span in found[1:]] == [span.last for span in found[:-1]]
    assert (found[0].start, found[0].first, found[-1].last, found[-1].stop) == (0, 0, length, length)
    assert len({span.stop - span.start for span in found}) == 1
    for span in found:
        assert span.stop - span.start <= side
        assert span.first < span.last
        assert span.start % GRID == span.first % GRID == 0
        assert span.start == 0 or span.first - span.start >= halo
        assert span.stop == length or span.stop - span.last >= halo


@given(height=st.integers(20, 900), width=st.integers(20, 900), name=st.sampled_from(sorted(EXTRACTORS)))
def test_the_cores_are_the_features_of_the_whole_each_once(height, width, name):
    chosen = extractor(name)
    found = tiles((height, width), LEAST_TILE, chosen.halo)
    if len(found) == 1:
        return
    whole = _shapes(chosen, height, width)
    window = _shapes(chosen, found[0].rows.stop, found[0].columns.stop)
    counts = {layer: np.zeros(shape[:2], int) for layer, shape in whole.items()}
    for tile in found:
        for layer, patch in patches(tile, (height, width), window, whole).items():
            counts[layer][patch.core_of_whole[1:]] += 1
            features = np.ones((1, *window[layer][:2], 1))
            assert features[patch.core].shape == counts[layer][None, ..., None][patch.core_of_whole].shape
            patch.blank(features)
            assert features.sum() == features[patch.core].size > 0
    assert all((count == 1).all() for count in counts.values())


def _shapes(chosen, height, width):
    return chosen.network(height, width).output_shape


def objectives(size, **how):
    """The same objective in one piece and in tiles, and a point to compare them at."""
    rng = np.random.default_rng(0)
    picture, mask = photo(*size), rng.uniform(0, 1, size).astype(np.float32)
    styles = [Style(stripes(), 2, mask), Style(stripes(56)[:, ::-1].copy(), 1)]
    made = Transfer(picture, styles, Options(size=max(size), **how))
    areas = made._masks.at(size)
    whole = made._objective(made.photo, areas)
    made._side = LEAST_TILE
    point = made.photo + 20 * rng.standard_normal(made.photo.shape).astype(np.float32)
    return whole, made._objective(made.photo, areas), point.reshape(-1)


@halide
@pytest.mark.parametrize("name", EXTRACTORS)
def test_the_loss_and_its_gradient_are_those_of_the_whole(name):
    whole, tiled, x = objectives((290, 341), network=name, variation=0.1)
    assert (len(whole._tiled._tiles), len(tiled._tiled._tiles)) == (1, 6 if name == "vgg19" else 4)
    (value, gradient), (of_tiles, got) = whole(x), tiled(x)
    assert of_tiles == pytest.approx(value, rel=1e-5)
    # By thresholds and by content in float16; with a halo of 48 pixels it would be 0.02.
    assert np.linalg.norm(got - gradient) < 1e-3 * np.linalg.norm(gradient)
    # A seam would be an error along the borders of tiles: there, too, it is rounding.
    error = np.abs(got - gradient).reshape(290, 341, 3).max(axis=2)
    for tile in tiled._tiled._tiles:
        seam = error[
            tile.rows.first : tile.rows.last, max(tile.columns.first - 2, 0) : tile.columns.first + 2
        ]
        assert seam.max() < 1e-3 * np.abs(gradient).max()
    again = tiled(x)
    assert (again[0] == of_tiles, np.array_equal(again[1], got)) == (True, True)


def test_a_picture_in_one_tile_has_no_second_pass(monkeypatch):
    with fovea.engine("reference"):
        chosen = extractor("squeezenet")
        one = Tiled(chosen, (64, 200), LEAST_TILE, None, None)
    assert one.patches is None


class TestMemory:
    need = Need((3000, 4000), [(512, 512)], "vgg19")

    def test_it_chooses_the_fewest_tiles_that_fit(self, monkeypatch):
        sides = []
        for room in (100 << 30, 8 << 30, 4 << 30, 3 << 30):
            monkeypatch.setattr(memory, "available", lambda room=room: room)
            sides.append(self.need.choose(None, "photo.jpg"))
            assert self.need(sides[-1]) < room
        assert sides == sorted(sides, reverse=True)
        assert sides[0] == self.need.longest
        assert self.need.describe(sides[0]) is None
        assert re.fullmatch(
            r"4000×3000 in \d+ tiles: needs \d\.\d GB instead of \d+\.\d", self.need.describe(sides[-1])
        )

    def test_the_choice_may_be_given(self, monkeypatch):
        monkeypatch.setattr(memory, "available", lambda: 100 << 30)
        assert self.need.choose(512, "photo.jpg") == 512

    @pytest.mark.parametrize("side", [None, 512])
    def test_no_memory_for_the_smallest_is_an_error(self, monkeypatch, side):
        monkeypatch.setattr(memory, "available", lambda: 1 << 30)
        message = r"^photo.jpg: expected .* MB of memory to paint it: choose a smaller --size, got"
        with pytest.raises(OutOfMemoryError, match=message):
            self.need.choose(side, "photo.jpg")

    def test_large_paintings_remember_fewer_steps(self):
        found = [pairs((side, side)) for side in (512, 1500, 2500, 4000, 20000)]
        assert found == sorted(found, reverse=True)
        assert (found[0], found[-1]) == (MOST_PAIRS, LEAST_PAIRS)


@pytest.mark.parametrize("tile", [100, 255, 300.5])
def test_tiles_that_are_too_small(tile):
    with pytest.raises(FoveaError, match=r"^style: tile: expected a whole number"):
        Options(tile=tile)
