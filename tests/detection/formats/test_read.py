"""Formats are recognised, and what belongs to none of them is reported."""

import hashlib
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest

from fovea.detection.formats import FORMATS, none_found, read
from fovea.errors import DataError
from tests import boxed

DATA = os.environ.get("FOVEA_DATA")


def one(root, name="a"):
    boxed.picture(root / f"{name}.jpg")
    boxed.voc(root / f"{name}.xml", [("cat", 2, 2, 9, 9)])


def test_folders_of_classes_are_not_ours(tmp_path):
    for name in ("cat", "dog"):
        boxed.picture(tmp_path / name / "1.jpg")
        boxed.text(tmp_path / name / "1.txt", "a cat and a dog")
    boxed.text(tmp_path / "groups.csv", "file,group\ncat/1.jpg,1\n")
    boxed.text(tmp_path / "config.yaml", "names: [a]\n")
    boxed.text(tmp_path / "broken.yaml", "a: [")
    boxed.text(tmp_path / "package.json", '{"images": [], "annotations": {}}')
    boxed.text(tmp_path / "empty.json", "")
    boxed.text(tmp_path / "feed.xml", "<rss/>")
    boxed.text(tmp_path / "README.txt", "1 2 3")
    assert read(tmp_path) is None
    assert "expected pictures with boxes in one of YOLO, COCO, " in str(none_found(tmp_path))


def test_two_formats_are_an_error_that_names_both(tmp_path):
    one(tmp_path)
    boxed.text(tmp_path / "labels.csv", "filename,class,xmin,ymin,xmax,ymax\na.jpg,dog,5,6,25,16\n")
    text = (
        r"expected labels in one format, got Pascal VOC \(a\.xml\) and CSV \(labels\.csv\): choose one with "
    )
    with pytest.raises(DataError, match=text + "--format voc or --format csv"):
        read(tmp_path)
    assert read(tmp_path, "voc").classes == ["cat"]
    assert read(tmp_path, "csv").classes == ["dog"]


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_that_is_not_there(tmp_path, name):
    boxed.picture(tmp_path / "a.jpg")
    with pytest.raises(DataError, match=r"got none for 1 of 1 picture, such as a\.jpg: looked for "):
        read(tmp_path, name)


def test_folders_that_cannot_be_read(tmp_path):
    with pytest.raises(
        DataError, match="expected one of yolo, coco, voc, cvat, labelme, csv, got 'tfrecord'"
    ):
        read(tmp_path, "tfrecord")
    with pytest.raises(DataError, match="expected a folder of pictures with labels, got no such folder"):
        read(tmp_path / "gone")
    with pytest.raises(DataError, match="got a file"):
        read(boxed.text(tmp_path / "x.txt", ""))
    boxed.text(tmp_path / "x.yaml", "a: 1")
    with pytest.raises(DataError, match="expected a data set's YAML with names and train"):
        read(tmp_path / "x.yaml")


def test_no_boxes_at_all(tmp_path):
    boxed.picture(tmp_path / "a.jpg")
    boxed.voc(tmp_path / "a.xml", [("cat", 5, 5, 5, 5)])
    with pytest.raises(
        DataError, match=r"expected boxes, got none in the labels of 1 picture: a\.xml: no area"
    ):
        read(tmp_path)


def test_labels_and_pictures_without_each_other(tmp_path):
    for name in "abc":
        one(tmp_path, name)
    (tmp_path / "b.jpg").unlink()
    (tmp_path / "c.xml").unlink()
    data = read(tmp_path)
    assert list(boxed.boxes(data)) == ["a.jpg"]
    assert boxed.orphans(data) == [("b.xml", None, "b.*")]
    assert data.notes == [
        "1 picture (c.jpg) without a label file: left out",
        "1 label without a picture: b.xml (there is no picture b.*)",
    ]
    one(tmp_path / "other", "c")  # the same name elsewhere is another picture
    assert boxed.orphans(read(tmp_path)) == [("b.xml", None, "b.*")]


