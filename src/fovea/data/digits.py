"""Drawn digits: the data set that needs no download, and is the same bits on every machine.

Every glyph of every font is first turned into a map of distances to its strokes. A picture looks that map up
through a warp of its own, and inks what lies within half a stroke's width:

    u = M·(p − c − shift) + wobble(p)       pixel p to glyph, M = turn, slant and size
    ink = clip(w − s·distance(u) + 1/2, 0, 1)       w: half the width, s: pixels a glyph unit

then neighbours, scratches, fading, blur and noise are laid over it. To be the same everywhere it uses what
IEEE 754 and NumPy's bit generators promise to the last bit, and nothing else: + − × ÷ √ and comparisons, in a
fixed order, and raw 64-bit numbers. A turn by θ is made of t = tan(θ/2): cos θ = (1 − t²)/(1 + t²) and
sin θ = 2t/(1 + t²).
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from fovea import images
from fovea.data.dataset import Dataset, Splits
from fovea.data.split import hold_out
from fovea.data.strokes import FONTS, Font, segments

SIDE = 28
TRAIN, TEST = 10_000, 2_000  # a tenth of the first becomes `val`
CHUNK = 500  # pictures drawn at a time: their arrays stay in the processor's cache

_GRID, _REACH = (
    96,
    1.75,
)  # the maps' side, and how far they reach from the glyph's middle (half its height = 1)
_BROAD = 2.25  # a broad pen's width over its thickness


def load(size: Sequence[int] | None, channels: int | None, seed: int) -> Splits:
    """The drawn digits; a tenth of those for training is held out as `val`, by `seed`."""
    pictures, labels = draw()
    pictures = images.fit(pictures, size, channels)
    classes = [str(digit) for digit in range(10)]
    train = Dataset(pictures[:TRAIN], labels[:TRAIN], classes, name="digits/train")
    test = Dataset(pictures[TRAIN:], labels[TRAIN:], classes, name="digits/test")
    return Splits("digits", *hold_out(train, 1, seed), test)


def draw() -> tuple[np.ndarray, np.ndarray]:
    """All pictures uint8 (12000, 28, 28, 1), 0 the paper, 255 the ink, and their digits int32 (12000,).

    The first `TRAIN` are for training; within both parts every digit comes equally often.
    """
    maps = _distances()
    pictures = np.empty((TRAIN + TEST, SIDE, SIDE, 1), np.uint8)
    labels = np.concatenate([_shuffled(TRAIN, 0), _shuffled(TEST, 1)])

    def fill(start: int) -> None:
        chunk = slice(start, start + CHUNK)
        pictures[chunk, :, :, 0] = _draw(maps, labels[chunk], _Random(2, start))

    with ThreadPoolExecutor() as pool:
        list(pool.map(fill, range(0, len(pictures), CHUNK)))
    return pictures, labels


class _Random:
    """Random numbers from raw bits, the only thing that NumPy promises never to change."""

    def __init__(self, *key: int) -> None:
        self.bits = np.random.PCG64(key)

    def uniform(self, low: float, high: float, *shape: int) -> np.ndarray:
        """float32 in [low, high)."""
        raw = self.bits.random_raw(int(np.prod(shape))).reshape(shape)
        return np.float32(low) + (raw >> np.uint64(40)).astype(np.float32) * np.float32((high - low) / 2**24)

    def below(self, bound: int, n: int) -> np.ndarray:
        return (self.bits.random_raw(n) >> np.uint64(11)) % np.uint64(bound)

    def bytes(self, *shape: int) -> np.ndarray:
        n = int(np.prod(shape))
        return self.bits.random_raw(-(-n // 8)).astype("<u8").view(np.uint8)[:n].reshape(shape)


def _shuffled(n: int, key: int) -> np.ndarray:
    """The digits 0…9 equally often, in an order that `key` gives."""
    return (np.argsort(_Random(key).bits.random_raw(n), kind="stable") % 10).astype(np.int32)


def _distances() -> np.ndarray:
    """Maps float32 (fonts · 10, grid, grid): how far each point is from the glyph's strokes."""
    return np.stack([_distance(font, glyph) for font in FONTS.values() for glyph in font.glyphs])


