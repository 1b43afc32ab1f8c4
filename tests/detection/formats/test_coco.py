"""COCO."""

import json
from math import inf, nan

import pytest

from fovea.detection.formats import read
from fovea.errors import DataError
from tests import boxed

BOX = 5, 6, 20, 10  # x, y, width, height
FOUND = 5, 6, 25, 16


def pictures(root, *names):
    for name in names:
        boxed.picture(root / name)


def test_roboflows_folders(tmp_path):
    for part in ("train", "valid", "test"):
        pictures(tmp_path / part, "a.jpg", "b.jpg")
        boxed.coco(
            tmp_path / part / "_annotations.coco.json", {"a.jpg": [(2, *BOX), (1, *BOX)], "b.jpg": []},
            {0: "pieces", 1: "rook", 2: "king"},
        )  # fmt: skip
    data = read(tmp_path)
    assert (data.format, data.classes) == ("coco", ["rook", "king"])
    assert {part: len(inside) for part, inside in data.parts.items()} == {"train": 2, "val": 2, "test": 2}
    assert boxed.boxes(data)["valid/a.jpg"] == [("king", *FOUND), ("rook", *FOUND)]
    assert boxed.boxes(data)["valid/b.jpg"] == []
    assert "no boxes of pieces" in data.notes


def test_categories_are_matched_by_name(tmp_path):
    pictures(tmp_path, "train2017/a.jpg", "val2017/b.jpg")
    boxed.coco(
        tmp_path / "annotations" / "instances_train2017.json", {"a.jpg": [(90, *BOX)]}, {1: "cat", 90: "dog"}
    )
    boxed.coco(
        tmp_path / "annotations" / "instances_val2017.json",
        {"b.jpg": [(0, *BOX), (5, *BOX)]},
        {0: "dog", 5: "cat"},
    )
    boxed.coco(
        tmp_path / "annotations" / "person_keypoints_val2017.json", {"b.jpg": [(0, *BOX)]}, {0: "person"}
    )
    data = read(tmp_path)
    assert data.classes == ["cat", "dog"]
    assert boxed.boxes(data) == {
        "train2017/a.jpg": [("dog", *FOUND)], "val2017/b.jpg": [("dog", *FOUND), ("cat", *FOUND)]
    }  # fmt: skip
    assert list(data.parts) == ["train", "val"]


def test_crowds_are_marked(tmp_path):
    pictures(tmp_path, "a.jpg")
    boxed.coco(
        tmp_path / "x.json", {"a.jpg": [(1, *BOX)]}, {1: "cat"}, iscrowd=1, segmentation={"counts": [1]}
    )
    assert read(tmp_path).pictures[0].boxes.crowd.tolist() == [True]


def test_files_are_found_by_other_computers_paths(tmp_path):
    pictures(tmp_path, "images/one/a.jpg", "images/two/a.jpg", "images/two/Ä #1.JPG")
    names = r"C:\data\one\a.jpg", "/home/anna/two/a.jpg", "two/A\u0308 #1.jpg", "three/b.jpg", "a.jpg"
    boxed.coco(tmp_path / "labels.json", {name: [(1, *BOX)] for name in names}, {1: "cat"})
    data = read(tmp_path)
    assert sorted(boxed.boxes(data)) == ["images/one/a.jpg", "images/two/a.jpg", "images/two/Ä #1.JPG"]
    assert boxed.orphans(data) == [
        ("labels.json", None, "three/b.jpg"), ("labels.json", None, "a.jpg")  # which may be either
    ]  # fmt: skip


def test_equal_names_in_all_parts(tmp_path):
    pictures(tmp_path, "images/train2017/1.jpg", "images/val2017/1.jpg", "images/val2017/2.jpg")
    for part in ("train", "val"):
        labels = (
            {"1.jpg": [(1, *BOX)], "2.jpg": [(1, *BOX)]} if part == "val" else {"1.jpg": [(1, 1, 1, 9, 9)]}
        )
        boxed.coco(tmp_path / "annotations" / f"instances_{part}2017.json", labels, {1: "cat"})
    data = read(tmp_path)
    assert boxed.boxes(data)["images/train2017/1.jpg"] == [("cat", 1, 1, 10, 10)]
    assert boxed.boxes(data)["images/val2017/1.jpg"] == [("cat", *FOUND)]
    assert data.orphans == []


def test_a_missing_picture_is_not_looked_for_in_another_part(tmp_path):
    pictures(tmp_path, "train/a.jpg", "valid/b.jpg")
    for part in ("train", "valid"):
        boxed.coco(
            tmp_path / part / "_annotations.coco.json", {"a": [(1, *BOX)], "b.jpg": [(1, *BOX)]}, {1: "cat"}
        )
    data = read(tmp_path)
    assert {part: len(inside) for part, inside in data.parts.items()} == {"train": 1, "val": 1}
    assert boxed.orphans(data) == [
        (f"{part}/_annotations.coco.json", None, name) for part, name in (("train", "b.jpg"), ("valid", "a"))
    ]
    assert data.bad == []


