import errno
import json
import os
import signal
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

import fovea
from fovea import data, tasks
from fovea.data import Dataset, Splits
from fovea.errors import DataError, ShapeError, TrainingError
from fovea.network.preprocessing import Preprocessing
from fovea.network.runner import Layerwise
from fovea.optimizers import Adam
from fovea.training import loop
from fovea.training.interrupts import Stopped
from fovea.training.progress import Progress
from tests import tiny
from tests.cases import halide

SETTINGS = {"epochs": 3, "batch_size": 8, "learning_rate": 0.1, "seed": 5}
STEPS = 6  # an epoch of 42 pictures


@pytest.fixture(autouse=True)
def on_the_reference(monkeypatch):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")


def train(network=None, splits=None, **changes):
    return tasks.train(network or tiny.network(), splits or tiny.splits(), **{**SETTINGS, **changes})


# What it does


def test_a_network_learns():
    run = train(epochs=8)
    assert run.metrics["split"] == "test"
    assert run.metrics["top1"] >= 0.9
    assert run.history[-1]["train_loss"] < run.history[0]["train_loss"] / 2
    assert run.details.sum() == run.metrics["n"] == 12


def test_an_untrained_network_takes_on_the_datas_classes_and_statistics():
    network, splits = tiny.network(), tiny.splits()
    train(network, splits, epochs=1)
    assert network.classes == tiny.CLASSES
    assert network.preprocessing == Preprocessing(*data.statistics(splits.train))


def test_a_trained_network_keeps_its_own_statistics():
    network = tiny.network()
    network.preprocessing = Preprocessing((0.3,), (0.2,))
    train(network, epochs=1)
    assert network.preprocessing == Preprocessing((0.3,), (0.2,))


def test_the_network_ends_with_the_weights_of_the_best_epoch(tmp_path):
    network = tiny.network()
    run = train(network, out=tmp_path / "run", epochs=5, learning_rate=0.3)
    best = fovea.load(tmp_path / "run/best.safetensors")
    assert np.array_equal(network.flat, best.flat)
    tops = [(row["val_top1"], -row["val_loss"]) for row in run.history]
    assert run.best_epoch == tops.index(max(tops)) + 1


def test_the_best_epoch_is_chosen_without_a_look_at_the_test_set(tmp_path):
    splits = tiny.splits()
    other = Splits("tiny", splits.train, splits.val, splits.val)
    one, two = train(splits=splits), train(splits=other)
    assert one.best_epoch == two.best_epoch
    assert one.history[-1]["val_loss"] == two.history[-1]["val_loss"]


def test_without_a_validation_set_the_last_epoch_is_the_best():
    run = train(splits=tiny.splits(val=0))
    assert run.best_epoch == 3
    assert run.history[0]["val_top1"] is None


def test_without_a_test_set_the_validation_set_is_what_is_reported():
    run = train(splits=tiny.splits(test=0), epochs=1)
    assert run.metrics["split"] == "val"
    assert run.metrics["top1"] == run.history[0]["val_top1"]


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    networks = [tiny.network() for _ in range(3)]
    for network, seed in zip(networks, (5, 5, 6), strict=True):
        train(network, seed=seed)
    assert np.array_equal(networks[0].flat, networks[1].flat)
    assert not np.array_equal(networks[0].flat, networks[2].flat)


def test_the_layers_gradients_are_those_of_the_plan_of_training():
    network = tiny.network()
    plan = Layerwise(network)
    X, y = tiny.pictures(9)
    loss, sums = plan.loss_and_gradients(X, y, rng=np.random.default_rng(0))
    Z, caches = network.forward(network.preprocessing.apply(X), training=True, rng=np.random.default_rng(0))
    from fovea.functional import softmax_cross_entropy, softmax_cross_entropy_backward

    _, gradients = network.backward(softmax_cross_entropy_backward(Z, y), caches)
    assert loss == softmax_cross_entropy(Z, y)
    assert sums["top1"] == (Z.argmax(axis=1) == y).sum()
    for name, (offset, shape) in network.layout.items():
        assert np.array_equal(
            plan.gradients[offset : offset + np.prod(shape)].reshape(shape), gradients[name]
        )


