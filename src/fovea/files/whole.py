"""Atomic writes, and bounded reads of regular files.

A user may name any path: a device has no end, and a pipe may block forever.
"""

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from fovea.errors import DataError, mismatch

TEXT = 256 << 20  # bytes of a text file: a table of some million lines

_KINDS = {
    stat.S_IFDIR: "a folder", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device", stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
}  # fmt: skip


def expanded(path: os.PathLike[str] | str) -> Path:
    """`path` with the home folder in place of ~; a name such as ~$a.png stays."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def absolute(path: os.PathLike[str] | str) -> str:
    """`path` from the root, without links: valid from any folder."""
    return str(expanded(path).resolve())


def open_regular(path: Path | str, expected: str, limit: int | None = None) -> BinaryIO:
    """Open a regular file of at most `limit` bytes for reading.

    Raises DataError, which calls the file `expected`, for anything else, and OSError if there is no file or
    no permission to read it.
    """
    path = Path(path)
    status = path.stat()  # before opening: that would block on a pipe, and may do more on a device
    if not stat.S_ISREG(status.st_mode):
        got = _KINDS.get(stat.S_IFMT(status.st_mode), "no regular file")
        raise DataError(mismatch(str(path), expected, got))
    if limit is not None and status.st_size > limit:
        raise DataError(mismatch(str(path), f"{expected} of at most {limit:,} bytes", f"{status.st_size:,}"))
    return path.open("rb")


def read(path: Path | str, expected: str, limit: int = TEXT) -> bytes:
    """The content of a regular file of at most `limit` bytes; raises as `open_regular` does."""
    with open_regular(path, expected, limit) as file:
        most = min(limit, max(os.fstat(file.fileno()).st_size, 1 << 20))  # files in /proc report a size of 0
        content = file.read(most + 1)
    if len(content) > most:
        raise DataError(mismatch(str(path), f"{expected} of at most {most:,} bytes", "more"))
    return content


def write_whole(
    path: Path | str, content: bytes | str | Callable[[Path], object], *, synced: bool = True
) -> None:
    """Write `path` atomically: no reader, kill or full disk leaves half a file.

    `content` is the bytes or text, or a function that writes to a given path. It is written to a temporary
    file beside `path`, synced, and renamed. Raises OSError, and leaves the old file untouched. Without
    `synced` this is faster, but the file is lost if the machine crashes.
    """
    path = Path(path)
    prefix, suffix = f".{path.name[:40]}.", path.suffix[:10]  # cut: a name may have at most 255 bytes
    descriptor, name = tempfile.mkstemp(prefix=prefix, suffix=suffix, dir=path.parent)
    temporary = Path(name)
    try:
        os.close(descriptor)
        if callable(content):
            content(temporary)
        else:
            temporary.write_bytes(content.encode() if isinstance(content, str) else content)
        if synced:
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())  # mkstemp's 0600 would hide the file from others
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
