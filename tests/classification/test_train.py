import csv
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

import fovea
from fovea import images, load, models
from fovea.classification import find_rate, train
from fovea.classification.evaluate import evaluate
from fovea.errors import DataError, FoveaError, TrainingError
from fovea.network import Network
from fovea.training import setup, state
from fovea.training.progress import Progress
from tests import tiny
from tests.cases import halide

MNIST = Path(os.environ.get("FOVEA_DATA", "nowhere")) / "mnist"


@halide
@pytest.mark.skipif(not MNIST.is_dir(), reason="FOVEA_DATA names no folder with MNIST")
def test_lenet5_learns_mnist_in_three_epochs(tmp_path):
    run = train.train(str(MNIST), "lenet5", epochs=3, out=str(tmp_path / "run"))
    assert run.metrics["split"] == "test"
    assert run.metrics["top1"] >= 0.985


def test_options_without_sense_are_found_before_anything_begins():
    train.check({"schedule": "cosine", "augment": "shift,flip"})
    for choices in ({"optimizer": "lion"}, {"learning_rate": 0.0}, {"schedule": "line"}, {"augment": "blur"}):
        with pytest.raises(FoveaError):
            train.check(choices)


def test_a_trained_model_must_know_the_datas_classes(monkeypatch, tmp_path):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    monkeypatch.chdir(tmp_path)
    photos = tiny.write_folder(tmp_path / "photos", scale=2)
    run = train.train("photos", "course39", epochs=1)
    (photos / "left").rename(photos / "up")
    assert run.folder is not None
    with pytest.raises(DataError, match="expected bottom, left, right, got bottom, right, up"):
        train.train("photos", str(run.folder.path), epochs=1)
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
    run = train.train(str(photos), epochs=1, out=str(tmp_path / "run"), progress=hear)
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
    run = train.train(str(photos), groups=r"/(\d\d)", epochs=1, out=str(tmp_path / "run"), progress=hear)
    assert "9 groups, each in one part" in hear.heard
    assert run.folder.read_arguments()["groups"] == r"/(\d\d)"
    monkeypatch.chdir(tmp_path)
    assert evaluate(str(run.folder.path), str(photos)).metrics == run.metrics
    assert train.resume(str(run.folder.path)).metrics == run.metrics


def test_groups_on_both_sides_of_a_split_are_reported(monkeypatch, tmp_path):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    for part, n in (("train", 60), ("test", 12)):
        tiny.write_folder(tmp_path / "photos" / part, n, scale=2)
    hear = Hear()
    train.train(
        str(tmp_path / "photos"), groups=r"/(\d\d)\d", epochs=1, out=str(tmp_path / "run"), progress=hear
    )
    assert any("but for 2, such as '00'" in line for line in hear.heard)


def test_pictures_without_a_group_are_counted(monkeypatch, tmp_path):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    photos, hear = tiny.write_folder(tmp_path / "photos", 60, scale=2), Hear()
    (photos / "left/001.png").rename(photos / "left/other.png")
    train.train(str(photos), groups=r"/(\d\d)", epochs=1, out=str(tmp_path / "run"), progress=hear)
    expected = "6 groups, each in one part; pictures without a group: 1, such as left/other.png"
    assert expected in hear.heard


def test_an_expression_that_is_also_a_path_stays_an_expression(monkeypatch, tmp_path):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    monkeypatch.chdir(tmp_path)
    tiny.write_folder(tmp_path / "photos", 60, scale=2)
    (tmp_path / "left|bottom").mkdir()
    run = train.train("photos", groups="left|bottom", epochs=1, out="run")
    assert run.folder.read_arguments()["groups"] == "left|bottom"


def parts_of(run) -> dict[str, str]:
    with run.folder.splits.open() as file:
        return {row["file"]: row["split"] for row in csv.DictReader(file)}


@pytest.mark.parametrize("how", ["model", "weights"])
def test_continuing_keeps_the_parts_and_measures_on_nothing_that_was_learned(monkeypatch, tmp_path, how):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    photos, hear = tiny.write_folder(tmp_path / "photos", 90, scale=2), Hear()
    first = train.train(str(photos), groups=r"/(\d\d)", epochs=1, out=str(tmp_path / "first"))
    (photos / "left/001.png").unlink()
    images.write(photos / "left/00new.png", tiny.pictures(1, 7)[0][0].repeat(2, axis=0).repeat(2, axis=1))
    moved = photos.rename(tmp_path / "moved")
    again = train.train(
        str(moved),
        **{how: str(first.folder.path)},
        seed=4,
        epochs=1,
        out=str(tmp_path / "again"),
        progress=hear,
    )
    before, now = parts_of(first), parts_of(again)
    assert now.pop("left/00new.png") == before.pop("left/001.png")  # of the same group
    assert now == before
    assert again.folder.read_arguments()["groups"] == r"/(\d\d)"
    assert not any("warning" in line for line in hear.heard)
    assert train.resume(str(again.folder.path)).metrics == again.metrics
    assert evaluate(str(again.folder.path), str(moved)).metrics == again.metrics


