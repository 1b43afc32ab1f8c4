"""Digests of pictures, which recognise the same content under another name."""

from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from weakref import WeakKeyDictionary

from fovea import files
from fovea.data.dataset import Dataset, Pictures
from fovea.errors import DataError

_CHUNK = 1024  # pictures in memory at a time
_PIECE = 1 << 20  # bytes of a file in memory at a time
_cached: WeakKeyDictionary[Pictures, dict[int, str]] = WeakKeyDictionary()  # so that each file is read once


def digests(dataset: Dataset) -> list[str]:
    """A digest of each picture, in hexadecimal digits; "" for one that cannot be read.

    It covers the bytes of the file, and so does not depend on the size that pictures are resized to; or the
    pixels, if pictures are not files.
    """
    numbers, paths = dataset.indices.tolist(), dataset.pictures.files
    if paths is not None:
        known = _cached.setdefault(dataset.pictures, {})
        missing = [i for i in numbers if i not in known]
        with ThreadPoolExecutor() as pool:
            known.update(zip(missing, pool.map(_file_digest, (paths[i] for i in missing)), strict=True))
        return [known[i] for i in numbers]
    hashes: list[str] = []
    for start in range(0, len(dataset), _CHUNK):
        pictures, readable = dataset.read(slice(start, start + _CHUNK))
        for picture, good in zip(pictures, readable, strict=True):
            hashes.append(blake2b(picture.tobytes(), digest_size=16).hexdigest() if good else "")
    return hashes


def _file_digest(file: str) -> str:
    digest = blake2b(digest_size=16)
    try:
        with files.open_regular(file, "a picture") as opened:
            while piece := opened.read(_PIECE):
                digest.update(piece)
    except (OSError, DataError):
        return ""
    return digest.hexdigest()
