"""Small changes to training pictures that leave their class as it is, drawn anew for every batch.

Each picture gets one matrix M (2×3) that says where an output pixel's colour comes from:

    (x', y') = M · (x, y, 1)      in pixels; centres of pixels from (0, 0) to (W−1, H−1)

With the picture's middle c = ((W−1)/2, (H−1)/2), all changes together are

    p' = c + d + z·R(θ)·F·(p − c)                                                                        (1)

F mirrors left and right, R turns by θ, z ≤ 1 is the side of the cropped part, and d moves: by `shift`, and to
where the cropped part lies. What comes from outside the picture is 0.
"""

from dataclasses import dataclass, fields

import numpy as np

from fovea.errors import DataError, mismatch

_USUAL = {"shift": 0.1, "flip": True, "rotate": 10.0, "crop": 0.2}  # what a bare name asks for


@dataclass(frozen=True)
class Augment:
    """How far pictures may be changed; every change is drawn evenly from its range, for each picture alone.

    shift: moves by up to this share of the height and of the width, in any direction (0 to 1).
    flip: mirrors every other picture left and right.
    rotate: turns by up to this many degrees, either way (0 to 180).
    crop: keeps a part of the picture with sides of 1 − `crop` to 1, anywhere in it, enlarged to the whole
        (0 up to, not including, 1).
    """

    shift: float = 0.0
    flip: bool = False
    rotate: float = 0.0
    crop: float = 0.0

    def __post_init__(self) -> None:
        for name, most in (("shift", 1.0), ("rotate", 180.0), ("crop", 0.99)):
            value = getattr(self, name)
            if not 0 <= value <= most:
                raise DataError(mismatch(f"augment: {name}", f"a number from 0 to {most:g}", value))

    @classmethod
    def parse(cls, text: str) -> "Augment":
        """From what is typed: names with commas between, each alone or with its strength.

        "shift,flip,rotate,crop" means shift=0.1, rotate=10, crop=0.2, and every other picture mirrored;
        "rotate=15,crop=0.3" gives the strengths; "none" and "" change nothing. Raises DataError.
        """
        chosen: dict[str, float | bool] = {}
        for item in text.replace(" ", "").split(","):
            name, equals, strength = item.partition("=")
            if name in ("", "none") and not equals:
                continue
            if name not in _USUAL or (equals and name == "flip"):
                expected = (
                    'some of shift, flip, rotate, crop, with strengths as in "shift=0.1,flip,rotate=10"'
                )
                raise DataError(mismatch("augment", expected, repr(item)))
            try:
                chosen[name] = float(strength) if equals else _USUAL[name]
            except ValueError:
                raise DataError(mismatch(f"augment: {name}", "a number", repr(strength))) from None
        return cls(**chosen)  # type: ignore[arg-type]

    def __str__(self) -> str:
        """What `parse` reads back."""
        given = ((field.name, getattr(self, field.name)) for field in fields(self))
        return (
            ",".join(name if value is True else f"{name}={value}" for name, value in given if value) or "none"
        )

    def __bool__(self) -> bool:
        return self != Augment()

    def matrices(self, n: int, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
        """A matrix for each of `n` pictures of `size` = (H, W): float32 (n, 2, 3), by (1)."""
        # All numbers are drawn whatever is asked for, so that one change does not alter the others.
        shift_y, shift_x, mirror, turn, zoom, place_y, place_x = rng.random((7, n))
        middle_y, middle_x = (size[0] - 1) / 2, (size[1] - 1) / 2
        theta = np.deg2rad(self.rotate) * (2 * turn - 1)
        z = 1 - self.crop * zoom
        d_y = self.shift * size[0] * (2 * shift_y - 1) + (1 - z) * size[0] * (place_y - 0.5)
        d_x = self.shift * size[1] * (2 * shift_x - 1) + (1 - z) * size[1] * (place_x - 0.5)
        f = np.where(mirror < 0.5, -1.0, 1.0) if self.flip else np.ones(n)

        M = np.empty((n, 2, 3))
        M[:, 0, 0], M[:, 0, 1] = z * np.cos(theta) * f, -z * np.sin(theta)
        M[:, 1, 0], M[:, 1, 1] = z * np.sin(theta) * f, z * np.cos(theta)
        M[:, 0, 2] = middle_x + d_x - M[:, 0, 0] * middle_x - M[:, 0, 1] * middle_y  # (1)
        M[:, 1, 2] = middle_y + d_y - M[:, 1, 0] * middle_x - M[:, 1, 1] * middle_y  # (1)
        return M.astype(np.float32)

    def __call__(self, pictures: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """uint8 pictures (N, H, W, C), each changed in its own way; those given stay as they are."""
        if not self:
            return pictures
        from fovea.functional import warp

        _, height, width, _ = pictures.shape
        return warp(pictures, self.matrices(len(pictures), (height, width), rng), out_size=(height, width))
