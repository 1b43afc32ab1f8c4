"""Whatever is sent, the answer is 400 and a reason, and never an error of Fovea's own."""

import json

import numpy as np
import pytest

from fovea.apps.look import studio
from fovea.web.questions import READ, SENT, UPLOADS
from tests.web.conftest import pixels, question

DEEP = "[" * 900 + "]" * 900
VALUES = [
    "null", "true", "0", "-1", "1.5", "1e999", "-1e308", "NaN", "Infinity", "1" * 400, "9" * 5000,
    '""', '"x"', r'"\ud800"', r'"\u0000"', r'"\u202e\u001b[31m"', "[]", "[[]]", "{}", r'{"\udfff": 1}',
    '{"0": {"0": 1}}', DEEP, '{"a":' * 900 + "1" + "}" * 900, '["a", 1, null]', '[1e400, "NaN"]',
]  # fmt: skip
BODIES = [b"", b"\xff\xfe", b"{", b"\xef\xbb\xbf{}", "{}".encode("utf-16"), b'{"a": "\xed\xa0\x80"}', b"\x00"]
FIELDS = ("picture", "changes", "weights", "layer", "view", "at", "start", "column", "label", "how", "name",
          "operation", "input", "side", "size", "stride", "padding", "photo", "style", "strength", "colour",
          "scale", "number")  # fmt: skip
PHOTO = pixels(np.zeros((16, 17, 3), np.uint8))
PAINT = {"photo": PHOTO, "style": {"number": 3}, "strength": 1, "colour": 0.5, "scale": 1}


@pytest.fixture(autouse=True)
def quick_painters(monkeypatch):
    """Painters that give the photograph back."""

    class Same:
        def __init__(self, *of):
            self.of = of

        def paint(self, photo, style, strength):
            return photo

        def sheet(self, photo):
            return photo[None]

        def steps(self):
            return iter(())

    monkeypatch.setattr(studio, "Painter", Same)
    monkeypatch.setattr(studio, "Transfer", Same)


def good(picture, name):
    """A question that is answered, as text."""
    asked = {
        "steps": {"operation": "convolution", "input": "edge", "side": 5, "size": 3, "stride": 1,
                  "padding": 0, "weights": "vertical"},
        "preset": {"layer": "conv1", "name": "vertical"},
        "overview": question(picture),
        "layer": question(picture, layer="conv1", view="weights", label=0),
        "trace": question(picture, layer="conv1", view="value", at=[0, 0, 0]),
        "attention": question(picture, how="gradcam", label=0),
        "styles": {"photo": PHOTO},
        "paint": PAINT,
        "paint-in-detail": {**PAINT, "style": PHOTO},
        "stop-painting": {"number": 1},
    }[name]  # fmt: skip
    return {key: json.dumps(value) for key, value in asked.items()}


def is_refused(response):
    assert response.status_code in (200, 400), response.content
    return response.status_code == 400 and response.json()["error"]


@pytest.mark.parametrize("name", [name for name in SENT if name not in UPLOADS])
def test_what_is_sent_is_answered_or_refused(client, picture, name):
    asked = good(picture, name)
    for content in [*BODIES, *VALUES, *(value.encode() for value in VALUES)]:
        assert is_refused(client.post(f"/api/{name}", content=content)), content
    for field in FIELDS:
        for value in VALUES:
            body = ", ".join(f'"{key}": {text}' for key, text in {**asked, field: value}.items())
            is_refused(client.post(f"/api/{name}", content=f"{{{body}}}"))
    for field in asked:
        body = ", ".join(f'"{key}": {text}' for key, text in asked.items() if key != field)
        is_refused(client.post(f"/api/{name}", content=f"{{{body}}}"))


@pytest.mark.parametrize("value", VALUES)
def test_changes_of_every_kind_are_answered_or_refused(client, picture, value):
    text = json.dumps(question(picture))[:-1]
    places = ("*", '{"conv1": *}', '{"conv1": {"0": *}}', '{"conv1": {"0": {"weights": *}}}',
              '{"conv1": {"0": {"bias": *}}}')  # fmt: skip
    for place in places:
        is_refused(client.post("/api/overview", content=f'{text}, "changes": {place.replace("*", value)}}}'))


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("query", [
    "part=%ED%A0%80", "part=test&start=NaN", "part=test&count=1e9", "part=test&count=" + "9" * 5000,
    "part=%00", "part=test&start=-5&count=-5", "part=test&label=99", "part=test&label=%D9%A1",
    "part=test&part=train", "&&=%",
])  # fmt: skip
def test_addresses_are_answered_or_refused(client, name, query):
    is_refused(client.get(f"/api/{name}?{query}"))


def test_no_file_is_a_reason_to_fail(client):
    for content in (
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"\xff\xd8\xff",
        b"BM",
        b"II*\x00",
        b"P6 9 9 255",
        b"RIFF",
    ):
        assert is_refused(client.post("/api/picture", content=content)), content
