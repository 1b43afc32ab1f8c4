"""How much memory this process can still have, and how threads share it.

The least of what these allow counts, where the system knows them:

    machine         MemAvailable, which is what is free and what the system would give up
    containers      each cgroup above the process: its limit less what it uses, files kept in memory aside
    process         RLIMIT_AS and RLIMIT_DATA, as `ulimit -v` and `ulimit -d` set them
"""

import ctypes
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from threading import Condition

from fovea.errors import OutOfMemoryError, mismatch

_CGROUPS, _PLACES = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
_SMALL = 4 << 20  # bytes that are not worth counting: to ask what is available takes as long as to use them
_LARGE = 256 << 20  # bytes that are worth a look at what is available before they are used
_BLOCK = 8 << 20  # bytes: Pillow keeps large pictures in pieces of nearly 16 MiB
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of mallopt(3)
_REMEDY = "not enough memory: close other programs, or make it smaller"


def machine_memory() -> int:
    """Bytes of memory that this process may have: the machine's, or its container's."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows does not say; most machines have this much
        total = 8 << 30
    return min([total, *(limit for _, limit in _cgroup_limits())])


def available() -> int:
    """Bytes that this process can still take, by all that limits it."""
    rooms = [_free() or machine_memory(), *_left_by_cgroups(), *_left_by_limits()]
    return max(min(rooms), 0)


def check(count: int, who: str, purpose: str) -> int:
    """The available bytes. Raises OutOfMemoryError unless `count` are, which `who` needs for `purpose`."""
    room = available()
    if count > room:
        raise OutOfMemoryError(mismatch(who, f"{_size(count)} of memory {purpose}", _size(room), _REMEDY))
    return room


def is_short(error: BaseException) -> bool:
    """Whether the error says that there was not enough memory, in the words of whatever raised it."""
    words = ("out of memory", "Cannot allocate memory", "can't start new thread")
    return isinstance(error, MemoryError) or any(word in str(error) for word in words)


def shortage(who: str) -> OutOfMemoryError:
    """The error of who ran out of memory where nobody could know before."""
    return OutOfMemoryError(mismatch(who, "more memory than there is", f"{_size(available())} left", _REMEDY))


@contextmanager
def room_for(count: int, who: str, purpose: str = "for its output") -> Iterator[None]:
    """Raise OutOfMemoryError for arrays of `count` bytes that do not fit, or NumPy's MemoryError within the
    block, which names nobody."""
    if count > _LARGE:
        check(count, who, purpose)
    try:
        yield
    except OutOfMemoryError:
        raise
    except MemoryError as error:
        raise shortage(who) from error


def check_all(short: Sequence[str], total: int) -> None:
    """Raise OutOfMemoryError where there are pictures, of `total`, that memory did not suffice for."""
    if short:
        got = f"too little for {len(short):,}, such as {short[0]}"
        remedy = "close other programs, or make them smaller"
        raise OutOfMemoryError(mismatch("memory", f"enough for each of {total:,} pictures", got, remedy))


class Budget:
    """Half of the available memory, for threads that each need much of it for a while.

    Whoever needs more than is left waits for the others; alone, it may take all that is available.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._used = self._most = 0

    @contextmanager
    def taken(self, count: int, who: str, purpose: str) -> Iterator[None]:
        """Count `count` bytes as used within the block. Raises OutOfMemoryError as `check` does."""
        counted = count if count > _SMALL else 0
        if counted:
            _give_back_freed()
            with self._changed:
                self._changed.wait_for(lambda: not self._used or self._used + count <= self._most)
                if not self._used:
                    self._most = check(count, who, purpose) // 2
                self._used += count
        try:
            yield
        finally:
            if counted:
                with self._changed:
                    self._used -= count
                    self._changed.notify_all()


@cache
def _give_back_freed() -> None:
    """From now on, have glibc return large blocks when they are freed: it would learn to keep them, for each
    thread, and hundreds of megabytes would look as if they were in use."""
    with suppress(AttributeError, OSError, TypeError):  # another C library, or Windows
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, _BLOCK)
        mallopt(_M_TRIM_THRESHOLD, 2 * _BLOCK)


def _size(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"


def _free() -> int | None:
    """MemAvailable; None where there is no /proc."""
    for line in _lines(Path("/proc/meminfo")):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    return None


def _cgroup_limits() -> Iterator[tuple[Path, int]]:
    """The folder and limit of each cgroup that this process is in, from its own up; of both versions."""
    for line in _lines(_PLACES):
        _, controllers, place = line.split(":", 2)
        if controllers in ("", "memory"):
            root, name = (
                (_CGROUPS / "memory", "memory.limit_in_bytes") if controllers else (_CGROUPS, "memory.max")
            )
            own = root / place.lstrip("/")
            for folder in (own, *own.parents):
                limit = "".join(_lines(folder / name))
                if limit.isdigit():
                    yield folder, int(limit)
                if folder == root:
                    break


def _left_by_cgroups() -> Iterator[int]:
    for folder, limit in _cgroup_limits():
        used = _lines(folder / "memory.current") or _lines(folder / "memory.usage_in_bytes")
        kept = [line.split() for line in _lines(folder / "memory.stat")]
        files = sum(int(n) for name, n in kept if name in ("inactive_file", "active_file"))
        if used:
            yield limit - int(used[0]) + files


def _left_by_limits() -> Iterator[int]:
    try:
        import resource
    except ImportError:  # Windows
        return
    pages = "".join(_lines(Path("/proc/self/statm"))).split()
    if pages:
        for kind, field in ((resource.RLIMIT_AS, 0), (resource.RLIMIT_DATA, 5)):
            limit, _ = resource.getrlimit(kind)
            if limit != resource.RLIM_INFINITY:
                yield limit - int(pages[field]) * resource.getpagesize()


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