def test_learned_pictures_among_a_datas_own_test_pictures_are_warned_of(monkeypatch, tmp_path):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    photos, hear = tiny.write_folder(tmp_path / "photos", 60, scale=2), Hear()
    first = train.train(str(photos), epochs=1, out=str(tmp_path / "first"))
    for part in ("train", "test"):
        shutil.copytree(photos, tmp_path / "sorted" / part)
    train.train(
        str(tmp_path / "sorted"), str(first.folder.path), epochs=1, out=str(tmp_path / "again"), progress=hear
    )
    assert f"warning: {first.folder.path} learned from 54 of 60 pictures in test: results look better " \
           "than they are" in hear.heard  # fmt: skip
    other = evaluate(str(tmp_path / "again"), str(photos))
    assert any("was trained on" in line for line in other.choice.warnings)


def test_a_model_whose_pictures_nobody_knows_is_warned_of(monkeypatch, tmp_path):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    photos, hear = tiny.write_folder(tmp_path / "photos", 60, scale=2), Hear()
    first = train.train(str(photos), epochs=1, out=str(tmp_path / "first"), progress=hear)
    assert not any("warning" in line for line in hear.heard)
    copy = str(shutil.copy(first.folder.best, tmp_path / "copy.safetensors"))
    train.train(str(photos), copy, epochs=1, out=str(tmp_path / "again"), progress=hear)
    assert f"warning: pictures that the model was trained on may be in val and test (no splits.csv beside " \
           f"{copy}): results may look better than they are" in hear.heard  # fmt: skip


def test_a_run_whose_data_moved_says_how_to_resume(monkeypatch, tmp_path):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    photos = tiny.write_folder(tmp_path / "photos", 12, scale=2)
    run = train.train(str(photos), epochs=1, out=str(tmp_path / "run"))
    moved = photos.rename(tmp_path / "moved")
    with pytest.raises(DataError, match=r"move it back, or write where it is now into .*arguments\.yaml$"):
        train.resume(str(run.folder.path))
    run.folder.write_arguments({**run.folder.read_arguments(), "data": str(moved)})
    assert train.resume(str(run.folder.path)).metrics == run.metrics


def test_what_stops_before_it_can_be_resumed_leaves_no_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    photos = tiny.write_folder(tmp_path / "photos", 12, scale=2)

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    for name in ("save", "begin"):
        monkeypatch.setattr(state.RunState, name, stopped)
        with pytest.raises(KeyboardInterrupt):
            train.train(str(photos), epochs=1, out=str(photos / "run"))
        assert not (photos / "run").exists()


@pytest.mark.parametrize("finished", [False, True])
def test_a_bad_picture_is_listed_once_and_as_it_is_now(monkeypatch, tmp_path, finished):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    monkeypatch.chdir(tmp_path)
    photos, hear = tiny.write_folder(tmp_path / "photos", 60, scale=2), Hear()
    good = (photos / "left/001.png").read_bytes()
    (photos / "left/001.png").write_bytes(b"")
    (photos / "right/002.png").write_bytes(b"no picture")

    class Stop(Progress):
        def epoch(self, at):
            if not finished:
                raise KeyboardInterrupt

    try:
        train.train("photos", epochs=2, out="run", progress=Stop())
    except KeyboardInterrupt:
        assert not finished
    again = train.resume("run", hear)
    assert [Path(file).name for file in again.bad] == ["001.png", "002.png"]
    assert not any("changed" in line for line in hear.heard)
    (photos / "left/001.png").write_bytes(good)
    mended = train.resume("run", hear)
    assert [Path(file).name for file in mended.bad] == ["002.png"]
    assert len(mended.folder.bad_images.read_text().splitlines()) == 2
    (line,) = (line for line in hear.heard if "changed" in line)
    assert line.endswith("since the run began: 1, such as left/001.png")


@pytest.fixture
def squeezenet(tmp_path, monkeypatch):
    """Weights for five classes in torchvision's names."""
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    models.save_torch(models.squeezenet1_1((32, 32, 3), 5, seed=3), tmp_path / "weights.safetensors")
    return str(tmp_path / "weights.safetensors")


def test_weights_in_torchvisions_names_are_trained_for_other_classes(squeezenet, tmp_path):
    photos, hear = tiny.write_folder(tmp_path / "photos", scale=2), Hear()
    how = {"size": (32, 32), "freeze": "body", "batch_size": 16, "epochs": 2}
    out = str(tmp_path / "run")
    run = train.train(str(photos), weights=squeezenet, out=out, progress=hear, **how)
    assert "conv10 reinitialised for 3 classes; the weights were for 5" in hear.heard
    assert any(line.endswith("parameters are frozen") for line in hear.heard)
    network, before = fovea.load(run.folder.best), fovea.load(squeezenet, input_shape=(32, 32, 3))
    assert network.classes == tiny.CLASSES
    assert network.preprocessing == before.preprocessing
    for name, array in network.parameters.items():
        assert name.startswith("conv10") or np.array_equal(array, before.parameters[name])
    again = train.train(str(photos), weights=out, out=str(tmp_path / "again"), progress=hear, epochs=1)
    assert "conv10 reinitialised" not in hear.heard[-1]
    assert again.folder is not None