def test_a_class_that_weighs_nothing_is_not_learned():
    network = tiny.network()
    run = train(network, epochs=3, class_weights={"left": 0.0})
    assert run.metrics["per_class"]["left"] < 0.5
    assert run.metrics["per_class"]["right"] > 0.9


def test_smoothed_labels_keep_the_answers_modest():
    def surest(smoothing):
        network = tiny.network()
        train(network, tiny.splits(val=0), epochs=20, label_smoothing=smoothing)  # ends with the last weights
        return np.median(network.predict(tiny.pictures(60, seed=5)[0]).max(axis=1))

    assert surest(0.3) < 0.95 < surest(0.0)


def test_mixed_pictures_teach_as_well():
    assert train(epochs=12, mixup=0.2).metrics["top1"] >= 0.9


def test_unreadable_pictures_are_skipped_and_listed(tmp_path):
    folder = tiny.write_folder(tmp_path / "photos")
    (folder / "left/broken.png").write_text("no picture")
    run = train(splits=data.load(folder), out=tmp_path / "run", epochs=1)
    assert list(run.bad) == [str(folder / "left/broken.png")]
    head, line = (tmp_path / "run/bad_images.csv").read_text().splitlines()
    assert head == "file,reason"
    assert line.startswith(str(folder / "left/broken.png"))


def test_pictures_that_cannot_be_read_at_all_end_the_run():
    class Unreadable:
        shape, files, bad = (8, 8, 1), None, dict.fromkeys(range(12), "gone")

        def __len__(self):
            return 12

        def read(self, indices):
            return np.zeros((len(indices), 8, 8, 1), np.uint8), np.zeros(len(indices), bool)

    splits = Splits("gone", Dataset(Unreadable(), np.arange(12) % 3, tiny.CLASSES), None, None)
    with pytest.raises(DataError, match="pictures that can be read"):
        train(splits=splits)


# Stopped and resumed: the same bits


