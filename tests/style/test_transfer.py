"""A painting: like the style, of the photograph's shape, and the same bits each time."""

import numpy as np
import pytest

import fovea
from fovea.errors import FoveaError
from fovea.kernels import runtime
from fovea.style import Options, Style, Transfer, transfer
from fovea.style.levels import levels
from tests.cases import halide

QUICK = {"size": 64, "network": "squeezenet", "evaluations": (4, 3)}


def photo(height=48, width=64):
    """A disc before a slope."""
    y, x = np.mgrid[:height, :width]
    disc = (y - height / 2) ** 2 + (x - width / 2) ** 2 < (height / 3) ** 2
    return np.stack([np.where(disc, 220, 4 * x), 3 * y + 40, np.where(disc, 30, 150)], 2).astype(np.uint8)


def stripes(size=40):
    y, x = np.mgrid[:size, :size]
    on = (x + 2 * y) // 5 % 2
    return np.stack([250 * on, 120 + 60 * on, 40 + 0 * on], 2).astype(np.uint8)


@pytest.fixture
def reference():
    with fovea.engine("reference"):
        yield


@pytest.mark.usefixtures("reference")
class TestOnTheReference:
    def test_steps_lower_the_loss_and_the_painting_becomes_like_its_style(self):
        painting = Transfer(photo(), stripes(), Options(**QUICK))
        moments = list(painting.steps())
        last = [moment for moment in moments if moment.level == moments[-1].level]
        assert [moment.loss for moment in last] == sorted((m.loss for m in last), reverse=True)
        assert moments[-1].done == 1
        assert [moment.done for moment in moments] == sorted(moment.done for moment in moments)
        assert (painting.painting() != photo()).mean() > 0.5

    def test_the_same_arguments_give_the_same_bits_and_other_seeds_other_noise(self):
        first, again = (transfer(photo(), stripes(), start="noise", **QUICK) for _ in range(2))
        assert np.array_equal(first, again)
        assert not np.array_equal(first, transfer(photo(), stripes(), start="noise", seed=1, **QUICK))

    def test_a_saved_transfer_resumes_to_the_same_bits(self, monkeypatch):
        monkeypatch.setattr("fovea.style.levels.SMALLEST", 32)
        options, square = Options(**QUICK | {"size": 64}), photo(64, 64)
        whole, states = Transfer(square, stripes(), options), []
        for _ in whole.steps():
            states.append({name: array.copy() for name, array in whole.state().items()})
        assert {int(state["level"]) for state in states} == {0, 1}
        for state in states:
            resumed = Transfer(square, stripes(), options)
            assert resumed.digest == whole.digest
            resumed.resume(state)
            for _ in resumed.steps():
                pass
            assert np.array_equal(resumed.painting(), whole.painting())

    def test_without_strength_it_stays_the_photograph(self):
        how = QUICK | {"evaluations": (3,)}  # at one size: an enlargement would blur it
        assert np.array_equal(transfer(photo(), stripes(), strength=0, **how), photo())

    def test_colours_of_the_photograph(self):
        painted = transfer(photo(), stripes(), colours="photo", **QUICK).astype(float)
        before = photo().astype(float)
        inside = ((painted > 0) & (painted < 255)).all(axis=2)
        assert inside.mean() > 0.2
        for red, blue in ((0, 2), (1, 2)):  # differences of channels are hues
            hues = painted[..., red] - painted[..., blue], before[..., red] - before[..., blue]
            assert np.abs(hues[0] - hues[1])[inside].max() <= 1  # of rounding

    def test_shares_count_relative_to_each_other(self):
        dots = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
        one = transfer(photo(), [Style(stripes(), 3), Style(dots, 1)], **QUICK)
        assert np.array_equal(one, transfer(photo(), [Style(stripes(), 0.75), Style(dots, 0.25)], **QUICK))
        alone = transfer(photo(), [Style(stripes(), 2), Style(dots, 0)], **QUICK)
        assert np.array_equal(alone, transfer(photo(), stripes(), **QUICK))

    def test_shapes_need_nothing_in_common(self):
        high = transfer(photo(64, 20), stripes()[:20], size=52, network="squeezenet", evaluations=(2,))
        assert high.shape == (52, 16, 3)
        assert transfer(photo()[:, :, :1], stripes()[:, :, 0], **QUICK).shape == (48, 64, 3)


@halide
def test_the_number_of_threads_changes_no_bit():
    expected = transfer(photo(), stripes(), **QUICK)
    runtime.set_threads(1)
    try:
        assert np.array_equal(transfer(photo(), stripes(), **QUICK), expected)
    finally:
        runtime.set_threads(None)


def test_levels_double_up_to_the_size():
    found = levels((300, 400, 3), Options(size=512))
    assert [level.size for level in found] == [(96, 128), (192, 256), (384, 512)]
    assert [level.evaluations for level in found] == [60, 40, 12]
    assert [level.size for level in levels((300, 400), Options(size=100))] == [(75, 100)]
    assert [max(level.size) for level in levels((50, 1000), Options(size=1000))] == [500, 1000]
    assert [max(level.size) for level in levels((400, 400), Options(size=1025))] == [65, 129, 257, 513, 1025]
    two = levels((300, 400), Options(size=512, evaluations=(5, 3)))
    assert [(max(level.size), level.evaluations) for level in two] == [(256, 5), (512, 3)]


@pytest.mark.parametrize(
    ("message", "call"),
    [
        (
            r"style: share: expected a number of at least 0, got -1",
            lambda: Transfer(photo(), Style(photo(), -1)),
        ),
        (r"style: shares: expected at least one above 0", lambda: Transfer(photo(), [Style(photo(), 0)])),
        (r"style: expected at least one style, got none", lambda: Transfer(photo(), [])),
        (
            r"style: photograph: expected a picture of at least 2×2 pixels, got 1×1",
            lambda: Transfer(photo(1, 1), photo()),
        ),
        (
            r"style: style: expected a picture of at least 2×2 pixels, got 1×1",
            lambda: Transfer(photo(), photo(1, 1)),
        ),
        (r"style: style: expected a uint8 picture", lambda: Transfer(photo(), photo() / 255)),
        (
            r"style: expected a painting of at least 16×16 pixels, got 5×512",
            lambda: Transfer(photo(3, 300), photo()),
        ),
        (r"style: strength: expected a number from 0 to 1, got 2", lambda: Options(strength=2)),
        (r"style: network: expected one of vgg19, squeezenet, got 'vgg'", lambda: Options(network="vgg")),
        (r"style: colours: expected style or photo, got 'red'", lambda: Options(colours="red")),
        (r"style: start: expected photo or noise, got ''", lambda: Options(start="")),
        (r"style: size: expected a whole number of at least 16", lambda: Options(size=3)),
        (
            r"style: style_scale: expected a number from 0.1 to 10, got nan",
            lambda: Options(style_scale=float("nan")),
        ),
    ],
)
def test_arguments_that_do_not_fit(message, call):
    with pytest.raises(FoveaError, match=f"^{message}"):
        call()
