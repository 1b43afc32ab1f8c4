"""The memory that is available to this process, and a budget for threads that share it.

The available memory is the minimum of these, if the system knows them:

    machine         MemAvailable: free memory, and memory that the system can reclaim
    containers      each cgroup of the process: its limit minus its usage, without cached files
    process         RLIMIT_AS and RLIMIT_DATA, as set by `ulimit -v` and `ulimit -d`
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
_SMALL = 4 << 20  # bytes that are not counted: checking takes as long as using them
_LARGE = 256 << 20  # bytes that are checked before they are used
_BLOCK = 8 << 20  # bytes: Pillow keeps large pictures in pieces of nearly 16 MiB
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of mallopt(3)
_REMEDY = "not enough memory: close other programs, or make it smaller"


def machine_memory() -> int:
    """Bytes of memory of the machine, or of the container."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # unknown on Windows; most machines have this much
        total = 8 << 30
    return min([total, *(limit for _, limit in _cgroup_limits())])


def available() -> int:
    """Bytes that this process can still allocate."""
    rooms = [_free() or machine_memory(), *_left_by_cgroups(), *_left_by_limits()]
    return max(min(rooms), 0)


def check(count: int, who: str, purpose: str) -> int:
    """The available bytes. Raises OutOfMemoryError if they are less than `count`, which `who` needs for
    `purpose`."""
    room = available()
    if count > room:
        raise OutOfMemoryError(mismatch(who, f"{_size(count)} of memory {purpose}", _size(room), _REMEDY))
    return room


def is_short(error: BaseException) -> bool:
    """True if the error means that there was not enough memory."""
    words = ("out of memory", "Cannot allocate memory", "can't start new thread")
    return isinstance(error, MemoryError) or any(word in str(error) for word in words)


def shortage(who: str) -> OutOfMemoryError:
    """The error for `who` after memory ran out unexpectedly."""
    return OutOfMemoryError(mismatch(who, "more memory than there is", f"{_size(available())} left", _REMEDY))


@contextmanager
def room_for(count: int, who: str, purpose: str = "for its output") -> Iterator[None]:
    """Raise OutOfMemoryError, which names `who`, if arrays of `count` bytes do not fit, or in place of a
    MemoryError within the block."""
    if count > _LARGE:
        check(count, who, purpose)
    try:
        yield
    except OutOfMemoryError:
        raise
    except MemoryError as error:
        raise shortage(who) from error


def check_all(short: Sequence[str], total: int) -> None:
    """Raise OutOfMemoryError if memory did not suffice for some, `short`, of `total` pictures."""
    if short:
        got = f"too little for {len(short):,}, such as {short[0]}"
        remedy = "close other programs, or make them smaller"
        raise OutOfMemoryError(mismatch("memory", f"enough for each of {total:,} pictures", got, remedy))


class Budget:
    """Half of the available memory, for threads that each need much of it for a while.

    A thread that needs more than is left waits for the others; alone, it may use all that is available.
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
    """Configure glibc to return large blocks to the system when they are freed. By default it adapts to keep
    them, per thread, and hundreds of megabytes look as if they were in use."""
    with suppress(AttributeError, OSError, TypeError):  # another C library, or Windows
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, _BLOCK)
        mallopt(_M_TRIM_THRESHOLD, 2 * _BLOCK)


def _size(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"


def _free() -> int | None:
    """MemAvailable; None without /proc."""
    for line in _lines(Path("/proc/meminfo")):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    return None


def _cgroup_limits() -> Iterator[tuple[Path, int]]:
    """The folder and limit of each cgroup of this process, from its own up; of both versions."""
    for line in _lines(_PLACES):
        _, controllers, place = line.split(":", 2)
        if controllers in ("", "memory"):
            root, name = (
                (_CGROUPS / "memory", "memory.limit_in_bytes") if controllers else (_CGROUPS, "memory.max")
            )
            innermost = root / place.lstrip("/")
            for folder in (innermost, *innermost.parents):
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
