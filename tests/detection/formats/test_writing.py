"""Boxes written in another format are the same when they are read again; the source stays as it is."""

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fovea.detection.boxes import Boxes
from fovea.detection.formats import read, writing
from fovea.detection.formats.labels import Labelled, Picture
from fovea.errors import DataError
from tests import boxed

W, H = boxed.SIZE
CLASSES = ["cat", "no", "two words", "1", "é: [x]", "<&>", "名"]


@st.composite
def box(draw, step):
    """A box on a grid of `step` to a pixel, at least a pixel wide."""
    x0, y0 = (draw(st.integers(0, (side - 1) * step)) for side in (W, H))
    x1, y1 = (draw(st.integers(start + step, side * step)) for start, side in ((x0, W), (y0, H)))
    return tuple(value / step for value in (x0, y0, x1, y1))


@st.composite
def data_sets(draw):
    """Pictures in some parts, with any boxes, all of them on a grid of whole, halved or finer pixels."""
    step = draw(st.sampled_from([1, 2, 256]))
    labels = st.tuples(st.integers(0, len(CLASSES) - 1), box(step), st.booleans())
    per_part = st.lists(
        st.lists(labels, max_size=4, unique_by=lambda label: label[:2]), min_size=1, max_size=3
    )
    return draw(
        st.dictionaries(st.sampled_from(["train", "val", "test"]), per_part, min_size=1)
        .filter(lambda parts: "val" in parts or "train" not in parts)
        .filter(lambda parts: any(labels for part in parts.values() for labels in part))
    )


def named(picture, classes):
    """(class, x0, y0, x1, y1) of each box."""
    boxes = zip(picture.boxes.classes, picture.boxes.corners.tolist(), strict=True)
    return [(classes[which], *corners) for which, corners in boxes]


def found(data):
    """Part → the boxes of its pictures, by class name."""
    return {part: [named(p, data.classes) for p in inside] for part, inside in data.parts.items()}


@settings(max_examples=60, deadline=None)
@given(data_sets(), st.sampled_from(list(writing.WRITERS)))
def test_boxes_are_equal_after_reading_back(parts, format):
    with tempfile.TemporaryDirectory() as folder:
        root, pictures = Path(folder) / "data", {}
        for part, inside in parts.items():
            pictures[part] = []
            for number, labels in enumerate(inside):
                file = boxed.picture(root / part / f"{number}.png")
                which, corners, hard = zip(*labels, strict=True) if labels else ((), (), ())
                pictures[part].append(Picture(str(file), H, W, Boxes(corners, which, hard)))
        ordered = {part: pictures[part] for part in ("train", "val", "test") if part in pictures}
        data = Labelled("voc", "Pascal VOC", root, CLASSES, ordered)
        writing.write(data, format, root.parent / "out")
        again = read(root.parent / "out")
        assert found(again) == found(data)
        assert again.bad == []
        assert again.format == format
        hard, known = ([p.boxes.difficult.tolist() for p in each.pictures] for each in (again, data))
        assert format == "yolo" or hard == known


@pytest.fixture
def source(tmp_path):
    """A set with all that makes names hard."""
    root = tmp_path / "source set"
    files = ["a.jpg", "a.png", "A.bmp", "#1 two.jpg", "公开.jpg", "sub/a.jpg", "sub/images/b.jpg", "x\\y.jpg",
             "l\nb.jpg", " c .jpg", "%s.jpg", "a.b.jpg", "-2.jpg"]  # fmt: skip
    for file in files:
        boxed.picture(root / "train" / "images" / file)
    boxed.coco(
        root / "labels.json",
        {f"train/images/{file}": [(1, number, 1, 9, 9)] for number, file in enumerate(files)}, {1: "cat"},
    )  # fmt: skip
    return root


@pytest.mark.parametrize("format", writing.WRITERS)
def test_names_and_pictures_survive(source, tmp_path, format):
    data = read(source)
    assert len(data.pictures) == 13
    out = tmp_path / "out #1"
    assert writing.write(data, format, out) == []
    again = read(out)
    assert again.bad == again.orphans == []
    assert [Path(p.file).read_bytes() for p in again.pictures]
    left = lambda each: sorted(p.boxes.corners[0, 0] for p in each.pictures)  # noqa: E731
    assert left(again) == left(data) == list(range(13))
    by_box = {p.boxes.corners[0, 0]: Path(p.file) for p in again.pictures}
    for picture in data.pictures:
        copy = by_box[picture.boxes.corners[0, 0]]
        assert copy.suffix == Path(picture.file).suffix
        assert copy.read_bytes() == Path(picture.file).read_bytes()
    stems = [path.relative_to(out).with_suffix("").as_posix().casefold() for path in by_box.values()]
    assert len(set(stems)) == 13
    assert any(stem.endswith("sub/b") for stem in stems)
    assert not any("\n" in stem or "\\" in stem for stem in stems)


