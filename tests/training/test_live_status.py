"""A run's sign of life within its epochs."""

import numpy as np
import pytest

from fovea import tasks
from fovea.classification.task import Classification
from fovea.training import live_status, progress
from fovea.training.position import Position
from fovea.training.run_folder import Folder
from tests import tiny

TASK = Classification()


@pytest.fixture(autouse=True)
def reference(monkeypatch):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")


@pytest.fixture
def often(monkeypatch):
    """A pulse after every step."""
    monkeypatch.setattr(live_status, "EVERY", 0.0)
    monkeypatch.setattr(live_status, "SHARE", float("inf"))


class Watched(progress.Progress):
    """Reads the pulse before each step but the first."""

    def __init__(self, folder):
        self.path, self.found = Folder(folder).pulse, []

    def step(self, at):
        if self.path.exists():
            self.found.append(live_status.read(self.path))


def test_the_curve_grows_with_the_steps_and_its_means_are_the_epochs(often, tmp_path):
    watched, network = Watched(tmp_path / "run"), tiny.network()
    run = tasks.train(network, tiny.splits(), epochs=2, batch_size=8, out=tmp_path / "run", progress=watched)
    assert [len(beat["points"]) for beat, _ in watched.found] == list(range(len(watched.found)))
    beat, arrays = live_status.read(Folder(tmp_path / "run").pulse)
    assert (beat["epoch"], beat["step"], beat["layer"]) == (2, beat["steps"], "conv1")
    assert beat["points"][-1][0] == 2
    assert arrays["filters"].shape == network.parameters["conv1.W"].shape
    steps = beat["steps"]
    pictures = len(tiny.splits().train)
    weights = [8] * (steps - 1) + [pictures - 8 * (steps - 1)]
    for epoch, row in enumerate(run.history):
        points = beat["points"][epoch * steps : (epoch + 1) * steps]
        assert np.average([loss for _, loss, _ in points], weights=weights) == pytest.approx(
            row["train_loss"], abs=1e-4
        )
        assert np.average([top1 for _, _, top1 in points], weights=weights) == pytest.approx(
            row["train_top1"], abs=1e-4
        )


def test_filters_are_those_of_the_moment(often, tmp_path):
    watched = Watched(tmp_path / "run")
    tasks.train(tiny.network(), tiny.splits(), epochs=1, batch_size=8, out=tmp_path / "run", progress=watched)
    (_, first), *_, (_, last) = watched.found
    assert not np.array_equal(first["filters"], last["filters"])


def test_a_run_of_a_moment_has_no_points_and_its_other_files_are_the_same(monkeypatch, tmp_path):
    for name, every in (("a", 0.0), ("b", 1e9)):
        monkeypatch.setattr(live_status, "EVERY", every)
        tasks.train(tiny.network(), tiny.splits(), epochs=2, out=tmp_path / name)
    points = [len(live_status.read(Folder(tmp_path / run).pulse)[0]["points"]) for run in "ab"]
    assert points[0]
    assert not points[1]
    for name in ("best.safetensors", "last.safetensors"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_curve_continues_when_a_run_resumes(often, tmp_path):
    folder, network = Folder(tmp_path), tiny.network()
    first = live_status.Pulse(folder, network, TASK, Position(), steps=4)
    at = Position()
    for _ in range(3):
        at.add(1.0, {"top1": 2}, 4)
        first.step(at)
    again = live_status.Pulse(
        folder, network, TASK, Position(step=2), steps=4
    )  # it was killed after it had saved two
    assert [place for place, _, _ in again.points] == [0.25, 0.5]


def test_a_long_curve_is_thinned_and_keeps_its_end(often, monkeypatch, tmp_path):
    monkeypatch.setattr(live_status, "MOST_POINTS", 10)
    beats, at = live_status.Pulse(Folder(tmp_path), tiny.network(), TASK, Position(), steps=1000), Position()
    for _ in range(25):
        at.add(1.0, {"top1": 2}, 4)
        beats.step(at)
        assert len(beats.points) <= 10
        assert beats.points[-1][0] == pytest.approx(at.step / 1000)


def test_a_pulse_that_cannot_be_written_stops_nothing(often, tmp_path):
    beats, at = (
        live_status.Pulse(Folder(tmp_path / "gone"), tiny.network(), TASK, Position(), steps=4),
        Position(),
    )
    at.add(1.0, {"top1": 2}, 4)
    beats.step(at)
    assert not (tmp_path / "gone").exists()


@pytest.mark.parametrize("content", [b"", b"no tensors", b"\0" * 100])
def test_a_damaged_pulse_is_none(content, tmp_path):
    (tmp_path / "pulse.safetensors").write_bytes(content)
    assert live_status.read(tmp_path / "pulse.safetensors") == ({"points": []}, {})
