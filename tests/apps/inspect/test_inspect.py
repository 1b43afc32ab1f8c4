import sys

import numpy as np
import pytest

from fovea import Network, data, engine, images
from fovea.apps.inspect import render
from fovea.apps.inspect.inspect import inspect
from fovea.errors import DataError, FoveaError
from fovea.layers import Conv2D, Dense, Flatten, MaxPool2D, ReLU
from fovea.tasks import train
from tests import tiny
from tests.apps.inspect.test_report import read
from tests.cases import ENGINES
from tests.test_images import png_of_size


@pytest.fixture(autouse=True)
def on_the_reference(monkeypatch, tmp_path):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def model(tmp_path):
    network = tiny.network()
    network.classes = tiny.CLASSES
    network.save(tmp_path / "model.safetensors")
    return "model.safetensors"


@pytest.fixture
def picture(tmp_path):
    images.write(tmp_path / "photo.png", tiny.pictures(1)[0][0])
    return "photo.png"


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def saved(layers, shape, name="other.safetensors", classes=None):
    Network(layers, shape, classes=classes).save(name)
    return name


@pytest.mark.parametrize("name", ENGINES)
def test_everything_is_written_beside_a_page(model, picture, name, tmp_path):
    with engine.use(name):
        found = inspect(model, [picture], out="out")
    shown = ("conv1", "relu1", "pool1", "dropout1", "dense1")
    assert files(tmp_path / "out") == {
        "report.html", "filters/conv1.png",
        *(f"photo/{view}.png" for view in ("picture", "input", "saliency", "grad_cam", "occlusion")),
        *(f"photo/fields/{layer}.png" for layer in ("conv1", "pool1")),
        *(f"photo/maps/{layer}.png" for layer in shown),
    }  # fmt: skip
    text, reader = read(found.report)
    assert len(reader.images) == 5 + 2 + 5 + 1
    p = Network.predict(tiny.network(), tiny.pictures(1)[0])[0]
    best = int(p.argmax())
    assert found.answers[picture][0] == tiny.CLASSES[best]
    assert found.answers[picture][1] == pytest.approx(p[best], abs=1e-5)
    assert f"The prediction is {tiny.CLASSES[best]}" in text


def test_a_class_a_layer_and_a_unit_can_be_asked_for(model, picture, tmp_path):
    other = tiny.CLASSES[int(tiny.network().predict(tiny.pictures(1)[0])[0].argmin())]
    found = inspect(model, [picture], class_name=other, layer="pool1", unit=(2, 0), out="out")
    text, _ = read(found.report)
    assert f"The explanations are for {other}, as requested." in text
    assert f"Evidence for {other}" in text
    assert "maps of pool1" in text
    assert "The unit at row 2, column 0, map" in text


def test_a_layer_without_windows_can_be_asked_for(model, picture, tmp_path):
    found = inspect(model, [picture], layer="dense1", unit=(1,), out="out")
    text, _ = read(found.report)
    assert "There is no Grad-CAM here. grad_cam: layer: expected one of conv1, relu1, pool1" in text
    assert "The unit at number 1 sees 8×8 pixels." in text


def test_pictures_of_any_kind_and_size_are_brought_to_the_networks(tmp_path):
    model = saved([Conv2D(2, 3), ReLU(), Flatten(), Dense(2)], (9, 7, 3), classes=["a", "b"])
    rng = np.random.default_rng(0)
    kinds = {"grey.png": (40, 30), "large.jpg": (700, 900, 3), "clear.png": (20, 64, 4), "dot.bmp": (1, 1, 3)}
    for name, shape in kinds.items():
        images.write(name, rng.integers(0, 256, shape).astype(np.uint8))
    found = inspect(model, list(kinds), out="out")
    assert list(found.answers) == list(kinds)
    assert {path.parent.name for path in (tmp_path / "out").glob("*/saliency.png")} == {
        "grey", "large", "clear", "dot",
    }  # fmt: skip
    height, width, _ = images.read("out/large/picture.png").shape
    assert max(height, width) == 480
    assert width / height == pytest.approx(900 / 700, abs=0.01)
    assert images.read("out/clear/input.png").shape == (9 * 53, 7 * 53, 3)
    assert images.read("out/filters/conv1.png").shape[2] == 3  # in colour
    text, _ = read(found.report)
    assert "2 filters of 3×3 in colour" in text
    assert "700 rows, 900 columns." in text


def test_files_of_one_name_get_folders_of_their_own(model, tmp_path):
    places = ["a/x.png", "b/x.png", "b/X.bmp", "filters.png", "b/é ü.png", "data.png", "b/con?.png"]
    for place in places:
        (tmp_path / place).parent.mkdir(exist_ok=True)
        images.write(place, tiny.pictures(1)[0][0])
    found = inspect(model, [*places, "a/x.png"], out="out")
    assert len(found.answers) == 7
    got = sorted(path.parent.name for path in (tmp_path / "out").glob("*/saliency.png"))
    assert got == sorted(["x", "x-2", "X-3", "filters-2", "é_ü", "data-2", "con_"])


