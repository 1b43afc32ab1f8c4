"""A data set reads its pictures by number, and its subsets are the same pictures."""

import numpy as np
import pytest

from fovea import data
from fovea.data import Dataset, Splits, statistics
from fovea.errors import DataError


@pytest.fixture
def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (20, 4, 5, 3), dtype=np.uint8)


@pytest.fixture
def dataset(pictures) -> Dataset:
    return Dataset(pictures, np.arange(20) % 4, list("abcd"), name="letters")


class Holes:
    """Pictures of which every third cannot be read."""

    def __init__(self, pictures):
        self.all, self.shape, self.bad = pictures, pictures.shape[1:], {}
        self.files = [f"{i}.png" for i in range(len(pictures))]

    def __len__(self):
        return len(self.all)

    def read(self, indices):
        readable = np.asarray(indices) % 3 != 0
        self.bad.update((int(i), "a hole") for i in np.asarray(indices)[~readable])
        return self.all[indices] * readable[:, None, None, None].astype(np.uint8), readable


def test_pictures_are_read_in_the_order_asked_for(dataset, pictures):
    for chosen in ([3, 1, 1], np.array([19, 0]), slice(2, 9, 3), []):
        chosen = np.asarray(chosen, np.int64) if isinstance(chosen, list) else chosen
        read, readable = dataset.read(chosen)
        assert np.array_equal(read, pictures[chosen])
        assert readable.shape == (len(read),)
        assert readable.all()


def test_what_is_read_can_be_written_to(dataset, pictures):
    before = pictures.copy()
    dataset.read([0, 1])[0][...] = 0
    assert np.array_equal(dataset.read(slice(None))[0], before)


def test_a_subset_of_a_subset(dataset, pictures):
    part = dataset.subset([5, 10, 15]).subset([2, 0])
    assert len(part) == 2
    assert np.array_equal(part.read([0, 1])[0], pictures[[15, 5]])
    assert part.labels.tolist() == [3, 1]
    assert part.labels.dtype == np.int32
    assert part.classes == dataset.classes
    assert part.name_of(0) == "letters[15]"


def test_grey_pictures_may_lack_the_channel_axis():
    assert Dataset(np.zeros((2, 4, 5), np.uint8), [0, 1], "ab").shape == (4, 5, 1)


def test_a_subset_numbers_its_bad_pictures_itself(pictures):
    whole = Dataset(Holes(pictures), np.zeros(20, int), ["a"])
    part = whole.subset(range(2, 8))
    assert part.bad == {}
    _, readable = part.read(slice(None))
    assert readable.tolist() == [True, False, True, True, False, True]
    assert part.bad == {1: "a hole", 4: "a hole"}
    assert whole.bad == {3: "a hole", 6: "a hole"}
    assert part.files[1] == part.name_of(1) == "3.png"
    assert Splits("x", part, None, None).bad == {"3.png": "a hole", "6.png": "a hole"}


@pytest.mark.parametrize(
    ("images", "labels", "words"),
    [
        (np.zeros((2, 4, 5), np.float32), [0, 1], "expected uint8"),
        (np.zeros((2, 1, 4, 5), np.uint8), [0, 1], "1 or 3 channels"),
        (np.zeros((2, 4, 5), np.uint8), [0], "one per picture"),
        (np.zeros((2, 4, 5), np.uint8), [0, 2], "numbers from 0 to 1, got 0 to 2"),
        (np.zeros((2, 4, 5), np.uint8), [-1, 0], "numbers from 0 to 1, got -1 to 0"),
    ],
)
def test_arrays_that_do_not_fit(images, labels, words):
    with pytest.raises(DataError, match=words):
        Dataset(images, labels, ["a", "b"])


def test_statistics_are_mean_and_deviation_per_channel(dataset, pictures):
    mean, std = statistics(dataset)
    scaled = pictures.reshape(-1, 3) / 255
    np.testing.assert_allclose(mean, scaled.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(std, scaled.std(axis=0), rtol=1e-12)
    assert len(statistics(dataset, most=7)[0]) == 3


def test_statistics_leave_out_what_cannot_be_read(pictures):
    whole = Dataset(Holes(pictures), np.zeros(20, int), ["a"])
    good = [i for i in range(20) if i % 3]
    assert statistics(whole) == statistics(Dataset(pictures[good], np.zeros(len(good), int), ["a"]))
    with pytest.raises(DataError, match="none in 2 tried"):
        statistics(whole.subset([0, 3]))


def test_a_channel_that_never_changes_can_be_divided_by():
    assert statistics(Dataset(np.full((3, 2, 2), 255, np.uint8), [0, 0, 0], ["a"])) == ((1.0,), (1.0,))


@pytest.mark.parametrize("source", ["nowhere/at/all", __file__])
def test_sources_that_are_not_data(source):
    with pytest.raises(
        DataError, match='expected "digits", a folder of pictures, or a folder with IDX files, got'
    ):
        data.load(source)
