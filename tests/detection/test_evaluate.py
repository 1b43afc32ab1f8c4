"""Measuring a detector from the command line and in Python."""

import json

import pytest

from fovea import models
from fovea.detection import train
from fovea.detection.evaluate import evaluate
from fovea.errors import DataError
from tests.detection import tiny


@pytest.fixture(autouse=True)
def on_the_reference(monkeypatch, tmp_path):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def boxes(tmp_path_factory):
    return tiny.write_folder(tmp_path_factory.mktemp("boxes") / "few")


@pytest.fixture(scope="module")
def run(boxes, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FOVEA_ENGINE", "reference")
        out = str(tmp_path_factory.mktemp("runs") / "run")
        return train.train(str(boxes), size=(32, 64), epochs=2, batch_size=8, out=out)


def test_the_model_keeps_the_threshold_of_its_best_epoch(run):
    best = run.history[run.best_epoch - 1]
    network = models.load(run.folder.best)
    assert network.facts == {"threshold": best["val_threshold"]}
    assert models.load(run.folder.last).facts == {"threshold": run.history[-1]["val_threshold"]}
    assert run.metrics["threshold"] == best["val_threshold"]


def test_a_run_has_pictures_of_its_data_and_its_answers(run):
    found = {path.name for path in run.folder.path.glob("*.png")}
    assert found == {
        "labels.png", "train_batch.png", "results.png", "precision_recall.png", "confusion_matrix.png",
        "worst_mistakes.png", "predictions.png",
    }  # fmt: skip


def test_the_validation_set_is_measured_where_there_is_no_test_set(run, boxes, call, tmp_path):
    code, out, err = call("evaluate", run.folder.path, boxes, "--out", "seen")
    assert code == 0
    assert "chose its best epoch by 2 of 2 pictures here" in err  # the data has no part to test on
    lines = out.splitlines()
    assert lines[0].startswith(f"{run.metrics['split']} (")
    assert [line.split()[0] for line in lines[1:3]] == tiny.CLASSES
    assert lines[3].startswith(f"at the threshold {run.metrics['threshold']:.2f}: ")
    metrics = json.loads((tmp_path / "seen/metrics.json").read_text())
    assert metrics["mAP50"] == run.metrics["mAP50"]
    assert {"precision", "recall", "F1", "AP50"} <= set(metrics["per_class"]["dark"])
    table = (tmp_path / "seen/mistakes.csv").read_text().splitlines()
    assert table[0] == "file,mistake,class,predicted,score,iou,x0,y0,x1,y1"
    assert (tmp_path / "seen/worst_mistakes.png").stat().st_size > 0


def test_all_of_a_folder_that_the_run_did_not_have_is_measured(run, tmp_path):
    other = tiny.write_folder(tmp_path / "other", n=6, seed=5)
    found = evaluate(str(run.folder.path), str(other), threshold=0.5)
    assert found.choice.name == "all"
    assert found.metrics["n_pictures"] == 6
    assert found.metrics["threshold"] == 0.5
    assert found.folder.path == tmp_path.joinpath("runs/detect/evaluate").relative_to(tmp_path)


def test_json_has_all_numbers(run, boxes, call):
    code, out, _ = call("evaluate", run.folder.path, boxes, "--json")
    content = json.loads(out)
    assert code == 0
    assert {"mAP50-95", "per_class", "by_size", "threshold", "mistakes", "folder"} <= set(content)


def test_classes_are_matched_by_name(run, tmp_path):
    other = tiny.write_folder(tmp_path / "other", n=6, seed=5)
    text = (other / "data.yaml").read_text()
    before = evaluate(str(run.folder.path), str(other)).metrics
    for path in (other / "labels").iterdir():
        rows = [line.split(" ", 1) for line in path.read_text().splitlines()]
        path.write_text("".join(f"{1 - int(kind)} {rest}\n" for kind, rest in rows))
    (other / "data.yaml").write_text(text.replace("['dark', 'light']", "['light', 'dark']"))
    assert evaluate(str(run.folder.path), str(other)).metrics["per_class"] == before["per_class"]
    (other / "data.yaml").write_text(text.replace("light", "grey"))
    with pytest.raises(
        DataError, match="expected only the model's classes, got grey: the model knows dark, light"
    ):
        evaluate(str(run.folder.path), str(other))


def test_pictures_that_cannot_be_read_are_listed(run, tmp_path):
    other = tiny.write_folder(tmp_path / "other", n=6, seed=5)
    whole = (other / "images/002.png").read_bytes()
    (other / "images/002.png").write_bytes(whole[: len(whole) // 2])
    found = evaluate(str(run.folder.path), str(other), out="seen")
    assert [name.endswith("002.png") for name in found.bad] == [True]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [(("--flips",), "--flips: expected a classifier, got a detector"),
     (("--threshold", "2"), "--threshold: expected a number from 0 to 1, got 2"),
     (("--format", "best"), "expected one of yolo")],
)  # fmt: skip
def test_options_that_do_not_fit_are_named(run, boxes, call, options, sentence):
    code, _, err = call("evaluate", run.folder.path, boxes, *options)
    assert code in (1, 2)
    assert sentence in " ".join(err.replace("│", " ").split())
