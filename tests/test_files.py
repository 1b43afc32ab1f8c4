"""Files are written whole or not at all."""

import os
import stat
import subprocess
import sys

import pytest

from fovea.files import write_whole


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
