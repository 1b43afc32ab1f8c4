import csv
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import yaml

import fovea
from fovea import cli, images
from fovea.classification import metrics
from fovea.cli.classify import _measured
from fovea.files import caching
from fovea.training.run_folder import Folder
from tests import tiny

FOVEA = [sys.executable, "-m", "fovea"]
COMMANDS = [
    "train", "find-rate", "evaluate", "predict", "inspect", "summary", "explain-kernels", "look", "export",
    "import", "convert", "cache", "weights", "learn-style",
]  # fmt: skip


@pytest.fixture(autouse=True)
def place(monkeypatch, tmp_path):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    monkeypatch.setenv("FOVEA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(caching, "_temporaries", lambda: tmp_path / "temporary")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def photos(tmp_path):
    return tiny.write_folder(tmp_path / "photos", scale=2)  # 16×16, as LeNet-5 wants at least 12×12


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run; its data is beside it."""
    place = tmp_path_factory.mktemp("finished")
    tiny.write_folder(place / "photos", scale=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FOVEA_ENGINE", "reference")
        patch.chdir(place)
        with pytest.raises(SystemExit, match="0"):
            cli.main(["train", "photos", "--epochs", "1", "--out", "run"])
    return place / "run"


def fails(outcome, *words, code=1):
    """True if a command ended with `code` and one line that has all of `words`."""
    got, _, err = outcome
    assert got == code
    assert len(err.splitlines()) == 1, err
    assert "Traceback" not in err
    assert all(word in err for word in words), err
    return True


# Help, version, usage


def test_the_version_is_the_packages(call):
    assert call("--version") == (0, f"fovea {fovea.__version__}\n", "")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command, call):
    code, out, _ = call(command, "--help")
    assert code == 0
    assert f"Example:  fovea {command}" in out


def test_the_help_lists_the_commands(call):
    code, out, _ = call("--help")
    assert code == 0
    assert all(command in out for command in COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["trian"], ["trian"]),
        (["train", "--epoch", "3"], ["--epoch"]),
        (["train", "--epochs", "many"], ["--epochs"]),
        (["train", "--epochs", "0"], ["--epochs"]),
        (["train", "--threads", "0"], ["--threads"]),
        (["train", "--optimizer", "lion"], ["sgd, adam", "'lion'"]),
        (["train", "--schedule", "linear"], ["one-cycle", "'linear'"]),
        (["train", "--augment", "blur"], ["blur"]),
        (["train", "--augment", "shift=9"], ["shift"]),
        (["train", "--learning-rate", "-1"], ["learning_rate", "-1"]),
        (["train", "--optimizer", "sgd,speed=3"], ["sgd", "speed"]),
        (["train", "--label-smoothing", "1"], ["label_smoothing", "from 0 to 0.999", "got 1.0"]),
        (["train", "--class-weights", "even"], ["none, balanced, or weights by name", "'even'"]),
        (["train", "--class-weights", "cat=-2"], ["class weights", "-2.0"]),
        (["train", "--groups", "patient("], ["groups", "regular expression", "patient("]),
        (["train", "--groups", "none.csv"], ["none.csv", "No such file"]),
        (["train", "--size", "large"], ["size", "96x128", "'large'"]),
        (["train", "--size", "0"], ["size", "'0'"]),
        (["train", "--clip", "-1"], ["clip", "-1"]),
        (["train", "--average", "1"], ["average", "0.999999", "1"]),
        (["train", "--patience", "-1"], ["patience", "-1"]),
        (["train", "--precision", "best"], ["fast", "exact", "'best'"]),
        (["predict", "model", "a.png", "--precision", "best"], ["fast", "exact", "'best'"]),
        (["train", "--resume", "run", "--epochs", "3"], ["--resume", "epochs"]),
        (["predict"], ["MODEL"]),
        (["predict", "model"], ["IMAGE_OR_FOLDER"]),
        (["predict", "model", "a.png", "--json", "--csv", "b.csv"], ["--json and --csv"]),
        (["evaluate", "model"], ["DATA"]),
        (["inspect", "model"], ["IMAGE"]),
        (["inspect", "model", "a.png", "--unit", "left"], ["ROW,COLUMN", "'left'"]),
    ],
)
def test_a_wrong_command_is_one_line_and_code_2(arguments, words, call, tmp_path):
    assert fails(call(*arguments), *words, code=2)
    assert list(tmp_path.iterdir()) == []


# Training


def test_train_writes_a_run_folder(photos, call):
    code, out, err = call("train", photos, "--epochs", 2, "--batch-size", 16, "--augment", "shift,flip")
    assert (code, err) == (0, "")
    assert "epoch 2/2" in out
    names = {path.name for path in (photos.parent / "runs/classify/train").iterdir()}
    assert names == {
        "arguments.yaml", "results.csv", "results.png", "confusion_matrix.png", "best.safetensors",
        "splits.csv", "last.safetensors", "state.safetensors", "metrics.json", "bad_images.csv",
        "pulse.safetensors",
    }  # fmt: skip
    asked = yaml.safe_load((photos.parent / "runs/classify/train/arguments.yaml").read_text())
    assert asked["data"] == str(photos)
    assert (asked["epochs"], asked["batch_size"], asked["augment"]) == (2, 16, "shift=0.1,flip")


def test_smoothing_and_weights_continue_when_a_run_resumes(photos, call):
    asked = "--label-smoothing", 0.1, "--class-weights", "balanced"
    assert call("train", photos, "--epochs", 1, *asked)[0] == 0
    asked = yaml.safe_load((photos.parent / "runs/classify/train/arguments.yaml").read_text())
    assert (asked["label_smoothing"], asked["class_weights"]) == (0.1, "balanced")
    assert call("train", "--resume", photos.parent / "runs/classify/train")[0] == 0
    fails(call("train", photos, "--class-weights", "cow=2"), "some of", "'cow'")


def test_a_rate_is_found_and_drawn(photos, call, tmp_path):
    code, out, err = call("find-rate", photos, "--batch-size", 16)
    assert (code, err) == (0, "")
    folder = tmp_path / "runs/classify/find-rate"
    assert {path.name for path in folder.iterdir()} == {"rates.csv", "rates.png"}
    rate = float(out.splitlines()[0].split()[-1])
    assert 1e-4 < rate <= 1
    assert f"now try: fovea train {photos} --batch-size 16 --learning-rate {rate:g}" in out
    assert fails(call("find-rate", photos, "--optimizer", "lion"), "lion", code=2)


def test_a_rate_is_found_for_all_choices_of_a_training(photos, run, call):
    chosen = [
        "--weights",
        run,
        "--seed",
        3,
        "--optimizer",
        "sgd,nesterov",
        "--flips",
        "--label-smoothing",
        0.2,
    ]
    code, out, err = call("find-rate", photos, *chosen)
    assert (code, err) == (0, "")
    (line,) = (line for line in out.splitlines() if line.startswith("now try: fovea "))
    words = line.removeprefix("now try: fovea ").split()
    assert words[:2] == ["train", str(photos)]
    assert {*map(str, chosen)} <= set(words)
    assert words[-4:-1] == ["--fine-tune", "3", "--learning-rate"]
    assert call(*words)[0] == 0
    settings = yaml.safe_load((photos.parent / "runs/classify/train/arguments.yaml").read_text())
    assert (settings["learning_rate"], settings["epochs"], settings["seed"]) == (float(words[-1]), 4, 3)
    assert fails(call("find-rate", photos, *chosen, "--fine-tune", 0), "at least one epoch of steps")


def test_an_exact_training_makes_an_exact_model(photos, call, tmp_path):
    call("train", photos, "--epochs", 1, "--precision", "exact", "--out", tmp_path / "one")
    assert yaml.safe_load((tmp_path / "one/arguments.yaml").read_text())["precision"] == "exact"
    assert fovea.load(tmp_path / "one/best.safetensors").precision == "exact"
    assert call("train", "--resume", tmp_path / "one")[0] == 0
    for command in (["evaluate", tmp_path / "one", photos], ["predict", tmp_path / "one", photos]):
        assert call(*command, "--precision", "fast")[0] == 0


def test_a_second_run_gets_a_second_folder(photos, call, tmp_path):
    for _ in range(2):
        call("train", photos, "--epochs", 1)
    assert {path.name for path in (tmp_path / "runs/classify").iterdir()} == {"train", "train2"}


def test_a_trained_model_can_be_trained_further(run, call, tmp_path):
    data = run.parent / "photos"
    code, _, _ = call(
        "train", data, "--model", run, "--epochs", 1, "--learning-rate", 1e-9, "--out", tmp_path / "two"
    )
    assert code == 0
    before, after = fovea.load(run / "best.safetensors"), fovea.load(tmp_path / "two/best.safetensors")
    np.testing.assert_allclose(after.flat, before.flat, atol=1e-6)


def test_resuming_a_finished_run_changes_nothing(run, call):
    before = tiny.outcome(run)
    code, out, _ = call("train", "--resume", run)
    assert code == 0
    assert "best: epoch 1" in out
    assert tiny.outcome(run) == before


def start(*arguments, lines):
    """A process that has printed at least this many lines."""
    process = subprocess.Popen(
        [*FOVEA, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    for _ in range(lines):
        process.stdout.readline()
    return process


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")
def test_a_process_that_is_stopped_resumes_to_the_same_bits(photos, call, tmp_path):
    options = ["train", photos, "--epochs", 30, "--batch-size", 4]
    assert call(*options, "--out", "whole")[0] == 0
    for number in (signal.SIGINT, signal.SIGKILL):
        run = f"run{number:d}"
        process = start(*options, "--out", run, lines=4)  # two epochs are over
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
        if number == signal.SIGINT:
            assert process.returncode == 1
            assert err.startswith("fovea: stopped")
            assert err.endswith(f"resume with: fovea train --resume {run}\n")
        assert not (tmp_path / run / "metrics.json").exists()
        assert call("train", "--resume", run)[0] == 0
        assert tiny.outcome(tmp_path / run) == tiny.outcome(tmp_path / "whole")


# What is wrong with the data


def folder_of(root, **classes):
    for name, count in classes.items():
        (root / name).mkdir(parents=True)
        for number in range(count):
            images.write(root / name / f"{number}.png", np.full((16, 16), 8 * number, np.uint8))
    return root


def test_bad_data_is_one_line_and_nothing_is_written(call, tmp_path):
    (tmp_path / "empty").mkdir()
    assert fails(call("train", "empty"), "empty", "a folder for each class")
    assert fails(call("train", folder_of(tmp_path / "one", cat=3)), "two classes", "cat")
    assert fails(call("train", folder_of(tmp_path / "none", cat=3, dog=0)), "none/dog", "pictures")
    assert fails(call("train", "nowhere"), "nowhere", "no such folder")
    assert fails(call("train", __file__), "test_cli.py", "a file")
    assert not (tmp_path / "runs").exists()


def test_pictures_smaller_than_the_network_can_take_are_one_line(call, tmp_path):
    assert fails(call("train", tiny.write_folder(tmp_path / "small")), 'Conv2D "conv2"', "5×5")


def test_a_damaged_idx_file_is_one_line(call, tmp_path):
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist/train-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03\0\0\0\x05")
    (tmp_path / "mnist/train-labels-idx1-ubyte").write_bytes(b"\0\0\x08\x01\0\0\0\x01\x07")
    assert fails(call("train", "mnist"), "train-images-idx3-ubyte")


def test_an_exploding_loss_is_one_line_with_its_remedy(photos, call):
    with np.errstate(all="ignore"):
        outcome = call("train", photos, "--learning-rate", "1e20")
    assert fails(outcome, "epoch 1, step", "lower --learning-rate")


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_a_folder_that_cannot_be_written_is_one_line(command, run, call, tmp_path):
    (tmp_path / "file").write_text("")
    arguments = [run.parent / "photos"] if command == "train" else [run, run.parent / "photos"]
    assert fails(call(command, *arguments, "--out", "file/run"), "file/run", "Not a directory", "--out")


def test_a_folder_with_something_in_it_is_not_written_over(run, call):
    before = tiny.outcome(run)
    assert fails(call("train", run.parent / "photos", "--out", run), "a new or empty folder", "--resume")
    assert tiny.outcome(run) == before


def test_what_cannot_be_resumed_is_one_line(call, tmp_path):
    assert fails(call("train", "--resume", "nowhere"), "nowhere", "arguments.yaml")
    folder = Folder.create_at(tmp_path / "run")
    folder.write_arguments({"data": "digits"})
    assert fails(call("train", "--resume", "run"), "arguments.yaml", "epochs")


# Models


def broken_models(run, tmp_path):
    whole = (run / "best.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(whole[:-100])
    (tmp_path / "text.safetensors").write_text("a model, honestly")
    yield "cut.safetensors", "cut.safetensors"
    yield "text.safetensors", "text.safetensors"
    yield str(run / "state.safetensors"), "fovea_format"
    yield "nowhere", "got no such file or network: fovea models lists"
    yield "lenet5", "train it first: fovea train --model lenet5"
    yield str(tmp_path), "a run"


@pytest.mark.parametrize("command", ["predict", "evaluate", "inspect"])
def test_a_model_that_is_none_is_one_line(command, run, call, tmp_path):
    for model, word in broken_models(run, tmp_path):
        assert fails(call(command, model, run.parent / "photos"), word)


def test_a_run_without_a_whole_epoch_has_no_model_yet(run, call, tmp_path):
    (tmp_path / "young").mkdir()
    for name in ("arguments.yaml", "state.safetensors"):
        (tmp_path / "young" / name).write_bytes((run / name).read_bytes())
    assert fails(call("predict", "young", "a.png"), "has not finished its first epoch")


@pytest.mark.parametrize("model", ["lenet5", "course39", "run"])
def test_summary_shows_any_model(model, run, call):
    code, out, _ = call("summary", run if model == "run" else model)
    assert code == 0
    assert all(word in out for word in ("conv1", "connections", "fully connected", "receptive field"))


def test_explaining_kernels_needs_the_engine_that_has_them(call):
    assert fails(call("explain-kernels", "lenet5"), "explain-kernels", "the engine halide", "got reference")


def test_summary_of_nothing_is_one_line(call):
    assert fails(call("summary", "lenet6"), "lenet6")


# Evaluating and predicting


def test_evaluate_prints_json_and_nothing_else(run, call):
    code, out, err = call("evaluate", run, run.parent / "photos", "--json")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert {"split", "top1", "top5", "loss", "n", "per_class", "seed", "confused"} <= set(found)
    assert {name: found[name] for name in ("top1", "n")} == {
        name: json.loads((run / "metrics.json").read_text())[name] for name in ("top1", "n")
    }


def test_evaluate_names_the_classes_in_words(run, call):
    code, out, _ = call("evaluate", run, run.parent / "photos")
    assert code == 0
    assert all(name in out for name in ("test (6): top-1", *tiny.CLASSES, "runs/classify/evaluate"))
    assert "top-5" not in out  # of three classes


@pytest.mark.parametrize(("classes", "shown"), [(5, False), (6, True)])
def test_top_5_is_shown_where_it_can_miss(classes, shown):
    found = metrics.classification(np.eye(classes), np.arange(classes), [f"c{i}" for i in range(classes)])
    assert ("top-5 100.00%" in _measured({"split": "test", **found})) == shown


def test_predict_prints_a_line_a_picture(run, call):
    code, out, err = call("predict", run, run.parent / "photos/left")
    assert (code, err) == (0, "")
    assert len(out.splitlines()) == 20
    file, name, share = out.splitlines()[0].split("\t")
    assert file.endswith("photos/left/001.png")
    assert name in tiny.CLASSES
    assert share.endswith("%")


def test_predict_prints_json_and_nothing_else(run, call):
    code, out, err = call("predict", run, run.parent / "photos/left", "gone.png", "--json")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert all(list(entry) == ["file", "class", "probabilities", "error"] for entry in found)
    assert sum(found[0]["probabilities"].values()) == pytest.approx(1)
    assert found[-1]["error"]


def test_predict_writes_a_table(run, call, tmp_path):
    code, _, _ = call("predict", run, run.parent / "photos/left", "--csv", "table.csv")
    assert code == 0
    with (tmp_path / "table.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 20
    assert fails(
        call("predict", run, run.parent / "photos/left", "--csv", "none/table.csv"), "none", "No such"
    )


def test_predict_fails_only_where_nothing_can_be_read(run, call, tmp_path):
    whole = run.parent / "photos/left/001.png"
    cut = tmp_path / "cut.jpg"
    images.write(cut, np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8))
    cut.write_bytes(cut.read_bytes()[:-900])
    (tmp_path / "text.png").write_text("no picture")
    code, out, err = call("predict", run, cut, whole, "text.png")
    assert code == 0
    assert [line.split("\t")[0] for line in out.splitlines()] == [str(whole)]
    assert [line.split(": ")[1] for line in err.splitlines()] == [str(cut), "text.png"]
    assert call("predict", run, cut, "text.png")[0] == 1


def test_inspect_writes_a_page_and_says_where(run, call, tmp_path):
    pictures = sorted((run.parent / "photos/left").iterdir())[:2]
    (tmp_path / "bad.png").write_text("no picture")
    asked = ["--layer", "conv2", "--unit", "1,0", "--class", "left", "--out", "seen"]
    code, out, err = call("inspect", run, *pictures, "bad.png", *asked)
    assert code == 0
    assert [line.split("\t")[0] for line in out.splitlines()[:2]] == [str(picture) for picture in pictures]
    assert out.splitlines()[2] == "the page is seen/report.html"
    assert len(err.splitlines()) == 1
    assert err.startswith("fovea: bad.png: expected a picture")
    assert fails(call("inspect", run, "bad.png"), "bad.png")
    assert fails(call("inspect", run, pictures[0], "--layer", "conv3"), "one of conv1, relu1", "'conv3'")
    assert fails(call("inspect", run, pictures[0], "--class", "cat"), "one of bottom, left, right", "'cat'")


def test_a_bug_is_one_line_and_debug_shows_where(run, call, monkeypatch):
    from fovea.network import Network

    def broken(self):
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(Network, "summary", broken)
    assert fails(call("summary", "lenet5"), "internal error", "by nothing", "--debug")
    with pytest.raises(ZeroDivisionError):
        cli.main(["summary", "lenet5", "--debug"])


# The cache, and the process around it


def test_cache_says_where_it_is_and_is_emptied(call, tmp_path):
    (tmp_path / "cache/kernels").mkdir(parents=True)
    (tmp_path / "cache/kernels/one").write_bytes(b"\0" * 1500)
    code, out, _ = call("cache")
    assert code == 0
    assert out.splitlines()[0] == str(tmp_path / "cache")
    assert "1.5 kB" in out
    assert "freed 1.5 kB" in call("cache", "--empty")[1]
    assert not (tmp_path / "cache/kernels/one").exists()
    assert call("cache")[0] == 0


def test_the_temporary_cache_is_named_while_it_serves(call, monkeypatch, tmp_path):
    (tmp_path / "temporary").mkdir()
    (tmp_path / "cache").write_text("no folder")
    caching.keep("kernels", lambda folder: (folder / "one").write_bytes(b"\0" * 1500))
    user = next((tmp_path / "temporary").iterdir())
    lines = call("cache")[1].splitlines()
    assert [lines[0], lines[5]] == [str(tmp_path / "cache"), str(user)]
    assert "1.5 kB" in lines[6]
    assert "freed 1.5 kB" in call("cache", "--empty")[1]
    assert not (user / "kernels").exists()


def test_predicting_loads_no_plotting_and_no_training(run):
    code = (
        "import sys; from fovea import cli\n"
        f"try: cli.main(['predict', {str(run)!r}, {str(run.parent / 'photos/left/001.png')!r}])\n"
        "finally: print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert not loaded & {"matplotlib", "halide", "fovea.training.loop", "rich.progress", "yaml"}


def test_a_closed_pipe_is_no_accident(run):
    process = subprocess.Popen(
        [*FOVEA, "predict", str(run), str(run.parent / "photos"), "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ,
    )  # fmt: skip
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) in (0, 1)
    assert "Traceback" not in err


def test_predicting_one_picture_takes_a_moment(run):
    picture = run.parent / "photos/left/001.png"
    times = []
    for _ in range(3):
        began = time.perf_counter()
        subprocess.run([*FOVEA, "predict", run, picture], check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    assert min(times) < 5  # a second, on a machine that does nothing else
