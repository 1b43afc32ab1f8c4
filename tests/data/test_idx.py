"""IDX files: the header is believed only where the length agrees."""

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from fovea import data
from fovea.data import idx
from fovea.errors import DataError


def encoded(array: np.ndarray) -> bytes:
    return (
        struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()
    )


def digits(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n)
    return rng.integers(0, 256, (n, 6, 5), dtype=np.uint8), np.arange(n) % 10


@pytest.fixture
def folder(tmp_path) -> Path:
    """As MNIST: 200 pictures to train and 50 to test, the first plain, the others packed."""
    for part, n in (("train", 200), ("t10k", 50)):
        pictures, labels = digits(n)
        for name, array in ((f"{part}-images-idx3-ubyte", pictures), (f"{part}-labels-idx1-ubyte", labels)):
            if part == "train":
                (tmp_path / name).write_bytes(encoded(array))
            else:
                (tmp_path / f"{name}.gz").write_bytes(gzip.compress(encoded(array)))
    return tmp_path


@pytest.mark.parametrize("shape", [(7,), (3, 4), (2, 3, 4), (2, 3, 4, 3), (0,), (3, 0, 2)])
@pytest.mark.parametrize("packed", [False, True])
def test_what_is_written_is_read(tmp_path, shape, packed):
    array = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    path = tmp_path / ("a.gz" if packed else "a")
    path.write_bytes(gzip.compress(encoded(array)) if packed else encoded(array))
    assert np.array_equal(idx.read(path), array)


def test_a_folder_gives_its_parts(folder):
    splits = data.load(folder)
    assert splits.classes == list("0123456789")
    assert splits.shape == (6, 5, 1)
    assert [len(part) for part in splits.parts.values()] == [180, 20, 50]
    pictures, labels = digits(200)
    for part in (splits.train, splits.val):
        read, readable = part.read(range(len(part)))
        assert readable.all()
        assert np.array_equal(read[..., 0], pictures[part.indices])
        assert np.array_equal(part.labels, labels[part.indices])
    assert np.array_equal(splits.test.read(slice(None))[0][..., 0], digits(50)[0])
    assert (np.bincount(splits.val.labels) == 2).all()  # a tenth of every class
    assert splits.train.files is None
    assert splits.test.name_of(3) == f"{folder.name}/test[3]"


def test_the_held_out_tenth_depends_on_the_seed_alone(folder):
    first, again, other = (data.load(folder, seed=seed).val.indices for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_another_size_and_colours(folder):
    splits = data.load(folder, size=(12, 10), channels=3)
    assert splits.shape == (12, 10, 3)
    assert splits.test.read([0, 1])[0].shape == (2, 12, 10, 3)


def test_names_as_other_tools_unpack_them(folder):
    for path in list(folder.iterdir()):
        path.rename(folder / path.name.replace("-idx", ".idx"))
    assert len(data.load(folder).test) == 50


def test_without_a_test_part_there_is_none(folder):
    for path in folder.glob("t10k*"):
        path.unlink()
    assert data.load(folder).test is None


def test_classes_are_the_labels_that_occur(folder):
    (folder / "train-labels-idx1-ubyte").write_bytes(encoded(np.arange(200) % 11 + 1))
    with pytest.raises(
        DataError, match=r"test labels: expected the labels of the first part, 1 10 11 2 .* got also 0"
    ):
        data.load(folder)
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(encoded(np.arange(50) % 11 + 1)))
    splits = data.load(folder)
    assert (
        splits.classes == sorted(splits.classes) == ["1", "10", "11", "2", "3", "4", "5", "6", "7", "8", "9"]
    )
    assert [splits.classes[label] for label in splits.test.labels[:11]] == [str(n) for n in range(1, 12)]


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_cut_short_says_how_much_there_was(tmp_path, packed):
    whole = encoded(np.random.default_rng(0).integers(0, 256, (100, 6, 5)))
    path = tmp_path / ("a.gz" if packed else "a")
    path.write_bytes(gzip.compress(whole[:-7]) if packed else whole[:-7])
    with pytest.raises(DataError) as error:
        idx.read(path)
    wanted = "expected 3000 bytes for 100×6×5 after the header, got 2993: the file is cut short"
    assert str(error.value) == f"{path}: {wanted}"


def test_a_packed_file_cut_short_anywhere_is_an_error(tmp_path):
    packed = gzip.compress(encoded(np.random.default_rng(0).integers(0, 256, (1000, 6, 5))))
    path = tmp_path / "a.gz"
    for length in (0, 5, 12, 40, len(packed) // 2, len(packed) - 20):
        path.write_bytes(packed[:length])
        with pytest.raises(DataError, match=r"a\.gz: expected"):
            idx.read(path)
    damaged = bytearray(packed)
    damaged[len(packed) // 2] ^= 255
    path.write_bytes(damaged)
    with pytest.raises(DataError, match=r"a\.gz: expected"):
        idx.read(path)
    path.write_bytes(b"this was never packed")
    with pytest.raises(DataError, match=r"a\.gz: expected an IDX file, got one that cannot be read"):
        idx.read(path)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (b"", "an empty file"),
        (b"\0\0\x08", "got 00 00 08"),
        (b"\0\0\x0d\x01\0\0\0\x01", "unsigned bytes"),  # floating point
        (b"\x89PNG\r\n\x1a\n", "got 89 50 4e 47"),
        (b"\0\0\x08\x00", "unsigned bytes"),
        (b"\0\0\x08\x09", "unsigned bytes"),
        (b"\0\0\x08\x03\0\0", "expected a header of 16 bytes, got 6"),
        (b"\0\0\x08\x03" + b"\xff" * 12 + b"abc", "got 3: the file is cut short"),
        (b"\0\0\x08\x01\0\0\0\x02abc", "expected 2 bytes for 2 after the header, got more"),
    ],
)
def test_a_wrong_header_is_an_error(tmp_path, header, words):
    (tmp_path / "a").write_bytes(header)
    with pytest.raises(DataError) as error:
        idx.read(tmp_path / "a")
    assert words in str(error.value)
    assert str(error.value).startswith(f"{tmp_path / 'a'}: expected ")


def test_as_many_labels_as_pictures(folder):
    (folder / "train-labels-idx1-ubyte").write_bytes(encoded(np.arange(199) % 10))
    with pytest.raises(
        DataError, match=r"train-labels-idx1-ubyte: expected \(200,\), one label per picture, got \(199,\)"
    ):
        data.load(folder)


def test_half_a_part_is_an_error(folder):
    (folder / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="expected train-images and train-labels, got no file of labels"):
        data.load(folder)
    (folder / "train-images-idx3-ubyte").write_bytes(encoded(np.arange(200)))
    (folder / "train-labels-idx1-ubyte").write_bytes(encoded(np.arange(200) % 10))
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte: expected pictures"):
        data.load(folder)


@pytest.mark.skipif("FOVEA_DATA" not in os.environ, reason="FOVEA_DATA names no folder with MNIST")
def test_mnist():
    splits = data.load(Path(os.environ["FOVEA_DATA"]) / "mnist")
    assert [len(part) for part in splits.parts.values()] == [54_000, 6_000, 10_000]
    assert splits.test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    mean, std = data.statistics(splits.train)
    assert mean[0] == pytest.approx(0.1307, abs=0.002)  # the numbers everybody knows
    assert std[0] == pytest.approx(0.3081, abs=0.002)
