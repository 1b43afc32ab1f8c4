"""Several pictures in one file: an animated picture, and a sheet of numbered ones."""

from collections.abc import Sequence
from math import ceil, sqrt
from pathlib import Path

import numpy as np

from fovea import images
from fovea.errors import DataError, mismatch
from fovea.files import write_whole

SIDE = 384  # pixels of the longer side of a film
MOST = 120  # frames
PAUSE, LAST = 60, 2000  # milliseconds of a frame, and of the last
GAP = 4  # pixels between the pictures of a sheet
ANIMATED = (".webp", ".gif", ".png")


def check(path: str) -> None:
    """Raise DataError unless `path` has the extension of an animated picture."""
    if Path(path).suffix.lower() not in ANIMATED:
        raise DataError(mismatch("film", f"a file of {', '.join(ANIMATED)}", Path(path).name))


def frame(picture: np.ndarray) -> np.ndarray:
    """A picture uint8 (H, W, 3), as large as in a film."""
    H, W, _ = picture.shape
    share = min(SIDE / max(H, W), 1)
    return images.fit(picture[None], (max(round(H * share), 1), max(round(W * share), 1)))[0]


def write(path: Path, frames: Sequence[np.ndarray]) -> None:
    """Write an animated picture of frames uint8 (H, W, 3), at most `MOST` of them; the last stays longer.
    Raises OSError if the file cannot be written."""
    from PIL import Image

    chosen = np.unique(np.linspace(0, len(frames) - 1, MOST).round().astype(int))
    first, *others = (Image.fromarray(frames[k]) for k in chosen)
    times = [PAUSE] * len(others) + [LAST]

    def save(temporary: Path) -> None:
        first.save(temporary, save_all=True, append_images=others, duration=times, loop=0)

    write_whole(path, save)


def sheet(pictures: np.ndarray) -> np.ndarray:
    """One picture of all `pictures` uint8 (n, H, W, 3) in rows, each with its number, counted from 1."""
    from PIL import Image, ImageDraw

    count, H, W, _ = pictures.shape
    columns = ceil(sqrt(count * H / W))
    rows = ceil(count / columns)
    made = Image.new("RGB", (columns * (W + GAP) - GAP, rows * (H + GAP) - GAP), "white")
    draw = ImageDraw.Draw(made)
    for k, picture in enumerate(pictures):
        left, top = k % columns * (W + GAP), k // columns * (H + GAP)
        made.paste(Image.fromarray(picture), (left, top))
        letters = max(H // 9, 10)
        box = draw.textbbox((left + 3, top + 2), str(k + 1), font_size=letters)
        draw.rectangle((left, top, box[2] + 3, box[3] + 2), fill="black")
        draw.text((left + 3, top + 2), str(k + 1), fill="white", font_size=letters)
    return np.asarray(made)
