"""A run's state is taken up to the bit, or not at all: with an error that says what can still be done."""

import json
import shutil
import signal
from contextlib import suppress
from dataclasses import fields

import numpy as np
import pytest
import yaml

from fovea import cli, tasks
from fovea.classification.task import Classification
from fovea.errors import DataError, FoveaError
from fovea.files.tensors import checksum, read_tensors, write_tensors
from fovea.training.interrupts import Stopped
from fovea.training.position import Position
from fovea.training.progress import Progress
from tests import tiny

SETTINGS = {"epochs": 3, "batch_size": 8, "seed": 5, "average": 0.9}
NUMBERS = [None, True, -1, 10**6, 10**20, 1.5, float("inf"), "x", [], [[]], {}]

TASK = Classification()


class Stop(Progress):
    """Presses Ctrl-C in the second epoch, which has six steps."""

    left = 9

    def step(self, at):
        self.left -= 1
        if self.left == 0:
            signal.raise_signal(signal.SIGINT)


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A run that was stopped within its second epoch."""
    place = tmp_path_factory.mktemp("begun") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FOVEA_ENGINE", "reference")
        with suppress(Stopped):
            tasks.train(tiny.network(), tiny.splits(), out=place, progress=Stop(), **SETTINGS)
    return place


@pytest.fixture
def run(begun, tmp_path, monkeypatch):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    return shutil.copytree(begun, tmp_path / "run")


def resume(run):
    return tasks.train(tiny.network(), tiny.splits(), resume=run, **SETTINGS)


def refused(run):
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    with pytest.raises(DataError) as error:
        resume(run)
    assert str(error.value).startswith(f"{run / 'state.safetensors'}: ")
    assert f"best.safetensors is whole: fovea predict {run} PICTURE" in str(error.value)
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


def test_a_state_without_a_checksum_resumes_to_the_same_bits(run, tmp_path):
    other = shutil.copytree(run, tmp_path / "other")
    text, arrays = read_tensors(other / "state.safetensors")
    del text["checksum"]
    write_tensors(other / "state.safetensors", arrays, text)
    resume(run)
    resume(other)
    assert tiny.outcome(other) == tiny.outcome(run)


def test_a_checksum_is_of_all_that_is_there():
    arrays, text = {"a": np.arange(4.0), "b": np.zeros(2, np.float32)}, {"x": "1", "y": "2"}
    found = checksum(arrays, text)
    assert checksum(dict(reversed(arrays.items())), dict(reversed(text.items()))) == found
    others = [
        checksum({**arrays, "a": np.arange(4.0).reshape(2, 2)}, text),
        checksum({**arrays, "b": np.zeros(2, np.int32)}, text),
        checksum({"c": arrays["a"], "b": arrays["b"]}, text),
        checksum(arrays, {**text, "x": "2"}),
        checksum(arrays, {"x": "1"}),
    ]
    assert len({found, *others}) == 6


def test_a_changed_bit_is_seen(run):
    content = bytearray((run / "state.safetensors").read_bytes())
    for place in (-1, -1000, -3000):
        content[place] ^= 1
        (run / "state.safetensors").write_bytes(content)
        refused(run)


NAMES = ["weights", "best", "average", "mean", "std", "optimizer.steps", "optimizer.all.velocity"]


@pytest.mark.parametrize("name", NAMES)
def test_arrays_have_exact_names_shapes_and_types(run, name):
    def changed(array):
        yield from (array.ravel()[:1], array[np.newaxis], array[:-1], np.append(array, array[:1]))
        yield from (array.astype(kind) for kind in ("f4", "f8", "i8", "u1", bool))
        if array.dtype.kind == "f":
            yield from (np.full_like(array, value) for value in (np.nan, np.inf))

    text, arrays = read_tensors(run / "state.safetensors")
    own = arrays.pop(name)
    changes = [{}, {f"{name}x": own}, {name: own, f"{name}x": own}]
    changes += [{name: a.copy()} for a in changed(own) if a.dtype != own.dtype or not np.array_equal(a, own)]
    del text["checksum"]
    for change in changes:
        write_tensors(run / "state.safetensors", {**arrays, **change}, text)
        refused(run)


@pytest.mark.parametrize("field", [field.name for field in fields(Position)])
def test_a_position_is_one_that_such_a_training_comes_to(run, field):
    text, _ = read_tensors(run / "state.safetensors")
    content = json.loads(text["position"])
    assert Position.read(content, TASK, 3, 6, 42).epoch == 2
    for value in NUMBERS:
        if not (field == "seconds" and value in (10**6, 10**20, 1.5)) and value != content[field]:
            with pytest.raises(FoveaError, match="position"):
                Position.read({**content, field: value}, TASK, 3, 6, 42)
    for name in content["history"][0]:
        for value in NUMBERS:
            if value not in (1.5, 10**6, 10**20):
                row = {**content["history"][0], name: value}
                with pytest.raises(FoveaError, match="position: history"):
                    Position.read({**content, "history": [row]}, TASK, 3, 6, 42)
    row = {**content["history"][0], "epoch": 1.0}
    with pytest.raises(FoveaError, match="position: history, epoch 1"):
        Position.read({**content, "history": [row]}, TASK, 3, 6, 42)
    del content[field]
    with pytest.raises(FoveaError, match="position: expected the fields"):
        Position.read(content, TASK, 3, 6, 42)


@pytest.mark.parametrize("missing", ["epochs", "seed", "engine", "architecture", "all"])
def test_settings_have_all_that_every_state_has_had(run, missing):
    text, arrays = read_tensors(run / "state.safetensors")
    del text["checksum"]
    settings = json.loads(text["settings"])
    text["settings"] = json.dumps({k: v for k, v in settings.items() if missing not in (k, "all")})
    write_tensors(run / "state.safetensors", arrays, text)
    refused(run)


def test_without_a_best_model_a_new_run_is_what_is_left(run):
    (run / "best.safetensors").write_bytes(b"")
    (run / "state.safetensors").write_bytes(b"")
    with pytest.raises(DataError, match="the run cannot be resumed, start a new one"):
        resume(run)


def test_a_folder_with_a_line_end_is_named_once(run, tmp_path):
    run = run.rename(tmp_path / "two\nlines")
    (run / "state.safetensors").write_bytes(b"")
    with pytest.raises(DataError) as error:
        resume(run)
    assert str(error.value).count("state.safetensors") == 1


def test_a_table_of_parts_that_is_missing_is_named(run):
    (run / "splits.csv").unlink()
    with pytest.raises(DataError, match=r"splits\.csv: expected the table .*: put it back"):
        resume(run)


# arguments.yaml


@pytest.fixture
def asked(tmp_path, monkeypatch, capsys):
    """asked(**changes) → the error of --resume with these lines changed; None deletes one."""
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    monkeypatch.chdir(tmp_path)
    tiny.write_folder(tmp_path / "photos", 30, scale=2)
    with pytest.raises(SystemExit, match="0"):
        cli.main(["train", "photos", "--epochs", "1", "--model", "lenet5", "--out", "run"])
    lines = yaml.safe_load((tmp_path / "run/arguments.yaml").read_text())

    def asked(**changes):
        (tmp_path / "run/arguments.yaml").write_text(yaml.safe_dump({**lines, **changes}))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main(["train", "--resume", "run"])
        assert ended.value.code == 1, changes
        return capsys.readouterr().err

    asked.lines = lines
    return asked


def test_every_line_of_the_arguments_is_checked(asked):
    for name in [*asked.lines, "unknown"]:
        for value in ([[]], {"a": [1]}, -1, True, 1e300, float("nan"), "a\nb", 10**20):
            if name == "weights" and value == "a\nb":
                continue  # where a run's weights came from changes nothing any more
            err = asked(**{name: value})
            assert len(err.splitlines()) == 1, (name, value, err)
            assert "internal error" not in err, (name, value, err)


def test_arguments_that_are_none_are_named(asked, tmp_path, capsys):
    for text in ("", "- a", "a: [", "[" * 5000, "a: 2001-99-99", "? [a]\n: b", "a: " + "9" * 5000):
        (tmp_path / "run/arguments.yaml").write_text(text)
        for command in (
            ["train", "--resume", "run"],
            ["evaluate", "run", "photos"],
            ["look", "run", "--port", "0"],
        ):
            capsys.readouterr()
            with pytest.raises(SystemExit, match="1"):
                cli.main(command)
            err = capsys.readouterr().err
            assert len(err.splitlines()) == 1, err
            assert "arguments.yaml: expected" in err


def test_a_former_state_has_fields_instead_of_sums(run):
    text, _ = read_tensors(run / "state.safetensors")
    content = json.loads(text["position"])
    sums = content.pop("sums")
    former = {field: sums.get(name, 0) for field, name in TASK.former.items()}
    assert former
    assert Position.read({**content, **former}, TASK, 3, 6, 42).sums == sums
    with pytest.raises(FoveaError, match="position: expected the fields"):
        Position.read({**content, "loss": 0.5}, TASK, 3, 6, 42)