def _distance(font: Font, glyph: str) -> np.ndarray:
    steps = (np.arange(_GRID) * (2 * _REACH / (_GRID - 1)) - _REACH).astype(np.float32)
    ends = (segments(glyph) / 8 - np.array([5 / 8, 1, 5 / 8, 1])).astype(np.float32)
    x, y = steps[None, :], steps[:, None]
    x0, y0, x1, y1 = ends.T[:, :, None, None]
    if font.pen == "broad":  # held at a slant; distance counts more across its thin side
        y, y0, y1 = (np.float32(_BROAD) * (b + np.float32(0.25) * a) for a, b in ((x, y), (x0, y0), (x1, y1)))
    d_x, d_y = _to_segment(x, y, x0, y0, x1, y1)
    if font.pen == "square":
        return np.maximum(np.abs(d_x), np.abs(d_y)).min(axis=0)
    distance = np.sqrt((d_x * d_x + d_y * d_y).min(axis=0))
    return distance * np.float32(0.75) if font.pen == "broad" else distance


def _to_segment(x, y, x0, y0, x1, y1) -> tuple[np.ndarray, np.ndarray]:
    """From (x, y) to the nearest point of the segment."""
    a, b = x1 - x0, y1 - y0
    t = ((x - x0) * a + (y - y0) * b) / (a * a + b * b)
    t = np.minimum(np.maximum(t, np.float32(0)), np.float32(1))
    return x0 + t * a - x, y0 + t * b - y


def _draw(maps: np.ndarray, labels: np.ndarray, random: _Random) -> np.ndarray:
    """uint8 pictures (n, 28, 28) of `labels` (n,)."""
    n = len(labels)

    def each(low: float, high: float) -> np.ndarray:
        return random.uniform(low, high, n, 1, 1)

    def some(share: float) -> np.ndarray:
        return (random.uniform(0, 1, n, 1, 1) < np.float32(share)).astype(np.float32)

    fonts = random.below(len(FONTS), n)
    glyphs = (fonts * np.uint64(10)).astype(np.int64) + labels
    half = np.float32((SIDE - 1) / 2)
    x = np.arange(SIDE, dtype=np.float32)[None, None, :] - half
    y = np.arange(SIDE, dtype=np.float32)[None, :, None] - half

    # The warp, from the picture to the glyph.
    t = each(-0.12, 0.12)  # ±14 degrees
    cos, sin = (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)
    height, wide, slant = each(7.75, 11.5), each(0.8, 1.25), each(-0.2, 0.2)
    shift_x, shift_y = each(-2.25, 2.25), each(-1.75, 1.75)
    x_c, y_c = x - shift_x + _field(random, n, 1.3), y - shift_y + _field(random, n, 1.3)
    v = (cos * y_c - sin * x_c) / height
    u = (cos * x_c + sin * y_c) / (height * wide) + slant * v
    half_width = each(0.7, 1.3) * height / np.float32(8)
    ink = _coverage(_look_up(maps, glyphs, u, v), half_width, height)

    # A neighbour's edge, as where a number is cut into digits.
    others = random.below(len(maps), n).astype(np.int64)
    side = np.where(random.uniform(0, 1, n, 1, 1) < np.float32(0.5), np.float32(1), np.float32(-1))
    beside = _look_up(maps, others, u + side * each(1.7, 2.1), v)
    ink = np.maximum(ink, _coverage(beside, half_width, height) * some(0.12))

    # Scratches: strokes that cover, then strokes that take away.
    ink = np.maximum(ink, _stroke(random, x, y, n) * some(0.15) * each(0.4, 0.9))
    ink = ink * (1 - _stroke(random, x, y, n) * some(0.15))

    # Fading, light, blur and noise.
    ink = ink * (1 - np.minimum(np.abs(_field(random, n, 1.0)), np.float32(1)) * each(0, 0.6))
    paper = each(0, 0.2) * some(0.5)
    ink = paper + (each(0.6, 1) - paper) * ink
    soft = each(0, 1)
    ink = ink + soft * (_blurred(ink) - ink)
    noise = random.bytes(n, SIDE, SIDE).astype(np.float32) + random.bytes(n, SIDE, SIDE).astype(np.float32)
    ink = ink * 255 + (noise - 255) * (each(0, 0.25) * some(0.5))
    return (np.minimum(np.maximum(ink, np.float32(0)), np.float32(255)) + np.float32(0.5)).astype(np.uint8)


