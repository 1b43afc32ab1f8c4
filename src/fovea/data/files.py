"""Pictures in files: decoded by a few threads when first read, and cached.

They are cached in memory if all of them fit into a quarter of the machine's memory and half of what is
available, else in an unlinked file in the cache folder, mapped into memory, which the system deletes when the
process ends. If the disk has no room either, they are decoded each time.
"""

import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import prod
from pathlib import Path

import numpy as np

from fovea import images
from fovea.errors import DataError, mismatch, reason
from fovea.files import caching
from fovea.memory import available, machine_memory
from fovea.ranges import gigabytes

SHARE = 4  # pictures may take 1/SHARE of the memory
_RESERVE = 1 << 30  # bytes of the disk that stay free
_UNREAD, _GOOD, _BAD = range(3)


class Files:
    """Pictures (H, W, C) of `shape` from `files`, for a `Dataset`; `crop` as for `images.read`.

    `memory` limits the bytes of pictures kept in memory; the default is above.
    """

    def __init__(
        self,
        files: Sequence[str],
        shape: tuple[int, int, int],
        *,
        crop: images.Crop = None,
        memory: int | None = None,
    ) -> None:
        self.files: Sequence[str] = list(files)
        self.shape, self.crop = shape, crop
        self.bad: dict[int, str] = {}
        self._state = np.full(len(self.files), _UNREAD, np.uint8)
        if memory is None:
            memory = min(machine_memory() // SHARE, available() // 2)
        self._kept = _room((len(self.files), *shape), memory)
        self._pool = ThreadPoolExecutor(min(os.cpu_count() or 1, 8), thread_name_prefix="fovea-decode")

    def __len__(self) -> int:
        return len(self.files)

    def read(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Pictures.read`. Two threads may decode the same picture at once; they write the same bytes."""
        indices = np.asarray(indices, np.int64)
        if self._kept is None:
            pictures = np.zeros((len(indices), *self.shape), np.uint8)
            self._decode(zip(indices.tolist(), pictures, strict=True))
        else:
            missing = np.unique(indices[self._state[indices] == _UNREAD]).tolist()
            self._decode((i, self._kept[i]) for i in missing)
            pictures = np.empty((len(indices), *self.shape), np.uint8)
            # The indices were checked above; any mode but "clip" would buffer `out`.
            np.take(self._kept, indices, axis=0, out=pictures, mode="clip")
        return pictures, self._state[indices] != _BAD

    def _decode(self, places: Iterable[tuple[int, np.ndarray]]) -> None:
        list(self._pool.map(self._decode_one, places))  # the list raises the errors of the threads

    def _decode_one(self, place: tuple[int, np.ndarray]) -> None:
        i, picture = place
        if self._state[i] == _BAD:
            return
        file = self.files[i]
        try:
            picture[...] = images.read(file, self.shape[:2], self.shape[2], self.crop)
            self._state[i] = _GOOD
        except DataError as error:
            self.bad[i] = reason(error, file)
            self._state[i] = _BAD


def _room(shape: tuple[int, ...], memory: int) -> np.ndarray | None:
    """Zeros uint8 of `shape`, in memory or on disk; None if neither has room."""
    size = int(np.prod(shape, dtype=np.int64))
    if size <= memory:
        return np.zeros(shape, np.uint8)
    # Not in the folder for temporary files, which may itself be in memory.
    return caching.keep("pictures", lambda folder: _mapped(folder, shape, size), elsewhere=False)


def _mapped(folder: Path, shape: tuple[int, ...], size: int) -> np.ndarray | None:
    """The same in a file in `folder`; None if its disk has no room. Raises OSError."""
    if shutil.disk_usage(folder).free < size + _RESERVE:
        return None
    with tempfile.TemporaryFile(dir=folder) as file:  # the map keeps it open
        if hasattr(os, "posix_fallocate"):  # so that a full disk is an error here, not a crash at a write
            os.posix_fallocate(file.fileno(), 0, size)
        return np.memmap(file, np.uint8, "r+", shape=shape)


def check_room(pictures: int, shape: Sequence[int], who: str) -> None:
    """Raise DataError if `pictures` pictures of `shape` exceed the machine's memory."""
    size, most = pictures * prod(shape), machine_memory()
    if size > most:
        got = f"{pictures:,} of {'×'.join(map(str, shape))} ({gigabytes(size)})"
        expected = f"pictures that fit into {gigabytes(most)} of memory"
        raise DataError(mismatch(who, expected, got, "choose a smaller size"))
