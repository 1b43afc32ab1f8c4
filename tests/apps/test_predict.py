import csv

import numpy as np
import pytest

from fovea import images
from fovea.apps.predict import predict, write_csv
from fovea.classification.task import Classification
from tests import tiny

TASK = Classification()


@pytest.fixture(autouse=True)
def on_the_reference(monkeypatch):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")


@pytest.fixture
def network():
    network = tiny.network()
    network.classes = tiny.CLASSES
    return network


@pytest.fixture
def folder(tmp_path):
    return tiny.write_folder(tmp_path / "photos", 9)


def test_an_entry_has_the_networks_answer(network, folder):
    file = folder / "left/001.png"
    (entry,) = predict(network, TASK, [str(file)])
    p = network.predict(images.read(file))[0]
    assert entry["file"] == str(file)
    assert entry["class"] == tiny.CLASSES[p.argmax()]
    assert list(entry["probabilities"]) == tiny.CLASSES
    np.testing.assert_allclose(list(entry["probabilities"].values()), p, rtol=1e-6)
    assert entry["error"] is None


def test_a_folder_stands_for_the_pictures_below_it_in_order(network, folder):
    (folder / "notes.txt").write_text("")
    files = [entry["file"] for entry in predict(network, TASK, [str(folder), str(folder / "left/001.png")])]
    assert files == [*sorted(map(str, folder.rglob("*.png"))), str(folder / "left/001.png")]


def test_what_cannot_be_read_stops_nothing(network, folder, tmp_path):
    (folder / "left/0.png").write_text("no picture")
    (tmp_path / "empty").mkdir()
    places = [str(tmp_path / "gone.png"), str(folder), str(tmp_path / "empty")]
    entries = list(predict(network, TASK, places))
    assert [entry["error"] is None for entry in entries] == [False, *[True] * 3, False, *[True] * 6, False]
    assert entries[0] | {"file": ""} == {
        "file": "", "class": None, "probabilities": None, "error": "expected a picture, got no such file",
    }  # fmt: skip
    assert "no" in entries[-1]["error"]


def test_pictures_of_any_size_and_kind_are_brought_to_the_networks(network, tmp_path):
    images.write(tmp_path / "large.png", np.zeros((50, 30, 3), np.uint8))
    images.write(tmp_path / "one.bmp", np.zeros((1, 1), np.uint8))
    assert [entry["error"] for entry in predict(network, TASK, [str(tmp_path)])] == [None, None]


def test_a_network_without_class_names_counts_them(folder):
    (entry,) = predict(tiny.network(), TASK, [str(folder / "left/001.png")])
    assert list(entry["probabilities"]) == ["0", "1", "2"]


def test_a_table_has_a_line_a_picture(network, folder, tmp_path):
    (folder / "left/0.png").write_text("no picture")
    entries = list(predict(network, TASK, [str(folder)]))
    write_csv(tmp_path / "table.csv", network, TASK, entries)
    with (tmp_path / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["file", "class", "error", "p(bottom)", "p(left)", "p(right)"]
    assert [row["file"] for row in rows] == [entry["file"] for entry in entries]
    assert rows[3]["error"]
    assert rows[3]["p(left)"] == rows[3]["class"] == ""
    assert float(rows[0]["p(left)"]) == entries[0]["probabilities"]["left"]


def test_flips_are_the_networks(network, folder):
    (entry,) = predict(network, Classification(flips=True), [str(folder / "left/001.png")])
    p = network.predict(images.read(folder / "left/001.png"), flips=True)[0]
    np.testing.assert_allclose(list(entry["probabilities"].values()), p, rtol=1e-6)


def test_a_name_with_a_line_end_is_in_no_error(network, tmp_path):
    files = [tmp_path / "two\nlines.png", tmp_path / "not\nthere.png"]
    files[0].write_bytes(b"no picture")
    for entry in predict(network, TASK, map(str, files)):
        assert "lines" not in entry["error"]
        assert "there.png" not in entry["error"]
        assert entry["error"].startswith("expected")
