"""Digests of pictures, by which the same content is found again under another name."""

from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from weakref import WeakKeyDictionary

from fovea import files
from fovea.data.dataset import Dataset, Pictures
from fovea.errors import DataError

_AT_ONCE = 1024  # pictures in memory
_PIECE = 1 << 20  # bytes of a file in memory
_of_files: WeakKeyDictionary[Pictures, dict[int, str]] = WeakKeyDictionary()  # so that each is read once


def digests(dataset: Dataset) -> list[str]:
    """A digest of each picture, in hexadecimal digits; "" for one that cannot be read.

    It is that of the file's bytes, whatever size pictures are brought to; of pixels where there are no files.
    """
    numbers, paths = dataset.indices.tolist(), dataset.pictures.files
    if paths is not None:
        known = _of_files.setdefault(dataset.pictures, {})
        missing = [i for i in numbers if i not in known]
        with ThreadPoolExecutor() as pool:
            known.update(zip(missing, pool.map(_of_file, (paths[i] for i in missing)), strict=True))
        return [known[i] for i in numbers]
    found: list[str] = []
    for start in range(0, len(dataset), _AT_ONCE):
        pictures, readable = dataset.read(slice(start, start + _AT_ONCE))
        for picture, good in zip(pictures, readable, strict=True):
            found.append(blake2b(picture.tobytes(), digest_size=16).hexdigest() if good else "")
    return found


def _of_file(file: str) -> str:
    digest = blake2b(digest_size=16)
    try:
        with files.open_regular(file, "a picture") as opened:
            while piece := opened.read(_PIECE):
                digest.update(piece)
    except (OSError, DataError):
        return ""
    return digest.hexdigest()
