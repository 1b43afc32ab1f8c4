"""Splitting: every picture in one part, each class alike, the same for the same seed; and written down."""

import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fovea.data import Dataset, Splits, stratified, write_splits

LABELS = st.lists(st.integers(0, 5), min_size=1, max_size=200).map(np.array)


@settings(deadline=None, max_examples=50)
@given(labels=LABELS, parts=st.integers(1, 2), seed=st.integers(0, 2**32))
def test_every_picture_is_in_one_group(labels, parts, seed):
    groups = stratified(labels, parts, seed)
    assert sorted(np.concatenate(groups).tolist()) == list(range(len(labels)))
    for again, group in zip(stratified(labels, parts, seed), groups, strict=True):
        assert np.array_equal(again, group)
        assert (np.diff(group) > 0).all()


@settings(deadline=None, max_examples=50)
@given(labels=LABELS, parts=st.integers(1, 2), seed=st.integers(0, 2**32))
def test_of_each_class_a_tenth_and_never_all(labels, parts, seed):
    rest, *held = stratified(labels, parts, seed)
    for label in np.unique(labels):
        n = int((labels == label).sum())
        assert (labels[rest] == label).any()
        for group in held:
            share = int((labels[group] == label).sum())
            assert share == (0 if n <= parts else max(1, int(n / 10 + 0.5)))


def test_a_class_is_split_alike_whatever_others_there_are():
    labels = np.repeat([0, 1], 50)
    alone, together = stratified(labels[:50], 1, 7)[1], stratified(labels, 1, 7)[1]
    assert np.array_equal(alone, together[together < 50])


@pytest.fixture
def splits(tmp_path) -> Splits:
    class Files:
        shape, bad = (1, 1, 1), {}
        files = tuple(
            str(tmp_path / name) for name in ("cat/a.png", "cat/b, c.png", "dog/\udcff.png", "dog/d.png")
        )

        def __len__(self):
            return 4

    whole = Dataset(Files(), [0, 0, 1, 1], ["cat", "dog"])
    return Splits("x", whole.subset([0, 2]), None, whole.subset([1, 3]), root=str(tmp_path))


def test_the_parts_are_written_down(tmp_path, splits):
    write_splits(splits, tmp_path / "splits.csv")
    with (tmp_path / "splits.csv").open(encoding="utf-8", errors="surrogateescape") as file:
        assert list(csv.reader(file)) == [
            ["file", "split", "class", "digest"],
            ["cat/a.png", "train", "cat", ""],
            ["dog/\udcff.png", "train", "dog", ""],
            ["cat/b, c.png", "test", "cat", ""],
            ["dog/d.png", "test", "dog", ""],
        ]
