"""Parts of pictures with boxes."""

import numpy as np
import pytest

from fovea.detection.boxes import Boxes
from fovea.detection.formats import read
from fovea.detection.formats.labels import Picture
from fovea.detection.formats.splitting import group_of, split
from fovea.errors import DataError
from tests import boxed


def pictures(*classes):
    """Pictures with boxes of these classes."""
    return [
        Picture(f"{i}.jpg", 9, 9, Boxes(np.tile([0, 0, 4, 4], (len(own), 1)), own))
        for i, own in enumerate(classes)
    ]


def names(parts):
    return {part: {picture.file for picture in inside} for part, inside in parts.items()}


def test_parts_have_every_class_where_there_are_enough_pictures():
    many = pictures(*[[0, 0, 1]] * 40, *[[0, 2]] * 40, *[[]] * 20)
    parts, drawn, notes = split(many, [None] * 100, [p.file for p in many], seed=0)
    assert {part: len(inside) for part, inside in parts.items()} == {"train": 80, "val": 10, "test": 10}
    for part in ("val", "test"):
        rarest = sorted(max(p.boxes.classes, default=-1) for p in parts[part])
        assert rarest == [-1] * 2 + [1] * 4 + [2] * 4
    assert drawn == ("train", "val", "test")
    assert notes == []
    again, *_ = split(many, [None] * 100, [p.file for p in many], seed=0)
    other, *_ = split(many, [None] * 100, [p.file for p in many], seed=1)
    assert names(again) == names(parts) != names(other)


@pytest.mark.parametrize(
    ("given", "found", "drawn"),
    [
        ({"train": 20, "val": 3, "test": 4}, {"train": 20, "val": 3, "test": 4}, ()),
        ({"train": 20, "test": 4}, {"train": 18, "val": 2, "test": 4}, ("train", "val")),
        ({"train": 20, "val": 4}, {"train": 20, "val": 4}, ()),
        ({"train": 20}, {"train": 18, "val": 2}, ("train", "val")),
        ({"test": 4}, {"test": 4}, ()),
        ({"test": 4, None: 20}, {"train": 18, "val": 2, "test": 4}, ("train", "val")),
    ],
)
def test_given_parts_stay(given, found, drawn):
    each = [part for part, count in given.items() for _ in range(count)]
    many = pictures(*[[0]] * len(each))
    parts, made, notes = split(many, each, [p.file for p in many], seed=0)
    assert {part: len(inside) for part, inside in parts.items()} == found
    assert made == drawn
    assert notes == []


def test_pictures_of_no_part_are_reported():
    many = pictures([0], [0], [0])
    parts, _, notes = split(many, ["train", "val", None], [p.file for p in many], seed=0)
    assert names(parts) == {"train": {"0.jpg"}, "val": {"1.jpg"}}
    assert notes == ["1 picture in none of the parts train, val and test: left out"]


def test_a_part_without_boxes_is_reported():
    many = pictures([0], [], [0])
    parts, _, notes = split(many, ["train", "val", "test"], [p.file for p in many], seed=0)
    assert list(parts) == ["train", "val", "test"]
    assert notes == ["val has no boxes"]


def test_groups_stay_together_and_are_reported_if_given_parts_divide_them():
    many = pictures(*[[0]] * 60)
    groups = [f"scene {i // 3}" for i in range(60)]
    parts, *_ = split(many, [None] * 60, groups, seed=0)
    of = {part: {groups[int(p.file.removesuffix(".jpg"))] for p in inside} for part, inside in parts.items()}
    assert sum(map(len, of.values())) == 20
    assert all(of.values())
    *_, notes = split(many[:4], ["train", "train", "val", "test"], groups, seed=0)
    assert notes == ["1 group of related pictures in more than one part, such as scene 0"]


def test_augmented_copies_are_a_group(tmp_path):
    assert group_of("train/a_jpg.rf.1f3c.jpg", None) == group_of("valid/a_jpg.rf.9b2e.jpg", None) == "a_jpg"
    for number in range(20):
        for copy in "xyz":
            boxed.picture(tmp_path / "images" / f"{number}_jpg.rf.{copy}1.jpg")
            boxed.text(tmp_path / "labels" / f"{number}_jpg.rf.{copy}1.txt", "0 0.5 0.5 0.5 0.5")
    boxed.text(tmp_path / "data.yaml", "train: images\nnames: [cat]")
    data = read(tmp_path)
    stems = {
        part: {p.file.rpartition("/")[2].partition(".rf")[0] for p in inside}
        for part, inside in data.parts.items()
    }
    assert len(stems["val"]) >= 1
    assert not stems["train"] & stems["val"]


def test_groups_by_an_expression(tmp_path):
    for scene in range(10):
        for frame in range(3):
            boxed.picture(tmp_path / f"scene{scene}_{frame}.jpg")
            boxed.voc(tmp_path / f"scene{scene}_{frame}.xml", [("cat", 2, 2, 9, 9)])
    data = read(tmp_path, groups=r"(scene\d+)_")
    assert [len(inside) for inside in data.parts.values()] == [24, 3, 3]
    with pytest.raises(DataError, match="got none for any of 30 pictures"):
        read(tmp_path, groups="patient")
