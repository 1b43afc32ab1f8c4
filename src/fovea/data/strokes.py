"""The fonts of the drawn digits: each digit as the strokes of a pen.

A glyph fills a grid 10 wide and 16 high, y downwards, and is written as

    M x y           set the pen down here
    L x y           a straight stroke to here
    Q cx cy x y     a quadratic Bézier curve to (x, y), pulled towards (cx, cy)
    O cx cy rx ry   an ellipse

Numbers are multiples of 1/2, and curves are cut at t = k/8, so that every machine sees the same points.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Font:
    """Ten glyphs and the pen that draws them.

    `pen` is "round", "square" (sharp corners and ends) or "broad" (a nib: thick down, thin across).
    """

    glyphs: tuple[str, ...]
    pen: str = "round"


FONTS = {
    # As children learn it: one stroke where one will do, an open four.
    "school": Font(
        (
            "O 5 8 4 8",
            "M 2 4 Q 4.5 2.5 6 0 L 6 16",
            "M 1 4.5 Q 1 0 5 0 Q 9 0 9 4.5 Q 9 8.5 1 16 L 9.5 16",
            "M 1 2.5 Q 2.5 0 5 0 Q 9 0 9 4 Q 9 7.5 4 7.5 Q 9.5 7.5 9.5 11.5 Q 9.5 16 5 16 Q 2 16 0.5 13.5",
            "M 3.5 0 L 0.5 10 L 9.5 10 M 7 4.5 L 7 16",
            "M 9 0 L 2 0 L 1.5 7 Q 3 5.5 5 5.5 Q 9.5 5.5 9.5 10.5 Q 9.5 16 5 16 Q 2 16 0.5 13.5",
            "M 8 0 Q 1 3 1 11 Q 1 16 5 16 Q 9 16 9 11.5 Q 9 7.5 5 7.5 Q 1.5 7.5 1 11",
            "M 1 0 L 9 0 Q 4.5 8 4 16",
            "O 5 4 3.5 4 O 5 12 4.5 4",
            "M 9 5 Q 9 0 5 0 Q 1 0 1 4.5 Q 1 9 5 9 Q 9 9 9 5 Q 9 12 4 16",
        )
    ),
    # Sign writing: straight where it can be, a bare one, a closed four, a flat-topped three.
    "poster": Font(
        (
            "M 5 0 Q 9 0 9 4 L 9 12 Q 9 16 5 16 Q 1 16 1 12 L 1 4 Q 1 0 5 0",
            "M 5 0 L 5 16",
            "M 1 3.5 Q 2 0 5 0 Q 9 0 9 4 Q 9 6.5 6 9 L 1 15 L 1 16 L 9 16",
            "M 1 0 L 9 0 L 4.5 6 Q 9.5 6 9.5 11 Q 9.5 16 5 16 Q 1.5 16 0.5 13",
            "M 7.5 16 L 7.5 0 L 0.5 11 L 10 11",
            "M 8.5 0 L 1.5 0 L 1.5 6.5 L 5.5 6.5 Q 9.5 6.5 9.5 11 Q 9.5 16 5 16 L 1 16",
            "M 7 0 L 2 8.5 M 5 16 Q 9.5 16 9.5 11.5 Q 9.5 7 5.5 7 Q 1 7 1 11.5 Q 1 16 5 16",
            "M 0.5 0 L 9.5 0 L 3 16",
            "M 5 7.5 Q 1.5 7.5 1.5 4 Q 1.5 0 5 0 Q 8.5 0 8.5 4 Q 8.5 7.5 5 7.5 Q 0.5 7.5 0.5 12 Q 0.5 16 5 16"
            " Q 9.5 16 9.5 12 Q 9.5 7.5 5 7.5",
            "M 3 16 L 8 7.5 M 5 0 Q 9 0 9 4.5 Q 9 9 5 9 Q 1 9 1 4.5 Q 1 0 5 0",
        )
    ),
    # Book-keeping: a one on a foot, a barred seven, a slashed zero, loops where the pen turns.
    "ledger": Font(
        (
            "O 5 8 4.5 8 M 8 2.5 L 2 13.5",
            "M 1.5 4.5 L 5 0 L 5 16 M 1.5 16 L 8.5 16",
            "M 1 4 Q 2 0 5.5 0 Q 9 0 8.5 4.5 Q 7.5 10 2.5 14.5 Q 1 16.5 1 14.5 Q 1.5 12.5 4.5 14.5"
            " Q 7 16.5 9.5 14.5",
            "M 1 1.5 Q 4 -1 7 0.5 Q 9.5 3 7 6 Q 5.5 7.5 3.5 7 Q 9.5 7 9.5 11.5 Q 9 16 4.5 16 Q 1 16 1 13.5",
            "M 6.5 16 L 8 0 Q 6 7 0.5 10.5 L 10 10.5",
            "M 9.5 0.5 Q 6 -0.5 3 0.5 L 2 7 Q 6 4.5 8.5 8 Q 10 13 6 15.5 Q 3 17 0.5 14.5",
            "M 7 0 Q 3 2.5 1.5 8 Q 0 15 4.5 16 Q 8.5 16 9 12 Q 9 8.5 6 8.5 Q 2.5 9 1.5 13",
            "M 0.5 2 Q 1 0 3 0.5 Q 6 1.5 9.5 0 Q 6 6 4.5 16 M 2.5 8 L 8.5 8",
            "M 8.5 2 Q 6 -0.5 3 0.5 Q 0.5 2.5 3 5.5 Q 5 7.5 7.5 10 Q 10.5 14.5 6 16 Q 1 16.5 1 12.5"
            " Q 1.5 9 5 7 Q 8.5 5 8.5 2",
            "M 8.5 2 Q 6 -0.5 3.5 0.5 Q 0 3 1.5 7 Q 4.5 9.5 7.5 6.5 L 8.5 2 L 8.5 11"
            " Q 8.5 16 5 16 Q 2 16 1.5 14",
        )
    ),
    # A running hand: slanted, hasty, curves left open.
    "hasty": Font(
        (
            "M 7 0.5 Q 2.5 1.5 1.5 8 Q 0 16 3.5 16 Q 7 16 8.5 8 Q 10 0.5 6.5 0.5 Q 5 1 5.5 3",
            "M 7.5 0 L 3 16",
            "M 2.5 3 Q 5 -1 8 0.5 Q 10 2.5 7 7 L 0.5 15.5 Q 4 14 8 16",
            "M 2.5 2 Q 5 -0.5 8 0.5 Q 10.5 3 4.5 7 Q 9 7.5 7.5 12 Q 5 17 0.5 14.5",
            "M 4 0.5 Q 2 5 1 9 Q 4 9.5 8.5 8.5 M 9 1 Q 7 8 5 16",
            "M 9.5 0 L 4.5 0.5 L 3 6 Q 8.5 5 8 10 Q 6.5 16.5 0.5 15",
            "M 8 0 Q 2.5 5 1 12 Q 1 16.5 4.5 15.5 Q 8.5 13.5 7.5 9.5 Q 5 7.5 1.5 12",
            "M 2 1 L 9.5 0 Q 6 6 3 16 M 3.5 7.5 L 8 7",
            "M 9 1.5 Q 5 -1.5 3.5 2 Q 3.5 4.5 6 7 Q 9 11 6.5 14.5 Q 3 17.5 1 13.5 Q 1 10 5 7.5"
            " Q 9.5 4.5 9 1.5",
            "M 9 1.5 Q 5 -1 2.5 4 Q 1.5 8 5 8 Q 8 7 9 1.5 Q 7 9 4.5 16",
        )
    ),
    # A pocket calculator's bars.
    "segments": Font(
        (
            "M 1 0 L 9 0 L 9 16 L 1 16 L 1 0",
            "M 7 0 L 7 16",
            "M 1 0 L 9 0 L 9 8 L 1 8 L 1 16 L 9 16",
            "M 1 0 L 9 0 L 9 16 L 1 16 M 2.5 8 L 9 8",
            "M 1 0 L 1 8 L 9 8 M 9 0 L 9 16",
            "M 9 0 L 1 0 L 1 8 L 9 8 L 9 16 L 1 16",
            "M 9 0 L 1 0 L 1 16 L 9 16 L 9 8 L 1 8",
            "M 1 3.5 L 1 0 L 9 0 L 9 16",
            "M 1 0 L 9 0 L 9 16 L 1 16 L 1 0 M 1 8 L 9 8",
            "M 9 8 L 1 8 L 1 0 L 9 0 L 9 16 L 1 16",
        ),
        pen="square",
    ),
    # Old book print: thick and thin strokes, curls, feet; the six and the nine sweep.
    "print": Font(
        (
            "O 5 8 4.5 8",
            "M 1.5 2.5 L 5 0.5 L 5 16 M 1.5 16 L 8.5 16",
            "M 1.5 4.5 Q 0.5 0 5 0 Q 9 0 9 4.5 Q 9 8 4.5 11.5 Q 1.5 14 1 16 L 9 16 L 9.5 13",
            "M 1.5 3.5 Q 1.5 0 5 0 Q 8.5 0 8.5 4 Q 8.5 7.5 4 7.5 Q 9.5 7.5 9.5 12 Q 9 16 5 16 Q 1 16 1 12.5",
            "M 7 16 L 7 0 L 0.5 11.5 L 9.5 11.5 M 5 16 L 9 16",
            "M 9 -0.5 Q 8 0.5 2 0.5 L 2 7.5 Q 4 6 6 6 Q 9.5 6.5 9.5 11 Q 9 16 4.5 16 Q 1.5 16 1 13.5",
            "M 9 0.5 Q 1 2 1 10.5 Q 1 16 5 16 Q 9 16 9 11.5 Q 9 7.5 5 7.5 Q 2 7.5 1 11",
            "M 1 3 L 1 0.5 L 9.5 0.5 Q 4.5 7 4 16",
            "O 5 4 3.5 4 O 5 12 4.5 4",
            "M 1 15.5 Q 9 14 9 5.5 Q 9 0 5 0 Q 1 0 1 4.5 Q 1 8.5 5 8.5 Q 8 8.5 9 5",
        ),
        pen="broad",
    ),
}


def segments(glyph: str) -> np.ndarray:
    """The glyph as straight pieces (n, 4): x and y of both ends."""
    words = iter(glyph.split())
    pieces: list[tuple[float, float, float, float]] = []
    x = y = 0.0
    for command in words:
        if command == "M":
            x, y = float(next(words)), float(next(words))
            continue
        if command == "O":
            c_x, c_y, r_x, r_y = (float(next(words)) for _ in range(4))
            path = [(c_x + r_x * u, c_y + r_y * v) for u, v in _CIRCLE]
            x, y = path[-1]  # the ellipse ends where it begins
        else:
            via = [float(next(words)) for _ in range(2 if command == "L" else 4)]
            path = [(via[0], via[1])] if command == "L" else _curve(x, y, *via)
        for end in path:
            pieces.append((x, y, *end))
            x, y = end
    return np.array(pieces)


def _curve(x0: float, y0: float, x1: float, y1: float, x2: float, y2: float) -> list[tuple[float, float]]:
    points = []
    for k in range(1, 9):
        t = k / 8
        a, b, c = (1 - t) * (1 - t), 2 * t * (1 - t), t * t
        points.append((a * x0 + b * x1 + c * x2, a * y0 + b * y1 + c * y2))
    return points


def _circle() -> list[tuple[float, float]]:
    """24 points round the unit circle without sine and cosine: ((1 − t²)/(1 + t²), 2t/(1 + t²))."""
    quarter = [((1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)) for t in (k / 6 for k in range(6))]
    half = quarter + [(-v, u) for u, v in quarter]
    return half + [(-u, -v) for u, v in half]


_CIRCLE = _circle()
