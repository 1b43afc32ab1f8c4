"""Pictures in files are decoded once, kept where there is room, and a bad one is remembered."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from fovea import images
from fovea.data import Dataset, files
from fovea.data.files import Files

SHAPE = (6, 5, 3)


@pytest.fixture
def paths(tmp_path, monkeypatch) -> list[str]:
    monkeypatch.setenv("FOVEA_CACHE", str(tmp_path / "cache"))
    paths = [str(tmp_path / f"{i:02}.png") for i in range(40)]
    for i, path in enumerate(paths):
        images.write(path, np.full(SHAPE, i + 1, np.uint8))
    Path(paths[7]).write_text("no picture")
    Path(paths[9]).unlink()
    return paths


def rooms(monkeypatch, where: str) -> dict:
    """Arguments of `Files` that make it keep its pictures in memory, in a file, or nowhere."""
    if where == "nowhere":
        monkeypatch.setattr(files.shutil, "disk_usage", lambda folder: type("", (), {"free": 1 << 20}))
    return {"memory": 1 << 20 if where == "memory" else 0}


@pytest.mark.parametrize("where", ["memory", "file", "nowhere"])
def test_every_room_gives_the_same_pictures(paths, monkeypatch, where):
    pictures = Files(paths, SHAPE, **rooms(monkeypatch, where))
    assert len(pictures) == 40
    for chosen in ([3, 1, 3, 7], range(40), [9], []):
        read, readable = pictures.read(np.array(chosen, np.int64))
        assert read.shape == (len(chosen), *SHAPE)
        assert readable.tolist() == [i not in (7, 9) for i in chosen]
        assert all(
            (picture == (i + 1 if ok else 0)).all()
            for i, picture, ok in zip(chosen, read, readable, strict=True)
        )
    assert pictures.bad.keys() == {7, 9}
    assert pictures.bad[7].startswith("expected a picture, got a file in none of the formats")
    assert pictures.bad[9] == "expected a picture, got no such file"


@pytest.mark.parametrize("where", ["memory", "file"])
def test_files_are_opened_once(paths, monkeypatch, where):
    pictures = Files(paths, SHAPE, **rooms(monkeypatch, where))
    first, _ = pictures.read(np.arange(40))
    for path in paths:
        Path(path).unlink(missing_ok=True)
    assert np.array_equal(pictures.read(np.arange(40))[0], first)


def test_the_file_in_the_cache_leaves_nothing_behind(paths, tmp_path):
    pictures = Files(paths, SHAPE, memory=0)
    pictures.read(np.arange(40))
    assert isinstance(pictures._kept, np.memmap)
    del pictures
    assert list((tmp_path / "cache" / "pictures").iterdir()) == []


def test_a_cache_that_cannot_be_written_is_done_without(paths, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    pictures = Files(paths, SHAPE, memory=0)
    assert pictures.read(np.array([4]))[0].max() == 5


def test_pictures_may_take_a_quarter_of_the_memory():
    assert 1 << 27 < files.machine_memory() < 1 << 50
    assert files._room((1, 2, 2, 1), 4).shape == (1, 2, 2, 1)


def test_many_threads_may_read(paths):
    dataset = Dataset(Files(paths, SHAPE), np.zeros(40, int), ["a"])
    rng = np.random.default_rng(0)
    orders = [rng.permutation(40) for _ in range(16)]
    with ThreadPoolExecutor(8) as pool:
        for order, (read, readable) in zip(orders, pool.map(dataset.read, orders), strict=True):
            assert np.array_equal(read[:, 0, 0, 0], np.where(readable, order + 1, 0))
    assert dataset.bad.keys() == {7, 9}


def test_another_size_is_made_while_decoding(paths):
    read, _ = Files(paths, (3, 9, 1)).read(np.array([20]))
    assert read.shape == (1, 3, 9, 1)
    assert (read == 21).all()