def test_a_folder_called_train_may_hold_all_parts(tmp_path):
    pictures(tmp_path, "train/a.jpg", "train/b.jpg")
    for part, name in {"train": "a.jpg", "val": "b.jpg"}.items():
        boxed.coco(tmp_path / f"{part}.json", {name: [(1, *BOX)]}, {1: "cat"})
    assert {part: len(inside) for part, inside in read(tmp_path).parts.items()} == {"train": 1, "val": 1}


def test_a_picture_listed_twice_has_the_boxes_of_both(tmp_path):
    pictures(tmp_path, "a.jpg")
    boxed.coco(
        tmp_path / "x.json", {"a.jpg": [(1, *BOX)], "./a.jpg": [(1, *BOX), (1, 1, 1, 9, 9)]}, {1: "cat"}
    )
    data = read(tmp_path)
    assert boxed.boxes(data)["a.jpg"] == [("cat", *FOUND), ("cat", 1, 1, 10, 10)]
    assert boxed.faults(data) == [("x.json", 2, "dropped", "the same as label 1")]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"category_id": 7}, "category_id 7, which no category has"),
        ({"category_id": None}, "category_id None, which no category has"),
        ({"image_id": 7}, "image_id 7, which no image has"),
        ({"image_id": [1]}, "image_id [1], which no image has"),
        ({"bbox": []}, "no bbox of four numbers"),
        ({"bbox": None}, "no bbox of four numbers"),
        ({"bbox": [1, 2, None, 4]}, "not four finite numbers"),
        ({"bbox": [1, 2, nan, 4]}, "not four finite numbers"),
        ({"bbox": [1, 2, inf, 4]}, "not four finite numbers"),
        ({"bbox": [1, 2, 10**400, 4]}, "not four finite numbers"),
        ({"bbox": [1, 2, 0, 4]}, "no area"),
    ],
)
def test_faults(tmp_path, change, why):
    pictures(tmp_path, "a.jpg")
    path = boxed.coco(tmp_path / "x.json", {"a.jpg": [(1, *BOX), (1, 1, 1, 9, 9)]}, {1: "cat"})
    content = json.loads(path.read_text())
    content["annotations"][1] |= change
    boxed.write_json(path, content)
    data = read(tmp_path)
    assert boxed.boxes(data)["a.jpg"] == [("cat", *FOUND)]
    assert boxed.faults(data) == [("x.json", 2, "dropped", why)]


def test_a_file_for_all_parts_beside_those_for_one_is_not_read_again(tmp_path):
    pictures(tmp_path, "images/a.jpg", "images/b.jpg")
    for name, inside in {"all": ("a.jpg", "b.jpg"), "train": ("a.jpg",), "test": ("b.jpg",)}.items():
        boxed.coco(tmp_path / f"{name}.json", {picture: [(1, *BOX)] for picture in inside}, {1: "cat"})
    data = read(tmp_path)
    assert {part: len(inside) for part, inside in data.parts.items()} == {"train": 1, "test": 1}
    assert data.bad == []
    assert data.notes[0].startswith("all.json: not read")


@pytest.mark.parametrize(
    ("content", "got"),
    [
        ("[" * 200 + "]" * 200, "something else"),
        ("[" * 100_000, "lists nested too deeply"),
        ('{"images": [], "annotations": {}, "categories": []}', "something else"),
        ('{"images": [1], "annotations": [], "categories": []}', "something else"),
        ('{"images": [', "Expecting value"),
        ("", "Expecting value"),
    ],
)
def test_files_that_are_not_coco(tmp_path, content, got):
    pictures(tmp_path, "a.jpg")
    boxed.text(tmp_path / "_annotations.coco.json", content)
    with pytest.raises(DataError, match=rf"_annotations\.coco\.json: expected .*, got {got}"):
        read(tmp_path)


def test_deep_fields_that_nobody_asks_for_do_not_matter(tmp_path):
    pictures(tmp_path, "a.jpg")
    deep = json.loads("[" * 200 + "]" * 200)
    boxed.coco(tmp_path / "x.json", {"a.jpg": [(1, *BOX)]}, {1: "cat"}, segmentation=deep)
    assert boxed.boxes(read(tmp_path))["a.jpg"] == [("cat", *FOUND)]


@pytest.mark.parametrize("name", ["_annotations.coco.json", "annotations.json", "instances_train.json"])
def test_a_file_of_a_gigabyte_is_not_read(tmp_path, name):
    pictures(tmp_path, "a.jpg")
    with (tmp_path / name).open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(
        DataError, match=r"expected COCO's json of at most 536,870,912 bytes, got 1,073,741,824"
    ):
        read(tmp_path)
