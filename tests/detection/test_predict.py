"""Finding objects in files, from the command line."""

import copy
import csv
import json
import subprocess
import sys

import numpy as np
import pytest

import fovea
from fovea import images
from fovea.detection.detect import detect
from fovea.detection.task import Detection
from fovea.training import loop
from tests import tiny as classes
from tests.detection import tiny


@pytest.fixture(autouse=True)
def on_the_reference(monkeypatch, tmp_path):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def network():
    """A detector that finds most of the objects."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FOVEA_ENGINE", "reference")
        made = tiny.network()
        how = {"epochs": 30, "batch_size": 8, "optimizer": "adam", "learning_rate": 0.01, "average": 0.9}
        loop.train(made, tiny.splits(), task=Detection(), **how)
    return made


@pytest.fixture
def model(network, tmp_path):
    network.save(tmp_path / "model.safetensors")
    return "model.safetensors"


@pytest.fixture
def photos(tmp_path):
    data = tiny.dataset(3, seed=9)
    for place, picture in zip(("a.png", "b.jpg", "deep/a.png"), data.read(range(3))[0], strict=True):
        (tmp_path / "photos" / place).parent.mkdir(parents=True, exist_ok=True)
        images.write(tmp_path / "photos" / place, picture)
    return "photos"


def test_pictures_with_boxes_are_written_and_counted(call, model, photos, tmp_path):
    before = {path: path.read_bytes() for path in (tmp_path / photos).rglob("*.*")}
    code, out, err = call("predict", model, photos)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert [line.split("\t")[0] for line in lines[:3]] == [
        "photos/a.png",
        "photos/b.jpg",
        "photos/deep/a.png",
    ]
    assert any("dark" in line or "light" in line for line in lines)
    assert lines[3].endswith("are in runs/detect/predict")
    place = tmp_path / "runs/detect/predict"
    written = {str(path.relative_to(place)) for path in place.rglob("*.*g")}
    assert written == {"a.png", "b.jpg", "deep/a.png"}
    drawn = images.read(tmp_path / "runs/detect/predict/a.png")
    assert drawn.shape == (*tiny.SIZE, 3)
    assert {path: path.read_bytes() for path in (tmp_path / photos).rglob("*.*")} == before
    assert call("predict", model, photos)[1].splitlines()[3].endswith("are in runs/detect/predict2")


def test_json_has_the_detections_of_detect(call, model, network, photos, tmp_path):
    code, out, _ = call("predict", model, photos, "--json", "--threshold", "0.2")
    entries = json.loads(out)
    assert code == 0
    assert not (tmp_path / "runs").exists()
    for entry in entries:
        (found,) = detect(network, [images.read(tmp_path / entry["file"])], 0.2)
        assert (
            np.float32([box["box"] for box in entry["boxes"]]).reshape(-1, 4).tolist()
            == found.corners.tolist()
        )
        assert [box["class"] for box in entry["boxes"]] == [tiny.CLASSES[c] for c in found.classes]
        assert all(box["score"] >= 0.2 for box in entry["boxes"])


def test_tables_labels_and_crops_are_written(call, model, photos, tmp_path):
    code, out, _ = call("predict", model, photos, "--csv", "table.csv", "--txt", "labels", "--crops", "parts")
    assert code == 0
    rows = list(csv.DictReader((tmp_path / "table.csv").read_text().splitlines()))
    found = [row for row in rows if row["class"]]
    assert f"{len(rows)} lines written to table.csv" in out
    lines = [line for path in (tmp_path / "labels").rglob("*.txt") for line in path.read_text().splitlines()]
    assert len(lines) == len(found)
    crops = list((tmp_path / "parts").rglob("*.png"))
    assert len(crops) == len(found)
    assert {path.relative_to(tmp_path / "parts").parts[0] for path in crops} == {
        row["class"] for row in found
    }
    code, _, err = call("predict", model, photos, "--txt", "labels")
    assert code == 1
    assert "a.txt: expected a new file, got one that exists: choose another folder" in err.replace("\n", " ")


def test_an_unreadable_picture_costs_itself_alone(call, model, photos, tmp_path):
    (tmp_path / photos / "broken.png").write_bytes(b"no picture")
    code, out, err = call("predict", model, photos)
    assert code == 0
    assert "photos/broken.png" in err
    assert len(out.splitlines()) == 4
    code, out, err = call("predict", model, "photos/broken.png", "--json")
    assert code == 1
    assert json.loads(out)[0]["error"]


def test_the_package_detects_objects_and_loads_nothing_for_it_before(network):
    picture = tiny.dataset(1, seed=3).read([0])[0][0]
    (mine,), (theirs,) = fovea.detect(network, [picture], 0.5), detect(network, [picture], 0.5)
    assert len(mine)
    assert (mine.corners == theirs.corners).all()
    program = "import sys, fovea; 'detect' in dir(fovea); print([m for m in sys.modules if 'detection' in m])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


def test_tiles_find_what_is_small_in_a_large_picture(network):
    data = tiny.dataset(6, seed=9)
    pictures = data.read(range(6))[0]
    large = np.concatenate([np.concatenate(pictures[:3], axis=1), np.concatenate(pictures[3:], axis=1)])
    large = np.tile(large, (2, 2, 1))
    (whole,), (tiled,) = detect(network, [large], 0.3), detect(network, [large], 0.3, tiled=True)
    assert len(tiled) > len(whole)
    assert (tiled.corners[:, 2:] <= large.shape[1::-1]).all()


def test_options_for_boxes_do_not_fit_a_classifier(call, photos, tmp_path):
    classes.network().save(tmp_path / "classifier.safetensors")
    for options in (("--threshold", "0.5"), ("--tiles",), ("--txt", "labels"), ("--out", "drawn")):
        code, _, err = call("predict", "classifier.safetensors", photos, *options)
        assert code == 2
        assert f"{options[0]}: expected a detector, got a classifier" in " ".join(
            err.replace("│", " ").split()
        )


@pytest.mark.parametrize("name", ["..", "a/b", "c:d"])
def test_crops_stay_in_their_folder_whatever_the_class_is_called(call, network, photos, tmp_path, name):
    renamed = copy.deepcopy(network)
    renamed.classes = [name, "light"]
    renamed.save(tmp_path / "model.safetensors")
    assert call("predict", "model.safetensors", photos, "--crops", "deep/parts", "--json")[0] == 0
    crops = set(tmp_path.rglob("*-*.png"))
    assert crops
    assert crops == set((tmp_path / "deep/parts").rglob("*-*.png"))


def test_nothing_is_written_where_there_is_no_picture(call, model, tmp_path):
    code, out, _ = call("predict", model, "nowhere")
    assert (code, out) == (1, "")
    assert not (tmp_path / "runs").exists()


def test_a_threshold_is_a_number(call, model, photos):
    code, _, err = call("predict", model, photos, "--threshold", "nan")
    assert code == 2
    assert "--threshold: expected a number from 0 to 1, got nan" in " ".join(err.replace("│", " ").split())