@pytest.fixture(scope="module")
def never_stopped(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "run"
    with fovea.engine("reference"):
        train(out=folder)
    return tiny.outcome(folder)


@pytest.mark.parametrize("steps", [1, STEPS - 1, STEPS, STEPS + 1, 2 * STEPS + 3])
def test_ctrl_c_after_any_step_and_resuming_gives_the_same_bits(steps, tmp_path, never_stopped):
    folder = tmp_path / "run"
    with pytest.raises(Stopped, match=f"fovea train --resume {folder}"):
        train(out=folder, progress=tiny.PressCtrlC(steps))
    train(tiny.network(seed=1), resume=folder)
    assert tiny.outcome(folder) == never_stopped


def test_ctrl_c_after_every_step_gives_the_same_bits(tmp_path, never_stopped):
    folder, stops = tmp_path / "run", 0
    place = {"out": folder}
    while True:
        try:
            train(**place, progress=tiny.PressCtrlC(1))
            break
        except Stopped:
            stops, place = stops + 1, {"resume": folder}
    assert stops == 3 * STEPS - 1  # the last step ends the training by itself
    assert tiny.outcome(folder) == never_stopped


@halide
def test_compiled_kernels_resume_to_the_same_bits(tmp_path):
    with fovea.engine("halide"):
        train(out=tmp_path / "whole")
        with pytest.raises(Stopped):
            train(out=tmp_path / "run", progress=tiny.PressCtrlC(STEPS + 2))
        train(tiny.network(seed=1), resume=tmp_path / "run")
    assert tiny.outcome(tmp_path / "run") == tiny.outcome(tmp_path / "whole")
    with pytest.raises(TrainingError, match="engine: expected halide, got reference"):
        train(resume=tmp_path / "whole")


def test_adam_resumes_to_the_same_bits(tmp_path):
    options = {"optimizer": Adam(), "learning_rate": 0.01, "schedule": "step", "epochs": 2}
    train(out=tmp_path / "whole", **options)
    with pytest.raises(Stopped):
        train(out=tmp_path / "run", progress=tiny.PressCtrlC(8), **options)
    train(resume=tmp_path / "run", **options)
    assert tiny.outcome(tmp_path / "run") == tiny.outcome(tmp_path / "whole")


class Killed(BaseException):
    """Stands for the end of the process: nothing catches it."""


def fail_at(monkeypatch, name, number, error):
    """Let the `number`-th call of os.`name` raise; returns a list that is filled when it has."""
    genuine, calls, happened = getattr(os, name), [], []

    def call(*arguments, **options):
        calls.append(1)
        if len(calls) == number:
            happened.append(1)
            raise error
        return genuine(*arguments, **options)

    monkeypatch.setattr(os, name, call)
    return happened


@pytest.mark.parametrize("name", ["fsync", "replace", "unlink"])
def test_a_kill_while_saving_loses_nothing(name, tmp_path, never_stopped, monkeypatch):
    # `fsync`: the new file is written but has no name yet; `replace`: nor has it after the sync. Where
    # nothing is unlinked, the temporary file stays, as after a true kill.
    number, survived = 0, False
    while not survived:
        number += 1
        folder = tmp_path / str(number)
        with monkeypatch.context() as patched:
            if name == "unlink":
                patched.setattr(Path, "unlink", lambda self, missing_ok=False: None)
            happened = fail_at(patched, "fsync" if name == "unlink" else name, number, Killed())
            with suppress(Killed):
                train(out=folder)
        survived = not happened
        if (folder / "arguments.yaml").exists():
            train(resume=folder)
            assert tiny.outcome(folder) == never_stopped
            assert not [path.name for path in folder.iterdir() if path.name.startswith(".")]
        else:
            assert not (folder / "results.csv").exists()  # it had not begun
    assert number > 12


def test_a_full_disk_is_reported_and_loses_nothing(tmp_path, never_stopped, monkeypatch):
    for number in (6, 9, 12, 16):
        folder = tmp_path / str(number)
        full = OSError(errno.ENOSPC, "No space left on device")
        with monkeypatch.context() as patched:
            happened = fail_at(patched, "fsync", number, full)
            with pytest.raises(TrainingError, match=f"No space left on device.*--resume {folder}"):
                train(out=folder)
        assert happened
        train(resume=folder)
        assert tiny.outcome(folder) == never_stopped


def test_a_finished_run_can_be_resumed_and_stays_as_it_is(tmp_path, never_stopped):
    train(out=tmp_path / "run")
    (tmp_path / "run/metrics.json").unlink()
    run = train(resume=tmp_path / "run")
    assert tiny.outcome(tmp_path / "run") == never_stopped
    assert len(run.history) == 3


def test_what_was_unreadable_before_the_stop_is_still_listed(tmp_path):
    folder = tiny.write_folder(tmp_path / "photos")
    for name in ("broken.png", "b.png"):
        (folder / "left" / name).write_text("no picture")
    train(splits=data.load(folder), out=tmp_path / "whole", epochs=1)
    with pytest.raises(Stopped):
        train(splits=data.load(folder), out=tmp_path / "run", epochs=1, progress=tiny.PressCtrlC(5))
    train(splits=data.load(folder), resume=tmp_path / "run", epochs=1)
    assert tiny.outcome(tmp_path / "run") == tiny.outcome(tmp_path / "whole")


@pytest.mark.parametrize(
    "change",
    [
        {"batch_size": 4},
        {"epochs": 9},
        {"seed": 1},
        {"optimizer": "adam"},
        {"label_smoothing": 0.1},
        {"class_weights": "balanced"},
    ],
)
def test_a_run_resumes_with_its_own_settings_only(change, tmp_path):
    with pytest.raises(Stopped):
        train(out=tmp_path / "run", progress=tiny.PressCtrlC(2))
    with pytest.raises(TrainingError, match=f"{next(iter(change))}: expected .*start a new run"):
        train(resume=tmp_path / "run", **change)


def test_a_run_does_not_resume_with_other_pictures(tmp_path):
    folder = tiny.write_folder(tmp_path / "photos")
    with pytest.raises(Stopped):
        train(splits=data.load(folder), out=tmp_path / "run", progress=tiny.PressCtrlC(2))
    (folder / "left/001.png").unlink()
    with pytest.raises(DataError, match="pictures that were added, removed or moved"):
        train(splits=data.load(folder), resume=tmp_path / "run")


EVERYTHING = {
    "optimizer": "sgd,nesterov", "schedule": "cosine", "clip": 0.5, "average": 0.9, "flips": True,
    "label_smoothing": 0.1, "class_weights": "balanced",
    "augment": "shift,rotate,flip,pad=1,reflect,crop,stretch,colour,cutout", "mixup": 0.3, "patience": 5,
}  # fmt: skip


@pytest.mark.parametrize("steps", [2, STEPS, 2 * STEPS + 3])
def test_with_everything_switched_on_it_resumes_to_the_same_bits(steps, tmp_path):
    train(out=tmp_path / "whole", **EVERYTHING)
    with pytest.raises(Stopped):
        train(out=tmp_path / "run", progress=tiny.PressCtrlC(steps), **EVERYTHING)
    train(tiny.network(seed=1), resume=tmp_path / "run", **EVERYTHING)
    assert tiny.outcome(tmp_path / "run") == tiny.outcome(tmp_path / "whole")


@halide
def test_with_everything_switched_on_the_number_of_threads_changes_no_bit(tmp_path):
    from fovea.kernels import runtime

    try:
        with fovea.engine("halide"):
            for threads in (1, 2):
                runtime.set_threads(threads)
                train(out=tmp_path / str(threads), **EVERYTHING)
    finally:
        runtime.set_threads(None)
    assert tiny.outcome(tmp_path / "1") == tiny.outcome(tmp_path / "2")


@halide
def test_resnet20_learns_the_same_bits_at_one_and_two_threads(tmp_path):
    from fovea.kernels import runtime

    rng = np.random.default_rng(0)
    pictures, labels = rng.integers(0, 256, (70, 32, 32, 3), np.uint8), rng.integers(0, 2, 70)
    parts = [data.Dataset(pictures[part], labels[part], ["a", "b"]) for part in (slice(48), slice(48, 70))]
    splits = data.Splits("made", parts[0], parts[1], None)
    how = {"epochs": 2, "batch_size": 32, "augment": "pad=4,reflect,flip,rotate,colour,cutout", "mixup": 0.2}
    try:
        with fovea.engine("halide"):
            for threads in (1, 2):
                runtime.set_threads(threads)
                network = fovea.models.resnet20((32, 32, 3), ["a", "b"])
                fovea.train(network, splits, average=0.9, out=tmp_path / str(threads), **how)
    finally:
        runtime.set_threads(None)
    assert tiny.outcome(tmp_path / "1") == tiny.outcome(tmp_path / "2")


@halide
def test_normalised_networks_resume_with_other_threads_to_the_same_bits(tmp_path):
    from fovea.kernels import runtime
    from fovea.layers import BatchNorm, Conv2D, Dense, GlobalAveragePool2D, ReLU
    from fovea.network import Network

    def network():
        layers = [Conv2D(8, 3, padding=1, bias=False), BatchNorm(), ReLU(), GlobalAveragePool2D()]
        return Network([*layers, Dense(len(tiny.CLASSES))], (tiny.SIDE, tiny.SIDE, 1), seed=0)

    try:
        with fovea.engine("halide"):
            runtime.set_threads(1)
            train(network(), out=tmp_path / "whole", **EVERYTHING)
            runtime.set_threads(2)
            with pytest.raises(Stopped):
                train(network(), out=tmp_path / "run", progress=tiny.PressCtrlC(STEPS + 2), **EVERYTHING)
            runtime.set_threads(1)
            train(network(), resume=tmp_path / "run", **EVERYTHING)
    finally:
        runtime.set_threads(None)
    assert tiny.outcome(tmp_path / "run") == tiny.outcome(tmp_path / "whole")


def test_the_average_is_what_is_measured_and_kept(tmp_path):
    network, plain = tiny.network(), tiny.network()
    averaged = train(network, out=tmp_path / "run", epochs=1, average=0.5)
    train(plain, epochs=1)
    assert not np.array_equal(network.flat, plain.flat)  # the same steps, but their average
    for name in ("best", "last"):
        assert np.array_equal(fovea.load(tmp_path / f"run/{name}.safetensors").flat, network.flat)
    logits = network.predict(tiny.splits().val.read(slice(None))[0])
    right = (logits.argmax(axis=1) == tiny.splits().val.labels).mean()
    assert averaged.history[0]["val_top1"] == right


def test_training_ends_early_when_nothing_gets_better(tmp_path):
    still = {"learning_rate": 1e-30, "epochs": 9, "patience": 2}
    heard = []

    class Hear(Progress):
        def note(self, text):
            heard.append(text)

    run = train(out=tmp_path / "run", progress=Hear(), **still)
    assert run.best_epoch == 1
    assert len(run.history) == 3
    assert heard == ["stopped early: no improvement on val since epoch 1"]
    before = tiny.outcome(tmp_path / "run")
    train(resume=tmp_path / "run", **still)
    assert tiny.outcome(tmp_path / "run") == before


def test_without_a_validation_set_every_epoch_is_better():
    still = {"learning_rate": 1e-30, "epochs": 4, "patience": 1}
    assert len(train(splits=tiny.splits(val=0), **still).history) == 4


def test_clipping_bounds_every_step():
    free, bound = tiny.network(), tiny.network()
    before = free.flat.copy()
    once = {"epochs": 1, "batch_size": 64, "schedule": "constant", "optimizer": "sgd,weight_decay=0"}
    train(free, **once)
    train(bound, **once, clip=1e-3)
    long, short = free.flat - before, bound.flat - before
    assert np.linalg.norm(short) == pytest.approx(0.1 * 1e-3, rel=1e-3)  # the learning rate times the bound
    assert np.dot(long, short) == pytest.approx(np.linalg.norm(long) * np.linalg.norm(short), rel=1e-5)


def test_an_optimizer_begins_afresh_in_every_training():
    networks, optimizer = [tiny.network(), tiny.network()], Adam()
    for network in networks:
        train(network, optimizer=optimizer, learning_rate=0.01)
    assert np.array_equal(networks[0].flat, networks[1].flat)


def test_ctrl_c_while_kernels_compile_says_how_to_resume(monkeypatch, tmp_path):
    def compile_until_ctrl_c(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loop.runner, "plan", compile_until_ctrl_c)
        with pytest.raises(Stopped, match="stopped after epoch 0; resume with: fovea train --resume"):
            train(out=tmp_path / "run")
    train(resume=tmp_path / "run")
    train(out=tmp_path / "whole")
    assert tiny.outcome(tmp_path / "run") == tiny.outcome(tmp_path / "whole")


def test_a_second_ctrl_c_interrupts_at_once():
    class Impatient(Progress):
        def step(self, at):
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)  # not the default where the tests run in the background
    with pytest.raises(KeyboardInterrupt) as caught:
        train(progress=Impatient())
    assert not isinstance(caught.value, Stopped)
    assert signal.getsignal(signal.SIGINT) is before


