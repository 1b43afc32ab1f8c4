"""Training from weights: the last layer is fitted in the first epoch, then the upper ones are fine-tuned."""

import csv
import json
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

import fovea
from fovea import cli, models, weights
from fovea.classification import choices, learning_curve, train
from fovea.classification.evaluate import evaluate
from fovea.classification.task import Classification
from fovea.errors import DataError, FoveaError, ShapeError
from fovea.files.tensors import write_tensors
from fovea.layers import BatchNorm, Conv2D, Dense, GlobalAveragePool2D, ReLU
from fovea.network import Network
from fovea.network.preprocessing import Preprocessing
from fovea.training import loop
from fovea.training.interrupts import Stopped
from fovea.training.progress import Progress
from tests import tiny
from tests.cases import halide


@pytest.fixture(autouse=True)
def reference(monkeypatch, tmp_path):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    monkeypatch.setenv("FOVEA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(loop.figures, "results", lambda *_: None)
    monkeypatch.setattr(Classification, "draw", lambda *_: None)


@pytest.fixture
def photos(monkeypatch, tmp_path):
    """A folder of pictures that count as large here, although they are few pixels; they are trained from a
    ResNet-20 for 16×16 pixels and five classes, which plays the part of EfficientNet-Lite0."""
    network = models.resnet20((16, 16, 3), [*"abcde"], seed=3)
    network.preprocessing = Preprocessing((0.5, 0.5, 0.5), (0.25, 0.25, 0.25), crop=0.875)
    text = {
        "classes": json.dumps(network.classes),
        "preprocessing": json.dumps(network.preprocessing.to_dict()),
    }
    (tmp_path / "weights").mkdir()
    write_tensors(
        tmp_path / "weights/resnet20.safetensors", {**network.parameters, **network.statistics}, text
    )
    monkeypatch.setattr(weights, "FOLDER", tmp_path / "weights")
    monkeypatch.setattr(train, "PRETRAINED", "resnet20")
    monkeypatch.setattr(train, "SIDE", 16)
    monkeypatch.setattr(choices, "SMALL", 16)
    return str(tiny.write_folder(tmp_path / "photos", n=36, scale=4))


class Hear(Progress):
    def __init__(self):
        self.heard, self.worked = [], []

    def note(self, text):
        self.heard.append(text)

    def working(self, what, done, total):
        self.worked.append((what, done, total))


def fitted(**choices):
    """Train the tiny network with a fit in its first epoch."""
    network = tiny.network()
    run = fovea.train(network, tiny.splits(), fit_last=True, **{"batch_size": 8, "seed": 5} | choices)
    return network, run


def test_the_first_epoch_fits_the_last_layer_and_changes_no_other():
    network, run = fitted(epochs=1)
    before = tiny.network()
    for name, array in network.parameters.items():
        assert np.array_equal(array, before.parameters[name]) != name.startswith("dense")
    assert run.best_epoch == 1
    (row,) = run.history
    assert row["train_top1"] > 0.9
    assert row["val_top1"] > 0.5


def test_the_row_of_the_fit_measures_the_training_pictures_as_they_are():
    network, run = fitted(epochs=1, label_smoothing=0.1)
    data = tiny.splits().train
    Z = network.run(data.read(slice(None))[0])
    assert run.history[0]["train_top1"] == (Z.argmax(axis=1) == data.labels).mean()
    loss = fovea.losses.CrossEntropy(0.1)(Z, data.labels)[0]
    assert run.history[0]["train_loss"] == pytest.approx(loss, abs=1e-5)


def test_a_fit_needs_no_gradients(monkeypatch):
    monkeypatch.setattr(Network, "backward_steps", None)
    fitted(epochs=1)


def test_later_epochs_train_as_ever_from_the_fit():
    network, run = fitted(epochs=3, average=0.9)
    assert len(run.history) == 3
    assert run.history[1]["train_loss"] < 1.0  # not from random numbers
    assert not np.array_equal(network.parameters["conv1.W"], tiny.network().parameters["conv1.W"])


@pytest.mark.parametrize("steps", [1, 7])
def test_fine_tuning_resumes_to_the_same_bits(steps, tmp_path):
    how = {"epochs": 3, "average": 0.9, "optimizer": "sgd,nesterov"}
    fitted(out=tmp_path / "whole", **how)
    with pytest.raises(Stopped):
        fitted(out=tmp_path / "run", progress=tiny.PressCtrlC(steps), **how)
    fitted(resume=tmp_path / "run", **how)
    assert tiny.outcome(tmp_path / "run") == tiny.outcome(tmp_path / "whole")


def test_a_picture_that_was_overwritten_while_fine_tuning_stopped_is_reported(photos, tmp_path):
    run, hear = str(tmp_path / "run"), Hear()
    with pytest.raises(Stopped):
        train.train(photos, fine_tune=2, batch_size=8, out=run, progress=tiny.PressCtrlC(5))
    source, target = (min((Path(photos) / name).iterdir()) for name in ("left", "right"))
    shutil.copy(source, target)
    train.resume(run, hear)
    line = f"pictures whose content has changed since the run began: 1, such as right/{target.name}"
    assert line in hear.heard


def test_a_fit_that_was_stopped_is_repeated_to_the_same_bits(tmp_path):
    class Stop(Progress):
        def working(self, what, done, total):
            if what == "features of val":
                signal.raise_signal(signal.SIGINT)

    fitted(out=tmp_path / "whole", epochs=2)
    cache = Path(fovea.files.caching.root())
    for file in (cache / "features").iterdir():
        file.unlink()
    with pytest.raises(Stopped, match="stopped after epoch 0; resume with: fovea train --resume"):
        fitted(out=tmp_path / "run", epochs=2, progress=Stop())
    fitted(resume=tmp_path / "run", epochs=2)
    assert tiny.outcome(tmp_path / "run") == tiny.outcome(tmp_path / "whole")


@halide
def test_any_number_of_threads_gives_the_same_bits(monkeypatch, tmp_path):
    monkeypatch.setenv("FOVEA_ENGINE", "halide")
    monkeypatch.delenv("FOVEA_CACHE")
    found = []
    for threads in ("1", "2"):
        monkeypatch.setenv("HL_NUM_THREADS", threads)
        monkeypatch.setattr(fovea.files.caching, "keep", lambda *_, **__: None)
        found.append(fitted(epochs=2)[0].flat.copy())
    assert np.array_equal(*found)


def test_weights_and_smoothing_of_classes_count_in_the_fit():
    plain, _ = fitted(epochs=1)
    weighted, _ = fitted(epochs=1, class_weights={"left": 50.0})
    pictures, _ = tiny.splits().test.read(slice(None))
    often = [(net.run(pictures).argmax(axis=1) == 1).sum() for net in (plain, weighted)]
    assert often[1] > often[0]


def test_only_a_dense_last_layer_can_be_fitted():
    layers = [Conv2D(3, 3), GlobalAveragePool2D()]
    with pytest.raises(ShapeError, match="train: fit_last: expected a last layer of Dense, got Glob"):
        fovea.train(Network(layers, (8, 8, 1), 0), tiny.splits(), fit_last=True)


@pytest.mark.parametrize("parts", [{"val": 0}, {"val": 0, "test": 0}])
def test_without_val_the_strength_is_the_usual(parts):
    _, run = fovea_run = fitted(epochs=1)
    network = tiny.network()
    run = fovea.train(network, tiny.splits(**parts), fit_last=True, epochs=1)
    assert run.history[0]["val_top1"] is None
    assert fovea_run[1].history[0]["val_top1"] is not None


# The command's choices


def test_large_pictures_are_trained_from_weights(photos, tmp_path):
    hear = Hear()
    run = train.train(photos, out=str(tmp_path / "run"), progress=hear)
    assert "dense1 reinitialised for 3 classes; the weights were for 5" in hear.heard
    (line,) = (line for line in hear.heard if line.startswith("epoch 1 fits"))
    assert line.startswith("epoch 1 fits dense1 to the features that resnet20 computes (--weights none ")
    assert "; no fine-tuning, as there are only 30 training pictures" in line
    assert {what for what, _, _ in hear.worked} == {"features of train", "features of val"}
    assert all(0 < done <= total for _, done, total in hear.worked)
    network = fovea.load(run.folder.best)
    before = models.build("resnet20", (16, 16, 3))
    for name, array in network.parameters.items():
        assert name.startswith("dense1") or np.array_equal(array, before.parameters[name])
    arguments = run.folder.read_arguments()
    assert (arguments["weights"], arguments["epochs"], arguments["fit_last"]) == (
        "resnet20",
        1,
        True,
    )
    again = train.resume(str(run.folder.path))
    assert np.array_equal(fovea.load(again.folder.best).memory, network.memory)


def test_fine_tuning_changes_the_upper_layers_alone(photos, tmp_path):
    hear = Hear()
    run = train.train(photos, fine_tune=1, out=str(tmp_path / "run"), progress=hear)
    assert any(line.startswith("epoch 2 fine-tunes the upper layers: ") for line in hear.heard)
    network, before = fovea.load(run.folder.last), models.build("resnet20", (16, 16, 3))
    changed = {
        name.partition(".")[0]
        for name, array in {**network.parameters, **network.statistics}.items()
        if not name.startswith("dense1")
        and not np.array_equal(array, {**before.parameters, **before.statistics}[name])
    }
    order = [layer.name for layer in network.layers]
    assert changed
    assert all("batchnorm" not in name for name in changed)
    assert min(order.index(name) for name in changed) >= order.index("stage3_block1_conv1")


def test_a_trained_network_keeps_its_size(photos, tmp_path):
    run = str(train.train(photos, out=str(tmp_path / "run")).folder.path)
    for origin in ({"weights": run}, {"model": run}):
        with pytest.raises(DataError, match=r"pictures: expected its own size, 16×16.*: leave out the size"):
            train.train(photos, size=(8, 8), out=str(tmp_path / "other"), **origin)
    train.train(photos, weights=run, size=(16, 16), out=str(tmp_path / "same"))


def test_without_weights_training_is_from_scratch(photos, tmp_path):
    hear = Hear()
    how = {"weights": "none", "model": "lenet5", "epochs": 1}
    run = train.train(photos, out=str(tmp_path / "run"), progress=hear, **how)
    assert run.folder.read_arguments()["weights"] == "none"
    assert not run.folder.read_arguments()["fit_last"]
    assert any(line.startswith("settings for pictures larger than 48 pixels") for line in hear.heard)
    assert fovea.load(train.resume(str(run.folder.path)).folder.best).classes == tiny.CLASSES


def test_a_built_in_model_starts_from_its_weights(photos, tmp_path):
    run = train.train(photos, "resnet20", out=str(tmp_path / "run"))
    assert run.folder.read_arguments()["weights"] == "resnet20"


def test_runs_from_before_there_was_a_default_resume_from_scratch(tmp_path):
    photos = str(tiny.write_folder(tmp_path / "photos", scale=2))
    whole = train.train(photos, "course39", epochs=1, out=str(tmp_path / "run"))
    path = whole.folder.arguments
    lines = path.read_text().splitlines()
    old = [line for line in lines if not line.startswith("fit_last")]
    path.write_text("\n".join("weights: null" if line.startswith("weights") else line for line in old))
    assert train.resume(str(whole.folder.path)).best_epoch == 1


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"fine_tune": 2, "epochs": 3}, "train: expected epochs or fine_tune, got both"),
        (
            {"fine_tune": 2, "weights": "none", "model": "lenet5"},
            "fine_tune: .* got lenet5 from scratch: epochs",
        ),
        ({"fine_tune": 2, "weights": "no_dense"}, "fine_tune: .* got GlobalAveragePool2D"),
        ({"fine_tune": 2, "model": "no_dense"}, "got the model .* to continue: start from its weights"),
        ({"fine_tune": -1}, "train: fine_tune: expected a whole number, at least 0, got -1"),
    ],
)
def test_choices_that_contradict_each_other_are_refused(how, sentence, photos, tmp_path):
    network = Network([Conv2D(3, 3), GlobalAveragePool2D()], (16, 16, 3), 0)
    network.classes = tiny.CLASSES
    network.save(tmp_path / "no_dense")
    how = {name: str(tmp_path / value) if value == "no_dense" else value for name, value in how.items()}
    with pytest.raises(FoveaError, match=sentence):
        train.train(photos, out=str(tmp_path / "run"), **how)
    assert not (tmp_path / "run").exists()


