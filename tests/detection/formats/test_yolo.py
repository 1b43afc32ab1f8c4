"""YOLO."""

import pytest

from fovea.detection.formats import read
from fovea.errors import DataError
from tests import boxed

WHOLE = "0 0.5 0.5 1 1"


def one(root, name, labels=WHOLE, images="images", texts="labels"):
    boxed.picture(root / images / f"{name}.jpg")
    if labels is not None:
        boxed.text(root / texts / f"{name}.txt", labels)


def several(root, *folders, count=1):
    for folder in folders:
        for number in range(count):
            one(root, f"{number}", images=f"{folder}/images", texts=f"{folder}/labels")


def sizes(data):
    return {part: len(inside) for part, inside in data.parts.items()}


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("0 0.5 0.25 0.5 0.1", ("cat", 15, 8, 45, 12)),
        ("0.0,0.5, 0.25,\t0.5 0.1\r", ("cat", 15, 8, 45, 12)),
        ("\ufeff1 0.5 0.25 0.5 0.1 0.87", ("dog", 15, 8, 45, 12)),  # with a confidence
        ("1 0.25 0.2 0.75 0.2 0.5 0.3", ("dog", 15, 8, 45, 12)),  # a polygon
        ("1 0.25 0.2 0.75 0.2 0.75 0.3 0.25 0.3", ("dog", 15, 8, 45, 12)),
        ("0 0.75 0.5 0.5000002 1.0000003", ("cat", 30, 0, 60, 40)),
        ("0 0.75 0.5 0.5 1.02", ("cat", 30, 0, 60, 40)),
    ],
)
def test_rows(tmp_path, row, found):
    one(tmp_path, "a", f"{row}\n\n1 0.5 0.5 0.9 0.9\n")
    boxed.text(tmp_path / "data.yaml", "train: images\nnames: [cat, dog]")
    data = read(tmp_path)
    assert boxed.boxes(data)["images/a.jpg"][0] == pytest.approx(found)
    assert len(data.pictures[0].boxes) == 2
    assert data.bad == []


def test_a_polygon_does_not_change_the_other_rows(tmp_path):
    one(tmp_path, "a", "0 0.1 0.1 0.3 0.1 0.3 0.4 0.1 0.4\n0 0.5 0.25 0.5 0.1\n")
    boxed.text(tmp_path / "data.yaml", "train: images\nnames: [cat]")
    assert boxed.boxes(read(tmp_path))["images/a.jpg"][1] == pytest.approx(("cat", 15, 8, 45, 12))


def test_poses_have_their_box_first(tmp_path):
    one(tmp_path, "a", "0 0.5 0.25 0.5 0.1 0.1 0.1 2 0.2 0.2 2")
    boxed.text(tmp_path / "data.yaml", "train: images\nnames: [cat]\nkpt_shape: [2, 3]")
    assert boxed.boxes(read(tmp_path))["images/a.jpg"] == [pytest.approx(("cat", 15, 8, 45, 12))]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("2 0.5 0.5 0.1 0.1", "class 2, which has no name"),
        ("-1 0.5 0.5 0.1 0.1", "class -1, which has no name"),
        ("0.5 0.5 0.5 0.1 0.1", "class 0.5, which has no name"),
        ("cat 0.5 0.5 0.1 0.1", "class cat, which has no name"),
        ("0 0.5 0.5 0.1", "expected 5 numbers, or a polygon's, got 4"),
        ("0 0.5 0.5 0.1 0.1 0.3 0.4 0.5", "expected 5 numbers, or a polygon's, got 8"),
        ("0 0.5 0.5 nan 0.1", "not four finite numbers"),
        ("0 x 0.5 0.1 0.1", "not four finite numbers"),
        ("0 320 240 50 60", f"outside the picture of {boxed.SIZE[0]}×{boxed.SIZE[1]}"),
        (WHOLE, "the same as label 1"),
    ],
)
def test_faults(tmp_path, row, why):
    one(tmp_path, "a", f"{WHOLE}\n{row}\n")
    boxed.text(tmp_path / "data.yaml", "train: images\nnames: [cat, dog]")
    data = read(tmp_path)
    assert len(data.pictures[0].boxes) == 1
    assert boxed.faults(data) == [("labels/a.txt", 2, "dropped", why)]


