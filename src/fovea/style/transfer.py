"""Style transfer by optimisation: the pixels of the painting are what is learned, by L-BFGS.

The painting is made coarse to fine (levels.py): small first, then at twice the size from the enlarged result,
until it has its size. Gatys, Ecker, Bethge: Image style transfer using convolutional neural networks (2016).
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from typing import Any

import numpy as np

from fovea import images
from fovea.errors import FoveaError, mismatch
from fovea.optimizers.lbfgs import Descent
from fovea.seeds import Draw, generator
from fovea.style import colours
from fovea.style.features import extractor
from fovea.style.levels import Level, levels
from fovea.style.objective import Objective, Progress
from fovea.style.options import Options, Style, shares

WHITE = 255.0
FIRST_STEP = 4.0  # grey levels, the root of the mean square of the first step's changes


@dataclass(frozen=True)
class Moment:
    """A point of a transfer in progress: `level` of `levels`, the `evaluations` of that level, the loss, and
    the share of all work that is done."""

    level: int
    levels: int
    size: tuple[int, int]
    evaluations: int
    of: int
    loss: float
    done: float


def transfer(
    photo: np.ndarray, styles: np.ndarray | Style | Sequence[Style], size: int = 512, **options: Any
) -> np.ndarray:
    """The painting, uint8 (H, W, 3), of the uint8 picture `photo` (H, W, C) in the manner of `styles`: a
    picture, or several `Style`s. Its longer side has `size` pixels. The other `options` are those of
    `Options`. The same arguments give the same bits. Raises FoveaError for arguments that do not fit.
    """
    whole_transfer = Transfer(photo, styles, Options(size=size, **options))
    for _ in whole_transfer.steps():
        pass
    return whole_transfer.painting()


class Transfer:
    """A transfer in progress: `steps` paints, `painting` is the painting so far, `state` saves."""

    def __init__(
        self,
        photo: np.ndarray,
        styles: np.ndarray | Style | Sequence[Style],
        options: Options | None = None,
        *,
        progress: Progress | None = None,
    ) -> None:
        self.options, self._progress = options or Options(), progress
        given = [styles] if isinstance(styles, np.ndarray | Style) else styles
        self.styles = [style if isinstance(style, Style) else Style(style) for style in given]
        self.photo = _colour(photo, "photograph")
        self._style_pictures = [_colour(style.picture, "style") for style in self.styles]
        self.shares = shares([style.share for style in self.styles])
        self.levels = levels(self.photo.shape[:2], self.options)
        self._level, self._x = 0, self._start()
        self._descent: Descent | None = None
        self._saved: Mapping[str, np.ndarray] | None = None

    def steps(self) -> Iterator[Moment]:
        """Paint; a moment after each step."""
        for place in range(self._level, len(self.levels)):
            self._level, level = place, self.levels[place]
            self._x = images.resized(self._x, level.size)
            objective, first = self._objective(level), FIRST_STEP * sqrt(self._x.size)
            if self._saved is None:
                descent = Descent(objective, self._x.reshape(-1), first=first)
            else:
                descent, self._saved = Descent.resume(objective, self._saved, first=first), None
            self._descent = descent
            while descent.evaluations < level.evaluations and descent.step():
                self._x = descent.x.reshape(*level.size, 3)
                yield self._moment(descent)

    def painting(self) -> np.ndarray:
        """The painting so far, uint8 (H, W, 3), in its full size."""
        size = self.levels[-1].size
        painted = images.resized(self._x, size)
        if self.options.colours == "photo":
            painted = colours.of_photo(painted, images.resized(self.photo, size))
        return np.clip(np.rint(painted), 0, WHITE).astype(np.uint8)

    def _moment(self, descent: Descent) -> Moment:
        level, total = self.levels[self._level], sum(level.work for level in self.levels)
        share = min(descent.evaluations / level.evaluations, 1)
        done = sum(level.work for level in self.levels[: self._level]) + share * level.work
        return Moment(
            self._level + 1,
            len(self.levels),
            level.size,
            descent.evaluations,
            level.evaluations,
            descent.value,
            done / total,
        )

    def _start(self) -> np.ndarray:
        size = self.levels[0].size
        if self.options.start == "photo":
            return images.resized(self.photo, size)
        noise = generator(self.options.seed, Draw.PAINTING).standard_normal((*size, 3), np.float32)
        return np.clip(WHITE / 2 + WHITE / 8 * noise, 0, WHITE)

    def _objective(self, level: Level) -> Objective:
        photo = images.resized(self.photo, level.size)
        longer, least = max(level.size) * self.options.style_scale, extractor(self.options.network).least
        scaled = []
        for picture in self._style_pictures:
            share = longer / max(picture.shape[:2])
            size = [max(round(side * share), least) for side in picture.shape[:2]]
            scaled.append(images.resized(picture, size))
        return Objective(photo, scaled, self.shares, self.options, self._progress)

    def state(self) -> dict[str, np.ndarray]:
        """Everything that `resume` needs, by name, after a step."""
        assert self._descent is not None, "nothing has been painted yet"
        return {"level": np.array(self._level), **self._descent.state()}

    def resume(self, state: Mapping[str, np.ndarray]) -> None:
        """Continue from a `state` of a transfer with the same arguments, to the same bits."""
        self._level, self._saved = int(state["level"]), state
        self._x = state["x"].reshape(*self.levels[self._level].size, 3)

    @cached_property
    def digest(self) -> str:
        """Of the pictures, by which a state is recognised."""
        digest = hashlib.sha256(repr((self.photo.shape, self.shares, self.options)).encode())
        masks = [style.mask for style in self.styles if style.mask is not None]
        for array in (self.photo, *self._style_pictures, *masks):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def _colour(picture: np.ndarray, what: str) -> np.ndarray:
    """A uint8 picture (H, W), (H, W, 1) or (H, W, 3) as float32 (H, W, 3)."""
    picture = picture[:, :, None] if picture.ndim == 2 else picture
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] not in (1, 3):
        got = f"{picture.dtype} {picture.shape}"
        raise FoveaError(mismatch(f"style: {what}", "a uint8 picture (H, W, 1) or (H, W, 3)", got))
    if min(picture.shape[:2]) < 2:
        got = f"{picture.shape[0]}×{picture.shape[1]}"
        raise FoveaError(mismatch(f"style: {what}", "a picture of at least 2×2 pixels", got))
    return np.repeat(picture, 3 // picture.shape[2], axis=2).astype(np.float32)
