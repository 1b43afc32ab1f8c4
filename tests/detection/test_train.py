"""Training a detector from a folder, from the command line and in Python."""

import csv
import json
import shutil

import numpy as np
import pytest
import yaml

from fovea import models
from fovea.detection import choices, data, train
from fovea.detection.formats.labels import Picture
from fovea.errors import DataError, FoveaError
from fovea.training import rate_search
from fovea.training.interrupts import Stopped
from fovea.training.progress import Progress
from tests import tiny as pictures
from tests.detection import tiny

QUICK = {"size": (32, 64), "epochs": 2, "batch_size": 8}


@pytest.fixture(autouse=True)
def on_the_reference(monkeypatch, tmp_path):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def boxes(tmp_path_factory):
    return str(tiny.write_folder(tmp_path_factory.mktemp("boxes") / "few"))


class Hear(Progress):
    def __init__(self):
        self.heard = []

    def note(self, text):
        self.heard.append(text)


def test_a_folder_with_boxes_trains_a_detector(call, boxes, tmp_path):
    code, out, err = call(
        "train", boxes, "--size", "32x64", "--epochs", "1", "--batch-size", "8", "--out", "run"
    )
    assert (code, err) == (0, "")
    assert "few: YOLO, 20 pictures, 2 classes" in out
    assert "settings for boxes: model spot_small, 32×64, 1 epoch of 3 steps" in out
    assert "mAP50-95" in out.splitlines()[-2]
    metrics = json.loads((tmp_path / "run/metrics.json").read_text())
    assert {"mAP50-95", "mAP50", "mAP75", "per_class", "n_boxes"} <= set(metrics)
    arguments = yaml.safe_load((tmp_path / "run/arguments.yaml").read_text())
    assert (arguments["task"], arguments["format"], arguments["size"]) == ("detect", "yolo", [32, 64])
    with (tmp_path / "run/results.csv").open() as file:
        assert {"train_loss", "val_mAP50-95", "val_mAP50"} <= set(next(csv.reader(file)))
    network = models.load(tmp_path / "run/best.safetensors")
    assert network.classes == tiny.CLASSES
    assert network.preprocessing.crop == "letterbox"
    assert not (tmp_path / "run/bad_labels.csv").exists()


@pytest.mark.parametrize("steps", [1, 3])
def test_a_stopped_run_resumes_to_the_same_bits(call, boxes, steps, tmp_path):
    train.train(boxes, out="whole", **QUICK)
    with pytest.raises(Stopped):
        train.train(boxes, out="run", progress=pictures.PressCtrlC(steps), **QUICK)
    code, _, err = call("train", "--resume", "run")
    assert (code, err) == (0, "")
    assert pictures.outcome(tmp_path / "run") == pictures.outcome(tmp_path / "whole")


def test_pictures_added_to_drawn_parts_are_left_out_when_a_run_resumes(boxes, tmp_path):
    mine = shutil.copytree(boxes, tmp_path / "mine")
    with pytest.raises(Stopped):
        train.train(str(mine), out="run", progress=pictures.PressCtrlC(1), **QUICK)
    for kind, ending in (("images", "png"), ("labels", "txt")):
        shutil.copy(mine / f"{kind}/001.{ending}", mine / f"{kind}/zz.{ending}")
    hear = Hear()
    train.resume("run", hear)
    assert "1 picture added since the run began: left out" in hear.heard


def test_faulty_labels_are_listed_in_the_run(boxes, tmp_path):
    mine = shutil.copytree(boxes, tmp_path / "mine")
    with (mine / "labels/003.txt").open("a") as file:
        file.write("7 0.5 0.5 0.1 0.1\n")
    run = train.train(str(mine), out="run", **QUICK)
    (line,) = csv.DictReader((run.folder.path / "bad_labels.csv").read_text().splitlines())
    assert line["file"] == "labels/003.txt"
    assert line["what"] == "dropped"


def test_a_trained_detector_goes_on_at_a_lower_rate(boxes, tmp_path):
    train.train(boxes, out="run", **QUICK)
    hear = Hear()
    more = {name: value for name, value in QUICK.items() if name != "size"}
    train.train(boxes, "run", out="more", progress=hear, **more)
    assert any("learning rate 0.002" in line for line in hear.heard)
    with pytest.raises(
        DataError, match="pictures: expected its own size, 32×64, got 64×64: leave out the size"
    ):
        train.train(boxes, "run", size=(64, 64))


def test_the_body_of_lite0_starts_from_its_weights(boxes):
    begun = train.prepare(boxes, "spot_lite0", size=(32, 64))
    train.start_from_body(begun.network)
    source = models.build("efficientnet_lite0")
    filters = "block7_conv_depthwise.W"
    assert np.array_equal(begun.network.parameters[filters], source.parameters[filters])
    assert begun.network.preprocessing.mean == source.preprocessing.mean
    recipe, _, lines = choices.choose(begun.network, begun.splits.train, {}, name=begun.name)
    assert "..block5" in recipe.freeze
    assert "lower half of its body frozen" in lines[0]
    assert train.prepare(boxes, "spot_lite0", weights="none").weights is None


@pytest.mark.parametrize(
    ("shapes", "size"),
    [
        ([(480, 640)], (256, 320)),
        ([(640, 480)], (320, 256)),
        ([(100, 100)], (320, 320)),
        ([(10, 900)] * 3, (32, 320)),
    ],
)
def test_the_size_has_the_proportions_of_the_pictures(shapes, size):
    assert data.usual_size([Picture("", *shape, None) for shape in shapes]) == size


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--mixup", "0.2"), "--mixup: expected pictures with classes, got pictures with boxes"),
        (("--format", "voc2"), "expected one of yolo"),
        (("--mosaic", "2"), "train: mosaic: expected a number from 0 to 1, got 2"),
        (("--size", "33x64"), "multiples of 32"),
        (("--model", "lenet5"), "a network with the outputs classes and boxes"),
    ],
)
def test_options_that_do_not_fit_boxes_are_named(call, boxes, options, sentence):
    code, _, err = call("train", boxes, *options)
    assert code in (1, 2)
    assert sentence in " ".join(err.replace("│", " ").split())


def test_options_for_boxes_do_not_fit_classes(call):
    code, _, err = call("train", "digits", "--mosaic", "0.5")
    assert code == 2
    assert "--mosaic: expected pictures with boxes, got pictures with classes" in " ".join(
        err.replace("│", " ").split()
    )


def test_a_folder_without_boxes_is_named(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FoveaError, match="expected pictures with boxes in one of YOLO"):
        train.train(str(tmp_path / "empty"))


def test_a_rate_is_found_for_boxes(call, boxes, tmp_path, monkeypatch):
    search = rate_search.search
    monkeypatch.setattr(rate_search, "search", lambda setup, **more: search(setup, steps=3, **more))
    code, out, _ = call("find-rate", boxes, "--size", "32x64", "--batch-size", "8", "--out", "rates")
    assert code == 0
    assert "spot_small, batches of 8, sgd: learning rate" in out
    assert f"now try: fovea train {boxes} --size 32x64 --batch-size 8 --learning-rate" in out
    assert (tmp_path / "rates/rates.csv").is_file()