def _look_up(maps: np.ndarray, glyphs: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """The distances of `maps` (m, grid, grid) at glyph points (u, v), bilinearly; (n, 28, 28)."""
    scale, last = np.float32((_GRID - 1) / (2 * _REACH)), np.float32(_GRID - 1.001)
    i = np.minimum(np.maximum((u + np.float32(_REACH)) * scale, np.float32(0)), last)
    j = np.minimum(np.maximum((v + np.float32(_REACH)) * scale, np.float32(0)), last)
    column, row = i.astype(np.int32), j.astype(np.int32)
    i, j = i - column, j - row
    flat = maps.reshape(-1)
    at = glyphs.astype(np.int32)[:, None, None] * np.int32(_GRID * _GRID) + row * np.int32(_GRID) + column
    top, below = flat.take(at), flat.take(at + np.int32(_GRID))
    top = top + i * (flat.take(at + np.int32(1)) - top)
    below = below + i * (flat.take(at + np.int32(_GRID + 1)) - below)
    return top + j * (below - top)


def _coverage(distance: np.ndarray, half_width: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return np.minimum(
        np.maximum(half_width - distance * scale + np.float32(0.5), np.float32(0)), np.float32(1)
    )


def _stroke(random: _Random, x: np.ndarray, y: np.ndarray, n: int) -> np.ndarray:
    """The ink (n, 28, 28) of a short straight stroke somewhere."""
    x0, y0 = random.uniform(-12, 12, n, 1, 1), random.uniform(-12, 12, n, 1, 1)
    x1, y1 = x0 + random.uniform(-9, 9, n, 1, 1), y0 + random.uniform(-9, 9, n, 1, 1)
    d_x, d_y = _to_segment(x, y, x0, y0, x1, y1)
    one = np.ones((1, 1, 1), np.float32)
    return _coverage(np.sqrt(d_x * d_x + d_y * d_y), random.uniform(0.3, 0.9, n, 1, 1), one)


def _field(random: _Random, n: int, amplitude: float) -> np.ndarray:
    """A smooth random field (n, 28, 28) within ±`amplitude`: 5×5 knots, blended by smoothsteps."""
    knots = random.uniform(-amplitude, amplitude, n, 5, 5)
    rows = sum(weight[None, :, None] * knots[:, k, None, :] for k, weight in _blends())  # (n, 28, 5)
    return sum(weight[None, None, :] * rows[:, :, k, None] for k, weight in _blends())


def _blends() -> Iterator[tuple[int, np.ndarray]]:
    """For each of 5 knots its weight (28,) at every pixel."""
    place = np.arange(SIDE, dtype=np.float32) * np.float32(4 / (SIDE - 1))
    for k in range(5):
        t = np.maximum(1 - np.abs(place - np.float32(k)), np.float32(0))
        yield k, t * t * (3 - 2 * t)


def _blurred(ink: np.ndarray) -> np.ndarray:
    """Smoothed by (1, 2, 1)/4 along both axes, the border repeated."""
    for axis in (1, 2):
        first, last = (np.take(ink, [end], axis=axis) for end in (0, -1))
        wide = np.concatenate([first, ink, last], axis=axis)
        before, after = (np.take(wide, range(s, s + SIDE), axis=axis) for s in (0, 2))
        ink = (before + 2 * ink + after) * np.float32(0.25)
    return ink
