"""The cache, for compiled kernels and decoded pictures.

A cache that cannot be written is never an error: a folder among the temporary files is used instead, with a
line on standard error.
"""

import errno
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from fovea.errors import EngineError, mismatch
from fovea.names import warn

_T = TypeVar("_T")
_SCRATCH = 64 << 20  # bytes: more than all objects of a large network
_failed: set[tuple[Path, str]] = set()  # the parts that cannot be written to, so far
_reported: set[Path] = set()


def root() -> Path:
    """The cache's folder: `FOVEA_CACHE`, or `fovea` in the system's folder for caches; a temporary folder if
    the user has no home.

    It need not exist: `keep` creates it.
    """
    chosen = os.environ.get("FOVEA_CACHE")
    try:
        return Path(chosen).expanduser() if chosen else _platform_folder() / "fovea"
    except RuntimeError:  # no home
        return _temporary()


def places() -> list[Path]:
    """The cache's folder, and the temporary one if there is one: it serves while the first is unusable."""
    first, second = root(), _temporary()
    try:
        _folder(second, "", make=False)
    except OSError:  # there is none, or it belongs to another user
        return [first]
    return list(dict.fromkeys((first, second)))


def keep(part: str, make: Callable[[Path], _T], *, elsewhere: bool = True) -> _T | None:
    """make(folder) for the folder `part` of the cache, which is created if needed. If that raises OSError,
    the same in a temporary cache if `elsewhere`; None if that fails too."""
    first, second = root(), _temporary()
    failed = {first: "expected a home folder, got none"} if first == second else {}
    for place in dict.fromkeys((first, second) if elsewhere else (first,)):
        if (place, part) not in _failed:
            try:
                made = make(_folder(place, part))
            except OSError as error:
                _failed.add((place, part))
                failed.setdefault(place, f"expected to write to it, got {error.strerror or error}")
            else:
                _report(failed, f"{place} serves for now")
                return made
    _report(failed, f"no {part} are kept")
    return None


def find(part: str, name: str) -> Iterator[bytes]:
    """The content of every file kept under `name` in `part`."""
    for path in paths(part, name):
        try:
            content = path.read_bytes()
        except OSError:
            continue
        yield content


def paths(part: str, name: str) -> Iterator[Path]:
    """The files kept under `name` in `part`, which may have been deleted meanwhile."""
    for place in dict.fromkeys((root(), _temporary())):
        try:
            path = _folder(place, part, make=False) / name
        except OSError:
            continue
        if path.is_file():
            yield path


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder with room for compiled objects, deleted at the end of the block. Raises EngineError if there
    is no room."""
    for place in (_temporaries, lambda: root().parent, lambda: Path("/dev/shm"), Path.cwd):
        try:
            folder = place()
            if shutil.disk_usage(folder).free < _SCRATCH:
                continue
            directory = tempfile.TemporaryDirectory(prefix="fovea-", dir=folder)
        except OSError:
            continue
        with directory as name:
            yield Path(name)
        return
    expected = f"a folder with {_SCRATCH >> 20} MB for temporary files"
    raise EngineError(mismatch("TMPDIR", expected, "none", "name one in TMPDIR"))


def size(folder: Path) -> int:
    """The bytes of all files in `folder`, 0 if it does not exist."""
    if not folder.is_dir():
        return 0
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:  # another process emptied the cache meanwhile
            continue
    return total


def empty(folder: Path) -> int:
    """Delete the files in `folder` and the folders left empty; returns the bytes freed.

    Files are deleted one by one: a process that has one open can still read it, on systems that allow it.
    """
    freed = 0
    for path in sorted(folder.rglob("*"), reverse=True):  # deeper paths come first
        try:
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                length = path.lstat().st_size
                path.unlink()
                freed += length
        except OSError:  # in use, or already gone
            continue
    return freed


def _report(failed: dict[Path, str], instead: str) -> None:
    """Warn once about the first place in `failed`."""
    for place, reason in list(failed.items())[:1]:
        if place not in _reported:
            _reported.add(place)
            warn(f"cache {place}: {reason}: {instead}; name a folder with room in FOVEA_CACHE")


def _platform_folder() -> Path:
    """The system's folder for caches. Raises RuntimeError if the user has no home."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _temporary() -> Path:
    """The temporary cache: one per user, so that the next process finds it."""
    user = os.getuid() if hasattr(os, "getuid") else "cache"
    return _temporaries() / f"fovea-{user}"


def _temporaries() -> Path:
    try:
        return Path(tempfile.gettempdir())
    except OSError:  # no temporary folder can be written to
        return Path("/tmp")


def _folder(place: Path, part: str, *, make: bool = True) -> Path:
    """The folder of a part. Raises OSError, also if a temporary cache belongs to another user, who could
    plant objects there."""
    if make:
        place.mkdir(mode=0o777 if place != _temporary() else 0o700, parents=True, exist_ok=True)
    if place == _temporary() and hasattr(os, "getuid"):
        state = place.lstat()
        if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.getuid() or state.st_mode & 0o022:
            raise PermissionError(errno.EPERM, "a folder that others may write to", str(place))
    if make:
        (place / part).mkdir(exist_ok=True)
    return place / part
