"""Pictures like those that people have, drawn for tests."""

import numpy as np


def scene(seed: int, side: int = 96, channels: int = 1) -> np.ndarray:
    """uint8 (side, side, channels): rectangles and discs with soft shades, before and behind each other."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side
    picture = np.zeros((side, side, channels))
    for _ in range(25):
        (cy, cx, h, w), shade = rng.uniform(0.02, 1, 4), rng.uniform(0, 1, channels)
        inside = (abs(y - cy) < h / 4) & (abs(x - cx) < w / 4)
        if rng.random() < 0.5:
            inside = (y - cy) ** 2 + (x - cx) ** 2 < (h / 5) ** 2
        slope = rng.uniform(-0.4, 0.4) * (x - cx) + rng.uniform(-0.4, 0.4) * (y - cy)
        picture[inside] = (shade + slope[..., None])[inside]
    return (255 * picture.clip(0, 1) + rng.uniform(0, 3, picture.shape)).clip(0, 255).astype(np.uint8)
