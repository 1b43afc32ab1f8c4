"""Groups: what is never parted, and parts in which each class still has its share."""

import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fovea import data
from fovea.data import groups, stratified_groups
from fovea.errors import DataError
from tests import tiny

DRAWN = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), min_size=1, max_size=200)


@settings(deadline=None, max_examples=60)
@given(drawn=DRAWN, parts=st.integers(1, 2), seed=st.integers(0, 2**32))
def test_no_group_is_parted_and_every_class_can_be_learned(drawn, parts, seed):
    labels, names = np.array([label for label, _ in drawn]), [f"g{name}" for _, name in drawn]
    found = stratified_groups(labels, names, parts, seed)
    assert sorted(np.concatenate(found).tolist()) == list(range(len(labels)))
    where = {}
    for part, own in enumerate(found):
        for i in own:
            assert where.setdefault(names[i], part) == part
    assert set(labels) == set(labels[found[0]])
    again = stratified_groups(labels, names, parts, seed)
    assert all(np.array_equal(a, b) for a, b in zip(found, again, strict=True))


@pytest.mark.parametrize("size", [1, 2, 5])
def test_with_many_groups_each_class_has_nearly_its_tenth(size):
    labels = np.repeat([0, 1, 2], [600, 300, 90])
    names = [f"{label}-{i // size}" for i, label in enumerate(labels)]
    for held in stratified_groups(labels, names, 2, 0)[1:]:
        for label, n in enumerate((600, 300, 90)):
            assert abs((labels[held] == label).sum() - n / 10) <= size


def test_groups_of_all_classes_are_split_too():
    labels, names = np.tile([0, 1, 2], 60), [f"patient{i // 9}" for i in range(180)]
    rest, val, test = stratified_groups(labels, names, 2, 3)
    assert len(val) == len(test) == 18
    assert len(rest) == 144


def test_a_part_gets_the_smallest_group_where_none_is_small():
    labels, names = np.tile([0, 1], 30), np.repeat(["a", "b", "c"], [30, 20, 10])
    rest, val, test = stratified_groups(labels, names, 2, 0)
    assert (len(val), len(test)) == (10, 20)
    assert len(rest) == 30


def test_another_seed_draws_others():
    labels, names = np.zeros(200, int), [f"g{i // 4}" for i in range(200)]
    assert not np.array_equal(*(stratified_groups(labels, names, 1, seed)[1] for seed in (0, 1)))


def test_what_the_brackets_find_is_the_group():
    group_of = groups.parse(r"patient(\d+)")
    assert group_of("cat/patient07_3.png") == group_of("dog/patient07_9.png") == "07"
    assert group_of("cat/other.png") == "cat/other.png"
    assert groups.parse(r"^[^/]+/[a-z]+")("cat/burst-1.png") == "cat/burst"
    assert groups.parse(r"(\w+)/(\d)?")("cat/x.png") == "cat/"


def test_a_table_gives_groups(tmp_path):
    (tmp_path / "groups.csv").write_text("group,file\nscene 1,cat/a.png\nscene 1,dog/b.png\n,cat/c.png\n")
    group_of = groups.parse(str(tmp_path / "groups.csv"))
    assert group_of("cat/a.png") == group_of("dog/b.png") == "scene 1"
    assert group_of("cat/c.png") == "cat/c.png"


@pytest.mark.parametrize(
    "written",
    [r"cat\a.png", "./cat/a.png", r".\cat\a.png", "cat//a.png", "dog/../cat/a.png", "{root}/cat/a.png",
     "{real}/cat/a.png"],
)  # fmt: skip
def test_a_tables_files_may_be_written_as_people_write_them(tmp_path, written):
    (tmp_path / "real/cat").mkdir(parents=True)
    root = tmp_path / "photos"
    root.symlink_to(tmp_path / "real")
    file = written.format(root=root, real=tmp_path / "real")
    (tmp_path / "groups.csv").write_text(f"\ufefffile,group\n{file},scene 1\n")
    group_of = groups.parse(str(tmp_path / "groups.csv"), root)
    assert group_of.find("cat/a.png") == "scene 1"
    assert group_of.find("cat/A.png") is None  # another file where names tell letters apart


def test_blanks_behind_commas_belong_to_no_name(tmp_path):
    (tmp_path / "groups.csv").write_text("file, group\na/1.png, x\n")
    assert groups.parse(str(tmp_path / "groups.csv")).find("a/1.png") == "x"


def test_a_file_is_in_one_group(tmp_path):
    (tmp_path / "groups.csv").write_text("file,group\na/1.png,x\n./a/1.png,y\n")
    with pytest.raises(DataError, match=r"one group for each file, got 'x' and 'y' for a/1.png"):
        groups.parse(str(tmp_path / "groups.csv"))


def test_groups_that_fit_no_picture_are_an_error(tmp_path):
    folder = tiny.write_folder(tmp_path / "photos", 12)
    (tmp_path / "groups.csv").write_text("file,group\nphotos2/left/001.png,x\n")
    for text in (r"pateint(\d+)", r"\d*", str(tmp_path / "groups.csv")):
        with pytest.raises(DataError, match=r"a group for pictures such as bottom/000.png, got none for any"):
            data.load(folder, groups=text)
    with pytest.raises(DataError, match=r"it names photos2/left/001.png: write paths relative to the data's"):
        data.load(folder, groups=str(tmp_path / "groups.csv"))
    with pytest.raises(DataError, match=r"at least two groups, got all 12 pictures in '.png'"):
        data.load(folder, groups=r"\.png")


def test_what_is_no_grouping_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"groups: expected a regular expression, got .*unterminated"):
        groups.parse("patient(")
    with pytest.raises(DataError, match=r"groups: expected a regular expression, got '' \(it is empty\)"):
        groups.parse("")
    with pytest.raises(DataError, match="a table that can be read"):
        groups.parse(str(tmp_path / "none.csv"))
    (tmp_path / "two.csv").write_text("name,scene\na,b\n")
    with pytest.raises(DataError, match="the columns file and group, got name, scene"):
        groups.parse(str(tmp_path / "two.csv"))
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(DataError, match="an empty file"):
        groups.parse(str(tmp_path / "empty.csv"))
    with pytest.raises(DataError, match="pictures that are files of their own"):
        data.load("digits", groups="a(b)")


def test_a_folder_is_split_by_groups_and_they_are_written_down(tmp_path):
    folder = tiny.write_folder(tmp_path / "photos", 90)
    splits = data.load(folder, groups=r"/(\d\d)")  # tens: 000 to 009 are one
    data.write_splits(splits, tmp_path / "splits.csv")
    with (tmp_path / "splits.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 90
    where = {}
    for row in rows:
        assert row["group"] == row["file"].split("/")[1][:2]
        assert where.setdefault(row["group"], row["split"]) == row["split"]
    assert set(where.values()) == {"train", "val", "test"}


def test_where_only_val_is_missing_groups_are_held_out_of_train(tmp_path):
    tiny.write_folder(tmp_path / "photos/train", 60)
    tiny.write_folder(tmp_path / "photos/test", 12)
    splits = data.load(tmp_path / "photos", groups=r"/(\d\d)\d")
    tens = [{file.split("/")[-1][:2] for file in part.files} for part in (splits.train, splits.val)]
    assert tens[1]
    assert not tens[0] & tens[1]
    assert len(splits.test) == 12