def test_weights_in_the_package_are_trained_for_other_classes(monkeypatch, tmp_path):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    photos, hear, name = tiny.write_folder(tmp_path / "photos", scale=2), Hear(), "squeezenet1_1"
    how = {"size": (32, 32), "freeze": "body", "batch_size": 16, "epochs": 1}
    run = train.train(str(photos), weights=name, out=str(tmp_path / "run"), progress=hear, **how)
    assert "conv10 reinitialised for 3 classes; the weights were for 1,000" in hear.heard
    network, before = fovea.load(run.folder.best), models.build(name, (32, 32, 3))
    assert (network.classes, network.preprocessing) == (tiny.CLASSES, before.preprocessing)
    for name, array in network.parameters.items():
        assert name.startswith("conv10") or np.array_equal(array, before.parameters[name])


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"weights": "vgg19"}, r"expected a last layer with one output per class"),
        ({"weights": "squeezenet1_1", "model": "lenet5"}, r"expected weights of lenet5, got those of squeez"),
        ({"weights": "lenet5"}, r"expected a trained network, got an untrained architecture"),
        (
            {"weights": "nowhere"},
            r"expected a model file, .* got no such file or network: fovea models lists",
        ),
    ],
)
def test_weights_by_name_that_do_not_fit_are_refused(how, sentence, monkeypatch, tmp_path):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    photos = str(tiny.write_folder(tmp_path / "photos", scale=2))
    with pytest.raises(FoveaError, match=sentence):
        train.train(photos, epochs=1, out=str(tmp_path / "run"), size=(32, 32), **how)
    assert not (tmp_path / "run").exists()


def test_a_run_begun_with_weights_resumes_without_their_file(squeezenet, tmp_path):
    photos = tiny.write_folder(tmp_path / "photos", scale=2)

    class Stop(Progress):
        def epoch(self, at):
            raise KeyboardInterrupt

    how = {"size": (32, 32), "freeze": "..fire8", "batch_size": 16, "epochs": 2, "seed": 5}
    whole = train.train(str(photos), weights=squeezenet, out=str(tmp_path / "whole"), **how)
    with pytest.raises(KeyboardInterrupt):
        train.train(str(photos), weights=squeezenet, out=str(tmp_path / "run"), progress=Stop(), **how)
    Path(squeezenet).unlink()
    run = train.resume(str(tmp_path / "run"))
    assert np.array_equal(fovea.load(run.folder.last).memory, fovea.load(whole.folder.last).memory)


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"model": "lenet5"}, r"^model: expected one that torchvision also has .*, got 'lenet5'"),
        ({"model": "resnet18"}, r"expected weights of resnet18, got weights of squeezenet1_1"),
        ({"size": (32, 32), "freeze": "stage1"}, r"expected body, or the beginning of a layer's name"),
    ],
)
def test_weights_that_do_not_fit_are_refused_before_there_is_a_folder(how, sentence, squeezenet, tmp_path):
    photos = tiny.write_folder(tmp_path / "photos", scale=2)
    with pytest.raises(FoveaError, match=sentence):
        train.train(str(photos), weights=squeezenet, out=str(tmp_path / "run"), epochs=1, **how)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [({"size": (16, 16), "batch_size": 10**9}, "batches of 1,000,000,000 that fit into .* GB of memory"),
     ({"size": (4000, 4000)}, "parameters, gradients and copies that fit into 1.0 GB of memory")],
)  # fmt: skip
def test_what_does_not_fit_the_memory_is_refused_before_weights_are_drawn(
    options, words, monkeypatch, tmp_path
):
    monkeypatch.setattr(setup, "machine_memory", lambda: 10**9)
    monkeypatch.setattr(Network, "initialise", None)
    photos = str(tiny.write_folder(tmp_path / "photos", 12))
    for begin in (train.train, find_rate.find):
        with pytest.raises(TrainingError, match=words):
            begin(photos, "lenet5", out=str(tmp_path / "run"), **options)
    assert not (tmp_path / "run").exists()


def test_a_new_network_has_the_weights_of_its_seed(monkeypatch, tmp_path):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    photos = str(tiny.write_folder(tmp_path / "photos", 12))
    run = train.train(
        photos, "lenet5", size=(16, 16), seed=3, epochs=1, freeze="conv1", out=str(tmp_path / "run")
    )
    first = models.build("lenet5", (16, 16, 1), 3, seed=3).parameters["conv1.W"]
    assert np.array_equal(load(run.folder.last).parameters["conv1.W"], first)