# What goes wrong


def test_a_loss_that_is_no_number_says_where_and_keeps_the_last_good_state(tmp_path):
    network = tiny.network()

    def explode_in_the_second_epoch(step, steps):
        return 1.0 if step < STEPS else 1e30

    with (
        np.errstate(all="ignore"),
        pytest.raises(
            TrainingError, match=r"loss in epoch 2, step [23]: .*than 0\.1; the last saved epoch is kept"
        ),
    ):
        train(network, out=tmp_path / "run", schedule=explode_in_the_second_epoch)
    assert np.isfinite(fovea.load(tmp_path / "run/last.safetensors").flat).all()
    assert len((tmp_path / "run/results.csv").read_text().splitlines()) == 2


@pytest.mark.parametrize("key", ["conv1.W", "dense1.W"])
def test_weights_that_overflow_from_the_start_are_named_and_no_learning_rate_is_blamed(key):
    for begin in (train, fovea.find_rate):
        network = tiny.network()
        network.parameters[key][...] = 3e38
        layer = "Conv2D" if key == "conv1.W" else "Dense"
        told = rf'^the first step: {layer} "{key[:5]}.*": expected finite numbers, got .*train it again$'
        with pytest.raises(DataError, match=told):
            begin(network, tiny.splits())


def test_gradients_that_overflow_in_the_first_step_are_found_there():
    network = tiny.network()
    network.parameters["conv1.W"][...] = 1e-37
    network.parameters["dense1.W"][...] = np.where(np.arange(3) == 0, 3e38, -3e38)
    with np.errstate(all="ignore"), pytest.raises(TrainingError, match="gradients in epoch 1, step 1: "):
        train(network)


