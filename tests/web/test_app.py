"""The answers to the page: the library's numbers, and one-line errors for invalid requests."""

import re
from dataclasses import dataclass

import numpy as np
import pytest
from starlette.testclient import TestClient

import fovea
from fovea.apps.look import views
from fovea.apps.look.session import Look
from fovea.errors import DataError
from fovea.layers import Add, Conv2D, Dense, Flatten, ReLU
from fovea.network.graph import Node
from fovea.web.app import make
from tests import tiny
from tests.web.conftest import question, unpack


def test_the_page_names_its_own_files_and_nothing_from_elsewhere(client):
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    addresses = {word.split('"')[0] for word in page.text.split('="/static/')[1:]}
    assert {"main.js", "base.css"} <= addresses
    for name in addresses:
        assert client.get(f"/static/{name}").status_code == 200
    assert "://" not in page.text


def test_every_module_that_is_imported_is_served(client):
    seen, left = set(), ["main.js"]
    while left:
        name = left.pop()
        seen.add(name)
        response = client.get(f"/static/{name}")
        assert response.status_code == 200, name
        assert response.headers["content-type"].startswith("text/javascript")
        left += [module for module in re.findall(r'from "\./([\w.]+)"', response.text) if module not in seen]
    assert len(seen) > 10


@pytest.mark.parametrize("path", [
    "/static/../app.py", "/static/%2e%2e/app.py", "/static//etc/passwd", "/etc/passwd", "/static/", "/api/",
    "/static/..%2f..%2fpyproject.toml", "/api/model/..",
])  # fmt: skip
def test_no_file_of_the_machine_can_be_asked_for(client, path):
    response = client.get(path)
    assert response.status_code == 404
    assert response.json()["error"]


def test_the_model_is_described(client):
    answer, _ = unpack(client.get("/api/model"))
    names = [layer["name"] for layer in answer["layers"]]
    assert names == ["conv1", "relu1", "pool1", "flatten1", "dropout1", "dense1"]
    assert answer["input_shape"] == [8, 8, 1]
    assert answer["classes"] == tiny.CLASSES
    assert answer["data"]["parts"].keys() == {"train", "val", "test"}
    assert answer["run"]


def test_pictures_come_as_the_network_takes_them_in(client, look):
    answer, arrays = unpack(client.get("/api/pictures?part=val&count=3"))
    expected, _ = look.data.val.read([0, 1, 2])
    assert (arrays["pictures"] == expected).all()
    assert answer["labels"] == look.data.val.labels[:3].tolist()
    one, _ = unpack(client.get("/api/pictures?part=train&label=1"))
    assert set(one["labels"]) == {1}
    assert one["total"] == (look.data.train.labels == 1).sum()
    assert unpack(client.get("/api/pictures?part=train&start=10000"))[0]["numbers"] == []


def test_the_answer_is_what_the_network_predicts(client, look, picture):
    answer, arrays = unpack(client.post("/api/overview", json=question(picture)))
    np.testing.assert_allclose(answer["probabilities"], look.network.predict(picture)[0], atol=1e-5)
    A = fovea.trace(look.network, picture).A("conv1")
    most = answer["largest"]["conv1"]
    assert most == pytest.approx(np.abs(A).max())
    np.testing.assert_allclose(arrays["conv1"] * most / 127, A, atol=most / 127)


def test_a_changed_filter_changes_everything_downstream_and_nothing_for_others(client, picture):
    before, maps = unpack(client.post("/api/overview", json=question(picture)))
    sobel = [[[1], [0], [-1]], [[2], [0], [-2]], [[1], [0], [-1]]]
    changes = {"conv1": {"0": {"weights": sobel, "bias": 0}}}
    after, changed = unpack(client.post("/api/overview", json=question(picture, changes=changes)))
    assert after["probabilities"] != before["probabilities"]
    assert (maps["dense1"] != changed["dense1"]).any()
    asked = question(picture, changes=changes, layer="conv1", view="value")
    _, arrays = unpack(client.post("/api/layer", json=asked))
    assert arrays["W"][:, :, :, 0].tolist() == sobel
    again, _ = unpack(client.post("/api/overview", json=question(picture)))  # another browser
    assert again == before


def test_a_value_is_traced_to_its_numbers(client, look, picture):
    asked = question(picture, layer="conv1", view="value", at=[2, 3, 1])
    answer, _ = unpack(client.post("/api/trace", json=asked))
    step = fovea.trace(look.network, picture).forward("conv1", (2, 3, 1))
    assert answer["step"] == step.to_json()
    assert answer["field"] == [2, 3, 5, 6]
    assert sum(answer["step"]["terms"]["product"]) + answer["step"]["bias"] == pytest.approx(step.value)


