"""A task as somebody outside would write it: pictures in, pictures without noise out. Nothing in
`fovea.training` knows it."""

import json
from contextlib import suppress
from dataclasses import dataclass
from math import log10

import numpy as np
import pytest
import yaml

import fovea
from fovea import images
from fovea.apps.look.watch import Watch
from fovea.errors import ShapeError, TrainingError, mismatch
from fovea.layers import Conv2D, ReLU
from fovea.losses import Loss, MeanSquaredError
from fovea.training.measure import LOSS
from fovea.training.progress import Lines
from tests import tiny
from tests.cases import halide

PSNR = fovea.Measure("psnr", "Signal to noise (dB)", higher=True, least=-100)
SETTINGS = {
    "epochs": 4,
    "batch_size": 8,
    "learning_rate": 0.05,
    "optimizer": "adam",
    "average": 0.5,
    "seed": 2,
}


@dataclass(frozen=True)
class Denoise(fovea.Task):
    """Remove noise of a standard deviation, where white is 1."""

    noise: float = 0.1

    name = "denoise"
    measured = (LOSS, PSNR)
    shown = ("psnr", "loss")
    answers = ("noise",)

    def check(self, network, data):
        if network.output_shape != network.input_shape:
            raise ShapeError(
                mismatch("denoise", f"outputs {network.input_shape} like the inputs", network.output_shape)
            )

    def loss(self, train):
        return MeanSquaredError()

    def examples(self, dataset):
        def noisy(images, labels, rng):
            clean = images.astype(np.float32) / 255
            changed = clean + rng.normal(0, self.noise, clean.shape).astype(np.float32)
            clean[labels < 0] = np.nan
            return changed, clean

        return noisy

    def measure(self, plan, dataset, batch_size):
        found, details = super().measure(plan, dataset, batch_size)
        return {**found, "psnr": -10 * log10(found["loss"])}, details

    def draw(self, folder, data, found):
        (folder / "drawn.txt").write_text("a figure")

    def predict(self, network, images):
        pixels = images.astype(np.float32) / 255
        return [{"noise": float(n)} for n in np.abs(network.run(pixels) - pixels).mean(axis=(1, 2, 3))]


@pytest.fixture(params=["reference", pytest.param("halide", marks=halide)])
def engine(request, monkeypatch):
    monkeypatch.setenv("FOVEA_ENGINE", request.param)


@pytest.fixture
def reference(monkeypatch):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")


def network():
    layers = [Conv2D(6, 3, padding="same"), ReLU(), Conv2D(1, 3, padding="same")]
    return fovea.Network(layers, (tiny.SIDE, tiny.SIDE, 1))


def train(task=None, **changes):
    made = network()
    return made, fovea.train(made, tiny.splits(), task=task or Denoise(), **{**SETTINGS, **changes})


def test_it_learns_and_stops_and_resumes_to_the_same_bits(engine, tmp_path):
    whole, run = train(out=tmp_path / "whole")
    assert run.history[-1]["val_psnr"] > run.history[0]["val_psnr"]
    for steps in (2, 6, 13):
        with pytest.raises(KeyboardInterrupt, match="--resume"):
            train(out=tmp_path / str(steps), progress=tiny.PressCtrlC(steps))
        again, _ = train(resume=tmp_path / str(steps))
        assert np.array_equal(again.memory, whole.memory)
        assert tiny.outcome(tmp_path / str(steps)) == tiny.outcome(tmp_path / "whole")


def test_its_run_folder_has_its_columns_measures_settings_and_figures(reference, figures, tmp_path):
    _, run = train(out=tmp_path / "run", noise=0.2)
    assert list(run.history[0]) == [
        "epoch", "train_loss", "val_loss", "val_psnr", "seconds", "pictures_per_second"
    ]  # fmt: skip
    assert set(json.loads((tmp_path / "run/metrics.json").read_text())) == {
        "split",
        "loss",
        "n",
        "psnr",
        "seed",
    }
    asked = yaml.safe_load((tmp_path / "run/arguments.yaml").read_text())
    assert (asked["task"], asked["noise"], asked["epochs"]) == ("denoise", 0.2, 4)
    assert (tmp_path / "run/drawn.txt").exists()
    height, width, _ = images.read(tmp_path / "run/results.png").shape
    assert width > 2 * height


