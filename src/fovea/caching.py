"""Where Fovea keeps what it can always make again: compiled kernels and decoded pictures."""

import os
import sys
from pathlib import Path


def root() -> Path:
    """The cache's folder: `FOVEA_CACHE`, or `fovea` in the place where this system keeps caches.

    It need not exist; whoever writes there makes it.
    """
    chosen = os.environ.get("FOVEA_CACHE")
    return Path(chosen).expanduser() if chosen else _platform_folder() / "fovea"


def _platform_folder() -> Path:
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    if sys.platform == "darwin":
        return home / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")


def size(folder: Path) -> int:
    """The bytes of all files in `folder`, 0 where it does not exist."""
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
    """Delete the files in `folder` and the folders that are empty then; returns the bytes freed.

    Deletes files one by one: a process that has one open keeps what it has, on systems that allow it.
    """
    freed = 0
    for path in sorted(folder.rglob("*"), reverse=True):  # what lies deeper comes first
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
