import shutil

import numpy as np
import pytest

from fovea import images, tasks
from fovea.apps.look.watch import Watch
from fovea.errors import DataError
from fovea.training import live_status, progress
from tests import tiny


@pytest.fixture(autouse=True)
def reference(monkeypatch):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")


@pytest.fixture
def run(tmp_path):
    network = tiny.network()
    tasks.train(network, tiny.splits(), epochs=2, out=tmp_path / "run")
    return tmp_path / "run"


def test_a_run_is_reported_from_its_files(run):
    report = Watch(run).report()
    assert report["there"]
    assert report["finished"]
    assert report["epochs"] == 2
    assert [row["epoch"] for row in report["rows"]] == [1, 2]
    assert 0 <= report["rows"][0]["val_top1"] <= 1
    assert report["age"] >= 0


def test_a_run_is_watched_while_it_trains(tmp_path):
    seen = []

    class Progress(progress.Progress):
        def begin(self, task, at, epochs, steps):
            self.watch = Watch(tmp_path / "run")
            seen.append((self.watch.report(), self.watch.version()))

        def epoch(self, at):
            seen.append((self.watch.report(), self.watch.version()))

    tasks.train(tiny.network(), tiny.splits(), epochs=2, out=tmp_path / "run", progress=Progress())
    assert [len(report["rows"]) for report, _ in seen] == [0, 1, 2]
    assert len({version for _, version in seen}) == 3
    assert not any(report["finished"] for report, _ in seen)


def test_watching_writes_nothing(run):
    before = {path: path.stat().st_mtime_ns for path in [run, *run.iterdir()]}
    watch = Watch(run)
    watch.report(), watch.network()
    assert {path: path.stat().st_mtime_ns for path in [run, *run.iterdir()]} == before


def test_new_weights_are_read_anew_and_old_ones_kept(run):
    watch = Watch(run)
    first = watch.network()
    assert watch.network() is first
    network = tiny.network(seed=5)
    network.classes = tiny.CLASSES
    network.save(run / "last.safetensors")
    assert (watch.network().flat == network.flat).all()


def test_a_folder_that_disappears_is_an_answer(run):
    watch = Watch(run)
    shutil.rmtree(run)
    report = watch.report()
    assert not report["there"]
    assert "no longer exists" in report["note"]
    with pytest.raises(DataError, match="no longer exists"):
        watch.network()


@pytest.mark.parametrize("name", ["results.csv", "metrics.json", "arguments.yaml", "last.safetensors"])
@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe{", b"epoch,loss\n1,nan,7\n"])
def test_files_that_are_missing_or_damaged_take_nothing_else_away(run, name, content):
    if content is None:
        (run / name).unlink()
    else:
        (run / name).write_bytes(content)
    watch = Watch(run)
    assert watch.report()["there"]
    if name == "last.safetensors":
        with pytest.raises(DataError, match="weights"):
            watch.network()


def test_a_run_that_is_none(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        Watch(tmp_path / "none")
    report = Watch(tmp_path).report()
    assert report["there"]
    assert report["rows"] == []
    assert report["version"] is None


def test_within_an_epoch_loss_and_filters_move(monkeypatch, tmp_path):
    monkeypatch.setattr(live_status, "EVERY", 0.0)
    monkeypatch.setattr(live_status, "SHARE", float("inf"))
    seen = []

    class Progress(progress.Progress):
        def step(self, at):
            watch = Watch(tmp_path / "run")
            seen.append((watch.report(), watch.filters()[1].copy()))

    options = {"epochs": 1, "batch_size": 8, "out": tmp_path / "run", "progress": Progress()}
    tasks.train(tiny.network(), tiny.splits(), **options)
    reports, filters = zip(*seen, strict=True)
    assert [report["rows"] for report in reports] == [[]] * len(reports)
    assert reports[0]["now"] == 0
    assert 0 < reports[1]["now"] < reports[2]["now"] < 1
    assert len(reports[-1]["points"]) == len(reports) - 1
    assert not (filters[1] == filters[2]).all()
    assert Watch(tmp_path / "run").report()["now"] is None


def test_the_picture_of_a_task_is_sent_once(run):
    watch = Watch(run)
    assert watch.picture("") == ("", None)
    images.write(run / "progress.png", np.full((4, 6, 3), 7, np.uint8))
    version, picture = watch.picture("")
    assert picture is not None
    assert picture.shape == (4, 6, 3)
    assert watch.picture(version) == (version, None)
    assert watch.picture("older")[1] is not None
    (run / "progress.png").write_bytes(b"no picture")
    assert watch.picture("") == ("", None)
