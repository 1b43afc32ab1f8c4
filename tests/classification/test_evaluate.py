import csv
import json
import shutil

import pytest

from fovea import data
from fovea.classification.evaluate import evaluate
from fovea.classification.measuring import Mistakes
from fovea.errors import DataError
from fovea.tasks import train
from tests import tiny


@pytest.fixture(autouse=True)
def on_the_reference(monkeypatch, tmp_path):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def folder(tmp_path):
    return tiny.write_folder(tmp_path / "photos")


@pytest.fixture
def run(folder, tmp_path):
    arguments = {"data": str(folder), "seed": 3}
    run = train(
        tiny.network(), data.load(folder, seed=3), epochs=1, seed=3, out=tmp_path / "run", arguments=arguments
    )
    return run.folder


def test_a_run_is_measured_on_the_pictures_it_held_back(run, folder):
    found = evaluate(str(run.path), str(folder))
    assert found.metrics == json.loads(run.metrics.read_text())
    assert found.metrics["n"] == 6


def test_other_pictures_are_all_measured(run, tmp_path):
    other = tiny.write_folder(tmp_path / "other", 30, seed=1)
    found = evaluate(str(run.path), str(other))
    assert (found.metrics["split"], found.metrics["n"]) == ("all", 30)


def test_pictures_for_testing_are_measured_where_there_are_some(run, tmp_path):
    tiny.write_folder(tmp_path / "other/train", 30)
    tiny.write_folder(tmp_path / "other/test", 12)
    found = evaluate(str(run.best), str(tmp_path / "other"))
    assert (found.metrics["split"], found.metrics["n"]) == ("test", 12)


def test_a_model_file_of_its_own_warns_that_its_pictures_are_unknown(run, folder, tmp_path):
    (tmp_path / "alone").mkdir()
    copy = tmp_path / "alone/model.safetensors"
    copy.write_bytes(run.best.read_bytes())
    found = evaluate(str(copy), str(folder))
    assert found.metrics["split"] == "all"
    (warning,) = found.choice.warnings
    assert warning == "pictures that the model was trained on may be among these (no splits.csv beside " \
                      f"{copy}): results may look better than they are"  # fmt: skip
    (tmp_path / "alone/splits.csv").write_bytes(run.splits.read_bytes())
    assert evaluate(str(copy), str(folder)).metrics["split"] == "test"
    (tmp_path / "alone/splits.csv").write_text("anybody's table\n")
    assert evaluate(str(copy), str(folder)).metrics["split"] == "all"


def test_what_was_held_out_is_found_again_whatever_has_changed(run, folder, tmp_path):
    held = evaluate(str(run.path), str(folder)).metrics
    for name in ("bottom", "left", "right"):
        next((folder / name).iterdir()).unlink()
    extra = tiny.write_folder(tmp_path / "extra", 3, seed=1)
    for path in extra.rglob("*.png"):
        path.rename(folder / path.parent.name / "zzz.png")
    folder.rename(tmp_path / "elsewhere")
    found = evaluate(str(run.path), "elsewhere")
    assert found.metrics["n"] >= held["n"] - 3
    assert found.choice.source == f"held out by {run.path}; 3 new, not in its splits.csv, left out"
    assert not found.choice.warnings


def test_unreadable_pictures_are_no_training_pictures(run, folder):
    assert evaluate(str(run.path), str(folder)).learned == {"bottom": 16, "left": 16, "right": 16}
    with run.splits.open() as file:
        rows = [row for row in csv.DictReader(file) if row["class"] == "left" and row["split"] == "train"]
    run.write_bad_images({f"/moved/{row['file']}": "cut off" for row in rows[:3]})
    assert evaluate(str(run.path), str(folder)).learned == {"bottom": 16, "left": 13, "right": 16}


def test_a_class_without_a_readable_picture_is_warned_of(run, folder, tmp_path):
    shutil.copytree(folder, tmp_path / "sorted/test")
    for file in (tmp_path / "sorted/test/left").iterdir():
        file.write_bytes(b"no picture")
    found = evaluate(str(run.path), str(tmp_path / "sorted"))
    assert found.choice.warnings[-1] == "none of 20 pictures of left in test can be read"


def test_pictures_that_the_network_knows_are_warned_of(run, folder, tmp_path):
    for part in ("train", "test"):
        shutil.copytree(folder, tmp_path / "sorted" / part)
    found = evaluate(str(run.path), str(tmp_path / "sorted"))
    assert found.metrics["n"] == 60
    assert [line.split(":")[0] for line in found.choice.warnings] == [
        f"{run.path} was trained on 48 of 60 pictures here",
        f"{run.path} chose its best epoch by 6 of 60 pictures here",
    ]


