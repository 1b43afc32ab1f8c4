"""The command learn-filter: run folder, verdicts and progress."""

import csv
import json
import re

import numpy as np
import pytest

import fovea
from fovea import engine, images
from fovea.apps.learn_filter import findings, learn, progress
from fovea.cli import main
from fovea.errors import FoveaError
from tests.cases import ENGINES
from tests.scenes import scene

SOBEL = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def photos(tmp_path):
    return folder(tmp_path / "photos")


def folder(root, count: int = 2, channels: int = 1, names: str = "{}.png"):
    root.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        images.write(root / names.format(number), scene(number, channels=channels))
    return root


def sharpened(photos, root, names: str = "{}.png"):
    """The output of a sharpening program: 8 bits, clipped, with its own borders."""
    root.mkdir(parents=True)
    for file in sorted(photos.glob("*.png")):
        picture = images.read(file).astype(int)
        result = 5 * picture
        for axis in (0, 1):
            for step in (-1, 1):
                result -= np.roll(picture, step, axis)
        images.write(root / names.format(file.stem), result.clip(0, 255).astype(np.uint8))
    return root


@pytest.mark.parametrize("name", ENGINES)
def test_sobels_nine_numbers_come_from_ordinary_pictures(photos, name):
    with engine.use(name):
        found = learn.learn([str(photos)])
    assert np.abs(found.learned.W[:, :, 0, 0] - SOBEL).max() < 5e-4
    assert found.errors.max() < 5e-4
    assert found.explained > 0.9999
    assert findings.verdict(found).startswith("converged after ")


def test_the_run_folder_has_the_filter_its_model_and_its_pictures(photos, tmp_path):
    with engine.use("reference"):
        found = learn.learn([str(photos / "0.png")], "laplacian,vertical")
        again = learn.learn([str(photos / "0.png")], "laplacian,vertical")
    root = found.folder.path
    assert root.resolve() == tmp_path / "runs" / "learn-filter" / "learn"
    assert again.folder.path.name == "learn2"
    W = np.load(root / "filter.npy")
    assert W.shape == (3, 3, 1, 2)
    assert np.array_equal(W, again.learned.W)
    network = fovea.load(root / "best.safetensors")
    assert np.array_equal(network.parameters["conv1.W"], W)
    assert network.output_shape == (96, 96, 2)
    content = json.loads((root / "filter.json").read_text())
    assert content["names"] == ["laplacian", "vertical"]
    assert (
        np.round(content["W"][0][0], 3).tolist()
        == content["true"][0][0]
        == [[0, 1, 0], [1, -4, 1], [0, 1, 0]]
    )
    rows = list(csv.DictReader((root / "results.csv").read_text().splitlines()))
    assert float(rows[-1]["largest_error"]) < 1e-3 < float(rows[0]["largest_error"])
    for name in ("progress.png", "comparison.png"):
        assert images.read(root / name).shape[2] == 3


def test_pictures_filtered_by_anything_teach_what_was_done_to_them(tmp_path):
    photos = folder(tmp_path / "photos", channels=3)
    targets = sharpened(photos, photos / "sharp", "{}.bmp")  # within the folder of the pictures, other format
    found = learn.learn([str(photos)], targets=str(targets))
    assert found.names == ["red", "green", "blue"]
    sharpen = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]])
    for to in range(3):
        for of in range(3):
            assert np.abs(found.learned.W[:, :, of, to] - sharpen * (to == of)).max() < 0.02
    assert found.errors is None
    assert fovea.load(found.folder.best).layers[0].bias


def test_targets_that_no_filter_fits_are_reported(photos, tmp_path):
    (tmp_path / "odd").mkdir()
    for file in photos.glob("*.png"):
        images.write(
            tmp_path / "odd" / file.name, (images.read(file).astype(int) ** 3 % 251).astype(np.uint8)
        )
    with engine.use("reference"):
        found = learn.learn([str(photos)], targets="odd")
        short = learn.learn([str(photos)], steps=3)
    assert "no filter of this size fits these targets" in findings.verdict(found)
    assert "increase --steps" in findings.verdict(short)


def test_pictures_that_several_filters_fit_are_reported(tmp_path):
    stripes = np.tile(np.random.default_rng(0).integers(0, 256, (1, 60, 1)), (60, 1, 1)).astype(np.uint8)
    images.write(tmp_path / "stripes.png", stripes)
    with engine.use("reference"):
        found = learn.learn(["stripes.png"])
    assert "other filters fit these pictures as well" in findings.verdict(found)


def test_a_larger_window_frames_the_filter_and_more_filters_repeat_it(photos):
    with engine.use("reference"):
        found = learn.learn([str(photos)], size=5, count=2)
    assert found.names == ["sobel-vertical"] * 2
    assert np.array_equal(found.true[1:4, 1:4, 0, 1], SOBEL)
    assert found.errors.max() < 1e-3