def test_the_command_has_both_options(photos, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="0"):
        cli.main(["train", photos, "--fine-tune", "0", "--out", "run"])
    with (tmp_path / "run/results.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1"]
    with pytest.raises(SystemExit, match="2"):
        cli.main(["train", photos, "--fine-tune", "0", "--epochs", "2"])
    assert "--fine-tune and --epochs cannot be combined" in capsys.readouterr().err


@pytest.mark.parametrize("few", [1, 2])
def test_classes_of_one_or_two_pictures_are_trained(few, photos, tmp_path):
    for file in sorted((Path(photos) / "left").iterdir())[few:]:
        file.unlink()
    hear = Hear()
    run = train.train(photos, out=str(tmp_path / "run"), progress=hear)
    assert fovea.load(run.folder.best).classes == tiny.CLASSES
    assert run.metrics["per_class"]["left"] is None  # nothing to measure
    assert any("left" in line for line in hear.heard)


def test_pictures_that_cannot_be_read_are_listed(photos, tmp_path):
    for number in (0, 3, 6, 9, 12, 15):
        (Path(photos) / f"bottom/{number:03}.png").write_bytes(b"no picture")
    run = train.train(photos, out=str(tmp_path / "run"))
    assert len(run.bad) == 6
    again = train.resume(str(run.folder.path))
    assert len(again.bad) == 6


