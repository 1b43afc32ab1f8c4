"""Pictures that are in more than one part of a data set, where learning by heart looks like learning.

The same pictures are found by a digest of their decoded pixels. Nearly the same, such as one saved again or
brightened a little, by a difference hash: the picture is averaged to 8 × 9 cells of grey, and each of 64 bits
says whether a cell is lighter than its left neighbour. Where at most `BITS` bits differ, the pictures
themselves are compared, by the correlation of their pixels. (N. Krawetz: "Kind of like that", 2013.)

Of two hashes with at most three different bits, one of four pieces of 16 bits is the same: only pictures that
share a piece are compared. A piece that very many pictures share, as of a black margin, says nothing and is
passed over; flat pictures may so be missed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from math import prod, sqrt

import numpy as np

from fovea.data.dataset import Dataset, Splits

BITS = 3  # of 64, by which the hashes of nearly the same pictures differ at most
CORRELATION = 0.98  # of their pixels, at least
CROWD = 400  # pictures that share a piece: more say nothing
_CHUNK = 256  # pictures read at a time, fewer where they take more than _MOST
_MOST = 64 << 20  # bytes
_ROWS, _COLUMNS = 8, 9
_LUMA = np.array([77, 150, 29], np.uint16)  # of 256, by ITU-R BT.601


@dataclass(frozen=True)
class Duplicate:
    """`file` in `part` is the same picture as `other_file` in `other_part`, or, where not `exact`, nearly."""

    file: str
    part: str
    other_file: str
    other_part: str
    exact: bool


def duplicates(
    splits: Splits, progress: Callable[[int, int], object] = lambda done, total: None
) -> list[Duplicate]:
    """Every picture of `val` and `test` that is in an earlier part too, with the first found there.

    `progress(done, total)` counts pictures. Unreadable ones are nobody's duplicates.
    """
    total, done = sum(map(len, splits.parts.values())), 0
    entries: list[tuple[str, int, bytes, int]] = []  # part, number there, digest, hash
    for part, dataset in splits.parts.items():
        for digest, bits, at in _hashes(dataset):
            entries.append((part, at, digest, bits))
            done += 1
            if done % _CHUNK == 0:
                progress(done, total)
    progress(total, total)
    order = {part: place for place, part in enumerate(splits.parts)}
    places = np.array([order[part] for part, *_ in entries])

    same: dict[bytes, int] = {}
    found: dict[int, tuple[int, bool]] = {}
    for number, (part, _, digest, _) in enumerate(entries):
        first = same.setdefault(digest, number)
        if entries[first][0] != part:
            found[number] = first, True
    hashes = np.array([bits for *_, bits in entries], np.uint64)
    for a, b in _alike(hashes, places):
        if b not in found and _close(splits.parts, entries[a], entries[b]):
            found[b] = a, False

    def named(number: int) -> tuple[str, str]:
        part, at, *_ = entries[number]
        return splits.parts[part].name_of(at), part

    return [Duplicate(*named(b), *named(a), exact) for b, (a, exact) in sorted(found.items())]


def _hashes(dataset: Dataset) -> Iterator[tuple[bytes, int, int]]:
    """Digest, difference hash and number of every picture that can be read."""
    count = max(1, min(_CHUNK, _MOST // prod(dataset.shape)))
    for start in range(0, len(dataset), count):
        pictures, readable = dataset.read(slice(start, start + count))
        bits = difference_hash(pictures)
        for i in np.flatnonzero(readable).tolist():
            yield blake2b(pictures[i].data, digest_size=16).digest(), int(bits[i]), start + i


def difference_hash(pictures: np.ndarray) -> np.ndarray:
    """uint64 (N,) of uint8 pictures (N, H, W, C)."""
    luma = _LUMA if pictures.shape[3] == 3 else [np.uint16(256)]
    grey = np.zeros(pictures.shape[:3], np.uint16)  # 255 · 256 at most
    for channel, weight in enumerate(luma):
        grey += pictures[..., channel] * weight
    cells = _cells(_cells(grey, 1, _ROWS), 2, _COLUMNS)
    lighter = cells[:, :, 1:] > cells[:, :, :-1]  # (N, 8, 8)
    return np.packbits(lighter.reshape(len(pictures), -1), axis=1).view(np.uint64)[:, 0]


def _cells(values: np.ndarray, axis: int, count: int) -> np.ndarray:
    """The means of `count` equal pieces along an axis; single values where there are fewer."""
    n = values.shape[axis]
    starts = np.arange(count) * n // count
    sizes = np.maximum(np.diff(starts, append=n), 1)
    shape = [-1 if i == axis else 1 for i in range(values.ndim)]
    return np.add.reduceat(values, starts, axis=axis) / sizes.reshape(shape)


def _alike(hashes: np.ndarray, places: np.ndarray) -> Iterator[tuple[int, int]]:
    """Pairs (a, b) of numbers from an earlier and a later part whose hashes differ in at most `BITS` bits."""
    for shift in range(0, 64, 16):
        pieces = (hashes >> np.uint64(shift)) & np.uint64(0xFFFF)
        order = np.argsort(pieces, kind="stable")
        bounds = np.flatnonzero(np.diff(pieces[order], prepend=-1.0, append=-1.0))
        for start, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            members = order[start:stop]
            if not 1 < len(members) <= CROWD or places[members[0]] == places[members[-1]]:
                continue  # the sort is stable: members come in the order of their parts
            differ = np.bitwise_count(hashes[members, None] ^ hashes[None, members])
            earlier = places[members, None] < places[None, members]
            for a, b in np.argwhere((differ <= BITS) & earlier).tolist():
                yield int(members[a]), int(members[b])


def _close(parts: dict[str, Dataset], one: tuple, other: tuple) -> bool:
    """Whether the pixels of two pictures rise and fall together; brightness and contrast do not matter."""
    a, b = (parts[part].read([at])[0].astype(np.float32) for part, at, *_ in (one, other))
    a -= a.mean(dtype=np.float64)
    b -= b.mean(dtype=np.float64)
    aa, bb, ab = (float((x * y).sum(dtype=np.float64)) for x, y in ((a, a), (b, b), (a, b)))
    return aa * bb > 0 and ab >= CORRELATION * sqrt(aa * bb)