def test_a_damaged_picture_is_skipped(photos):
    (photos / "broken.png").write_bytes(b"no picture")
    with engine.use("reference"):
        found = learn.learn([str(photos)], steps=2)
    assert list(found.bad) == [str(photos / "broken.png")]
    assert "broken.png" in found.folder.bad_images.read_text()


def test_a_picture_without_a_target_is_skipped(tmp_path):
    photos = folder(tmp_path / "photos", count=3)
    targets = sharpened(photos, tmp_path / "sharp")
    (targets / "1.png").unlink()
    (photos / "broken.png").write_bytes(b"no picture")
    with engine.use("reference"):
        found = learn.learn([str(photos)], targets=str(targets), steps=2)
    assert "the filtered version of" in found.bad.pop(str(photos / "1.png"))
    assert list(found.bad) == [str(photos / "broken.png")]


def test_an_occupied_folder_is_an_error_before_the_search(photos):
    class Silent(progress.Reporter):
        def begin(self, names, true):
            raise AssertionError("it has begun")

    with pytest.raises(FoveaError, match=r"^run folder .*photos: expected a new or empty folder"):
        learn.learn([str(photos)], out=str(photos), reporter=Silent())


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    with engine.use("reference"), pytest.raises(SystemExit) as end:
        main(["learn-filter", *arguments])
    out, err = capsys.readouterr()
    return end.value.code, out, err


def test_lines_show_the_error_falling(photos, capsys):
    code, out, err = run(capsys, str(photos), "--target", "sobel-horizontal", "--out", "mine")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    errors = [float(line.split()[-1]) for line in lines if line.startswith("step")]
    assert errors[0] > 1 > 1e-3 > errors[-1]
    assert "   −1.000   −2.000   −1.000" in lines
    assert lines[-1] == "the filter, its model and its figures are in mine"


def test_in_a_terminal_the_numbers_stand_beside_the_true_ones(capsys):
    table = progress.Table()
    W = np.arange(9, dtype=np.float32).reshape(3, 3, 1, 1)
    table.begin(["sobel-vertical"], SOBEL[..., None, None])
    table.step(3, 0.5, W, 1.5)
    table.end()
    with table.console.capture() as shown:
        table.console.print(table._table(3, 0.5, W, 1.5))
    assert "−2.000    0.000    2.000" in shown.get()
    assert "3.000    4.000    5.000" in shown.get()
    assert progress.text(np.zeros((9, 9, 1, 1)), 0) == "  9×9×1 numbers"
    assert "from blue" in progress.text(np.zeros((3, 3, 3, 1)), 0)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["photos", "--target", "sobel"], 2, "expected some of vertical, horizontal, .*, got 'sobel'"),
        (["photos", "--size", "4"], 2, "size: expected an odd number from 1 to 31, got 4"),
        (["photos", "--size", "99"], 2, "an odd number from 1 to 31, got 99"),
        (["photos", "--target", "gaussian", "--size", "5"], 2, "at least 9 for gaussian, got 5"),
        (["photos", "--target", "box", "--targets", "photos"], 2, "cannot be combined"),
        (["photos", "--targets", "nowhere"], 1, "expected a folder of filtered pictures, got none"),
        (["photos", "--target", "box,vertical", "--filters", "1"], 1, "at least 2, for box, vertical, got 1"),
        (["photos", "--targets", "empty"], 1, "expected the filtered version of photos/.*, got no picture"),
        (["photos", "--targets", "small"], 1, "expected 96×96 pixels as photos/.*, got 50×50"),
        (["empty"], 1, "empty: expected pictures in this folder, got none"),
        (["text.png"], 1, "text.png: expected a picture, got a file in none of the formats"),
        (["missing.png"], 1, "missing.png: expected a picture, got no such file"),
        (["tiny.png"], 1, "tiny.png: expected at least 4×4 pixels for a filter of 3×3, got 2×2"),
        (["flat.png"], 1, "flat pictures and targets do not determine a filter"),
        (["photos", "--out", "photos"], 1, "photos"),
    ],
)  # fmt: skip
def test_bad_input_has_one_sentence(tmp_path, capsys, arguments, code, words):
    folder(tmp_path / "photos", 1)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.png").write_text("hello")
    images.write(tmp_path / "tiny.png", np.zeros((2, 2), np.uint8))
    images.write(tmp_path / "flat.png", np.full((40, 40), 7, np.uint8))
    (tmp_path / "small").mkdir()
    images.write(tmp_path / "small" / "0.png", scene(0, 50))
    got, _, err = run(capsys, *arguments)
    assert got == code
    assert len(err.splitlines()) == 1
    assert re.search(words, err)
    assert not (tmp_path / "runs").exists()
