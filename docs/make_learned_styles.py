"""Draws learned-styles.jpg: a photograph, its painting by optimisation, and the one in the learned style, in
a row for each style.

    fovea learn-style PAINTING --pictures PHOTOGRAPHS
    python docs/make_learned_styles.py PHOTO PAINTING STYLE.safetensors [PAINTING STYLE.safetensors ...]
"""

import sys
from pathlib import Path

import numpy as np

from fovea import images
from fovea.style import LearnedStyle, Painter, transfer

LONGER, WIDTH, GAP = 512, 288, 8  # pixels: of the paintings; of their copies in the picture


def main() -> None:
    photo, *rest = sys.argv[1:]
    picture = images.read(photo, channels=3)
    share = LONGER / max(picture.shape[:2])
    picture = images.fit(picture[None], [round(share * length) for length in picture.shape[:2]])[0]
    rows = []
    for painting, file in zip(rest[::2], rest[1::2], strict=True):
        style = images.read(painting, channels=3)
        panels = [picture, transfer(picture, style), Painter().paint(picture, LearnedStyle.read(file))]
        height = round(WIDTH * picture.shape[0] / picture.shape[1])
        small = images.fit(np.stack(panels), (height, WIDTH))
        rows.append(
            np.concatenate(
                [np.pad(one, ((0, GAP), (0, GAP), (0, 0)), constant_values=255) for one in small], 1
            )
        )
    images.write(Path(__file__).with_name("learned-styles.jpg"), np.concatenate(rows)[:-GAP, :-GAP])


if __name__ == "__main__":
    main()