def test_other_settings_do_not_resume(reference, tmp_path):
    with suppress(KeyboardInterrupt):
        train(out=tmp_path / "run", progress=tiny.PressCtrlC(3))
    with pytest.raises(TrainingError, match=r"noise: expected 0\.1, got 0\.3"):
        train(Denoise(noise=0.3), resume=tmp_path / "run")


def test_its_best_epoch_is_kept_by_its_own_measure(reference):
    _, run = train(learning_rate=0.4, epochs=6)
    values = [row["val_psnr"] for row in run.history]
    assert run.best_epoch == 1 + values.index(max(values))

    class Worst(Denoise):
        def quality(self, row):
            return (row["val_loss"],)

    _, run = train(Worst(), epochs=3)
    losses = [row["val_loss"] for row in run.history]
    assert run.best_epoch == 1 + losses.index(max(losses))


def test_it_stops_early_and_finds_a_rate(reference):
    _, run = train(learning_rate=1e-30, patience=2, epochs=30)
    assert len(run.history) == 3
    found = fovea.find_rate(network(), tiny.splits(), fovea.Recipe(batch_size=8), task=Denoise(), steps=40)
    assert 1e-5 < found.best < 10


def test_the_page_shows_its_measures(reference, tmp_path):
    train(out=tmp_path / "run")
    report = Watch(tmp_path / "run").report()
    assert [measure["title"] for measure in report["measures"]] == ["Signal to noise (dB)", "Loss"]
    assert [measure["rises"] for measure in report["measures"]] == [True, False]
    assert report["columns"] == ["loss"]
    assert report["rows"][-1]["val_psnr"] > 0
    assert report["metrics"]["psnr"] > 0


def test_its_lines_are_in_its_own_words(reference, capsys):
    train(progress=Lines(), epochs=1)
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith("epoch 1/1  train loss 1.")
    assert "  val psnr " in line


def test_pictures_that_cannot_be_read_count_nowhere(reference, tmp_path):
    folder = tiny.write_folder(tmp_path / "photos", 30)
    next(folder.rglob("*.png")).write_bytes(b"no picture")
    made, data = network(), fovea.data.load(folder, channels=1)
    run = fovea.train(made, data, task=Denoise(), epochs=1, batch_size=8)
    assert len(run.bad) == 1
    assert np.isfinite(run.history[0]["train_loss"])


def test_it_predicts(reference, tmp_path):
    from fovea.apps.predict import predict, write_csv

    folder, made = tiny.write_folder(tmp_path / "photos", 6), network()
    (tmp_path / "photos/left/broken.png").write_bytes(b"no picture")
    entries = list(predict(made, Denoise(), [str(folder)]))
    assert len(entries) == 7
    assert [entry["noise"] is None for entry in entries] == [bool(entry["error"]) for entry in entries]
    assert Denoise().text({"noise": 0.5}) == "noise 0.5"
    write_csv(tmp_path / "table.csv", made, Denoise(), entries)
    header, *rows = (tmp_path / "table.csv").read_text().splitlines()
    assert header == "file,noise,error"
    assert len(rows) == 7


def test_what_does_not_suit_is_refused(reference):
    with pytest.raises(ShapeError, match=r"denoise: expected outputs \(8, 8, 1\) like the inputs"):
        fovea.train(tiny.network(), tiny.splits(), task=Denoise())
    with pytest.raises(TypeError, match="mixup"):
        train(mixup=0.2)

    class Lost(Denoise):
        shown = ("psnrr",)

    with pytest.raises(TrainingError, match="task denoise: expected names of its measures"):
        train(Lost())


def test_a_loss_that_returns_another_shape_is_named(engine):
    class Short(Loss):
        def __call__(self, Z, targets):
            return 0.0, Z[:, :1]

    class Wrong(Denoise):
        def loss(self, train):
            return Short()

    with pytest.raises(ShapeError, match=r"expected dZ \(., 8, 8, 1\), got \(8, 1, 8, 1\)"):
        train(Wrong())


def test_a_loss_that_is_not_finite_is_reported(reference):
    class Nothing(Denoise):
        def loss(self, train):
            return Broken()

    class Broken(Loss):
        def __call__(self, Z, targets):
            return float("nan"), np.zeros_like(Z)

    with pytest.raises(TrainingError, match="loss in epoch 1, step 1: expected finite numbers, got nan"):
        train(Nothing())