@pytest.mark.parametrize(
    ("part", "n", "warned"),
    [("train", 48, "was trained on"), ("val", 6, "chose its best"), ("test", 6, None)],
)
def test_where_only_one_part_is_left_it_is_measured(run, folder, tmp_path, part, n, warned):
    with run.splits.open() as file:
        for row in csv.DictReader(file):
            if row["split"] != part:
                (folder / row["file"]).unlink()
    found = evaluate(str(run.path), str(folder))
    assert (found.metrics["split"], found.metrics["n"]) == (part, n)
    assert [warned in line for line in found.choice.warnings] == ([True] if warned else [])


def test_new_pictures_are_measured_where_none_was_held_out(run, folder, tmp_path):
    with run.splits.open() as file:
        for row in csv.DictReader(file):
            if row["split"] == "test":
                (folder / row["file"]).unlink()
    for path in tiny.write_folder(tmp_path / "extra", 3, seed=1).rglob("*.png"):
        path.rename(folder / path.parent.name / "zzz.png")
    found = evaluate(str(run.path), str(folder))
    assert (found.metrics["split"], found.metrics["n"]) == ("new", 3)
    assert not found.choice.warnings


def test_classes_go_together_by_name(run, tmp_path):
    other = tiny.write_folder(tmp_path / "other", 30, seed=1)
    for path in (other / "bottom").iterdir():
        path.unlink()
    (other / "bottom").rmdir()
    found = evaluate(str(run.path), str(other))
    assert found.metrics["per_class"]["bottom"] is None
    assert found.metrics["per_class"]["left"] is not None
    (other / "right").rename(other / "wrong")
    with pytest.raises(
        DataError, match=r"only the model's classes, got wrong: the model knows bottom, left, right$"
    ):
        evaluate(str(run.path), str(other))


def test_the_files_behind_each_mistake_are_written(run, tmp_path):
    other = tiny.write_folder(tmp_path / "other", 30, seed=1)
    moved = other / "left" / "moved.png"
    next((other / "right").iterdir()).rename(moved)  # so that one at least is wrong
    found = evaluate(str(run.path), str(other), out=tmp_path / "out")
    wrong = found.mistakes
    assert str(moved) in wrong.files or found.metrics["top1"] < 1
    assert len(wrong.files) == round((1 - found.metrics["top1"]) * 30)
    with (tmp_path / "out/mistakes.csv").open(newline="") as file:
        assert [line["file"] for line in csv.DictReader(file)] == wrong.files
    assert json.loads((tmp_path / "out/confused.json").read_text()) == wrong.pairs()
    assert sum(pair["n"] for pair in wrong.pairs()) == len(wrong.files)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {
        "metrics.json", "bad_images.csv", "confused.json", "mistakes.csv", "confusion_matrix.png",
        "worst_mistakes.png",
    }  # fmt: skip


def test_the_most_frequent_confusion_comes_first():
    wrong = Mistakes(["1", "2", "3"], ["cat", "dog", "cat"], ["dog", "cat", "dog"], [0.9, 0.8, 0.7])
    assert wrong.pairs() == [
        {"class": "cat", "predicted": "dog", "n": 2, "files": ["1", "3"]},
        {"class": "dog", "predicted": "cat", "n": 1, "files": ["2"]},
    ]


def test_unreadable_pictures_count_nowhere_and_are_listed(run, tmp_path):
    other = tiny.write_folder(tmp_path / "other", 30, seed=1)
    (other / "left/0.png").write_text("no picture")
    found = evaluate(str(run.path), str(other))
    assert found.metrics["n"] == 30
    assert list(found.bad) == [str(other / "left/0.png")]


def test_each_evaluation_has_a_folder_of_its_own(run, folder):
    paths = [evaluate(str(run.path), str(folder)).folder.path for _ in range(2)]
    assert [path.as_posix() for path in paths] == ["runs/classify/evaluate", "runs/classify/evaluate2"]


def test_with_flips_pictures_and_their_mirror_images_are_measured(run, tmp_path):
    from PIL import Image, ImageOps

    other = tiny.write_folder(tmp_path / "other", 30, seed=1)
    found = evaluate(str(run.path), str(other), flips=True)
    for path in other.rglob("*.png"):
        ImageOps.mirror(Image.open(path)).save(path)
    assert evaluate(str(run.path), str(other), flips=True).metrics == found.metrics
    assert evaluate(str(run.path), str(other)).metrics["loss"] != found.metrics["loss"]


def test_what_is_skipped_is_reported_and_runs_below_the_data_are_no_data(run, tmp_path, caplog):
    other = tiny.write_folder(tmp_path / "other", 30, seed=1)
    for number in range(2):
        found = evaluate(str(run.path), str(other), out=str(other / f"left/{number}"))
        assert found.metrics["n"] == 30
    assert caplog.messages == [f"fovea: {other}: skipped 1 folder that Fovea wrote (left/0)"]
