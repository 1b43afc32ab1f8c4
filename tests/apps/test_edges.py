"""The command edges: its pictures, errors and exit codes."""

from pathlib import Path

import numpy as np
import pytest

from fovea import filters, images
from fovea.apps.edges import NAMES, PICTURES, Edges, draw
from fovea.cli import main
from fovea.errors import DataError, ShapeError


@pytest.fixture(autouse=True)
def on_the_reference(monkeypatch, tmp_path):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def photos(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "photos/below").mkdir(parents=True)
    images.write(tmp_path / "photos/a.png", rng.integers(0, 256, (20, 30, 3), np.uint8))
    images.write(tmp_path / "photos/a.bmp", rng.integers(0, 256, (9, 7), np.uint8))
    images.write(tmp_path / "photos/below/b.png", rng.integers(0, 256, (1, 1), np.uint8))
    (tmp_path / "photos/broken.jpg").write_text("no picture")
    return tmp_path / "photos"


def test_every_picture_has_its_edges_and_no_file_of_the_user_is_touched(photos, tmp_path):
    before = {path: path.read_bytes() for path in photos.rglob("*") if path.is_file()}
    counted = []
    drawn = draw([str(photos)], Edges(), out="out", progress=lambda *numbers: counted.append(numbers))
    assert {path: path.read_bytes() for path in photos.rglob("*") if path.is_file()} == before
    written = sorted(str(p.relative_to("out")) for p in drawn.folder.path.rglob("*.png"))
    assert written == ["a-2.png", "a.png", "below/b.png"]
    assert list(drawn.bad) == [str(photos / "broken.jpg")]
    assert counted == [(n, 4) for n in (1, 2, 3, 4)]
    assert "broken.jpg" in drawn.folder.bad_images.read_text()


def test_light_on_black_is_the_answer_as_a_share_of_white(photos):
    drawn = draw([str(photos / "a.png")], Edges("scharr-vertical"), out="out")
    (path,) = drawn.files.values()
    answer = np.abs(filters.scharr(images.read(photos / "a.png", channels=1)[:, :, 0], 1))
    np.testing.assert_array_equal(images.read(path)[:, :, 0], np.rint(np.minimum(answer, 1) * 255))


@pytest.mark.parametrize("name", NAMES)
def test_every_filter_draws_a_picture(name):
    picture = np.random.default_rng(0).integers(0, 256, (12, 15, 3), np.uint8)
    drawn = Edges(name).drawn(picture)
    assert drawn.dtype == np.uint8
    assert drawn.shape == (picture.shape if name in PICTURES else (12, 15))


@pytest.mark.parametrize("name", ["sobel", "canny"])
def test_a_threshold_leaves_black_and_white(name):
    picture = np.zeros((9, 12, 1), np.uint8)
    picture[:, 6:] = 255
    drawn = Edges(name, threshold=0.1).drawn(picture)
    assert set(np.unique(drawn)) == {0, 255}
    assert not drawn[:, [0, 1, -2, -1]].any()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"name": "sobell"}, "expected one of canny"),
        ({"name": "sobel", "sigma": 2.0}, "--sigma with canny or gaussian only"),
        ({"name": "box", "threshold": 0.5}, "expected no threshold"),
        ({"threshold": -1.0}, "a threshold from 0 up"),
        ({"threshold": float("nan")}, "a threshold from 0 up"),
        ({"name": "canny", "convention": "opencv"}, "the convention scikit-image"),
        ({"convention": "matlab"}, "convention"),
        ({"mode": "grid"}, "mode"),
        ({"name": "gaussian", "sigma": -1.0}, "sigma"),
    ],
)
def test_invalid_options_are_errors_before_anything_is_read(arguments, text):
    with pytest.raises(ShapeError, match=text):
        Edges(**arguments)


def test_a_folder_with_files_in_it_is_left_alone(photos):
    with pytest.raises(DataError, match="a new or empty folder"):
        draw([str(photos)], Edges(), out=str(photos))


@pytest.mark.parametrize(("place", "code"), [("photos", 0), ("photos/broken.jpg", 1), ("gone.png", 1)])
def test_the_exit_code_says_whether_any_could_be_read(place, code, photos, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["edges", place])
    assert ended.value.code == code
    printed = capsys.readouterr()
    assert ("runs/edges/sobel" in printed.out) == Path("runs/edges/sobel").exists() == (code == 0)
    assert "expected a picture" in printed.err


def test_a_wrong_filter_is_a_wrong_command(photos, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["edges", "photos", "--filter", "edgy"])
    assert ended.value.code == 2
    assert "one of canny" in capsys.readouterr().err
