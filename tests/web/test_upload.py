"""Uploaded pictures: read by what they mean, or refused in one sentence."""

import io
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from fovea import images
from fovea.apps.look import uploads
from fovea.web import app as web
from fovea.web import guard
from tests.web.conftest import png, unpack


def send(client, content: bytes):
    return client.post("/api/picture", content=content)


def test_a_picture_comes_back_as_the_network_takes_it_in(client):
    pixels = np.arange(8 * 8, dtype=np.uint8).reshape(8, 8)
    answer, arrays = unpack(send(client, png(pixels)))
    assert (arrays["picture"][:, :, 0] == pixels).all()
    assert (answer["width"], answer["height"]) == (8, 8)


def test_a_large_picture_is_made_small_as_images_does(client):
    pixels = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)
    _, arrays = unpack(send(client, png(pixels)))
    assert (arrays["picture"] == images.read(io.BytesIO(png(pixels)), (8, 8), 1)).all()


def test_what_is_transparent_is_laid_over_white(client):
    pixels = np.zeros((8, 8, 4), np.uint8)
    pixels[:4, :, 3] = 255  # black above, nothing below
    _, arrays = unpack(send(client, png(pixels)))
    assert (arrays["picture"][:4] == 0).all()
    assert (arrays["picture"][4:] == 255).all()


def corrupted() -> bytes:
    whole = png(np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8))
    return whole[: len(whole) // 2]


def zero_sized() -> bytes:
    header = bytearray(png(np.zeros((1, 1), np.uint8)))
    header[16:24] = bytes(8)  # PNG's width and height
    return bytes(header)


@pytest.mark.parametrize(("content", "words"), [
    (b"", "an empty file"), (b"hello", "none of the formats"), (b"<svg/>", "none of the formats"),
    (corrupted(), "cut short or damaged"), (zero_sized(), "picture"),
    (b"%!PS-Adobe-3.0 EPSF-3.0\n", "none of the formats"),
])  # fmt: skip
def test_what_is_no_picture_is_refused(client, content, words):
    response = send(client, content)
    assert response.status_code == 400
    assert words in response.json()["error"]
    assert "/" not in response.json()["error"]  # no path


def test_a_bomb_is_refused_before_it_is_unpacked(client):
    file = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(file, "PNG")
    response = send(client, file.getvalue())
    assert response.status_code == 400
    assert "pixels" in response.json()["error"]


def test_pixels_are_limited(client, monkeypatch):
    monkeypatch.setattr(uploads, "MOST_PIXELS", 100)
    assert "11×10" in send(client, png(np.zeros((10, 11), np.uint8))).json()["error"]
    assert send(client, png(np.zeros((10, 10), np.uint8))).status_code == 200


def test_bytes_are_limited_whether_announced_or_not(client, monkeypatch):
    monkeypatch.setattr(guard, "LIMIT", 1000)
    assert send(client, bytes(1001)).status_code == 413

    def pieces():
        yield from [bytes(600)] * 3

    assert send(client, pieces()).status_code == 413
    assert send(client, bytes(1000)).status_code == 400  # small enough to be looked at


def test_questions_are_shorter_than_pictures(look, monkeypatch):
    monkeypatch.setattr(web, "QUESTION", 1000)
    with TestClient(web.make(look), base_url="http://127.0.0.1:8642") as client:
        assert client.post("/api/overview", content=bytes(2000)).status_code == 413
        assert client.post("/api/picture", content=bytes(2000)).status_code == 400


def test_all_requests_together_are_limited(client, monkeypatch):
    monkeypatch.setattr(guard, "TOGETHER", 1000)
    response = send(client, bytes(1001))
    assert response.status_code == 503
    assert "try again" in response.json()["error"]
    assert send(client, png(np.zeros((8, 8), np.uint8))).status_code == 200  # the former is forgotten


def test_a_large_upload_holds_nobody_up(look, monkeypatch):
    began, go = Event(), Event()

    def slow(file):
        began.set()
        assert go.wait(20)
        return {}, {}

    monkeypatch.setattr(look, "picture", slow)
    with (
        TestClient(web.make(look), base_url="http://127.0.0.1:8642") as client,
        ThreadPoolExecutor(1) as pool,
    ):
        upload = pool.submit(send, client, b"x")
        assert began.wait(20)
        assert client.get("/api/model").status_code == 200
        go.set()
        assert upload.result().status_code == 200