@pytest.mark.parametrize(("view", "at", "shape"), [
    ("input", [2, 3, 0], [8, 8, 1]), ("weights", [1, 1, 0], [3, 3, 1]), ("bias", [2], [4]),
])  # fmt: skip
def test_gradients_are_those_of_the_backward_pass(client, look, picture, view, at, shape):
    asked = question(picture, layer="conv1", view=view, at=at, column=2, label=1)
    _, arrays = unpack(client.post("/api/layer", json=asked))
    t = fovea.trace(look.network, picture, label=1)
    expected = {
        "input": t.dA_prev("conv1"),
        "weights": t.gradients["conv1.W"][..., 2],
        "bias": t.gradients["conv1.b"],
    }
    assert list(arrays["maps"].shape) == shape
    np.testing.assert_array_equal(arrays["maps"], expected[view])
    answer, _ = unpack(client.post("/api/trace", json=asked))
    assert answer["step"]["value"] == pytest.approx(expected[view][tuple(at)].item())


@pytest.mark.parametrize("how", ["gradcam", "saliency"])
def test_where_a_class_is_found(client, look, picture, how):
    _, arrays = unpack(client.post("/api/attention", json=question(picture, how=how, label=1)))
    library = {"gradcam": fovea.seeing.grad_cam, "saliency": fovea.seeing.saliency}[how]
    np.testing.assert_array_equal(arrays["attention"], library(look.network, picture, 1))


@pytest.mark.parametrize(("change", "words"), [
    ({"picture": "AAAA"}, "8×8×1 bytes"), ({"picture": 7}, "base64"), ({"picture": "é"}, "base64"),
    ({"layer": "conv7"}, "conv1"), ({"layer": 1}, "a text"), ({"view": "sideways"}, "value, input"),
    ({"at": [8, 0, 0]}, "(5, 5, 3)"), ({"at": "x"}, "position"), ({"at": None}, "position"),
    ({"at": {}}, "position"), ({"at": [[0], 0, 0]}, "position"), ({"at": [True, 0, 0]}, "position"),
    ({"view": "bias", "at": [0]}, "label"), ({"view": "bias", "at": [0], "label": 77}, "label"),
    ({"view": "weights", "layer": "relu1", "at": [0, 0, 0], "label": 0}, "parameters"),
    ({"weights": "yours"}, '"model"'), ({"weights": ["run"]}, '"model"'),
    ({"changes": [1]}, "names and values"), ({"changes": {"relu1": {"0": {}}}}, "convolution"),
    ({"changes": {"conv1": {"9": {}}}}, "from 0 to 3"), ({"changes": {"conv1": {"-1": {}}}}, "from 0 to 3"),
    ({"changes": {"conv1": {"0": 5}}}, "names and values"),
    ({"changes": {"conv1": {"0": {"weights": [[1]]}}}}, "(3, 3, 1)"),
    ({"changes": {"conv1": {"0": {"weights": "abc"}}}}, "(3, 3, 1)"),
    ({"changes": {"conv1": {"0": {"bias": 1e9}}}}, "1,000,000"),
    ({"changes": {"conv1": {"0": {"bias": None}}}}, "number"),
])  # fmt: skip
def test_wrong_questions_get_one_sentence(client, picture, change, words):
    asked = question(picture, layer="conv1", view="value", at=[0, 0, 0]) | change
    response = client.post("/api/trace", json=asked)
    assert response.status_code == 400
    assert words in response.json()["error"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 100000, b'{"picture": null}', b"NaN"])
def test_what_is_no_question_is_refused(client, body):
    response = client.post("/api/overview", content=body)
    assert response.status_code == 400
    assert response.json()["error"]


@pytest.mark.parametrize("query", ["part=attic", "", "part=train&start=x", "part=train&count=99999999999"])
def test_wrong_queries_are_refused(client, query):
    assert client.get(f"/api/pictures?{query}").status_code == 400


def test_methods_that_there_are_not(client):
    assert client.post("/api/model").status_code == 405
    assert client.get("/api/overview").status_code == 405
    assert client.put("/").status_code == 405


def test_answers_that_are_no_numbers_are_errors(client, look, picture):
    look.network.parameters["conv1.W"][0, 0, 0, 0] = np.nan
    reply = client.post("/api/overview", json=question(picture))
    assert reply.status_code == 400
    assert 'Conv2D "conv1": expected finite numbers, got nan' in reply.json()["error"]


