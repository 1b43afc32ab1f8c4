"""Pascal VOC."""

import pytest

from fovea.detection.formats import read
from fovea.errors import DataError
from tests import boxed


def one(root, objects, name="a", **more):
    boxed.picture(root / f"{name}.jpg")
    boxed.voc(root / f"{name}.xml", objects, **more)


@pytest.mark.parametrize(
    ("other", "found"),
    [(("dog", 5, 6, 20, 30), (4, 5, 20, 30)),  # from 1, with the last pixel: the format's own way
     (("dog", 0, 6, 20, 30), (5, 6, 20, 30)), (("dog", -1, 6, 20, 30), (5, 6, 20, 30)),
     (("dog", 5.5, 6, 20, 30), (5, 6, 20, 30)), (("dog", "5.0", 6, 20, 30), (5, 6, 20, 30))],
)  # fmt: skip
def test_the_whole_set_counts_from_0_or_from_1(tmp_path, other, found):
    one(tmp_path, [("cat", 5, 6, 20, 30)])
    one(tmp_path, [other], "b")
    data = read(tmp_path)
    assert data.format == "voc"
    assert data.classes == ["cat", "dog"]
    assert boxed.boxes(data)["a.jpg"] == [("cat", *found)]


def test_parts_are_those_of_the_lists(tmp_path):
    for name in ("one", "two words", "sub/three", "no part", "#4"):
        boxed.picture(tmp_path / "VOC2007" / "JPEGImages" / f"{name}.jpg")
        boxed.voc(tmp_path / "VOC2007" / "Annotations" / f"{name}.xml", [("cat", 2, 2, 9, 9)])
    boxed.picture(tmp_path / "VOC2007" / "SegmentationClass" / "one.png")
    lists = tmp_path / "VOC2007" / "ImageSets" / "Main"
    boxed.text(lists / "train.txt", "one\r\ntwo words\r\n")
    boxed.text(lists / "val.txt", "sub/three\n")
    boxed.text(lists / "trainval.txt", "one\ntwo words\nthree\n#4\n")
    boxed.text(lists / "test.txt", "#4")
    data = read(tmp_path)
    names = {
        part: [p.file.rpartition("JPEGImages/")[2] for p in inside] for part, inside in data.parts.items()
    }
    assert names == {"train": ["one.jpg", "two words.jpg"], "val": ["sub/three.jpg"], "test": ["#4.jpg"]}
    assert data.drawn == ()
    assert data.notes == ["1 picture (VOC2007/JPEGImages/no part.jpg) in none of the parts: left out"]


def test_lists_that_name_other_pictures_are_ignored(tmp_path, monkeypatch):
    one(tmp_path, [("cat", 2, 2, 9, 9)], "a")
    one(tmp_path, [("cat", 2, 2, 9, 9)], "b")
    boxed.text(tmp_path / "ImageSets" / "Main" / "train.txt", "000001\n")
    assert "which are ignored" in read(tmp_path).notes[0]
    boxed.text(tmp_path / "ImageSets" / "Main" / "train.txt", "a.jpg\n")
    boxed.text(tmp_path / "ImageSets" / "Main" / "val.txt", "b\n")
    monkeypatch.chdir(tmp_path)
    for folder in (".", tmp_path):
        assert [len(part) for part in read(folder).parts.values()] == [1, 1]


def test_files_that_somebody_verified(tmp_path):
    one(tmp_path, [("cat", 2, 2, 9, 9)])
    xml = (tmp_path / "a.xml").read_text().replace("<annotation>", '<annotation verified="yes">')
    (tmp_path / "a.xml").write_text(f'<?xml version="1.0"?>\n<!-- labelImg -->\n{xml}')
    assert boxed.boxes(read(tmp_path)) == {"a.jpg": [("cat", 1, 1, 9, 9)]}


def test_trainval_alone_is_split(tmp_path):
    for number in range(20):
        boxed.picture(tmp_path / "images" / f"{number}.png")
        boxed.voc(tmp_path / "annots" / f"{number}.xml", [("cat", 2, 2, 9, 9)])
    boxed.text(tmp_path / "ImageSets" / "Main" / "trainval.txt", "\n".join(map(str, range(20))))
    data = read(tmp_path)
    assert {part: len(inside) for part, inside in data.parts.items()} == {"train": 18, "val": 2}
    assert data.drawn == ("train", "val")


def test_the_stem_counts_more_than_the_name_in_the_file(tmp_path):
    one(tmp_path, [("cat", 2, 2, 9, 9)], "a", filename="b.jpg")
    one(tmp_path, [("dog", 2, 2, 9, 9)], "b", filename="b")
    assert boxed.boxes(read(tmp_path)) == {"a.jpg": [("cat", 1, 1, 9, 9)], "b.jpg": [("dog", 1, 1, 9, 9)]}


def test_the_name_in_the_file_decides_between_equal_stems(tmp_path):
    boxed.picture(tmp_path / "a.png")
    one(tmp_path, [("cat", 2, 2, 9, 9)], filename="A.PNG")
    data = read(tmp_path)
    assert list(boxed.boxes(data)) == ["a.png"]
    assert data.notes == ["1 picture (a.jpg) without a label file: left out"]


def test_difficult_objects_are_marked_and_parts_of_objects_are_none(tmp_path):
    one(tmp_path, [("person", 2, 2, 30, 30)])
    xml = (tmp_path / "a.xml").read_text()
    sides = "<xmin>3</xmin><ymin>3</ymin><xmax>9</xmax><ymax>9</ymax>"
    part = f"<part><name>head</name><bndbox>{sides}</bndbox></part>"
    (tmp_path / "a.xml").write_text(xml.replace("</bndbox>", f"</bndbox><difficult>1</difficult>{part}"))
    data = read(tmp_path)
    assert data.classes == ["person"]
    assert data.pictures[0].boxes.difficult.tolist() == [True]


def test_a_picture_of_a_damaged_file_is_left_out_and_named(tmp_path):
    for name in "abcd":
        one(tmp_path, [("cat", 2, 2, 9, 9)], name)
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
    xml = (tmp_path / "a.xml").read_text()
    (tmp_path / "a.xml").write_text(bomb + xml.replace("cat", "&b;"))
    (tmp_path / "b.xml").write_text(xml[:100])
    with (tmp_path / "c.xml").open("r+b") as file:
        file.truncate(1 << 30)  # sparse
    data = read(tmp_path)
    assert list(boxed.boxes(data)) == ["d.jpg"]
    assert [(bad.file, bad.line, bad.what) for bad in data.bad] == [
        ("a.xml", None, "dropped"), ("b.xml", None, "dropped"), ("c.xml", None, "dropped")
    ]  # fmt: skip
    assert "DOCTYPE" in data.bad[0].why
    assert "at most 10,485,760 bytes, got 1,073,741,824" in data.bad[2].why
    assert data.notes == ["3 pictures (a.jpg, b.jpg, c.jpg) left out, as the label file cannot be used"]


def test_a_set_of_damaged_files_only_is_an_error(tmp_path):
    one(tmp_path, [("cat", 2, 2, 9, 9)])
    (tmp_path / "a.xml").write_text("<annotation><object>")
    with pytest.raises(
        DataError, match=r"expected labels in Pascal VOC, got none that can be used: a\.xml: expected XML"
    ):
        read(tmp_path)