def test_a_model_without_names_has_numbers(picture, tmp_path):
    model = saved([Conv2D(2, 3), Flatten(), Dense(4)], (8, 8, 1))
    found = inspect(model, [picture], class_name="3", out="out")
    assert "Evidence for 3" in read(found.report)[0]


def test_a_model_without_convolution_says_why_there_is_no_grad_cam(picture, tmp_path):
    model = saved([Flatten(), Dense(5), ReLU(), Dense(2)], (8, 8, 1))
    text, _ = read(inspect(model, [picture], out="out").report)
    assert "There is no Grad-CAM here. grad_cam: expected a network with a convolution, got flatten1" in text
    assert "This network has no convolution." in text
    assert "No layer has windows" in text
    assert not (tmp_path / "out/photo/grad_cam.png").exists()


def test_a_model_of_one_class_is_certain_and_shown_all_the_same(picture, tmp_path):
    model = saved([Conv2D(2, 3), MaxPool2D(2), Flatten(), Dense(1)], (8, 8, 1), classes=["only"])
    found = inspect(model, [picture], out="out")
    assert found.answers[picture] == ("only", 1)
    text, _ = read(found.report)
    assert "Covering 2×2 pixels does not lower the probability of only anywhere." in text


def test_weights_that_are_no_numbers_are_named_before_anything_is_written(picture, tmp_path):
    network = Network([Conv2D(2, 3), Flatten(), Dense(2)], (8, 8, 1))
    network.parameters["conv1.W"][..., 0] = np.nan
    network.save("broken.safetensors")
    with pytest.raises(DataError, match='Conv2D "conv1": expected finite numbers in W'):
        inspect("broken.safetensors", [picture], out="out")
    assert not (tmp_path / "out").exists()


def test_many_maps_and_filters_are_shown_in_part_unless_asked_for(picture, tmp_path):
    model = saved([Conv2D(70, 3), ReLU(), Conv2D(20, 3), Flatten(), Dense(2)], (8, 8, 1))
    text, _ = read(inspect(model, [picture], out="out").report)
    assert "70 maps of 6×6, of which the first 64 are shown" in text
    assert "20 filters of 3×3 on 70 channels. Each row is a filter, each column an input channel. The" in text
    text, _ = read(inspect(model, [picture], layer="conv1", out="all").report)
    assert "Conv2D: 70 maps of 6×6, from" in text


def test_a_picture_that_is_none_is_named_and_the_others_follow(model, picture, tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "large.png").write_bytes(png_of_size(100_000, 100_000))
    (tmp_path / "none.png").write_bytes(png_of_size(0, 0))
    wrong = ["text.png", "empty.png", "large.png", "none.png", "absent.png", "."]
    found = inspect(model, [*wrong, picture], out="out")
    assert list(found.bad) == wrong
    assert list(found.answers) == [picture]
    text, _ = read(found.report)
    reasons = ("none of the formats", "an empty file", "million pixels", "got", "no such file", "a folder")
    for name, words in zip(wrong, reasons, strict=True):
        assert words in found.bad[name]
        assert f"{name} could not be read: expected a picture, got" in text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"layer": "conv9"},
            "inspect: layer: expected one of conv1, relu1, pool1, flatten1, dropout1, dense1",
        ),
        (
            {"layer": "conv1", "unit": (6, 0)},
            r"position in conv1: expected \(row, column\) within 6 rows and 6",
        ),
        ({"unit": (0, 0)}, "unit: expected the layer that it is in, got none: name it with --layer"),
        ({"class_name": "cat"}, "class: expected one of bottom, left, right, got 'cat'"),
        ({"source": "nowhere"}, "'nowhere'"),
        ({"files": ["absent.png"]}, r"^absent.png: expected a picture, got no such file$"),
        ({"model": "absent"}, "no such file"),
        ({"out": "taken"}, "expected a new or empty folder"),
    ],
)
def test_missing_names_are_errors_before_anything_is_written(options, words, model, picture, tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/mine.txt").write_text("mine")
    before = files(tmp_path)
    arguments = {"model": model, "files": [picture], "out": "out", **options}
    with pytest.raises(FoveaError, match=words):
        inspect(**arguments)
    assert files(tmp_path) == before
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("layers", "shape"), [([Dense(2)], (4,)), ([Flatten(), Dense(2)], (4, 4, 2))])
def test_a_network_that_takes_in_no_pictures_is_refused(layers, shape, picture):
    model = saved([type(own)(**own.configuration()) for own in layers], shape)
    with pytest.raises(FoveaError, match=r"^model other.safetensors: expected a network of pictures"):
        inspect(model, [picture], out="out")


