"""Paintings on the page: at once by a trained painter, and in detail in a thread."""

import time

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fovea.apps.look import studio
from fovea.style import Painter
from tests.web.conftest import pixels, png, unpack

SLIDERS = {"strength": 1, "colour": 0, "scale": 1}


def scene(height=20, width=24, seed=0):
    rng = np.random.default_rng(seed)
    return np.repeat(np.repeat(rng.integers(0, 256, (height // 4, width // 4, 3), np.uint8), 4, 0), 4, 1)


def ask(client, name, **body):
    return client.post(f"/api/{name}", json=body)


def test_an_upload_keeps_its_proportions_within_512_pixels(client):
    large = np.repeat(scene(80, 160), 8, axis=1)  # 80×1280
    _, arrays = unpack(client.post("/api/photograph", content=png(large)))
    assert arrays["photograph"].shape == (32, 512, 3)
    _, arrays = unpack(client.post("/api/photograph", content=png(scene())))
    assert_array_equal(arrays["photograph"], scene())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file"),
        (b"hello", "none of the formats"),
        (png(scene(8, 8)), "sides of at least 16 pixels"),
    ],
)
def test_an_upload_that_cannot_be_painted_is_refused(client, content, words):
    response = client.post("/api/photograph", content=content)
    assert response.status_code == 400
    assert words in response.json()["error"]


def test_a_trained_style_at_once(client):
    _, arrays = unpack(ask(client, "paint", photo=pixels(scene()), style={"number": 3}, **SLIDERS))
    assert_array_equal(arrays["painting"], Painter().paint(scene(), 3))


def test_the_style_of_a_picture_at_once(client):
    own = scene(16, 16, 1)
    _, arrays = unpack(ask(client, "paint", photo=pixels(scene()), style=pixels(own), **SLIDERS))
    assert_array_equal(arrays["painting"], Painter("arbitrary").paint(scene(), own))


def test_the_sliders(client):
    def paint(**sliders):
        return unpack(ask(client, "paint", photo=pixels(scene()), style={"number": 3}, **SLIDERS | sliders))[
            1
        ]["painting"]

    usual = paint()
    assert_array_equal(paint(strength=0), scene())
    assert not np.array_equal(paint(scale=0.5), usual)
    assert paint(scale=0.5).shape == usual.shape
    kept = paint(colour=1).astype(float)
    inside = ((kept > 0) & (kept < 255)).all(axis=2)
    hues = (kept - kept[..., :1])[inside] - (scene().astype(float) - scene()[..., :1])[inside]
    assert np.abs(hues).max() <= 1  # of rounding


class TestMasks:
    mask = np.tile(np.where(np.arange(24) < 10, 255, 0).astype(np.uint8), (20, 1))

    def sent(self, **more):
        own = {"photo": pixels(scene()), "style": {"number": 3}, "mask": pixels(self.mask[:, :, None])}
        return own | SLIDERS | more

    def test_an_upload_is_read_as_a_mask_and_fits_its_photograph(self, client):
        large = np.repeat(np.repeat(self.mask, 40, 0), 40, 1)
        drawn = np.dstack([np.full((*large.shape, 3), 255, np.uint8), large])  # white on nothing
        for picture in (large, drawn):
            _, arrays = unpack(client.post("/api/mask", content=png(picture)))
            assert arrays["mask"].shape == (427, 512, 1)
            assert (arrays["mask"][:, 5:205] == 255).all()
            assert (arrays["mask"][:, 220:] == 0).all()

    @pytest.mark.parametrize("more", [{}, {"colour": 0.5}, {"scale": 0.5}])
    def test_outside_is_the_photograph(self, client, more):
        _, arrays = unpack(ask(client, "paint", **self.sent(**more)))
        assert_array_equal(arrays["painting"][:, 10:], scene()[:, 10:])
        assert (arrays["painting"][:, :10] != scene()[:, :10]).any()

    @pytest.mark.parametrize(
        ("more", "words"),
        [
            (
                {"mask": pixels(np.full((24, 20, 1), 255, np.uint8))},
                "expected a mask of 24×20 pixels, got 20×24",
            ),
            ({"mask": pixels(np.zeros((20, 24, 1), np.uint8))}, "a mask that is above 0 where to paint"),
            ({"mask": pixels(scene())}, "request: mask: expected 20×24×1 bytes"),
            ({"mask": 7}, "request: mask: expected pixels, height and width"),
        ],
    )
    def test_a_mask_that_does_not_fit_is_refused(self, client, more, words):
        for name, style in (("paint", {"number": 3}), ("paint-in-detail", pixels(scene()))):
            response = ask(client, name, **self.sent(style=style, **more))
            assert response.status_code == 400
            assert words in response.json()["error"]

    def test_a_black_upload_is_refused(self, client):
        response = client.post("/api/mask", content=png(np.zeros((20, 24), np.uint8)))
        assert response.status_code == 400
        assert "expected white, 255, where to paint" in response.json()["error"]


def test_the_sheet_of_styles_is_small(client):
    _, arrays = unpack(ask(client, "styles", photo=pixels(scene(60, 120))))
    assert arrays["styles"].shape == (26, 48, 96, 3)


class Slowly:
    """A transfer of three steps, the last of which waits to be stopped."""

    def __init__(self, photo, picture, options):
        self.photo, self.options, self.step = photo, options, 0

    def steps(self):
        for self.step in (1, 2, 3):
            yield type("Moment", (), {"loss": 1 / self.step, "done": self.step / 4})
        while True:
            time.sleep(0.01)
            yield type("Moment", (), {"loss": 0.1, "done": 0.9})

    def painting(self):
        return np.full_like(self.photo, self.step)


@pytest.fixture
def slowly(monkeypatch):
    monkeypatch.setattr(studio, "Transfer", Slowly)
    monkeypatch.setattr(studio, "EVERY", 0)


def until(client, number, wanted):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        answer, arrays = unpack(client.get(f"/api/painting?number={number}&seen=0"))
        if wanted(answer):
            return answer, arrays
        time.sleep(0.01)
    raise AssertionError(answer)


def test_a_painting_in_detail_is_shown_as_it_becomes_and_stopped(client, slowly):
    answer, _ = unpack(
        ask(client, "paint-in-detail", photo=pixels(scene()), style=pixels(scene()), **SLIDERS)
    )
    number = answer["number"]
    answer, arrays = until(client, number, lambda answer: answer["pictures"] > 2)
    assert arrays["painting"].shape == scene().shape
    assert answer["left"] > 0
    assert not answer["finished"]
    _, arrays = unpack(client.get(f"/api/painting?number={number}&seen=1000000"))
    assert not arrays
    unpack(ask(client, "stop-painting", number=number))
    until(client, number, lambda answer: answer["finished"])


def test_a_new_painting_in_detail_ends_the_one_before(client, look, slowly):
    for number in (1, 2):
        ask(client, "paint-in-detail", photo=pixels(scene()), style=pixels(scene()), **SLIDERS)
        if number == 1:
            before = look.studio._detailed
    before._thread.join(20)
    assert not before._thread.is_alive()
    refused = client.get("/api/painting?number=1")
    assert refused.status_code == 400
    assert "the last one" in refused.json()["error"]
    unpack(ask(client, "stop-painting", number=2))
    until(client, 2, lambda answer: answer["finished"])


def test_an_error_of_a_painting_in_detail_is_told(client, monkeypatch):
    class Fails(Slowly):
        def steps(self):
            raise studio.FoveaError("not enough memory")
            yield

    monkeypatch.setattr(studio, "Transfer", Fails)
    unpack(ask(client, "paint-in-detail", photo=pixels(scene()), style=pixels(scene()), **SLIDERS))
    answer, _ = until(client, 1, lambda answer: answer["finished"])
    assert answer["error"] == "not enough memory"
