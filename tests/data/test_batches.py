"""Batches: every picture once an epoch, ordered by seed and epoch, made in a thread that ends."""

import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fovea
from fovea import engine
from fovea.augment import Augment
from fovea.augment.mixup import mix
from fovea.data import Dataset
from fovea.data.batches import batches, steps


def numbered(n: int, side: int = 4) -> Dataset:
    """Pictures that hold their number, in three classes."""
    pictures = np.broadcast_to(np.arange(n, dtype=np.uint8)[:, None, None, None], (n, side, side, 1))
    return Dataset(pictures, np.arange(n) % 3, list("abc"))


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "fovea-batches"]


@settings(deadline=None, max_examples=40)
@given(n=st.integers(1, 100), size=st.integers(1, 40), epoch=st.integers(0, 5), shuffle=st.booleans())
def test_every_picture_once_with_its_label(n, size, epoch, shuffle):
    dataset = numbered(n)
    made = list(batches(dataset, size, seed=1, epoch=epoch, shuffle=shuffle))
    assert [len(pictures) for pictures, _ in made[:-1]] == [size] * (len(made) - 1)
    assert len(made) == steps(dataset, size)
    order = np.concatenate([pictures[:, 0, 0, 0] for pictures, _ in made])
    labels = np.concatenate([labels for _, labels in made])
    assert sorted(order.tolist()) == list(range(n))
    assert np.array_equal(labels, order % 3)
    assert labels.dtype == np.int32
    assert shuffle or order.tolist() == list(range(n))


def test_order_depends_on_seed_and_epoch():
    def order(**options):
        return np.concatenate(
            [pictures[:, 0, 0, 0] for pictures, _ in batches(numbered(100), 7, **options)]
        ).tolist()

    assert order(seed=0, epoch=0) == order(seed=0, epoch=0)
    assert order(seed=0, epoch=0) != order(seed=0, epoch=1)
    assert order(seed=0, epoch=0) != order(seed=1, epoch=0)


def test_a_run_resumes_after_any_step():
    dataset = numbered(50, side=12)
    options = {"seed": 3, "epoch": 2, "augment": Augment(shift=0.2, rotate=20)}
    with fovea.engine("reference"):
        whole = list(batches(dataset, 8, **options))
        for start in range(steps(dataset, 8) + 1):
            rest = list(batches(dataset, 8, start=start, **options))
            assert len(rest) == len(whole) - start
            for (pictures, labels), (as_before, as_labelled) in zip(rest, whole[start:], strict=True):
                assert np.array_equal(pictures, as_before)
                assert np.array_equal(labels, as_labelled)


def test_flips_come_in_turns():
    told = {}

    def note(pictures, rng, mirrored):
        told.update(zip(pictures[:, 0, 0, 0].tolist(), mirrored.tolist(), strict=True))
        return pictures

    epochs = []
    for epoch in range(1, 4):
        list(batches(numbered(200), 16, epoch=epoch, augment=note))
        epochs.append(dict(told))
    assert epochs[0] == epochs[2]
    assert all(epochs[0][i] != epochs[1][i] for i in range(200))
    assert 60 < sum(epochs[0].values()) < 140


def test_mixed_batches_resume_after_any_step():
    def examples(pictures, labels, rng):
        return mix(pictures, labels, 3, 0.4, rng)

    options = {"seed": 3, "epoch": 2, "examples": examples}
    whole = list(batches(numbered(50), 8, **options))
    rest = list(batches(numbered(50), 8, start=3, **options))
    for (pictures, labels), (as_before, as_labelled) in zip(rest, whole[3:], strict=True):
        assert np.array_equal(pictures, as_before)
        assert np.array_equal(labels, as_labelled)
        assert labels.shape == (len(pictures), 3)


def test_a_batch_stays_what_it_was_when_others_come():
    kept = list(batches(numbered(200), 8, shuffle=False))
    assert [int(pictures[0, 0, 0, 0]) for pictures, _ in kept] == list(range(0, 200, 8))


def test_what_cannot_be_read_is_ignored_by_its_label():
    class Holes:
        shape, files, bad = (4, 4, 1), None, {}

        def __len__(self):
            return 10

        def read(self, indices):
            return np.zeros((len(indices), *self.shape), np.uint8), indices % 2 == 0

    [(_, labels)] = batches(Dataset(Holes(), np.ones(10, int), "ab"), 10, shuffle=False)
    assert labels.tolist() == [1, -1] * 5


def test_leaving_early_stops_the_thread():
    for pictures, _ in batches(numbered(200), 2):
        assert len(pictures) == 2
        break
    made = batches(numbered(200), 2)
    next(made)
    assert threads()
    made.close()
    assert threads() == []
    list(batches(numbered(200), 2))
    assert threads() == []


def test_what_the_thread_raises_is_raised_here():
    def refuse(pictures, rng, mirrored):
        raise ValueError("not this batch")

    with pytest.raises(ValueError, match="not this batch"):
        list(batches(numbered(10), 2, augment=refuse))
    assert threads() == []


def test_the_thread_keeps_to_its_bounds():
    made_at = []

    def count(pictures, rng, mirrored):
        made_at.append(time.perf_counter())
        return pictures

    made = batches(numbered(250), 1, augment=count)
    next(made)
    time.sleep(0.3)
    assert len(made_at) < 100  # of 250
    made.close()


def test_the_thread_computes_with_the_callers_engine():
    seen = []

    def note(pictures, rng, mirrored):
        seen.append(engine.current())
        return pictures

    with fovea.engine("reference"):
        list(batches(numbered(10), 5, augment=note))
    assert seen == ["reference"] * 2


@pytest.mark.alone
def test_pictures_in_memory_come_fast():
    dataset = Dataset(np.zeros((60_000, 28, 28), np.uint8), np.zeros(60_000, int), ["a"])
    best = 0.0
    for epoch in range(3):
        start = time.perf_counter()
        n = sum(len(labels) for _, labels in batches(dataset, 64, epoch=epoch))
        best = max(best, n / (time.perf_counter() - start))
    assert best > 100_000  # pictures a second