def test_a_class_without_a_readable_picture_is_an_error(photos, tmp_path):
    for file in (Path(photos) / "left").iterdir():
        file.write_bytes(b"no picture")
    with pytest.raises(
        DataError, match=r"data photos: none of 10 pictures of left in train can be read, such as \S*left/"
    ):
        train.train(photos, out=str(tmp_path / "run"))


@pytest.mark.parametrize("weights", [None, "none"])
@pytest.mark.parametrize("part", ["val", "test"])
def test_a_part_or_class_without_a_readable_picture_is_warned_of(photos, tmp_path, weights, part):
    splits = fovea.data.load(photos, size=(16, 16))
    files = list(splits.parts[part].files)
    lost = [file for file in files if "/left/" in file]
    for bad, line in ((lost, rf"warning: none of 1 picture of left in {part} can be read"),
                      (files, rf"warning: none of {len(files)} pictures in {part} can be read")):  # fmt: skip
        for file in bad:
            Path(file).write_bytes(b"no picture")
        hear = Hear()
        train.train(photos, weights=weights, epochs=1, out=str(tmp_path / f"{len(bad)}"), progress=hear)
        assert [heard for heard in hear.heard if "none of" in heard] == [line]


def test_where_no_picture_can_be_read_the_fit_is_an_error(photos, tmp_path):
    for file in Path(photos).rglob("*.png"):
        file.write_bytes(b"no picture")
    with pytest.raises(DataError, match="can be read"):
        train.train(photos, out=str(tmp_path / "run"))


