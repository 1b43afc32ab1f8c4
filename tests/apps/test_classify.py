import os
from pathlib import Path

import pytest

from fovea.apps import classify
from fovea.apps.evaluate import evaluate
from fovea.errors import DataError, FoveaError
from fovea.training import Progress
from tests import tiny
from tests.cases import halide

MNIST = Path(os.environ.get("FOVEA_DATA", "nowhere")) / "mnist"


@halide
@pytest.mark.skipif(not MNIST.is_dir(), reason="FOVEA_DATA names no folder with MNIST")
def test_lenet5_learns_mnist_in_three_epochs(tmp_path):
    run = classify.train(str(MNIST), "lenet5", epochs=3, out=str(tmp_path / "run"))
    assert run.metrics["split"] == "test"
    assert run.metrics["top1"] >= 0.985


def test_options_without_sense_are_found_before_anything_begins():
    classify.check({"schedule": "cosine", "augment": "shift,flip"})
    for choices in ({"optimizer": "lion"}, {"learning_rate": 0.0}, {"schedule": "line"}, {"augment": "blur"}):
        with pytest.raises(FoveaError):
            classify.check(choices)


def test_a_trained_model_must_know_the_datas_classes(monkeypatch, tmp_path):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    monkeypatch.chdir(tmp_path)
    photos = tiny.write_folder(tmp_path / "photos", scale=2)
    run = classify.train("photos", "course39", epochs=1)
    (photos / "left").rename(photos / "up")
    assert run.folder is not None
    with pytest.raises(DataError, match="expected bottom, left, right, got bottom, right, up"):
        classify.train("photos", str(run.folder.path), epochs=1)
    assert [path.name for path in (tmp_path / "runs/classify").iterdir()] == ["train"]


class Hear(Progress):
    def __init__(self):
        self.heard = []

    def note(self, text):
        self.heard.append(text)


def test_pictures_in_two_parts_are_reported_and_listed(monkeypatch, tmp_path):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    photos, hear = tiny.write_folder(tmp_path / "photos", scale=2), Hear()
    for path in (photos / "left").glob("*.png"):
        (photos / "left" / f"copy-{path.name}").write_bytes(path.read_bytes())
    run = classify.train(str(photos), epochs=1, out=str(tmp_path / "run"), progress=hear)
    (line,) = (line for line in hear.heard if "in an earlier part too" in line)
    assert "results look better than they are" in line
    head, *rows = (run.folder.path / "duplicates.csv").read_text().splitlines()
    assert head == "file,split,same_as,its_split,how"
    assert rows
    for row in rows:
        file, split, same_as, its_split, how = row.split(",")
        assert Path(file).name.removeprefix("copy-") == Path(same_as).name.removeprefix("copy-")
        assert (split, its_split) in (("val", "train"), ("test", "train"), ("test", "val"))
        assert how == "same"


def test_groups_stay_together_from_training_to_evaluation(monkeypatch, tmp_path):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    photos, hear = tiny.write_folder(tmp_path / "photos", 90, scale=2), Hear()
    run = classify.train(str(photos), groups=r"/(\d\d)", epochs=1, out=str(tmp_path / "run"), progress=hear)
    assert "9 groups, each in one part" in hear.heard
    assert run.folder.read_arguments()["groups"] == r"/(\d\d)"
    monkeypatch.chdir(tmp_path)
    assert evaluate(str(run.folder.path), str(photos)).metrics == run.metrics
    assert classify.resume(str(run.folder.path)).metrics == run.metrics


def test_groups_on_both_sides_of_a_split_are_reported(monkeypatch, tmp_path):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    for part, n in (("train", 60), ("test", 12)):
        tiny.write_folder(tmp_path / "photos" / part, n, scale=2)
    hear = Hear()
    classify.train(
        str(tmp_path / "photos"), groups=r"/(\d\d)\d", epochs=1, out=str(tmp_path / "run"), progress=hear
    )
    assert any("but for 2, such as '00'" in line for line in hear.heard)
