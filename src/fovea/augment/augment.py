"""Small random changes to training pictures that do not change their class, drawn anew for every batch.

Each picture gets one matrix M (2×3) that maps an output pixel to the point where its colour comes from:

    (x', y') = M · (x, y, 1)      in pixels; centres of pixels from (0, 0) to (W−1, H−1)

With the picture's middle c = ((W−1)/2, (H−1)/2), all moves together are

    p' = c + d + R(θ)·Z·F·(p − c)                                                                        (1)

F mirrors left and right, Z = diag(z_x, z_y) has the sides of the cropped part, at most 1, R rotates by θ, and
d translates: by `shift`, by `pad`, and to the place of the cropped part. Pixels outside the picture are 0, or
with `reflect` its mirror image. Then one more matrix changes the colours (colours.py), and finally a square
is covered.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from fovea.augment import colours
from fovea.errors import DataError, mismatch
from fovea.ranges import flag, real, short, typed
from fovea.settings import Settings

_DEFAULTS = {  # the strengths of names without one
    "shift": 0.1, "pad": 4, "flip": True, "rotate": 10.0, "crop": 0.2, "stretch": 0.33, "reflect": True,
    "brightness": 0.3, "contrast": 0.3, "saturation": 0.3, "hue": 0.05, "cutout": 0.25,
}  # fmt: skip
_MOST = {
    "shift": 1.0, "pad": 1000, "rotate": 180.0, "crop": 0.99, "stretch": 3.0,
    "brightness": 0.99, "contrast": 0.99, "saturation": 1.0, "hue": 0.5, "cutout": 1.0,
}  # fmt: skip
_COLOUR = ("brightness", "contrast", "saturation", "hue")
_SHORT_FOR = {"none": {}, "colour": {name: _DEFAULTS[name] for name in _COLOUR}}
_NAMES = (*_DEFAULTS, "colour")
_SETTINGS = Settings("augment", 'changes with strengths such as "shift=0.1,flip"', DataError)
_MOVES = ("shift", "pad", "flip", "rotate", "crop", "stretch")


@dataclass(frozen=True)
class Augment:
    """Ranges of random changes; each change is drawn uniformly, for each picture independently.

    shift: translates by up to this share of the height and of the width, in any direction (0 to 1).
    pad: translates by up to this many whole pixels, as padding and cropping to the old size would.
    flip: mirrors each picture left and right in every other epoch; in the first, a random half of them.
    rotate: rotates by up to this many degrees, either way (0 to 180).
    crop: keeps a part of the picture with sides of 1 − `crop` to 1, anywhere in it, enlarged to the old size
        (0 up to, not including, 1).
    stretch: changes the aspect ratio of that part by a factor of up to 1 + `stretch`, either way (0 to 3);
        with `crop`, this is known as a random resized crop.
    reflect: outside the picture is its mirror image instead of black.
    brightness, contrast, saturation: multiplies it by 1 − strength to 1 + strength (0 to 1).
    hue: rotates all hues by up to this share of the colour wheel, either way (0 to 0.5).
    cutout: covers a square with sides of this share of the picture's shorter side by the picture's mean
        colour; its middle may be anywhere (0 to 1).

    Sources: T. DeVries, G. Taylor, 2017 (cutout); C. Szegedy et al., 2015 (resized crops); K. Jordan, 2024
    (flips in turns).
    """

    shift: float = 0.0
    flip: bool = False
    rotate: float = 0.0
    crop: float = 0.0
    stretch: float = 0.0
    pad: int = 0
    reflect: bool = False
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    cutout: float = 0.0

    def __post_init__(self) -> None:
        for name, most in _MOST.items():
            value = getattr(self, name)
            if not real(value) or not 0 <= value <= most or (name == "pad" and value != int(value)):
                kind = "a whole number" if name == "pad" else "a number"
                raise DataError(mismatch(f"augment: {name}", f"{kind} from 0 to {most:g}", short(value, str)))
        for name in ("flip", "reflect"):
            flag(getattr(self, name), f"augment: {name}")
        object.__setattr__(self, "pad", int(self.pad))

    @classmethod
    def parse(cls, text: str) -> "Augment":
        """The augmentation in `text`: names separated by commas, each with or without its strength.

        "shift,flip,rotate,crop" means shift=0.1, rotate=10, crop=0.2, and pictures mirrored in alternate
        epochs; "rotate=15,crop=0.3" sets the strengths; "colour" is short for brightness, contrast,
        saturation and hue; "none" and "" change nothing. Raises DataError.
        """
        chosen: dict[str, Any] = {}
        for name, strength in _SETTINGS.read(text).items():
            if strength is True and name in _SHORT_FOR:
                chosen |= _SHORT_FOR[name]
                continue
            _SETTINGS.check_known(name, _NAMES)
            if strength is True:
                chosen[name] = _DEFAULTS[name]
            elif name in _MOST:
                chosen[name] = typed(strength)
            else:
                expected = f"no strength; {', '.join(_MOST)} have one"
                raise DataError(mismatch(f"augment: {name}", expected, repr(strength)))
        return cls(**chosen)

    def __str__(self) -> str:
        """The text that `parse` reads."""
        given = ((field.name, getattr(self, field.name)) for field in fields(self))
        return (
            ",".join(name if value is True else f"{name}={value}" for name, value in given if value) or "none"
        )

    def __bool__(self) -> bool:
        return self != Augment()

    def matrices(
        self, n: int, size: tuple[int, int], rng: np.random.Generator, mirrored: np.ndarray | None = None
    ) -> np.ndarray:
        """A matrix for each of `n` pictures of `size` = (H, W): float32 (n, 2, 3), by (1)."""
        # All numbers are always drawn, so that switching one change on does not alter the others.
        shift_y, shift_x, side, turn, zoom, place_y, place_x, form, pad_y, pad_x = rng.random((10, n))
        middle_y, middle_x = (size[0] - 1) / 2, (size[1] - 1) / 2
        theta = np.deg2rad(self.rotate) * (2 * turn - 1)
        z, longer = 1 - self.crop * zoom, (1 + self.stretch) ** (form - 0.5)  # the root of the aspect ratio
        z_y, z_x = np.minimum(z / longer, 1), np.minimum(z * longer, 1)
        d_y = self.shift * size[0] * (2 * shift_y - 1) + (1 - z_y) * size[0] * (place_y - 0.5)
        d_x = self.shift * size[1] * (2 * shift_x - 1) + (1 - z_x) * size[1] * (place_x - 0.5)
        d_y, d_x = (d + np.floor((2 * self.pad + 1) * u) - self.pad for d, u in ((d_y, pad_y), (d_x, pad_x)))
        swap = side < 0.5 if mirrored is None else mirrored
        f = np.where(swap, -1.0, 1.0) if self.flip else np.ones(n)

        M = np.empty((n, 2, 3))
        M[:, 0, 0], M[:, 0, 1] = np.cos(theta) * z_x * f, -np.sin(theta) * z_y
        M[:, 1, 0], M[:, 1, 1] = np.sin(theta) * z_x * f, np.cos(theta) * z_y
        M[:, 0, 2] = middle_x + d_x - M[:, 0, 0] * middle_x - M[:, 0, 1] * middle_y  # (1)
        M[:, 1, 2] = middle_y + d_y - M[:, 1, 0] * middle_x - M[:, 1, 1] * middle_y  # (1)
        return M.astype(np.float32)

    def __call__(
        self, pictures: np.ndarray, rng: np.random.Generator, mirrored: np.ndarray | None = None
    ) -> np.ndarray:
        """A changed copy of uint8 pictures (N, H, W, C), each changed differently.

        With `flip`, `mirrored` bool (N,) marks the pictures to mirror; by default it is drawn.
        """
        from fovea.functional import recolour, warp

        n, height, width, _ = pictures.shape
        if any(getattr(self, name) for name in _MOVES):
            M = self.matrices(n, (height, width), rng, mirrored)
            mode = "reflect" if self.reflect else "constant"
            pictures = warp(pictures, M, out_size=(height, width), mode=mode)
        if any(getattr(self, name) for name in _COLOUR):
            pictures = recolour(pictures, self._colours(_means(pictures), rng))
        if self.cutout:
            pictures = self._cut(pictures, rng)
        return pictures

    def _colours(self, means: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        spread = 2 * rng.random((4, len(means))) - 1
        b, c, s = (1 + getattr(self, name) * u for name, u in zip(_COLOUR, spread[:3], strict=False))
        return colours.matrices(b, c, s, 2 * np.pi * self.hue * spread[3], means)

    def _cut(self, pictures: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        n, height, width, _ = pictures.shape
        side = max(round(self.cutout * min(height, width)), 1)
        top, left = np.floor(rng.random((2, n)) * [[height], [width]]).astype(int) - side // 2
        pictures, means = pictures.copy(), np.rint(_means(pictures)).astype(np.uint8)
        for picture, y, x, mean in zip(pictures, top.tolist(), left.tolist(), means, strict=True):
            picture[max(y, 0) : y + side, max(x, 0) : x + side] = mean
        return pictures


def _means(pictures: np.ndarray) -> np.ndarray:
    """The mean colour of each picture: float64 (N, C), from exact sums."""
    n, height, width, C = pictures.shape
    return pictures.reshape(n, -1, C).sum(axis=1, dtype=np.int64) / (height * width)