# What fine-tuning freezes


def test_layers_far_below_the_end_and_every_batchnorm_are_frozen():
    layers = [
        *(Conv2D(4, 3, padding="same"), BatchNorm(), ReLU()),
        *(Conv2D(4, 3, stride=2, padding="same"), BatchNorm(), ReLU()),
        *(Conv2D(4, 3, stride=2, padding="same"), BatchNorm(), ReLU(), GlobalAveragePool2D(), Dense(3)),
    ]  # fmt: skip
    network = Network(layers, (16, 16, 1), 0)
    assert choices.below_the_end(network) == ["..batchnorm2", "batchnorm3"]
    assert choices.below_the_end(tiny.network()) == []


def test_the_defaults_of_fine_tuning_depend_on_the_number_of_pictures():
    def picked(n, **given):
        blank = np.zeros((n, 8, 8, 1), np.uint8)
        data = fovea.data.Dataset(blank, np.arange(n) % 3, tiny.CLASSES)
        return choices.choose(tiny.network(), fovea.data.Splits("x", data, None, None), given, fits=True)

    few, _, lines = picked(60)
    assert (few.epochs, str(few.augment), few.freeze) == (1, "none", ())
    assert "no fine-tuning, as there are only 60 training pictures" in lines[0]
    many, task, lines = picked(3000)
    assert many.epochs > 1
    assert task.fit_last
    assert lines[1].startswith(f"epochs 2 to {many.epochs} fine-tune the upper layers: ")
    assert picked(3000, epochs=1)[0].epochs == 1
    assert picked(60, epochs=4)[0].epochs == 4


