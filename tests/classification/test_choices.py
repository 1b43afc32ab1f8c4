"""Default settings: chosen from the data alone, and printed."""

import numpy as np
import pytest

from fovea import models
from fovea.classification import choices, train
from fovea.classification.choices import ROWS, choose, model_for, row_for
from fovea.classification.task import Classification
from fovea.data import Dataset, Splits
from fovea.training import setup
from fovea.training.progress import Progress
from fovea.training.recipe import Recipe
from tests import tiny


def data_of(n, shape=(16, 16, 1), labels=None):
    labels = np.arange(n) % 3 if labels is None else labels
    blank = np.broadcast_to(np.zeros(shape, np.uint8), (len(labels), *shape))
    return Splits("blank", Dataset(blank, labels, ["a", "b", "c"]), None, None)


def picked(n, shape=(16, 16, 1), goes_on=False, **given):
    splits = data_of(n, shape)
    return choose(models.lenet5(shape, 3), splits, given, goes_on=goes_on)


def test_every_row_names_a_network_that_there_is():
    for row in ROWS:
        assert set(row.models) & set(models.MODELS)
        setup.chosen(Recipe(), Classification(), {**row.recipe, **row.long, "average": 0.9})


def test_the_shape_decides_the_network():
    assert model_for((28, 28, 1)) == "lenet5"
    assert row_for((32, 32, 3)) is not row_for((28, 28, 1))
    assert row_for((128, 96, 3)) is row_for((200, 200, 1))
    assert row_for((128, 96, 3)) is not row_for((32, 32, 3))


def test_the_drawn_digits_are_trained_as_ever():
    recipe, task, lines = picked(9000, (28, 28, 1))
    assert recipe.settings() == Recipe().settings()
    assert task == Classification()
    assert lines == [
        "settings for grey pictures up to 48 pixels: batch size 64, 10 epochs of 141 steps, "
        "learning rate 0.05"
    ]


def test_few_pictures_make_small_batches_and_many_epochs():
    few, many = picked(60)[0], picked(100_000)[0]
    assert few.batch_size == 16
    assert few.epochs == 60
    assert few.rate == pytest.approx(0.05 * 16 / 64)
    assert (many.batch_size, many.epochs) == (64, 10)


def test_no_batch_is_left_with_one_picture():
    for n in (17, 33, 129, 513, 641):
        assert n % picked(n)[0].batch_size != 1


def test_little_memory_makes_smaller_batches(monkeypatch):
    monkeypatch.setattr(choices, "machine_memory", lambda: 4 << 20)
    recipe, _, (line, *_) = picked(100_000, (28, 28, 1))
    assert recipe.batch_size < 64
    assert "would not fit the memory" in line


def test_what_is_asked_for_is_not_picked():
    given = {"epochs": 3, "batch_size": 100, "learning_rate": 0.2, "augment": "none", "label_smoothing": 0.0}
    recipe, task, (line,) = picked(1000, (32, 32, 3), **given)
    wanted, _ = setup.chosen(Recipe(), Classification(), given)
    assert task.label_smoothing == 0
    for name, value in wanted.settings().items():
        if name in given:
            assert recipe.settings()[name] == value
    assert recipe.optimizer.nesterov
    assert "epochs" not in line
    assert "augment" not in line
    assert picked(1000, (32, 32, 3), optimizer="adam")[0].rate == 0.001


def test_a_long_training_hides_more_of_its_pictures():
    short, long = (picked(1000, (32, 32, 3), epochs=epochs)[0].augment for epochs in (12, 30))
    assert not short.cutout
    assert long.cutout
    assert not picked(1000, (32, 32, 3), epochs=30, augment="flip")[0].augment.cutout


def test_an_average_is_over_the_last_steps_however_many_there_are():
    short, long = (picked(1000, (32, 32, 3), epochs=epochs)[0].average for epochs in (2, 100))
    assert short < long < 1


def test_a_trained_network_continues_with_a_small_rate():
    recipe, _, (line,) = picked(9000, (28, 28, 1), goes_on=True)
    assert recipe.rate == pytest.approx(0.005)
    assert "trained already" in line


def test_uneven_classes_are_pointed_out():
    splits = data_of(0, labels=np.repeat([0, 1, 2], [90, 20, 50]))
    network = models.lenet5((16, 16, 1), 3)
    assert any("20 pictures of b, 90 of a" in line for line in choose(network, splits, {})[2])
    assert len(choose(network, splits, {"class_weights": "balanced"})[2]) == 1


def test_choices_are_printed_and_written_down(tmp_path, monkeypatch):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    heard = []

    class Hear(Progress):
        def note(self, text):
            heard.append(text)

    photos = tiny.write_folder(tmp_path / "photos", scale=2)
    run = train.train(str(photos), epochs=1, out=str(tmp_path / "run"), progress=Hear())
    assert any(line.startswith("lenet5: ") for line in heard)
    assert any(line.startswith("settings for grey pictures") and ": model lenet5, " in line for line in heard)
    asked = run.folder.read_arguments()
    assert (asked["model"], asked["batch_size"], asked["size"]) == ("lenet5", 16, [16, 16])


def test_pictures_can_be_brought_to_another_size(tmp_path, monkeypatch):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    photos = tiny.write_folder(tmp_path / "photos", scale=2)
    run = train.train(str(photos), size=(20, 24), epochs=1, out=str(tmp_path / "run"))
    assert run.folder.read_arguments()["size"] == [20, 24]
    assert train.resume(str(run.folder.path)).metrics == run.metrics
