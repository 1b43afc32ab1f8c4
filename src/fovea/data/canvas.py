"""Drawing on many small pictures at once, to the same bits on every machine.

Only what IEEE 754 and NumPy's bit generators promise to the last bit is used: + − × ÷ √ and comparisons on
float32, in a fixed order, and raw 64-bit numbers. (Sines, exponentials, sums along an axis and the methods of
`Generator` may differ between machines or releases.)
"""

from collections.abc import Iterator

import numpy as np

SIDE = 28  # pixels of a picture's height and width


class Random:
    """Random numbers from raw bits, the only thing that NumPy promises never to change."""

    def __init__(self, *key: int) -> None:
        self.bits = np.random.PCG64(key)

    def uniform(self, low: float, high: float, *shape: int) -> np.ndarray:
        """float32 in [low, high)."""
        raw = self.bits.random_raw(int(np.prod(shape))).reshape(shape)
        return np.float32(low) + (raw >> np.uint64(40)).astype(np.float32) * np.float32((high - low) / 2**24)

    def below(self, bound: int, n: int) -> np.ndarray:
        """Whole numbers int64 (n,) from 0 to `bound` − 1."""
        return ((self.bits.random_raw(n) >> np.uint64(11)) % np.uint64(bound)).astype(np.int64)

    def bytes(self, *shape: int) -> np.ndarray:
        """uint8, every value equally likely."""
        n = int(np.prod(shape))
        return self.bits.random_raw(-(-n // 8)).astype("<u8").view(np.uint8)[:n].reshape(shape)


def to_segment(x, y, x0, y0, x1, y1) -> tuple[np.ndarray, np.ndarray]:
    """The vector (d_x, d_y) from (x, y) to the nearest point of the segment from (x0, y0) to (x1, y1)."""
    a, b = x1 - x0, y1 - y0
    t = ((x - x0) * a + (y - y0) * b) / (a * a + b * b)
    t = np.minimum(np.maximum(t, np.float32(0)), np.float32(1))
    return x0 + t * a - x, y0 + t * b - y


def look_up(maps: np.ndarray, chosen: np.ndarray, u: np.ndarray, v: np.ndarray, reach: float) -> np.ndarray:
    """The maps `chosen` (n,) from `maps` (m, grid, grid), sampled at points (u, v) (n, 28, 28), bilinearly.

    A map spans −`reach` to `reach`; points beyond get the value at its edge.
    """
    grid = maps.shape[1]
    scale, last = np.float32((grid - 1) / (2 * reach)), np.float32(grid - 1.001)
    i = np.minimum(np.maximum((u + np.float32(reach)) * scale, np.float32(0)), last)
    j = np.minimum(np.maximum((v + np.float32(reach)) * scale, np.float32(0)), last)
    column, row = i.astype(np.int32), j.astype(np.int32)
    i, j = i - column, j - row
    flat = maps.reshape(-1)
    index = chosen.astype(np.int32)[:, None, None] * np.int32(grid * grid) + row * np.int32(grid) + column
    top, below = flat.take(index), flat.take(index + np.int32(grid))
    top = top + i * (flat.take(index + np.int32(1)) - top)
    below = below + i * (flat.take(index + np.int32(grid + 1)) - below)
    return top + j * (below - top)


def coverage(distance: np.ndarray, half_width: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """The inked share of a pixel, 0 to 1, at this distance from a stroke's middle.

    `scale` is the number of pixels per unit of `distance`; `half_width` is in pixels.
    """
    ink = half_width - distance * scale + np.float32(0.5)
    return np.minimum(np.maximum(ink, np.float32(0)), np.float32(1))


def stroke(random: Random, x: np.ndarray, y: np.ndarray, n: int) -> np.ndarray:
    """The ink (n, 28, 28) of a short straight stroke at a random place."""
    x0, y0 = random.uniform(-12, 12, n, 1, 1), random.uniform(-12, 12, n, 1, 1)
    x1, y1 = x0 + random.uniform(-9, 9, n, 1, 1), y0 + random.uniform(-9, 9, n, 1, 1)
    d_x, d_y = to_segment(x, y, x0, y0, x1, y1)
    one = np.ones((1, 1, 1), np.float32)
    return coverage(np.sqrt(d_x * d_x + d_y * d_y), random.uniform(0.3, 0.9, n, 1, 1), one)


def field(random: Random, n: int, amplitude: float) -> np.ndarray:
    """A smooth random field (n, 28, 28) within ±`amplitude`: 5×5 knots, blended by smoothsteps."""
    knots = random.uniform(-amplitude, amplitude, n, 5, 5)
    rows = np.zeros((n, SIDE, 5), np.float32)
    whole = np.zeros((n, SIDE, SIDE), np.float32)
    for k, weight in _blends():
        rows += weight[None, :, None] * knots[:, k, None, :]
    for k, weight in _blends():
        whole += weight[None, None, :] * rows[:, :, k, None]
    return whole


def _blends() -> Iterator[tuple[int, np.ndarray]]:
    """Each of the 5 knots with its weight (28,) at every pixel."""
    place = np.arange(SIDE, dtype=np.float32) * np.float32(4 / (SIDE - 1))
    for k in range(5):
        t = np.maximum(1 - np.abs(place - np.float32(k)), np.float32(0))
        yield k, t * t * (3 - 2 * t)


def blurred(ink: np.ndarray) -> np.ndarray:
    """Smoothed by (1, 2, 1)/4 along both axes, the border repeated."""
    for axis in (1, 2):
        first, last = (np.take(ink, [end], axis=axis) for end in (0, -1))
        wide = np.concatenate([first, ink, last], axis=axis)
        before, after = (np.take(wide, range(s, s + SIDE), axis=axis) for s in (0, 2))
        ink = (before + 2 * ink + after) * np.float32(0.25)
    return ink