@pytest.mark.parametrize(
    "name", ["#1", "two words", " blank ", "公开数据集", "mp4#t=1054", "a.b", "%s", "$x", "'", "[a]*?"]
)
def test_names(tmp_path, name):
    one(tmp_path, f"{name}/{name}")
    assert list(boxed.boxes(read(tmp_path))) == [f"{name}/{name}.jpg"]


def test_the_current_folder(tmp_path, monkeypatch):
    for part in ("train", "val"):
        boxed.picture(tmp_path / "images" / part / "a.jpg")
        boxed.text(tmp_path / "labels" / part / "a.txt", "0 0.5 0.5 0.5 0.5")
    monkeypatch.chdir(tmp_path)
    data = read(".")
    assert [picture.file for picture in data.pictures] == ["images/train/a.jpg", "images/val/a.jpg"]
    assert list(data.parts) == ["train", "val"]
    assert len(data.notes) == 1
    (tmp_path / "data.yaml").write_text("train: images/train\nval: ./images/val\nnames: [cat]")
    for name in (".", "data.yaml", tmp_path):
        data = read(name)
        assert [len(part) for part in data.parts.values()] == [1, 1]
        assert data.notes == data.orphans == []


def test_accents_may_be_coded_in_two_ways(tmp_path):
    boxed.picture(tmp_path / "e\u0301.jpg")
    boxed.voc(
        tmp_path / "\u00e9.xml",
        [("cafe\u0301", 2, 2, 9, 9), ("caf\u00e9", 3, 2, 9, 9), ("CAF\u00c9", 3, 3, 9, 9)],
    )
    data = read(tmp_path)
    assert data.classes == ["CAF\u00c9", "caf\u00e9"]
    assert "classes that differ in case only: CAF\u00c9, caf\u00e9" in data.notes


def digest(root):
    return {
        path: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(root.rglob("*")) if path.is_file()
    }  # fmt: skip


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    if DATA is None:
        pytest.skip("FOVEA_DATA names no folder")

    def unpacked(name):
        root = tmp_path_factory.mktemp("known")
        with tarfile.open(Path(DATA) / f"{name}.tar.gz") as archive:
            archive.extractall(root, filter="data")
        (folder,) = filter(Path.is_dir, root.iterdir())
        before = digest(folder)
        data = read(folder)
        assert digest(folder) == before
        return data

    return unpacked


def test_blood_cells(known):
    data = known("bccd-voc")
    assert data.line == "Pascal VOC, 364 pictures, 3 classes, 4,886 boxes; 2 labels dropped (bad_labels.csv)"
    assert data.classes == ["Platelets", "RBC", "WBC"]
    assert {part: len(inside) for part, inside in data.parts.items()} == {"train": 205, "val": 87, "test": 72}
    assert boxed.faults(data) == [
        ("Annotations/BloodImage_00338.xml", 13, "dropped", "no area"),
        ("Annotations/BloodImage_00343.xml", 4, "dropped", "no area"),
    ]
    corners = np.concatenate([picture.boxes.corners for picture in data.pictures])
    assert corners.min() == 0
    assert corners[:, 2].max() == 640
    assert corners[:, 3].max() == 480
    assert data.notes == []


def test_playing_cards(known):
    data = known("cards")
    assert data.line == "Pascal VOC, 363 pictures, 6 classes, 670 boxes"
    assert data.classes == ["ace", "jack", "king", "nine", "queen", "ten"]
    assert {part: len(inside) for part, inside in data.parts.items()} == {"train": 266, "val": 30, "test": 67}
    assert data.drawn == ("train", "val")


def test_chess_pieces(known):
    data = known("chess")
    assert data.line == "COCO, 289 pictures, 13 classes, 2,869 boxes; 1 label dropped (bad_labels.csv)"
    assert {part: len(inside) for part, inside in data.parts.items()} == {"train": 202, "val": 58, "test": 29}
    assert boxed.faults(data) == [("train/_annotations.coco.json", 1326, "dropped", "the same as label 1325")]
    counts = np.bincount(np.concatenate([picture.boxes.classes for picture in data.pictures]))
    assert (data.classes[0], counts[0]) == ("bishop", 1)
    assert counts[1:].min() > 70
    assert sum(not len(picture.boxes) for picture in data.pictures) == 1
    assert data.notes == ["no boxes of pieces"]
