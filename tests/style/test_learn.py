"""A style of one's own: gradients, the run and its file, and every mistake named."""

import json
import re
import shutil

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fovea import engine, images
from fovea.cli import main
from fovea.errors import DataError, FoveaError, ShapeError
from fovea.files.tensors import read_tensors, write_tensors
from fovea.layers import InstanceNorm
from fovea.network.parameters import views_of
from fovea.network.runner import plan
from fovea.style import LearnedStyle, Painter, learn, learned, task
from fovea.style.photographs import parts_of
from fovea.style.task import PaintingLoss
from fovea.training import layer_rates
from tests import tiny

SIDE = 32


def scene(height=24, width=32, seed=0):
    rng = np.random.default_rng(seed)
    return images.fit(rng.integers(0, 256, (1, height // 8, width // 8, 3), np.uint8), (height, width))[0]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """A small network looks at the paintings, and nothing is compiled."""
    monkeypatch.setattr(task, "NETWORK", "squeezenet")
    monkeypatch.setattr(task, "TRIED", 1)
    monkeypatch.setattr(task, "SHOWN", 1)
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    task._loss.cache_clear()
    with engine.use("reference"):
        yield
    task._loss.cache_clear()


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with photographs, photos, and a painting, painting.png; the working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for number in range(3):
        images.write(tmp_path / "photos" / f"{number}.png", scene(80, 96, number))
    images.write("painting.png", scene(40, 40, 9))
    return tmp_path


def style_of(place, seed=0):
    """The trained style 5, changed a little."""
    rng = np.random.default_rng(seed)
    scales = {
        name: array[4] for name, array in learned.arrays(learned.PAINTER).items() if learned.is_scale(name)
    }
    return LearnedStyle(
        {n: a + rng.normal(0, 0.1, a.shape).astype(np.float32) for n, a in scales.items()}, {}
    )


def test_gradients_of_scales_and_shifts_against_differences_through_the_whole_chain():
    network, photos = task.painter(32), np.stack([scene(32, 32, seed) for seed in (1, 2)])
    loss = PaintingLoss(scene(40, 32, 3), 0.5, 32)
    factors = layer_rates.factors(network, task.FROZEN)
    learns = {name for name, factor in factors.items() if factor}
    assert learns == {layer.name for layer in network.layers if isinstance(layer, InstanceNorm)}
    layer_rates.freeze(network, factors)
    ready = plan(network, 2, training=True, loss=loss)
    ready.loss_and_gradients(photos, photos)
    filters = [
        view for name, view in views_of(ready.gradients, network.layout).items() if not learned.is_scale(name)
    ]
    assert not any(view.any() for view in filters)
    direction = ready.gradients / np.linalg.norm(ready.gradients)
    steep = float(ready.gradients @ direction)
    start, values = network.flat.copy(), []
    for sign in (1, -1):
        network.flat[...] = start + np.float32(sign * 2e-3) * direction
        values.append(loss.value(plan(network, 2).predict(photos), photos))
    assert_allclose((values[0] - values[1]) / 4e-3, steep, rtol=0.01)


def test_the_loss_is_the_mean_over_its_pictures():
    loss, photos = PaintingLoss(scene(40, 32, 3), 0.5, 32), np.stack([scene(32, 32, seed) for seed in (1, 2)])
    Z = np.stack([scene(32, 32, seed) for seed in (4, 5)]) / np.float32(255)
    value, dZ = loss(Z, photos)
    alone = [loss(Z[k : k + 1], photos[k : k + 1]) for k in range(2)]
    assert_allclose(value, (alone[0][0] + alone[1][0]) / 2)
    assert_allclose(dZ, np.concatenate([one[1] for one in alone]) / 2, rtol=1e-6)
    assert_allclose(loss.value(Z, photos), value, rtol=1e-6)


def run(**changes):
    return learn.learn("painting.png", "photos", **{"size": SIDE, "steps": 3, "strength": 0.8, **changes})


def test_it_learns_stops_and_resumes_to_the_same_bits(place, monkeypatch):
    monkeypatch.setattr(learn, "ROUND", 2)
    whole = run(out="whole", steps=4)
    losses = [row["val_loss"] for row in whole.run.history]
    assert len(losses) == 3
    assert min(losses[1:]) < losses[0]
    for steps in (1, 3):
        with pytest.raises(
            KeyboardInterrupt, match=r"resume with: fovea learn-style --resume runs/learn-style/"
        ):
            run(out=f"part{steps}", steps=4, progress=tiny.PressCtrlC(steps))
        again = learn.resume(f"runs/learn-style/part{steps}")
        for name, array in whole.style.scales.items():
            assert_array_equal(again.style.scales[name], array)
    folder = place / "runs" / "learn-style" / "whole"
    assert images.read(folder / task.PROGRESS).shape == (2 * SIDE, SIDE, 3)
    assert json.loads((folder / "metrics.json").read_text())["loss"] == min(losses)


def test_its_file_paints_alone_and_in_mixtures(place):
    style, photo, painter = style_of(place), scene(), Painter()
    style.write("mine.safetensors")
    assert (place / "mine.safetensors").stat().st_size < 20_000
    read = LearnedStyle.read("mine.safetensors")
    for name, array in style.scales.items():
        assert_array_equal(read.scales[name], array)
    alone = painter.paint(photo, read)
    assert_array_equal(painter.paint(photo, {read: 3, 7: 0}), alone)
    assert_array_equal(painter.paint(photo, {read: 0, 7: 2}), painter.paint(photo, 7))
    half = painter.paint(photo, {read: 1, 5: 1})
    assert not np.array_equal(half, alone)
    assert (
        np.abs(half.astype(int) - alone).mean() < np.abs(painter.paint(photo, 7).astype(int) - alone).mean()
    )
    assert_allclose(painter.shares({read: 1, 2: 3})[[1, 26]], [0.75, 0.25])


def test_the_style_of_a_trained_one_paints_as_that_one(place):
    scales = {
        name: array[4] for name, array in learned.arrays(learned.PAINTER).items() if learned.is_scale(name)
    }
    assert_array_equal(Painter().paint(scene(), LearnedStyle(scales, {})), Painter().paint(scene(), 5))


def changed(path, **changes):
    """The style in the file with other metadata, or tensors, and the right checksum."""
    text, scales = read_tensors(path)
    text.pop("checksum")
    for name, value in changes.items():
        if isinstance(value, str):
            text[name] = value
        elif value is None:
            del scales[name.replace("__", ".")]
        else:
            scales[name.replace("__", ".")] = value
    write_tensors(path, scales, {**text, "checksum": learned.checksum(scales, text)})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fovea_style": "2"}, "expected a learned style of version 1, got version '2'"),
        (
            {"painter": "arbitrary"},
            "expected a style for the filters of multistyle26, got one for 'arbitrary'",
        ),
        ({"filters": "0"}, "got one for 'multistyle26' with other filters: learn it again with fovea"),
        ({"contract0_norm__gamma": None}, "contract0_norm.gamma: expected float32 (32,), got none"),
        ({"more": np.zeros(2, np.float32)}, "tensor more: expected none, got float32 (2,)"),
        ({"contract0_norm__gamma": np.zeros(8, np.float32)}, "expected float32 (32,), got float32 (8,)"),
        (
            {"contract0_norm__beta": np.full(32, np.nan, np.float32)},
            "expected finite numbers, got NaN or inf",
        ),
    ],
)
def test_a_file_of_another_kind_is_named(place, changes, message):
    style_of(place).write("mine.safetensors")
    changed("mine.safetensors", **changes)
    with pytest.raises(DataError, match=re.escape(message)):
        LearnedStyle.read("mine.safetensors")


def test_a_damaged_file_is_named(place):
    style_of(place).write("mine.safetensors")
    content = (place / "mine.safetensors").read_bytes()
    (place / "cut.safetensors").write_bytes(content[:-100])
    (place / "bits.safetensors").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    write_tensors("other.safetensors", {"a": np.zeros(2, np.float32)}, {})
    for name, message in (
        ("cut", "expected a whole safetensors file"),
        ("bits", "it is damaged"),
        ("other", "expected a learned style of version 1, got another safetensors file"),
        ("none", "there is no such file"),
    ):
        with pytest.raises(DataError, match=message):
            LearnedStyle.read(f"{name}.safetensors")


def test_parts_of_photographs(place):
    (place / "photos" / "bad.png").write_bytes(b"no picture")
    images.write(place / "photos" / "tiny.png", scene(16, 16))
    files = sorted(map(str, (place / "photos").glob("*.png")))
    found = parts_of(files, 9, SIDE, seed=1)
    assert found.parts.shape == (9, SIDE, SIDE, 3)
    assert (found.read, found.enlarged, list(found.bad)) == (4, 1, [str(place / "photos" / "bad.png")])
    assert parts_of(files, 9, SIDE, seed=1).digest == found.digest != parts_of(files, 9, SIDE, seed=2).digest
    assert len({part.tobytes() for part in found.parts}) > 5
    assert parts_of(files, 2, SIDE, seed=1).read == 2


@pytest.fixture
def call(place, capsys):
    def call(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        out, err = capsys.readouterr()
        return ended.value.code, out, err

    return call


def test_the_command_learns_and_paints(call, place):
    (place / "photos" / "1.png").write_bytes(b"no picture")
    (place / "photos" / "2.png").unlink()
    own = ("painting.png", "--pictures", "photos", "--size", "32", "--steps", "1")
    code, out, _ = call("learn-style", *own)
    assert code == 0
    assert "skipped 1 picture, such as " in out
    assert "warning: 1 photograph: with 10 or more" in out
    assert out.endswith("now try: fovea paint PHOTO --style painting.safetensors\n")
    about = LearnedStyle.read("painting.safetensors").about
    assert (about["painting"], about["steps"], about["seed"]) == ("painting.png", 1, 0)
    assert call("learn-style", *own)[2].startswith(
        "fovea: painting.safetensors: expected a new file, got one"
    )
    code, _, _ = call("paint", "photos/0.png", "--style", "3:0.5,painting.safetensors:0.5")
    assert code == 0
    expected = Painter().paint(scene(80, 96), {3: 0.5, LearnedStyle.read("painting.safetensors"): 0.5})
    assert_array_equal(images.read("paintings/0.png"), expected)
    images.write(place / "photos" / "0.png", scene(80, 96, 7))
    code, _, err = call("learn-style", "--resume", "runs/learn-style/painting")
    assert (code, "photographs: expected" in err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["painting.png"], 2, "expected PAINTING and --pictures DIR, or --resume RUN"),
        (["painting.png", "--pictures", "none"], 1, "expected a folder of photographs, got no such folder"),
        (["painting.png", "--pictures", "empty"], 1, "expected pictures in this folder, got none"),
        (
            ["painting.png", "--pictures", "bad"],
            1,
            "--pictures: expected photographs that can be read, got none",
        ),
        (["none.png", "--pictures", "photos"], 1, "none.png"),
        (
            ["painting.png", "--pictures", "photos", "--size", "65"],
            1,
            "size: expected a multiple of 4, got 65",
        ),
        (["painting.png", "--pictures", "photos", "--out", "no/a"], 1, "got no such folder"),
        (["--resume", "photos"], 1, "expected a folder with arguments.yaml"),
        (["--resume", "photos", "--steps", "3"], 2, "--resume takes every other setting from the run"),
    ],
)
def test_mistakes_of_the_command_are_named(call, place, arguments, code, message):
    (place / "empty").mkdir()
    (place / "bad").mkdir()
    (place / "bad" / "a.png").write_bytes(b"no picture")
    found, _, err = call("learn-style", *arguments)
    assert (found, message in err) == (code, True), err
    assert not (place / "runs").exists()


def test_mistakes_of_painting_in_a_learned_style_are_named(call, place):
    style_of(place).write("mine.safetensors")
    shutil.copy("painting.png", "wrong.safetensors")
    for style, code, message in (
        ("mine.safetensors,painting.png", 2, "the file of a learned one, or several"),
        ("mine.safetensors:0,3:0", 2, "shares of a sum above 0"),
        ("mine.safetensors,27", 2, "at most 26, got 27"),
        ("none.safetensors", 1, "there is no such file"),
        ("wrong.safetensors", 1, "expected a whole safetensors file"),
    ):
        found, _, err = call("paint", "photos/0.png", "--style", style)
        assert (found, message in err) == (code, True), err
    with pytest.raises(FoveaError, match="style"):
        Painter("arbitrary").paint(scene(), style_of(place))
    with pytest.raises(ShapeError, match="share of a learned style: expected a number of at least 0"):
        Painter().paint(scene(), {style_of(place): -1, 3: 2})