@pytest.fixture
def run(tmp_path):
    folder = tiny.write_folder(tmp_path / "photos")
    train(tiny.network(), data.load(folder), epochs=1, out="run", arguments={"data": str(folder), "seed": 0})
    return "run"


def test_a_data_set_is_seen_as_a_whole(run, picture, tmp_path):
    tiny.write_folder(tmp_path / "other", 30, seed=1)
    moved = tmp_path / "other/left/moved.png"
    next((tmp_path / "other/right").iterdir()).rename(moved)  # so that one at least is wrong
    (tmp_path / "other/left/bad.png").write_text("no picture")
    found = inspect(run, [picture], source="other", out="out")
    got = {name for name in files(tmp_path / "out") if name.startswith("data/")}
    assert {"data/pca.png", "data/pca-dark.png"} <= got
    assert any(name.startswith("data/confused/") for name in got)
    text, _ = read(found.report)
    assert "30 pictures of other, by the 36 inputs of the last layer." in text
    assert "of 30 predictions are correct" in text
    assert " predicted as " in text


def test_without_scikit_learn_the_page_says_so(run, picture, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    text, _ = read(inspect(run, [picture], source="photos", out="out").report)
    assert "t-SNE: expected scikit-learn, got an environment without it: pip install scikit-learn" in text
    assert not (tmp_path / "out/data/tsne.png").exists()


def test_with_scikit_learn_there_is_a_second_map(run, picture, tmp_path):
    pytest.importorskip("sklearn")
    tiny.write_folder(tmp_path / "other", 30, seed=1)
    inspect(run, [picture], source="other", out="out")
    assert (tmp_path / "out/data/tsne-dark.png").exists()


def test_data_of_two_pictures_are_two_points_and_of_none_an_error(run, picture, tmp_path):
    for name in ("left", "right"):
        (tmp_path / "few" / name).mkdir(parents=True)
        (tmp_path / f"few/{name}/0.png").write_text("no picture")
    with pytest.raises(FoveaError, match=r"expected pictures that can be read"):
        inspect(run, [picture], source="few", out="none")
    for name in ("left", "right"):
        images.write(f"few/{name}/1.png", tiny.pictures(1, seed=1)[0][0])
    text, _ = read(inspect(run, [picture], source="few", out="out").report)
    assert "2 pictures of few" in text


def test_each_inspection_has_a_folder_of_its_own(model, picture):
    paths = [inspect(model, [picture]).folder.path for _ in range(2)]
    assert [path.as_posix() for path in paths] == ["runs/classify/inspect", "runs/classify/inspect2"]


def test_a_network_without_classes_shows_maps_fields_and_filters(picture, tmp_path):
    model = saved([Conv2D(1, 3, padding="same", bias=False)], (8, 8, 1))
    found = inspect(model, [picture], out="out")
    assert files(tmp_path / "out") == {
        "report.html", "filters/conv1.png", "photo/picture.png", "photo/input.png",
        "photo/fields/conv1.png", "photo/maps/conv1.png",
    }  # fmt: skip
    assert found.answers == {}
    text, _ = read(found.report)
    assert "1 layer with 9 parameters, from pictures of 8×8×1 to 8×8×1." in text


@pytest.mark.parametrize("asked", [{"class_name": "cat"}, {"source": "digits"}])
def test_what_needs_classes_is_refused_of_a_network_without(picture, asked):
    model = saved([Conv2D(1, 3)], (8, 8, 1))
    words = r"expected a network that ends in classes, got one that outputs 6×6×1 per picture"
    with pytest.raises(FoveaError, match=words):
        inspect(model, [picture], out="out", **asked)


def test_a_field_of_a_few_pixels_is_shown_from_near_by(tmp_path):
    model = saved([Conv2D(1, 3), ReLU(), MaxPool2D(8), Flatten(), Dense(2)], (96, 96, 1))
    images.write("photo.png", np.random.default_rng(0).integers(0, 256, (96, 96)).astype(np.uint8))
    found = inspect(model, ["photo.png"], layer="conv1", unit=(93, 0), out="out")
    text, _ = read(found.report)
    assert "The unit at row 93, column 0, map 0 sees 3×3 pixels. Shown with 36×36 pixels around it." in text
    field = images.read("out/photo/fields/conv1.png")
    assert field.shape[:2] == (36 * 13, 36 * 13)
    outlined = np.argwhere((field == render.OUTLINE).all(axis=2))
    assert outlined.min(axis=0).tolist() == [33 * 13, 0]
    assert outlined.max(axis=0).tolist() == [36 * 13 - 1, 3 * 13 - 1]
    assert "map 0 sees 10×10 pixels." in text  # pool1, in the whole picture