def test_an_epoch_is_reported_as_kept_only_if_one_was_saved(tmp_path):
    options = {"batch_size": 8, "schedule": lambda step, steps: 1e30}
    for out in (None, tmp_path / "run"):
        with (
            np.errstate(all="ignore"),
            pytest.raises(TrainingError, match=r"lower --learning-rate than [\d.]+$"),
        ):
            train(out=out, **options)


def test_weights_that_explode_in_the_last_step_are_not_saved(tmp_path):
    def explode_at_the_end(step, steps):
        return 1.0 if step < STEPS - 1 else 3e39

    with np.errstate(all="ignore"), pytest.raises(TrainingError, match="finite numbers"):
        train(out=tmp_path / "run", epochs=1, schedule=explode_at_the_end)
    assert np.isfinite(fovea.load(tmp_path / "run/last.safetensors").flat).all()


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": 0},
        {"batch_size": 0},
        {"seed": -1},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"label_smoothing": 1.0},
        {"label_smoothing": float("nan")},
    ],
)
def test_settings_without_sense_are_errors_that_name_them(change):
    with pytest.raises(TrainingError, match=f"train: {next(iter(change))}: expected"):
        train(**change)


def test_data_that_does_not_fit_is_an_error():
    splits = tiny.splits()
    larger = Dataset(np.zeros((6, 9, 9), np.uint8), np.arange(6) % 3, tiny.CLASSES)
    with pytest.raises(ShapeError, match="train: pictures"):
        train(splits=Splits("larger", larger, None, None))
    named = tiny.network()
    named.classes = ["a", "b", "c"]
    with pytest.raises(DataError, match="expected a, b, c, got bottom, left, right"):
        train(named, splits)
    with pytest.raises(DataError, match="pictures to train with"):
        train(splits=Splits("tiny", None, None, splits.test))


def test_a_run_folder_is_never_written_over(tmp_path):
    train(out=tmp_path / "run", epochs=1)
    with pytest.raises(DataError, match="a new or empty folder"):
        train(out=tmp_path / "run", epochs=1)


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="Not a directory"):
        train(out=tmp_path / "file/run", epochs=1)


def test_the_run_folder_has_what_the_design_says(tmp_path, figures):
    train(out=tmp_path / "run", epochs=1, arguments={"data": "tiny"})
    names = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert names == [
        "arguments.yaml", "bad_images.csv", "best.safetensors", "confusion_matrix.png", "last.safetensors",
        "metrics.json", "pulse.safetensors", "results.csv", "results.png", "splits.csv", "state.safetensors",
    ]  # fmt: skip
    measured = json.loads((tmp_path / "run/metrics.json").read_text())
    assert list(measured) == ["split", "top1", "top5", "loss", "n", "per_class", "seed"]
    assert set(measured["per_class"]) == set(tiny.CLASSES)


def test_a_batch_that_no_memory_holds_is_refused_before_there_is_a_folder(tmp_path):
    with pytest.raises(TrainingError, match=r"batches of 2,000,000,000 that fit into .* GB"):
        train(batch_size=2 * 10**9, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
