"""Folders of pictures: the two layouts, errors, and skipped files."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from fovea import data, images
from fovea.data import listing
from fovea.errors import DataError


def fill(root: Path, counts: dict[str, int], shape=(6, 5, 3), extension=".png") -> Path:
    """Write `root`/<class>/NN.png, a number of pictures per class, each of one colour, its index."""
    number = 0
    for name, count in counts.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            number += 1
            images.write(root / name / f"{i:02}{extension}", np.full(shape, number, np.uint8))
    return root


def names(dataset) -> list[str]:
    return [Path(file).parent.name for file in dataset.files]


def test_classes_directly_are_split_eight_to_one_to_one(tmp_path):
    splits = data.load(fill(tmp_path, {"dog": 20, "Cat": 30, "ant": 10}))
    assert splits.classes == ["Cat", "ant", "dog"]  # as strings: capitals first
    assert splits.shape == (6, 5, 3)
    assert splits.name == tmp_path.name
    for part, counts in (("train", [24, 8, 16]), ("val", [3, 1, 2]), ("test", [3, 1, 2])):
        dataset = splits.parts[part]
        assert np.bincount(dataset.labels).tolist() == counts
        assert names(dataset) == [splits.classes[label] for label in dataset.labels]
    files = [file for part in splits.parts.values() for file in part.files]
    assert len(set(files)) == len(files) == 60


def test_the_same_seed_gives_the_same_parts(tmp_path):
    fill(tmp_path, {"a": 20, "b": 20})
    first, again, other = (data.load(tmp_path, seed=seed).test.files for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_a_folder_that_is_split_already_stays_so(tmp_path):
    for part, counts in (
        ("train", {"a": 20, "b": 20}),
        ("val", {"a": 2, "b": 3}),
        ("test", {"a": 4, "b": 5}),
    ):
        fill(tmp_path / part, counts)
    splits = data.load(tmp_path)
    assert [len(part) for part in splits.parts.values()] == [40, 5, 9]
    assert all("/test/" in Path(file).as_posix() for file in splits.test.files)


def test_without_val_a_tenth_of_train_is_held_out(tmp_path):
    fill(tmp_path / "train", {"a": 20, "b": 30})
    splits = data.load(tmp_path)
    assert np.bincount(splits.train.labels).tolist() == [18, 27]
    assert np.bincount(splits.val.labels).tolist() == [2, 3]
    assert splits.test is None


def test_a_test_part_alone_can_be_measured_on(tmp_path):
    fill(tmp_path / "test", {"a": 2, "b": 1})
    splits = data.load(tmp_path)
    assert splits.train is None
    assert len(splits.test) == 3
    assert splits.classes == ["a", "b"]


def test_a_part_to_measure_on_may_lack_classes_but_not_add_any(tmp_path):
    fill(tmp_path / "train", {"a": 3, "b": 3})
    fill(tmp_path / "test", {"b": 2})
    (tmp_path / "test" / "a").mkdir()
    splits = data.load(tmp_path)
    assert splits.test.labels.tolist() == [1, 1]
    fill(tmp_path / "test", {"c": 1})
    with pytest.raises(DataError, match=r"test: expected the classes a, b, got also 'c'"):
        data.load(tmp_path)


def test_classes_may_be_called_train_and_test(tmp_path):
    assert data.load(fill(tmp_path / "vehicles", {"car": 5, "train": 5})).classes == ["car", "train"]
    assert data.load(fill(tmp_path / "things", {"quiz": 5, "test": 5})).classes == ["quiz", "test"]


@pytest.mark.parametrize("names", [("Train", "VAL", "Test"), ("training", "validation"), ("train", "valid")])
def test_parts_go_by_their_usual_names_in_any_case(tmp_path, names):
    for name in names:
        fill(tmp_path / name, {"a": 3, "b": 3})
    assert list(data.load(tmp_path).parts) == ["train", "val", "test"][: len(names)]


@pytest.mark.parametrize(
    "names",
    [
        ("train", "eval"), ("train", "val", "holdout"), ("train", "test_set"), ("train", "Hold-Out"),
        ("train", "trian"), ("train", "more"), ("train_set", "test_set"), ("test", "dev"), ("train-2019",),
    ],
)  # fmt: skip
def test_a_folder_named_almost_like_a_part_is_an_error(tmp_path, names):
    for name in names:
        fill(tmp_path / name, {"a": 3, "b": 3})
    with pytest.raises(DataError, match=f"folders train, val and test, got .*{names[-1]!r}.*: rename"):
        data.load(tmp_path)


@pytest.mark.parametrize("names", [("val", "valid"), ("val", "Val"), ("train", "training")])
def test_one_part_is_one_folder(tmp_path, names):
    for name in ("train", *names):
        fill(tmp_path / name, {"a": 3, "b": 3})
    with pytest.raises(
        DataError, match=f"expected one folder for .*, got {max(names, key=str.swapcase)}|and"
    ):
        data.load(tmp_path)


def test_what_is_in_no_class_of_a_part_is_counted(tmp_path):
    fill(tmp_path / "train", {"a": 3, "b": 3, ".": 1})
    fill(tmp_path / "val", {"a": 3, "b": 3})
    fill(tmp_path, {".": 2, "test": 4, "sketches": 5})  # a test set without classes, as competitions have
    splits = data.load(tmp_path)
    assert list(splits.parts) == ["train", "val"]
    assert "12 pictures in no class's folder (00.png, 01.png, sketches/00.png, …)" in splits.skipped.line()


def test_a_class_is_all_that_is_below_its_folder(tmp_path):
    fill(tmp_path, {"a": 2, "a/x": 3, "a/x/y": 4, "b/z": 5})
    splits = data.load(tmp_path)
    assert splits.classes == ["a", "b"]
    assert sum(map(len, splits.parts.values())) == 14
    fill(tmp_path / "parts/train", {"a/x": 3, "b": 1, "b/y": 3})
    assert [len(part) for part in data.load(tmp_path / "parts").parts.values()] == [5, 2]


def test_a_folder_around_the_classes_is_named(tmp_path):
    fill(tmp_path / "archive/photos", {"a": 3, "b": 3})
    with pytest.raises(DataError, match=r"only 'archive': if .* name .*archive/photos instead"):
        data.load(tmp_path)


def test_train_and_test_within_classes_are_an_error(tmp_path):
    fill(tmp_path, {"a/train": 3, "a/test": 2, "b/train": 3})
    with pytest.raises(DataError, match="got a folder train inside a: put the classes into train"):
        data.load(tmp_path)


def test_run_folders_are_no_classes_and_nothing_of_them_is_read(tmp_path):
    fill(tmp_path, {"a": 5, "b": 5, "a/mine": 2, "runs/classify/train": 1, "runs/edges/sobel/a": 5})
    (tmp_path / "a/mine/state.safetensors").touch()
    splits = data.load(tmp_path)
    assert splits.classes == ["a", "b"]
    assert sum(map(len, splits.parts.values())) == 10
    assert "2 folders that Fovea wrote (a/mine, runs)" in splits.skipped.line()
    for place in ("train/runs/classify", "train/runs/edges", "train/results/run", "val/runs"):
        (tmp_path / "parts" / place).mkdir(parents=True)
    (tmp_path / "parts/train/results/run/arguments.yaml").touch()
    fill(tmp_path / "parts/train", {"a": 3, "b": 3})
    fill(tmp_path / "parts/val", {"a": 3, "b": 3})
    assert data.load(tmp_path / "parts").classes == ["a", "b"]
    with pytest.raises(DataError, match=r"got none: put each .*; skipped 2 folders that Fovea wrote"):
        data.load(tmp_path / "runs")


def test_a_class_may_be_called_runs(tmp_path):
    fill(tmp_path, {"a": 5, "runs/first": 5})
    assert data.load(tmp_path).classes == ["a", "runs"]


def test_names_that_look_alike_are_one_class(tmp_path):
    fill(tmp_path / "train", {"caf\u00e9": 3, "tea": 3})
    fill(tmp_path / "val", {"cafe\u0301": 2, "tea ": 2})
    splits = data.load(tmp_path)
    assert splits.classes == ["caf\u00e9", "tea"]
    assert splits.val.labels.tolist() == [0, 0, 1, 1]
    fill(tmp_path / "train", {"cafe\u0301": 1})
    with pytest.raises(DataError, match=r"'cafe\\u0301' and 'caf\\xe9', which are one name: join the two"):
        data.load(tmp_path)


def test_hidden_files_are_skipped_and_others_counted(tmp_path):
    fill(tmp_path, {"a": 5, "b": 5})
    for name in (".hidden", "__MACOSX"):
        fill(tmp_path, {name: 2})
    for name in ("a/.DS_Store", "a/._00.png", ".listing", "a/notes.txt", "b/Thumbs.db", "readme.md"):
        (tmp_path / name).write_text("no picture")
    (tmp_path / "a" / "deeper").mkdir()
    splits = data.load(tmp_path)
    assert splits.classes == ["a", "b"]
    assert sum(map(len, splits.parts.values())) == 10
    assert splits.ignored == 3


def test_extensions_in_any_case(tmp_path):
    for extension in (".JPG", ".Png", ".tiff", ".WebP"):
        fill(tmp_path / extension, {"a": 2, "b": 2}, extension=extension)
        assert sum(map(len, data.load(tmp_path / extension).parts.values())) == 4


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({}, "expected a folder for each class, got none"),
        ({"a": 3, "b": 0}, r"b: expected pictures \(jpg jpeg png .*\), got none"),
        ({"a": 3}, "at least two classes, got only 'a'"),
        ({".": 3}, "expected a folder for each class, got none: put each class"),
        ({"train/a": 3, "train/b": 0}, "train/b: expected pictures"),
        ({"train/a": 3}, "train: expected at least two classes"),
        ({"train/a": 3, "train/b": 3, "test/a": 0}, "test: expected pictures, got none"),
    ],
)
def test_what_cannot_be_learnt_from(tmp_path, counts, words):
    with pytest.raises(DataError, match=words) as error:
        data.load(fill(tmp_path, counts))
    assert str(tmp_path) in str(error.value)


def test_the_usual_shape(tmp_path):
    def shape(**shapes):
        for name, sizes in shapes.items():
            for i, size in enumerate(sizes):
                fill(tmp_path / str(shapes), {name: 0})
                images.write(tmp_path / str(shapes) / name / f"{i}.png", np.zeros(size, np.uint8))
        return data.load(tmp_path / str(shapes)).shape

    assert shape(a=[(28, 20)] * 3, b=[(28, 20)] * 3) == (28, 20, 1)
    assert shape(a=[(28, 20)] * 3, b=[(28, 20, 3)]) == (28, 20, 3)
    assert shape(a=[(10, 50), (30, 40)], b=[(90, 60)]) == (30, 50, 1)
    assert shape(a=[(600, 800, 3)], b=[(600, 800, 3)]) == (96, 128, 3)
    assert shape(a=[(1, 1)], b=[(1, 1)]) == (1, 1, 1)


def test_a_shape_asked_for_is_given(tmp_path):
    fill(tmp_path, {"a": 5, "b": 5})
    assert data.load(tmp_path, size=16).shape == (16, 16, 3)
    splits = data.load(tmp_path, size=(8, 9), channels=1)
    assert splits.test.read(slice(None))[0].shape == (2, 8, 9, 1)


def test_unreadable_pictures_end_nothing_unless_there_are_no_others(tmp_path):
    fill(tmp_path, {"a": 5, "b": 5})
    (tmp_path / "a" / "01.png").write_text("no picture")
    (tmp_path / "b" / "zero.jpg").touch()
    splits = data.load(tmp_path)
    assert splits.shape == (6, 5, 3)
    for part in splits.parts.values():
        part.read(slice(None))
    assert set(splits.bad) == {str(tmp_path / "a" / "01.png"), str(tmp_path / "b" / "zero.jpg")}
    for file in tmp_path.rglob("*.png"):
        file.write_text("no picture")
    with pytest.raises(
        DataError, match=r"none of 11 pictures can be read, the last of them because: .*zero\.jpg"
    ):
        data.load(tmp_path)


def test_an_unreadable_folder_is_named(tmp_path, monkeypatch):
    fill(tmp_path, {"a": 5, "b": 5})

    def forbidden(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(listing.os, "scandir", forbidden)
    with pytest.raises(DataError, match=r"expected a folder that can be read, got .*Permission denied"):
        data.load(tmp_path)


def test_files_stay_as_they_are(tmp_path):
    fill(tmp_path, {"a": 5, "b": 5})
    before = {file: (file.stat().st_mtime_ns, file.stat().st_size) for file in tmp_path.rglob("*")}
    for part in data.load(tmp_path, size=8).parts.values():
        part.read(slice(None))
    assert {file: (file.stat().st_mtime_ns, file.stat().st_size) for file in tmp_path.rglob("*")} == before


@pytest.mark.skipif("FOVEA_DATA" not in os.environ, reason="FOVEA_DATA names no folder with CIFAR-10")
def test_cifar10(tmp_path):
    import tarfile

    with tarfile.open(Path(os.environ["FOVEA_DATA"]) / "cifar10-images.tar.gz") as archive:
        for member in archive:
            if member.name.endswith("7.jpg"):  # a tenth of it
                picture = tmp_path / member.name
                picture.parent.mkdir(parents=True, exist_ok=True)
                picture.write_bytes(archive.extractfile(member).read())
    [root] = (path.parent for path in tmp_path.rglob("train"))
    splits = data.load(root)
    assert splits.classes[:3] == ["airplane", "automobile", "bird"]
    assert splits.shape == (32, 32, 3)
    assert len(splits.train) + len(splits.val) > 4000
    mean, _ = data.statistics(splits.train, most=1000)
    assert mean == pytest.approx((0.491, 0.482, 0.447), abs=0.02)


@pytest.mark.skipif(os.name == "nt" or sys.platform == "darwin", reason="such names cannot be made here")
def test_a_class_name_that_is_no_text_is_refused(tmp_path):
    fill(tmp_path, {"tea": 3, os.fsdecode(b"caf\xe9"): 3})
    with pytest.raises(DataError, match=r"class names in UTF-8, got 'caf\\udce9': rename it"):
        data.load(tmp_path)
