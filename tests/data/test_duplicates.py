"""Duplicates across parts: named where there are any, and nothing else."""

import sys
import tracemalloc

import numpy as np
import pytest

from fovea import images
from fovea.data import Dataset, Splits, duplicates, load
from fovea.data.duplicates import difference_hash
from tests import tiny

module = sys.modules["fovea.data.duplicates"]  # whose name is the function's too


def scene(seed, side=32):
    """A smooth coloured picture, as photographs are."""
    knots = np.random.default_rng(seed).integers(20, 236, (6, 6, 3)).astype(np.uint8)
    return images.fit(knots[None], (side, side))[0]


def splits_of(train, val, test):
    classes = ["a"]
    parts = [
        Dataset(np.stack(part), np.zeros(len(part), int), classes, name=name) if part else None
        for name, part in (("train", train), ("val", val), ("test", test))
    ]
    return Splits("scenes", *parts)


def test_different_pictures_are_no_duplicates():
    scenes = [scene(seed) for seed in range(120)]
    assert duplicates(splits_of(scenes[:80], scenes[80:100], scenes[100:])) == []


def test_the_same_picture_in_two_parts_is_named():
    scenes = [scene(seed) for seed in range(30)]
    found = duplicates(splits_of(scenes[:20], [*scenes[20:25], scenes[3]], [scenes[21], *scenes[25:]]))
    named = [(d.file, d.part, d.other_file, d.other_part, d.exact) for d in found]
    assert named == [
        ("val[5]", "val", "train[3]", "train", True),
        ("test[0]", "test", "val[1]", "val", True),
    ]


def test_large_pictures_are_read_few_at_a_time(monkeypatch):
    scenes = [scene(seed) for seed in range(9)]
    splits, seen = splits_of(scenes[:8], [scenes[8], scenes[5]], None), []
    read = Dataset.read
    monkeypatch.setattr(module, "_MOST", 3 * scenes[0].nbytes)
    monkeypatch.setattr(Dataset, "read", lambda self, at: seen.append(read(self, at)) or seen[-1])
    (found,) = duplicates(splits)
    assert (found.file, found.other_file) == ("val[1]", "train[5]")
    assert [len(pictures) for pictures, _ in seen] == [3, 3, 2, 2]


def test_hashing_takes_less_than_four_times_the_memory_of_the_pictures():
    pictures = np.zeros((20, 200, 200, 3), np.uint8)
    tracemalloc.start()
    try:
        difference_hash(pictures)
        assert tracemalloc.get_traced_memory()[1] < 4 * pictures.nbytes
    finally:
        tracemalloc.stop()


def test_the_same_picture_twice_in_one_part_is_no_matter():
    assert duplicates(splits_of([scene(0), scene(0)], [scene(1)], None)) == []


@pytest.mark.parametrize("change", ["noise", "brighter", "saved again"])
def test_nearly_the_same_pictures_are_found(change, tmp_path):
    picture = scene(7, 64)
    if change == "noise":
        other = (
            (picture + np.random.default_rng(0).integers(-3, 4, picture.shape)).clip(0, 255).astype(np.uint8)
        )
    elif change == "brighter":
        other = (picture.astype(int) + 5).clip(0, 255).astype(np.uint8)
    else:
        images.write(tmp_path / "a.jpg", picture)
        other = images.read(tmp_path / "a.jpg")
    assert not np.array_equal(other, picture)
    (found,) = duplicates(splits_of([scene(1, 64), picture], None, [scene(2, 64), other]))
    assert (found.file, found.other_file, found.exact) == ("test[1]", "train[1]", False)


def test_flat_pictures_alike_in_nothing_but_emptiness_are_not_compared():
    rng = np.random.default_rng(0)
    dots = np.zeros((400, 16, 16, 1), np.uint8)
    dots[np.arange(400), rng.integers(0, 16, 400), rng.integers(0, 16, 400)] = 255
    unlike = [dot for i, dot in enumerate(dots) if not any(np.array_equal(dot, other) for other in dots[:i])]
    assert not [d for d in duplicates(splits_of(unlike[:100], None, unlike[100:])) if d.exact]


def test_a_hash_is_where_it_becomes_lighter():
    rising = np.broadcast_to(np.arange(0, 180, 20, dtype=np.uint8), (8, 9))[None, :, :, None]
    assert difference_hash(rising)[0] == 2**64 - 1
    assert difference_hash(rising[:, :, ::-1])[0] == 0
    assert difference_hash(np.zeros((3, 2, 2, 1), np.uint8)).tolist() == [0, 0, 0]


def test_unreadable_pictures_have_no_duplicates(tmp_path):
    folder = tiny.write_folder(tmp_path / "photos", 60)
    for name in ("x.png", "y.png", "z.png"):
        for kind in tiny.CLASSES:
            (folder / kind / name).write_text("no picture")
    assert duplicates(load(folder)) == []


def test_progress_counts_every_picture():
    heard = []
    duplicates(splits_of([scene(i) for i in range(300)], None, [scene(400)]), lambda *n: heard.append(n))
    assert heard == [(256, 301), (301, 301)]
