"""Files that are written whole or not at all."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def write_whole(
    path: Path | str, content: bytes | str | Callable[[Path], object], *, synced: bool = True
) -> None:
    """Write `path` so that a reader, a kill or a full disk never sees half of it.

    `content` is what to write, or a function that writes it to the path that it is given. It goes to a
    temporary file beside `path`, is synced, and renamed. Raises OSError; the old file is then untouched. What
    is not `synced` is written sooner, and lost where the machine stops.
    """
    path = Path(path)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
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
