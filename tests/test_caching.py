from pathlib import Path

from fovea import caching


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
