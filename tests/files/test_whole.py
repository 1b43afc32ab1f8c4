"""Files are written whole or not at all, and read where they have an end."""

import csv
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from fovea import images, onnx
from fovea.apps import exchange
from fovea.data import groups, idx
from fovea.errors import DataError
from fovea.files import csvs, expanded, open_regular, read, write_whole
from fovea.files.pytorch import read_torch
from fovea.files.tensors import read_tensors


def test_text_bytes_and_writers_alike(tmp_path):
    for content in ("é", "é".encode(), lambda path: path.write_text("é", "utf-8")):
        write_whole(tmp_path / "a.txt", content)
        assert (tmp_path / "a.txt").read_bytes() == "é".encode()
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    (tmp_path / "a.txt").write_text("old")

    def fail(path):
        path.write_text("half")
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        write_whole(tmp_path / "a.txt", fail)
    assert (tmp_path / "a.txt").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(os.name == "nt", reason="no limits on files there")
def test_the_system_may_refuse_to_write_more(tmp_path):
    """A process that may write files of at most 1000 bytes: the system itself stops in the middle."""
    (tmp_path / "a.bin").write_bytes(b"old")
    script = (
        "import resource, signal, sys\n"
        "from fovea.files import write_whole\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: write_whole(sys.argv[1], b'x' * 5000)\n"
        "except OSError as error: print('refused', error.errno)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "a.bin")]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert answer.startswith("refused")
    assert (tmp_path / "a.bin").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(os.name == "nt", reason="no modes there")
def test_the_file_is_as_readable_as_any_new_one(tmp_path):
    write_whole(tmp_path / "a", b"")
    (tmp_path / "b").touch()
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == stat.S_IMODE((tmp_path / "b").stat().st_mode)


READERS = {
    "any file": lambda path: read(path, "a file"),
    "a picture": images.read,
    "a picture's size": images.inspect,
    "a model": read_tensors,
    "a model of PyTorch": read_torch,
    "an ONNX model": onnx.load,
    "a list of classes": exchange._lines,
    "a table of groups": lambda path: groups._by_table(Path(path), None),
    "an IDX file": idx.read,
}


@pytest.mark.skipif(os.name == "nt", reason="no devices there")
@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_what_has_no_end_is_refused_at_once(tmp_path, reader):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        for path, got in {
            "/dev/zero": "a device", tmp_path / "link": "a device", tmp_path / "pipe": "a pipe",
            tmp_path / "s": "a socket", tmp_path / "folder": "a folder",
        }.items():  # fmt: skip
            with pytest.raises(DataError, match=f"{path}: expected .*, got {got}"):
                reader(path)


def test_a_file_is_read_up_to_a_limit(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(bytes(1000))
    assert read(path, "a text", 1000) == bytes(1000)
    with pytest.raises(DataError, match=r"a: expected a text of at most 999 bytes, got 1,000"):
        read(path, "a text", 999)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "none", "a text")


def test_sizes_that_no_memory_holds_are_refused(tmp_path):
    for reader, limit in ((exchange._lines, 1 << 28), (images.read, 1 << 30), (onnx.load, 1 << 31)):
        with (tmp_path / "a").open("wb") as file:
            file.truncate(limit + 1)  # takes no room on the disk
        with pytest.raises(DataError, match=r"at most .* bytes"):
            reader(tmp_path / "a")


def test_a_table_holds_any_name_exactly(tmp_path):
    names = ["a,b", 'a"b', "a\nb", "a\rb", "a\r\nb", "=1+1", " a ", "", "\udcff"]
    write_whole(tmp_path / "table.csv", csvs.dumps(["file", "n"], [(name, 1) for name in names]))
    with (tmp_path / "table.csv").open(newline="", errors="surrogateescape", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [["file", "n"], *([name, "1"] for name in names)]


def test_a_name_may_be_as_long_as_the_system_lets_it(tmp_path):
    for name in ("é" * 125 + ".png", "a." + "b" * 250):
        write_whole(tmp_path / name, b"content")
        assert (tmp_path / name).read_bytes() == b"content"
    assert len(list(tmp_path.iterdir())) == 2


def test_the_home_is_only_that_of_somebody(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("USERPROFILE", "/home/me")
    assert expanded("~/a.png") == Path("/home/me/a.png")
    assert expanded("~$a.png") == Path("~$a.png")
