"""Pictures that are in more than one part of a data set: a network that memorised them looks accurate.

Identical pictures have the same digest of their decoded pixels. Near duplicates, such as a picture saved
again or brightened a little, have similar difference hashes: the picture is averaged to 8 × 9 grey cells, and
each of 64 bits is set if a cell is lighter than its left neighbour. If at most `BITS` bits differ, the
pictures themselves are compared, by the correlation of their pixels. (N. Krawetz: "Kind of like that", 2013.)

If two hashes differ in at most three bits, at least one of their four pieces of 16 bits is equal: only
pictures that share a piece are compared. A piece that very many pictures share, such as that of a black
margin, is ignored, so that near duplicates among flat pictures may be missed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from math import prod, sqrt

import numpy as np

from fovea.data.dataset import Dataset, Splits

BITS = 3  # of 64: near duplicates differ in at most this many
CORRELATION = 0.98  # of the pixels of near duplicates, at least
CROWD = 400  # a piece that more pictures share is ignored
_CHUNK = 256  # pictures read at a time, fewer if they take more than _MOST
_MOST = 64 << 20  # bytes
_ROWS, _COLUMNS = 8, 9
_LUMA = np.array([77, 150, 29], np.uint16)  # of 256, by ITU-R BT.601


@dataclass(frozen=True)
class Duplicate:
    """Two pictures in different parts: identical if `exact`, else near duplicates."""

    file: str
    part: str
    other_file: str
    other_part: str
    exact: bool


def duplicates(
    splits: Splits, progress: Callable[[int, int], object] = lambda done, total: None
) -> list[Duplicate]:
    """Every picture of `val` and `test` that is also in an earlier part, with its first duplicate there.

    `progress(done, total)` counts pictures. Unreadable pictures are ignored.
    """
    total, done = sum(map(len, splits.parts.values())), 0
    entries: list[tuple[str, int, bytes, int]] = []  # part, index in it, digest, hash
    for part, dataset in splits.parts.items():
        for digest, bits, index in _hashes(dataset):
            entries.append((part, index, digest, bits))
            done += 1
            if done % _CHUNK == 0:
                progress(done, total)
    progress(total, total)
    order = {part: number for number, part in enumerate(splits.parts)}
    parts = np.array([order[part] for part, *_ in entries])

    first_of: dict[bytes, int] = {}
    originals: dict[int, tuple[int, bool]] = {}  # entry → the earlier one, and whether it is identical
    for number, (part, _, digest, _) in enumerate(entries):
        first = first_of.setdefault(digest, number)
        if entries[first][0] != part:
            originals[number] = first, True
    hashes = np.array([bits for *_, bits in entries], np.uint64)
    for a, b in _similar(hashes, parts):
        if b not in originals and _correlate(splits.parts, entries[a], entries[b]):
            originals[b] = a, False

    def named(number: int) -> tuple[str, str]:
        part, index, *_ = entries[number]
        return splits.parts[part].name_of(index), part

    return [Duplicate(*named(b), *named(a), exact) for b, (a, exact) in sorted(originals.items())]


def _hashes(dataset: Dataset) -> Iterator[tuple[bytes, int, int]]:
    """Digest, difference hash and index of every readable picture."""
    count = max(1, min(_CHUNK, _MOST // prod(dataset.shape)))
    for start in range(0, len(dataset), count):
        pictures, readable = dataset.read(slice(start, start + count))
        bits = difference_hash(pictures)
        for i in np.flatnonzero(readable).tolist():
            yield blake2b(pictures[i].data, digest_size=16).digest(), int(bits[i]), start + i


def difference_hash(pictures: np.ndarray) -> np.ndarray:
    """The difference hashes uint64 (N,) of uint8 pictures (N, H, W, C)."""
    luma = _LUMA if pictures.shape[3] == 3 else [np.uint16(256)]
    grey = np.zeros(pictures.shape[:3], np.uint16)  # 255 · 256 at most
    for channel, weight in enumerate(luma):
        grey += pictures[..., channel] * weight
    cells = _cells(_cells(grey, 1, _ROWS), 2, _COLUMNS)
    lighter = cells[:, :, 1:] > cells[:, :, :-1]  # (N, 8, 8)
    return np.packbits(lighter.reshape(len(pictures), -1), axis=1).view(np.uint64)[:, 0]


def _cells(values: np.ndarray, axis: int, count: int) -> np.ndarray:
    """The means of `count` equal pieces along an axis; single values if the axis is shorter."""
    n = values.shape[axis]
    starts = np.arange(count) * n // count
    sizes = np.maximum(np.diff(starts, append=n), 1)
    shape = [-1 if i == axis else 1 for i in range(values.ndim)]
    return np.add.reduceat(values, starts, axis=axis) / sizes.reshape(shape)


def _similar(hashes: np.ndarray, parts: np.ndarray) -> Iterator[tuple[int, int]]:
    """Pairs (a, b), a from an earlier part than b, whose hashes differ in at most `BITS` bits."""
    for shift in range(0, 64, 16):
        pieces = (hashes >> np.uint64(shift)) & np.uint64(0xFFFF)
        order = np.argsort(pieces, kind="stable")
        bounds = np.flatnonzero(np.diff(pieces[order], prepend=-1.0, append=-1.0))
        for start, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            members = order[start:stop]
            if not 1 < len(members) <= CROWD or parts[members[0]] == parts[members[-1]]:
                continue  # the sort is stable: members come in the order of their parts
            differ = np.bitwise_count(hashes[members, None] ^ hashes[None, members])
            earlier = parts[members, None] < parts[None, members]
            for a, b in np.argwhere((differ <= BITS) & earlier).tolist():
                yield int(members[a]), int(members[b])


def _correlate(parts: dict[str, Dataset], one: tuple, other: tuple) -> bool:
    """True if the pixels of two pictures are correlated, which ignores brightness and contrast."""
    a, b = (parts[part].read([index])[0].astype(np.float32) for part, index, *_ in (one, other))
    a -= a.mean(dtype=np.float64)
    b -= b.mean(dtype=np.float64)
    aa, bb, ab = (float((x * y).sum(dtype=np.float64)) for x, y in ((a, a), (b, b), (a, b)))
    return aa * bb > 0 and ab >= CORRELATION * sqrt(aa * bb)