@pytest.mark.parametrize(
    ("train", "val"),
    [
        ("train/images", "valid/images"),
        ("./train/images", "./valid/images/"),
        ("../train/images", "../valid/images"),  # Roboflow's
        (
            r"C:\\Users\\Anna\\Downloads\\cells\\train\\images",
            r"C:\\Users\\Anna\\Downloads\\cells\\valid\\images",
        ),
        ("/home/anna/cells/train/images", "/home/anna/cells/valid/images"),
        ("/home/anna/elsewhere", "/home/anna/other"),
        ("[train/images]", "[valid/images]"),
    ],
)
@pytest.mark.parametrize(
    "path", ["", "path: ../datasets/cells\n", "path: D:/data\n", "path: /home/anna/cells\n"]
)
def test_paths_of_another_computer(tmp_path, monkeypatch, train, val, path):
    root = tmp_path / "mine"
    several(root, "train", "valid", "test", count=2)
    boxed.text(root / "data.yaml", f"{path}train: {train}\nval: {val}\nnc: 1\nnames: ['cat']")
    monkeypatch.chdir(tmp_path)
    for folder in (root, "mine", root / "data.yaml"):
        data = read(folder)
        assert sizes(data) == {"train": 2, "val": 2}
    assert data.notes == ["2 pictures (test/images/0.jpg, test/images/1.jpg) in none of the parts: left out"]


def test_paths_below_the_one_of_the_file(tmp_path):
    several(tmp_path, "data/train", "data/val")
    boxed.text(
        tmp_path / "cells.yaml", "path: data\ntrain: train/images\nvalidation: val/images\nnames: {0: cat}"
    )
    assert sizes(read(tmp_path)) == {"train": 1, "val": 1}


def test_pictures_outside_the_folder(tmp_path):
    several(tmp_path / "elsewhere", "train")
    boxed.text(tmp_path / "set" / "data.yaml", f"train: {tmp_path}/elsewhere/train\nnames: [cat]")
    assert sizes(read(tmp_path / "set")) == {"train": 1}


def test_missing_folders_are_named(tmp_path):
    several(tmp_path, "train")
    boxed.text(tmp_path / "data.yaml", "train: train/images\ntest: ../test/images\nnames: [cat]")
    (note,) = read(tmp_path).notes
    assert note.startswith(f"{tmp_path / 'data.yaml'}: test is left out, as there is nothing at ")
    assert str(tmp_path / "images" / "test") in note
    boxed.text(tmp_path / "data.yaml", "train: pictures\nnames: [cat]")
    (tmp_path / "train").rename(tmp_path / "cells")
    with pytest.raises(
        DataError, match=r"data\.yaml: train: expected a folder of pictures or a list of them, got "
    ):
        read(tmp_path)


def test_lists(tmp_path):
    for name in "abcd":
        one(tmp_path, name)
    boxed.text(tmp_path / "train.txt", "./images/a.jpg\nimages/b.jpg\n\n")
    boxed.text(
        tmp_path / "lists" / "val.txt", "/home/anna/set/images/c.jpg\n/home/anna/set/images/gone.jpg\n"
    )
    boxed.text(tmp_path / "data.yaml", "train: train.txt\nval: lists/val.txt\nnames: [cat]")
    data = read(tmp_path)
    assert sizes(data) == {"train": 2, "val": 1}
    assert boxed.orphans(data) == [("lists/val.txt", 2, "/home/anna/set/images/gone.jpg")]


def test_the_same_pictures_in_train_and_val_measure_nothing(tmp_path):
    for number in range(20):
        one(tmp_path, str(number))
    boxed.text(tmp_path / "data.yaml", "train: images\nval: images\nnames: [cat]")
    data = read(tmp_path)
    assert sizes(data) == {"train": 18, "val": 2}
    assert data.drawn == ("train", "val")
    assert "20 pictures are in two parts, and stay in the first of them" in data.notes[0]


def test_names_may_have_gaps_and_be_words_of_yaml(tmp_path):
    one(tmp_path, "a", f"{WHOLE}\n7 0.5 0.5 0.5 0.5\n3 0.5 0.5 0.5 0.5")
    boxed.text(
        tmp_path / "data.yaml", "train: images\nnames:\n  7: 'no'\n  0: no way\n  3: no\n  9: null\nnc: 80"
    )
    data = read(tmp_path)
    assert data.classes == ["no way", "no"]
    assert "no boxes of null" in data.notes
    assert data.notes[0].endswith("nc is 80, but names has 4, which count")


@pytest.mark.parametrize("names", ["{a: cat}", "{-1: cat}", "[cat, '']", "[[cat]]x: ", "*cat", "&a [*a]"])
def test_names_that_are_none(tmp_path, names):
    one(tmp_path, "a")
    boxed.text(tmp_path / "data.yaml", f"train: images\nnames: {names}")
    with pytest.raises(DataError, match=r"data\.yaml"):
        read(tmp_path)


@pytest.mark.parametrize("key", ["names", "train", "path", "nc"])
def test_references_to_references_are_not_followed(tmp_path, key):
    one(tmp_path, "a")
    lists = "a0: &a0 [x, x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30)
    )
    config = {"train": "images", "names": "[cat]"} | {key: "*a29"}
    boxed.text(
        tmp_path / "data.yaml", lists + "".join(f"{name}: {value}\n" for name, value in config.items())
    )
    with pytest.raises(
        DataError, match=f"{key}: expected text, or a list or table of texts, got lists within it"
    ):
        read(tmp_path)


