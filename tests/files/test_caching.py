import os
import tempfile
from pathlib import Path

import pytest

from fovea.errors import EngineError
from fovea.files import caching


@pytest.fixture
def temporary(monkeypatch, tmp_path):
    """A place for temporary files, and a process that has found nothing wrong yet."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    monkeypatch.setattr(caching, "_failed", set())
    monkeypatch.setattr(caching, "_reported", set())
    return place


def test_the_environment_chooses_the_place(monkeypatch, tmp_path):
    monkeypatch.setenv("FOVEA_CACHE", str(tmp_path / "here"))
    assert caching.root() == tmp_path / "here"
    monkeypatch.setenv("FOVEA_CACHE", "~/there")
    assert caching.root() == Path.home() / "there"


def test_without_a_choice_it_is_the_systems(monkeypatch, tmp_path):
    monkeypatch.delenv("FOVEA_CACHE", raising=False)
    for platform, name, value, place in (
        ("linux", "XDG_CACHE_HOME", str(tmp_path), tmp_path / "fovea"),
        ("linux", "XDG_CACHE_HOME", "", Path.home() / ".cache/fovea"),
        ("darwin", "XDG_CACHE_HOME", "", Path.home() / "Library/Caches/fovea"),
        ("win32", "LOCALAPPDATA", str(tmp_path), tmp_path / "fovea"),
    ):
        monkeypatch.setattr("sys.platform", platform)
        monkeypatch.setenv(name, value)
        assert caching.root() == place


def test_emptying_takes_all_of_it_and_says_how_much(tmp_path):
    folder = tmp_path / "cache"
    (folder / "kernels/deep").mkdir(parents=True)
    (folder / "kernels/deep/a").write_bytes(b"123")
    (folder / "b").write_bytes(b"45")
    assert caching.size(folder) == 5
    assert caching.empty(folder) == 5
    assert caching.size(folder) == 0
    assert list(folder.iterdir()) == []


def test_a_cache_that_does_not_exist_is_empty(tmp_path):
    assert caching.size(tmp_path / "none") == caching.empty(tmp_path / "none") == 0


def test_emptying_does_not_follow_links(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/file").write_text("mine")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/link").symlink_to(tmp_path / "mine")
    caching.empty(tmp_path / "cache")
    assert (tmp_path / "mine/file").read_text() == "mine"


def test_who_has_no_home_has_a_temporary_cache(monkeypatch, temporary, caplog):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    for name in ("FOVEA_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for _ in range(2):
        assert caching.keep("kernels", lambda folder: (folder / "a").write_bytes(b"abc")) == 3
    assert list(caching.find("kernels", "a")) == [b"abc"]
    (own,) = temporary.iterdir()
    assert caching.root() == own
    (line,) = caplog.messages
    assert "FOVEA_CACHE" in line
    assert str(own) in line


def test_a_place_that_fails_is_not_tried_again(monkeypatch, temporary, tmp_path, caplog):
    (tmp_path / "a file").touch()
    monkeypatch.setenv("FOVEA_CACHE", str(tmp_path / "a file" / "cache"))
    tried = []

    def full(folder):
        tried.append(folder)
        raise OSError(28, "full")

    assert [caching.keep("kernels", full) for _ in range(3)] == [None] * 3
    assert len(tried) == len(caplog.messages) == 1
    assert caching.keep("pictures", lambda folder: folder, elsewhere=False) is None


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="temporary files are each user's own on this system")
@pytest.mark.parametrize("made", ["for all", "a link"])
def test_a_temporary_cache_of_others_is_not_used(monkeypatch, temporary, tmp_path, made):
    monkeypatch.setenv("FOVEA_CACHE", str(tmp_path / "none"))
    (tmp_path / "none").touch()
    place, mine = caching._temporary(), tmp_path / "mine"
    mine.mkdir()
    if made == "a link":
        place.symlink_to(mine)
    else:
        place.mkdir()
        place.chmod(0o777)
    (place / "kernels").mkdir()
    (place / "kernels" / "a").write_bytes(b"planted")
    assert list(caching.find("kernels", "a")) == []
    assert caching.keep("kernels", lambda folder: folder) is None


def test_scratch_is_where_there_is_room_and_gone_afterwards(monkeypatch, temporary, tmp_path):
    free, usage = {}, type("usage", (), {})

    def disk_usage(folder):
        found = usage()
        found.free = free.get(Path(folder), 1 << 40)
        return found

    monkeypatch.setattr(caching.shutil, "disk_usage", disk_usage)
    monkeypatch.setenv("FOVEA_CACHE", str(tmp_path / "cache"))
    with caching.scratch() as folder:
        assert folder.parent == temporary
    assert not folder.exists()
    free[temporary] = 1000
    with caching.scratch() as folder:
        assert folder.parent == tmp_path
    monkeypatch.setattr(usage, "free", 0, raising=False)
    free.update(dict.fromkeys((tmp_path, Path("/dev/shm"), Path.cwd()), 0))
    with pytest.raises(EngineError, match="TMPDIR"), caching.scratch():
        pass