def test_numbers_of_voc_are_its_own_where_they_can_be(tmp_path):
    def written(corners):
        root = tmp_path / str(len(list(tmp_path.iterdir())))
        file = boxed.picture(root / "data" / "a.png")
        part = [Picture(str(file), H, W, Boxes([corners], [0]))]
        writing.write(Labelled("voc", "", root / "data", ["cat"], {"train": part}), "voc", root / "out")
        text = (root / "out" / "Annotations" / "a.xml").read_text()
        return [text.partition(f"<{side}>")[2].partition("<")[0] for side in ("xmin", "ymin", "xmax", "ymax")]

    assert written([0, 4, 10, 20]) == ["1", "5", "10", "20"]
    assert written([0, 4.5, 10, 20]) == ["0.0", "4.5", "10.0", "20.0"]
    assert written([3, 4, 4, 20]) == ["3.0", "4.0", "4.0", "20.0"], (
        "a pixel wide, which xmin = xmax would mean"
    )


def test_what_a_format_cannot_express_is_reported(tmp_path):
    file = boxed.picture(tmp_path / "data" / "a.png")
    boxes = Boxes(np.array([[0, 0, 9, 9], [1, 1, 8, 8]]), [0, 0], [True, False], [False, True])
    data = Labelled("coco", "COCO", tmp_path / "data", ["cat"], {"train": [Picture(str(file), H, W, boxes)]})
    crowds = "1 crowd region left out: only COCO has them"
    assert writing.write(data, "voc", tmp_path / "voc") == [crowds]
    assert writing.write(data, "coco", tmp_path / "coco") == []
    assert len(writing.write(data, "yolo", tmp_path / "yolo")) == 2
    assert read(tmp_path / "coco").pictures[0].boxes.crowd.tolist() == [False, True]
    assert len(read(tmp_path / "yolo").pictures[0].boxes) == 1


def test_a_class_that_xml_cannot_have_is_escaped(tmp_path):
    file = boxed.picture(tmp_path / "data" / "a.png")
    part = [Picture(str(file), H, W, Boxes([[0, 0, 9, 9]], [0]))]
    writing.write(
        Labelled("coco", "", tmp_path / "data", ["\x1b\n"], {"train": part}), "voc", tmp_path / "out"
    )
    assert read(tmp_path / "out").classes == [r"\x1b\n"]


def test_nothing_is_left_of_a_folder_that_cannot_be_written(source, tmp_path, monkeypatch):
    data = read(source)
    before = sorted(tmp_path.rglob("*"))
    (out := tmp_path / "out").mkdir()
    with pytest.raises(DataError, match="expected a new folder, got one that exists"):
        writing.write(data, "yolo", out)
    out.rmdir()
    with pytest.raises(DataError, match="expected a folder outside the data"):
        writing.write(data, "yolo", source / "out")
    with pytest.raises(DataError, match="--to: expected one of yolo, coco, voc, got 'csv'"):
        writing.write(data, "csv", out)
    Path(data.pictures[5].file).rename(tmp_path / "moved.jpg")
    with pytest.raises(FileNotFoundError):
        writing.write(data, "yolo", out)
    (tmp_path / "moved.jpg").rename(data.pictures[5].file)

    def stop(done, total):
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        writing.write(data, "yolo", out, stop)
    assert sorted(tmp_path.rglob("*")) == before


def test_the_command(source, tmp_path, call, monkeypatch):
    monkeypatch.chdir(tmp_path)
    labels = json.loads((source / "labels.json").read_text())
    labels["annotations"][0]["bbox"] = [1, 2, 0, 4]
    boxed.write_json(source / "labels.json", labels)
    code, out, err = call("convert", "source set", "--to", "yolo", "--out", "new/yolo")
    assert code == 0
    assert out.splitlines() == [
        "COCO, 13 pictures, 1 class, 12 boxes; 1 label dropped (bad_labels.csv)",
        "new/yolo: YOLO, pictures: train 12, val 1",
    ]
    assert err == ""
    assert (tmp_path / "new" / "yolo" / "bad_labels.csv").read_text().splitlines() == [
        "file,line,what,why", "labels.json,1,dropped,no area: 1 2 1 6"
    ]  # fmt: skip
    code, _, err = call("convert", "source set", "--to", "yolo", "--out", "new/yolo")
    assert (code, err) == (
        1,
        "fovea: --out new/yolo: expected a new folder, got one that exists: choose another name\n",
    )
    code, out, _ = call("convert", "new/yolo/data.yaml", "--to", "voc", "--out", "voc")
    assert (code, out.splitlines()[0]) == (0, "YOLO, 13 pictures, 1 class, 12 boxes")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--to", "csv", "--out", "x"], 2, "--to: expected one of yolo, coco, voc, got 'csv'"),
        (["--to", "voc", "--out", "x", "--format", "xml"], 2, "--format: expected one of yolo, "),
        (["--to", "voc"], 2, "Missing option '--out'"),
        (["--to", "voc", "--out", "x", "--seed", "-1"], 2, "seed"),
        (["--to", "voc", "--out", "x"], 1, "expected pictures with boxes in one of YOLO, COCO, "),
    ],
)
def test_wrong_usage(tmp_path, call, monkeypatch, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    found, _, err = call("convert", "empty", *arguments)
    assert found == code
    assert message in err
    assert err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]