def test_download_is_never_followed(tmp_path):
    one(tmp_path, "a")
    script = f"|\n  from pathlib import Path\n  Path({str(tmp_path / 'ran')!r}).touch()\n"
    boxed.text(tmp_path / "data.yaml", f"train: images\nnames: [cat]\ndownload: {script}")
    read(tmp_path)
    boxed.text(
        tmp_path / "data.yaml", f"train: !!python/object/apply:os.mkdir ['{tmp_path}/ran']\nnames: [cat]"
    )
    with pytest.raises(DataError, match="nothing at"):
        read(tmp_path)
    assert not (tmp_path / "ran").exists()


def test_without_a_yaml(tmp_path):
    for part in ("train", "val"):
        one(tmp_path, "a", images=f"images/{part}", texts=f"labels/{part}")
    data = read(tmp_path)
    assert data.classes == ["0"]
    assert "their numbers serve" in data.notes[0]
    assert sizes(data) == {"train": 1, "val": 1}
    boxed.text(tmp_path / "labels" / "classes.txt", "cat\ndog\n")
    assert read(tmp_path).classes == ["cat"]
    boxed.text(tmp_path / "classes.txt", "dog\ncat\n")
    with pytest.raises(DataError, match="expected one list of class names"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("pictures", "labels"),
    [("images", "labels"), ("Images", "Labels"), ("JPEGImages", "labels"), ("photos", "photos"),
     ("images", "images"), ("images/a/images/b", "images/a/labels/b")],
)  # fmt: skip
def test_places_of_labels(tmp_path, pictures, labels):
    one(tmp_path, "a", images=pictures, texts=labels)
    assert boxed.boxes(read(tmp_path)) == {f"{pictures}/a.jpg": [("0", 0, 0, 60, 40)]}


def test_labels_beside_the_pictures_and_cvats_lists(tmp_path):
    for name in "ab":
        one(tmp_path, name, images="obj_train_data", texts="obj_train_data")
    boxed.text(tmp_path / "obj.names", "cat\n")
    boxed.text(tmp_path / "obj.data", "classes = 1\ntrain = data/train.txt\nnames = data/obj.names\n")
    boxed.text(tmp_path / "train.txt", "data/obj_train_data/a.jpg\ndata/obj_train_data/b.jpg\n")
    data = read(tmp_path)
    assert data.classes == ["cat"]
    assert sorted(boxed.boxes(data)) == ["obj_train_data/a.jpg", "obj_train_data/b.jpg"]


def test_pictures_without_a_label_file_have_no_objects_and_empty_files_are_counted(tmp_path):
    for number in range(10):
        one(tmp_path, str(number), {0: None, 1: None}.get(number, "" if number < 6 else WHOLE))
    one(tmp_path, "gone")
    (tmp_path / "images" / "gone.jpg").unlink()
    boxed.text(tmp_path / "data.yaml", "train: images\nnames: [cat]")
    data = read(tmp_path)
    assert len(data.pictures) == 10
    assert boxed.orphans(data) == [("labels/gone.txt", None, "gone.*")]
    assert data.notes == [
        "2 pictures (images/0.jpg, images/1.jpg) without a label file: taken as pictures without objects",
        "1 label without a picture: labels/gone.txt (there is no picture gone.*)",
        "4 of 8 pictures have no label in their file: if they show any, export them again (CVAT leaves "
        "polygons out of YOLO)",
    ]


def test_an_error_if_most_pictures_lack_a_label_file(tmp_path):
    for number in range(10):
        one(tmp_path, str(number), None if number < 6 else WHOLE)
    boxed.text(tmp_path / "data.yaml", "train: images\nnames: [cat]")
    text = r"got none for 6 of 10 pictures, such as images/0\.jpg: looked for a \.txt file of its name"
    with pytest.raises(DataError, match=text):
        read(tmp_path)


def test_a_label_file_of_a_gigabyte_is_not_read(tmp_path):
    for name in "ab":
        one(tmp_path, name)
    with (tmp_path / "labels" / "a.txt").open("r+b") as file:
        file.truncate(1 << 30)
    boxed.text(tmp_path / "data.yaml", "train: images\nnames: [cat]")
    data = read(tmp_path)
    assert list(boxed.boxes(data)) == ["images/b.jpg"]
    assert boxed.faults(data) == [
        (
            "labels/a.txt",
            None,
            "dropped",
            "expected YOLO's text of at most 16,777,216 bytes, got 1,073,741,824",
        )
    ]


def test_many_boxes_in_a_picture(tmp_path):
    rows = [f"0 {(x + 0.5) / 25} {(y + 0.5) / 20} 0.04 0.05" for x in range(25) for y in range(20)]
    one(tmp_path, "a", "\n".join(rows))
    boxed.text(tmp_path / "data.yaml", "train: images\nnames: [cat]")
    data = read(tmp_path)
    assert len(data.pictures[0].boxes) == 500
    assert data.bad == []
