"""A page of a tiny network, and what a browser would send to it."""

import base64
import io
import json

import numpy as np
import pytest
from starlette.testclient import TestClient

from fovea import data, tasks
from fovea.apps.look.session import Look
from fovea.web.app import make
from tests import tiny


@pytest.fixture(autouse=True)
def reference(monkeypatch):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """The folder of a finished run, with its data beside it."""
    place = tmp_path_factory.mktemp("page")
    photos = str(tiny.write_folder(place / "photos", scale=2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FOVEA_ENGINE", "reference")
        network = tiny.network()
        splits = data.load(photos, size=(tiny.SIDE, tiny.SIDE))
        tasks.train(network, splits, epochs=2, out=place / "run", arguments={"data": photos})
    return place / "run"


@pytest.fixture
def look(run):
    return Look(str(run))


@pytest.fixture
def client(look):
    with TestClient(make(look), base_url="http://127.0.0.1:8642") as client:
        yield client


@pytest.fixture
def picture():
    """uint8 (8, 8, 1)"""
    return tiny.pictures(1)[0][0]


def question(picture: np.ndarray, **more: object) -> dict[str, object]:
    return {"picture": base64.b64encode(picture.tobytes()).decode(), **more}


def pixels(picture: np.ndarray) -> dict[str, object]:
    """A picture uint8 (H, W, 3) of any size, as the page sends it."""
    height, width, _ = picture.shape
    return {"pixels": base64.b64encode(picture.tobytes()).decode(), "height": height, "width": width}


def unpack(response) -> tuple[dict, dict[str, np.ndarray]]:
    """A reply as the browser reads it."""
    content = response.content
    assert response.status_code == 200, content
    length = int.from_bytes(content[:8], "little")
    header, body = json.loads(content[8 : 8 + length]), content[8 + length :]
    answer = json.loads(header.pop("__metadata__")["answer"])
    kinds = {"F32": np.float32, "I8": np.int8, "U8": np.uint8}
    arrays = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        assert (8 + length + start) % np.dtype(kinds[entry["dtype"]]).itemsize == 0
        arrays[name] = np.frombuffer(body[start:end], kinds[entry["dtype"]]).reshape(entry["shape"])
    return answer, arrays


def png(array: np.ndarray, mode: str | None = None, **how: object) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(array, mode).save(file, "PNG", **how)
    return file.getvalue()
