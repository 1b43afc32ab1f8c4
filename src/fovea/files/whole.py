"""Files that are written whole or not at all, and files from users: regular ones of a bounded size only."""

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from fovea.errors import DataError, mismatch

TEXT = 256 << 20  # bytes of a text that a user names: a table of some million lines

_KINDS = {
    stat.S_IFDIR: "a folder", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device", stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
}  # fmt: skip


def expanded(path: os.PathLike[str] | str) -> Path:
    """`path` as somebody typed it, with their home in place of ~; ~$a.png, which is nobody's, stays."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def open_regular(path: Path | str, expected: str, limit: int | None = None) -> BinaryIO:
    """Open a regular file of at most `limit` bytes to read.

    Raises DataError at once for anything else: a device has no end, and a pipe may wait forever. `expected`
    is what its sentence calls the file. Raises OSError where there is no file, or none that may be read.
    """
    path = Path(path)
    found = path.stat()  # opening a pipe would wait, and opening a device may do more
    if not stat.S_ISREG(found.st_mode):
        got = _KINDS.get(stat.S_IFMT(found.st_mode), "no regular file")
        raise DataError(mismatch(str(path), expected, got))
    if limit is not None and found.st_size > limit:
        raise DataError(mismatch(str(path), f"{expected} of at most {limit:,} bytes", f"{found.st_size:,}"))
    return path.open("rb")


def read(path: Path | str, expected: str, limit: int = TEXT) -> bytes:
    """The content of a regular file of at most `limit` bytes; raises as `open_regular` does."""
    with open_regular(path, expected, limit) as file:
        most = min(limit, max(os.fstat(file.fileno()).st_size, 1 << 20))  # /proc does not know its sizes
        content = file.read(most + 1)
    if len(content) > most:
        raise DataError(mismatch(str(path), f"{expected} of at most {most:,} bytes", "more"))
    return content


def write_whole(
    path: Path | str, content: bytes | str | Callable[[Path], object], *, synced: bool = True
) -> None:
    """Write `path` so that a reader, a kill or a full disk never sees half of it.

    `content` is what to write, or a function that writes it to the path that it is given. It goes to a
    temporary file beside `path`, is synced, and renamed. Raises OSError; the old file is then untouched. What
    is not `synced` is written sooner, and lost where the machine stops.
    """
    path = Path(path)
    prefix, suffix = f".{path.name[:40]}.", path.suffix[:10]  # a name may have 255 bytes, this one as well
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
