"""The record of a run: a picture keeps its part whatever happens to the pictures around it."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from fovea import data, images
from fovea.data import Record
from fovea.errors import DataError
from tests import tiny
from tests.data.test_idx import encoded


def noted(splits, place) -> Record:
    data.write_splits(splits, place / "splits.csv")
    return Record.read(place / "splits.csv", place / "earlier_splits.csv", None)


def where(splits) -> dict[str, str]:
    """Class and name of each file → its part."""
    parts = splits.parts | ({} if splits.new is None else {"new": splits.new})
    return {name(file): part for part, dataset in parts.items() for file in dataset.files}


def name(file: str) -> str:
    return "/".join(file.split("/")[-2:])


@pytest.fixture
def photos(tmp_path):
    return tiny.write_folder(tmp_path / "photos", 90)


@pytest.fixture
def record(photos, tmp_path):
    return noted(data.load(photos, seed=1), tmp_path)


def add(photos, *names):
    for seed, file in enumerate(names, start=50):
        images.write(photos / file, tiny.pictures(1, seed)[0][0])


@pytest.mark.parametrize("draw", [True, False])
def test_pictures_keep_their_parts_where_others_come_and_go(photos, record, draw):
    before = where(data.load(photos, seed=1))
    gone, fresh = ["left/001.png", "right/002.png"], ["left/0.png", "right/999.png"]
    for name in gone:
        (photos / name).unlink()
    add(photos, *fresh)
    now = where(data.load(photos, seed=5, record=record, draw=draw))
    assert {name: part for name, part in now.items() if name not in fresh} == {
        name: part for name, part in before.items() if name not in gone
    }
    assert {now[name] for name in fresh} == ({"train"} if draw else {"new"})


@pytest.mark.parametrize("draw", [True, False])
def test_moved_and_renamed_pictures_are_known_by_their_content(photos, record, tmp_path, draw):
    before = where(data.load(photos, seed=1))
    other = tmp_path / "elsewhere"
    for name in before:
        place = other / name.replace("left/", "up/").replace("0", "x")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(photos / name, place)
    now = where(data.load(other, record=record, draw=draw))
    assert now == {n.replace("left/", "up/").replace("0", "x"): part for n, part in before.items()}


def test_names_alone_say_nothing_where_there_are_digests(record, tmp_path):
    other = tiny.write_folder(tmp_path / "other", 90, seed=1)
    assert set(where(data.load(other, record=record, draw=False)).values()) == {"new"}
    assert where(data.load(other, record=record, seed=4)) == where(data.load(other, seed=4))


def test_a_changed_picture_is_new_but_drawn_into_the_part_of_its_path(photos, record):
    before = where(data.load(photos, seed=1))
    for name in before:
        if name.startswith("left"):
            add(photos, name)
    apart = where(data.load(photos, record=record, draw=False))
    assert {part for name, part in apart.items() if name.startswith("left")} == {"new"}
    assert where(data.load(photos, record=record, seed=9)) == before


def test_content_in_two_parts_counts_for_the_one_the_network_knows(photos, record):
    before = where(data.load(photos, seed=1))
    learned = next(name for name, part in before.items() if part == "train")
    held = next(name for name, part in before.items() if part == "test")
    shutil.copy(photos / learned, photos / "left/copy.png")
    shutil.copy(photos / learned, photos / held)
    now = where(data.load(photos, record=record, draw=False))
    assert now["left/copy.png"] == now[held] == "train"


def test_paths_that_look_alike_are_one(tmp_path):
    (tmp_path / "splits.csv").write_text("file,split,class\nleft/cafe\u0301.png,test,left\n")
    record = Record.read(tmp_path / "splits.csv", tmp_path / "none", None)
    assert record.part_by_path("left/caf\u00e9.png") == "test"


def test_an_earlier_versions_record_goes_by_path(photos, record, tmp_path):
    with (tmp_path / "splits.csv").open() as file:
        rows = [",".join(row[:3]) for row in csv.reader(file)]
    (tmp_path / "splits.csv").write_text("\n".join(rows) + "\n")
    old = Record.read(tmp_path / "splits.csv", tmp_path / "none", None)
    assert not old.has_digests
    add(photos, "left/new.png")
    now = where(data.load(photos, record=old, draw=False))
    assert now.pop("left/new.png") == "new"
    assert now == where(data.load(tiny.write_folder(tmp_path / "again", 90), seed=1))


def test_what_an_earlier_run_learned_from_is_known_and_never_tested(photos, record, tmp_path):
    data.record.write_earlier(record, tmp_path / "earlier_splits.csv")
    later = noted(data.load(tiny.write_folder(tmp_path / "later", 30, seed=1)), tmp_path)
    before = where(data.load(photos, seed=1))
    assert where(data.load(photos, seed=8, record=later)) == before
    splits = data.load(photos, record=later)
    assert later.learned(splits.test, splits.root) == {}
    assert later.learned(splits.train, splits.root) == {"train": len(splits.train)}


def test_a_datas_own_parts_stay_and_only_val_is_taken_from_the_record(tmp_path):
    photos = tmp_path / "photos"
    tiny.write_folder(photos / "train", 60)
    tiny.write_folder(photos / "test", 12, seed=1)
    splits = data.load(photos)
    record, val = noted(splits, tmp_path), [name(file) for file in splits.val.files]
    shutil.move(photos / "test/left/001.png", photos / "train/left/moved.png")
    now = data.load(photos, seed=3, record=record)
    assert [name(file) for file in now.val.files] == val
    assert any(file.endswith("moved.png") for file in now.train.files)
    assert len(now.test) == 11


def test_new_pictures_of_a_known_group_follow_it(tmp_path):
    photos = tiny.write_folder(tmp_path / "photos", 90)
    splits = data.load(photos, groups=r"/(\d\d)")
    data.write_splits(splits, tmp_path / "splits.csv")
    record = Record.read(tmp_path / "splits.csv", tmp_path / "none", r"/(\d\d)")
    before = where(splits)
    fresh = [f"{c}/{tens}9-new.png" for c in tiny.CLASSES for tens in ("00", "01", "04", "08")]
    add(photos, *fresh)
    now = where(data.load(photos, seed=6, record=record))  # the run's groups
    part_of = {name.split("/")[1][:2]: part for name, part in before.items()}
    for name, part in now.items():
        assert part == part_of[name.split("/")[1][:2]]


def test_new_pictures_of_a_known_group_are_not_new_to_the_network(tmp_path):
    photos = tiny.write_folder(tmp_path / "photos", 90)
    splits = data.load(photos, groups=r"/(\d\d)")
    data.write_splits(splits, tmp_path / "splits.csv")
    record = Record.read(tmp_path / "splits.csv", tmp_path / "none", r"/(\d\d)")
    tens = Path(splits.train.files[0]).name[:2]
    add(photos, f"left/{tens}9-new.png", "left/990.png")
    now = data.load(photos, record=record, draw=False)
    assert len(now.train) == len(splits.train) + 1
    assert [Path(file).name for file in now.new.files] == ["990.png"]
    other = tiny.write_folder(tmp_path / "other", 90, seed=8)  # where the same names mean others
    assert len(data.load(other, record=record, draw=False).new) == 90


def test_only_held_out_pictures_are_nothing_to_train_with(photos, record, tmp_path):
    splits = data.load(photos, seed=1)
    for file in splits.test.files:
        place = tmp_path / "held" / "/".join(file.split("/")[-2:])
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)
    with pytest.raises(
        DataError, match=r"pictures to train with, got only pictures that .* kept for val and test"
    ):
        data.load(tmp_path / "held", record=record)


def test_numbered_pictures_are_known_under_another_folders_name(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    pictures, labels = rng.integers(0, 256, (60, 6, 5)).astype(np.uint8), (np.arange(60) % 3).astype(np.uint8)
    for name in ("one", "two"):
        (tmp_path / name / "train-images-idx3-ubyte").write_bytes(encoded(pictures))
        (tmp_path / name / "train-labels-idx1-ubyte").write_bytes(encoded(labels))
    first = data.load(tmp_path / "one", seed=1)
    record = noted(first, tmp_path)
    again = data.load(tmp_path / "two", seed=2, record=record, draw=False)
    assert again.new is None
    for part in ("train", "val"):
        assert np.array_equal(again.parts[part].indices, first.parts[part].indices)


def test_a_record_that_is_another_table_is_an_error(tmp_path):
    (tmp_path / "splits.csv").write_text("file,split,class\na/1.png,somewhere,a\n")
    with pytest.raises(DataError, match=r"splits.csv: expected columns file and split, and train, val, test"):
        Record.read(tmp_path / "splits.csv", tmp_path / "none", None)
