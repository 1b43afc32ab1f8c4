"""Draws paintings.jpg, the one in the README: a photograph, and paintings of it.

python docs/make_paintings.py PHOTO STYLE
"""

import sys
from pathlib import Path

import numpy as np

from fovea import images
from fovea.style import Painter, transfer

HEIGHT, WIDTH, GAP = 288, 384, 8  # pixels
TRAINED = (20, 9)  # styles


def main() -> None:
    photo, style = (images.read(path, channels=3) for path in sys.argv[1:])
    photo = images.fit(photo[None], (HEIGHT, WIDTH), crop=1)[0]
    painter = Painter("multistyle26")
    panels = [
        photo,
        transfer(photo, style, size=WIDTH),
        *(painter.paint(photo, number) for number in TRAINED),
    ]
    gap = np.full((HEIGHT, GAP, 3), 255, np.uint8)
    parts = [part for panel in panels for part in (panel, gap)][:-1]
    images.write(Path(__file__).with_name("paintings.jpg"), np.concatenate(parts, axis=1))


if __name__ == "__main__":
    main()