def of(network, tmp_path):
    """The page of another network."""
    network.save(tmp_path / "model.safetensors")
    return TestClient(make(Look(str(tmp_path / "model.safetensors"))), base_url="http://127.0.0.1:8642")


def test_a_layer_says_what_it_takes_in_where_that_is_not_the_one_before():
    network = fovea.Network(
        [Conv2D(2, 3, padding="same"), ReLU(), Conv2D(2, 1), Node(Add(), after=("relu1", "conv2")),
         Node(Conv2D(2, 1), after=("input",)), Node(Add(), after=("add1", "conv3")), Flatten(), Dense(2)],
        (6, 6, 1),
    )  # fmt: skip
    of = {row["name"]: row["of"] for row in views.rows(network)}
    assert of == {
        "conv1": [], "relu1": [], "conv2": [], "add1": ["relu1", "conv2"], "conv3": ["the picture"],
        "add2": ["add1", "conv3"], "flatten1": [], "dense1": [],
    }  # fmt: skip


def test_a_network_without_classes_shows_its_maps(tmp_path):
    network = fovea.Network([Conv2D(2, 3, padding=1), ReLU()], (7, 5, 3))
    client = of(network, tmp_path)
    model, _ = unpack(client.get("/api/model"))
    assert model["classes"] == []
    assert model["data"] is None
    assert {view for layer in model["layers"] for view in layer["views"]} == {"value"}
    asked = question(np.zeros((7, 5, 3), np.uint8))
    answer, arrays = unpack(client.post("/api/overview", json=asked))
    assert answer["probabilities"] is None
    assert arrays["relu1"].shape == (7, 5, 2)
    response = client.post("/api/layer", json=asked | {"layer": "conv1", "view": "input", "label": 0})
    assert response.status_code == 400
    assert "classes" in response.json()["error"]


def test_many_maps_come_in_parts_and_small_in_the_overview(tmp_path):
    network = fovea.Network([Conv2D(70, 1), Flatten(), Dense(3)], (60, 50, 1))
    client = of(network, tmp_path)
    asked = question(np.arange(3000, dtype=np.uint16).astype(np.uint8).reshape(60, 50, 1))
    _, arrays = unpack(client.post("/api/overview", json=asked))
    assert arrays["conv1"].shape == (30, 25, 16)
    assert arrays["flatten1"].shape == (1024,)
    answer, arrays = unpack(
        client.post("/api/layer", json=asked | {"layer": "conv1", "view": "value", "start": 66})
    )
    assert (answer["start"], answer["total"]) == (64, 70)
    assert arrays["maps"].shape == (60, 50, 6)
    assert arrays["W"].shape == (1, 1, 1, 6)
    answer, _ = unpack(
        client.post("/api/trace", json=asked | {"layer": "dense1", "view": "value", "at": [1]})
    )
    assert len(answer["step"]["terms"]["product"]) == 24  # of 210,000
    assert answer["step"]["rest"]["terms"] == 210_000 - 24


def test_a_layer_of_ones_own_without_a_tracer_says_how_to_get_one(tmp_path):
    @dataclass(eq=False)
    class Halve(fovea.Layer):
        def forward(self, A_prev, *, training=False, rng=None):
            return A_prev / 2, None

        def backward(self, dZ, cache):
            return dZ / 2, {}

    client = of(fovea.Network([Halve(), Flatten(), Dense(2)], (4, 4, 1)), tmp_path)
    asked = question(np.ones((4, 4, 1), np.uint8), layer="halve1", view="value", at=[0, 0, 0])
    unpack(client.post("/api/layer", json=asked))
    response = client.post("/api/trace", json=asked)
    assert response.status_code == 400
    assert "TRACERS" in response.json()["error"]


def test_what_takes_in_no_picture_is_refused(tmp_path):
    fovea.Network([Dense(2)], (4,)).save(tmp_path / "flat.safetensors")
    with pytest.raises(DataError, match="a network whose input is a picture"):
        Look(str(tmp_path / "flat.safetensors"))


def test_an_internal_error_is_reported_as_one_with_its_traceback_in_the_terminal(look, picture):
    look.network.layers[0].forward = None
    client = TestClient(make(look), base_url="http://127.0.0.1:8642", raise_server_exceptions=False)
    response = client.post("/api/overview", json=question(picture))
    assert response.status_code == 500
    assert "internal error" in response.json()["error"]
