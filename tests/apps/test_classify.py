import os
from pathlib import Path

import pytest

from fovea.apps import classify
from fovea.errors import DataError, FoveaError
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