# The learning curve


def test_counts_double_from_ten_to_the_largest_class():
    assert learning_curve.counts(7) == [7]
    assert learning_curve.counts(100) == [10, 20, 40, 100]
    assert learning_curve.counts(160) == [10, 20, 40, 80, 160]


def test_evaluate_tells_what_fewer_pictures_would_have_given(photos, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(learning_curve, "FIRST", 2)
    run = train.train(photos, out=str(tmp_path / "run"))
    found = evaluate(str(run.folder.path), photos, curve=True, out=str(tmp_path / "evaluation"))
    assert found.learned == dict.fromkeys(tiny.CLASSES, 10)
    assert [point.pictures for point in found.curve] == [2, 4, 10]
    assert [(point.n, len(point.top1)) for point in found.curve] == [(6, 5), (12, 5), (30, 1)]
    assert found.curve[-1].mean == pytest.approx(found.metrics["top1"])  # all pictures: the run's own layer
    with (tmp_path / "evaluation/learning_curve.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [row["pictures_per_class"] for row in table] == ["2", "4", "10"]
    assert (tmp_path / "evaluation/learning_curve.png").stat().st_size > 0
    again = evaluate(str(run.folder.path), photos, curve=True, out=str(tmp_path / "again"))
    assert again.curve == found.curve
    with pytest.raises(SystemExit, match="0"):
        cli.main(
            ["evaluate", str(run.folder.path), photos, "--learning-curve", "--out", str(tmp_path / "third")]
        )
    out = capsys.readouterr().out
    assert "from 10 training pictures" in out
    assert "up to 4 training pictures per class, without fine-tuning: " in out


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda run, photos: shutil.rmtree(photos), "that .*run learned from, got none there: move it back"),
        (
            lambda run, photos: shutil.move(f"{photos}/left", f"{photos}/up"),
            "only the model's classes|others",
        ),
    ],
)
def test_a_learning_curve_needs_the_runs_pictures(change, sentence, photos, tmp_path):
    run, other = str(tmp_path / "run"), str(tiny.write_folder(tmp_path / "other", 12, scale=4, seed=2))
    train.train(photos, out=run)
    change(run, photos)
    with pytest.raises(DataError, match=sentence):
        evaluate(run, other, curve=True, out=str(tmp_path / "evaluation"))
    assert not (tmp_path / "evaluation").exists()


def test_a_run_from_the_weights_of_another_has_a_learning_curve(photos, tmp_path):
    train.train(photos, out=str(tmp_path / "first"))
    train.train(photos, weights=str(tmp_path / "first"), out=str(tmp_path / "second"))
    found = evaluate(str(tmp_path / "second"), photos, curve=True, out=str(tmp_path / "evaluation"))
    assert found.curve[-1].mean == pytest.approx(found.metrics["top1"])


def test_settings_of_steps_without_steps_are_named(photos, tmp_path):
    hear = Hear()
    how = {"learning_rate": 0.1, "mixup": 0.2, "label_smoothing": 0.0}
    train.train(photos, out=str(tmp_path / "run"), progress=hear, **how)
    assert "no effect without fine-tuning (--fine-tune 3): learning_rate, mixup" in hear.heard


def test_a_network_from_scratch_has_no_learning_curve(photos, tmp_path):
    run = str(tmp_path / "run")
    train.train(photos, "lenet5", weights="none", epochs=1, out=run)
    with pytest.raises(DataError, match=r"started from trained weights, .* learned from scratch"):
        evaluate(run, photos, curve=True)
    (tmp_path / "alone").mkdir()
    shutil.copy(f"{run}/best.safetensors", tmp_path / "alone/model.safetensors")
    with pytest.raises(DataError, match="got a model without its run"):
        evaluate(str(tmp_path / "alone/model.safetensors"), photos, curve=True)


def test_the_time_of_fine_tuning_is_told_before_the_fit(photos, tmp_path):
    class Order(Hear):
        def ahead(self, epochs, seconds):
            assert not self.worked
            self.told = epochs, seconds

    order = Order()
    train.train(photos, fine_tune=2, batch_size=8, out=str(tmp_path / "run"), progress=order)
    epochs, seconds = order.told
    assert epochs == 2
    assert 0 < seconds < 60
