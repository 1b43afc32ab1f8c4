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
from fovea.ranges import short
from fovea.seeds import Draw, generator
from fovea.style import colours
from fovea.style.features import extractor
from fovea.style.levels import levels
from fovea.style.masks import Areas, Masks
from fovea.style.objective import Objective, Pause, Progress
from fovea.style.options import Options, Style, shares
from fovea.style.room import Need, pairs

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
    """A transfer in progress: `steps` paints, `painting` is the painting so far, `state` saves.

    `progress` reports compiling. `pause` is called between tiles with the share of all work that is done; an
    exception that it raises ends the step, and leaves the painting and the state as they were before. `who`
    is named if memory is short.
    """

    def __init__(
        self,
        photo: np.ndarray,
        styles: np.ndarray | Style | Sequence[Style],
        options: Options | None = None,
        *,
        progress: Progress | None = None,
        pause: Pause = lambda done: None,
        who: str = "style",
    ) -> None:
        self.options, self._progress, self._pause = options or Options(), progress, pause
        self._who = who
        given = [styles] if isinstance(styles, np.ndarray | Style) else styles
        self.styles = [style if isinstance(style, Style) else Style(style) for style in given]
        self.photo = _colour(photo, "photograph")
        self._style_pictures = [_colour(style.picture, "style") for style in self.styles]
        self.shares = shares([style.share for style in self.styles])
        self._masks = Masks([style.mask for style in self.styles], self.shares, self.photo.shape)
        self.levels = levels(self.photo.shape[:2], self.options)
        self._level, self._x = 0, self._start()
        self._descent: Descent | None = None
        self._saved: Mapping[str, np.ndarray] | None = None
        self._side, self._done = self.options.tile, 0.0

    def steps(self) -> Iterator[Moment]:
        """Paint; a moment after each step."""
        self._side = self.need.choose(self._side, self._who)
        for place in range(self._level, len(self.levels)):
            level = self.levels[place]
            photo, areas = images.resized(self.photo, level.size), self._masks.at(level.size)
            self._x, free = images.resized(self._x, level.size), self._x.size
            if areas.painted is not None:
                self._x, free = np.where(areas.painted[:, :, None], self._x, photo), 3 * areas.painted.sum()
            objective = self._objective(photo, areas, place)
            how = {"first": FIRST_STEP * sqrt(free), "memory": pairs(level.size)}
            if self._saved is None:
                descent = Descent(objective, self._x.reshape(-1), **how)
            else:
                descent, self._saved = Descent.resume(objective, self._saved, **how), None
            self._descent, self._level = descent, place
            while descent.evaluations < level.evaluations and descent.step():
                self._x = descent.x.reshape(*level.size, 3)
                yield self._moment(descent)

    def painting(self) -> np.ndarray:
        """The painting so far, uint8 (H, W, 3), in its full size."""
        painted = images.resized(self._x, self.levels[-1].size)
        if self.options.colours == "photo":
            painted = colours.of_photo(painted, self._whole_photo)
        return self._areas.blended(self._whole_photo, [painted] * len(self._areas.shares))

    @cached_property
    def _whole_photo(self) -> np.ndarray:
        """The photograph in the painting's full size."""
        return images.resized(self.photo, self.levels[-1].size)

    @cached_property
    def _areas(self) -> Areas:
        """The areas of the painting in its full size."""
        return self._masks.at(self.levels[-1].size)

    def _moment(self, descent: Descent) -> Moment:
        level = self.levels[self._level]
        self._done = self._share(self._level, descent.evaluations)
        return Moment(
            self._level + 1,
            len(self.levels),
            level.size,
            descent.evaluations,
            level.evaluations,
            descent.value,
            self._done,
        )

    def _share(self, place: int, evaluations: float) -> float:
        """The share of all work that is done after some evaluations of a level."""
        level, total = self.levels[place], sum(level.work for level in self.levels)
        done = sum(level.work for level in self.levels[:place])
        return (done + min(evaluations / level.evaluations, 1) * level.work) / total

    def _start(self) -> np.ndarray:
        size = self.levels[0].size
        if self.options.start == "photo":
            return images.resized(self.photo, size)
        noise = generator(self.options.seed, Draw.PAINTING).standard_normal((*size, 3), np.float32)
        return np.clip(WHITE / 2 + WHITE / 8 * noise, 0, WHITE)

    def _objective(self, photo: np.ndarray, areas: Areas, place: int = 0) -> Objective:
        sizes = self._style_sizes(photo.shape)
        scaled = (images.resized(*one) for one in zip(self._style_pictures, sizes, strict=True))
        whole = 0  # evaluations

        def pause(share: float) -> None:
            nonlocal whole
            self._done = max(self._done, self._share(place, whole + share))
            whole += share == 1
            self._pause(self._done)

        return Objective(photo, scaled, areas, self.options, self._progress, self._side, pause)

    def _style_sizes(self, shape: Sequence[int]) -> list[tuple[int, int]]:
        """The sizes of the styles' pictures for a painting (H, W, …)."""
        longer, least = max(shape) * self.options.style_scale, extractor(self.options.network).least
        sizes = []
        for height, width, _ in (picture.shape for picture in self._style_pictures):
            share = longer / max(height, width)
            sizes.append((max(round(height * share), least), max(round(width * share), least)))
        return sizes

    @cached_property
    def need(self) -> Need:
        """The memory for the painting."""
        size, masked = self.levels[-1].size, any(style.mask is not None for style in self.styles)
        return Need(size, self._style_sizes(size), self.options.network, masked)

    @property
    def tiles(self) -> str | None:
        """A line about the tiles that are used, None without any. Raises OutOfMemoryError."""
        self._side = self.need.choose(self._side, self._who)
        return self.need.describe(self._side)

    def state(self) -> dict[str, np.ndarray]:
        """Everything that `resume` needs, by name, after a step; nothing before the first."""
        if self._descent is None:
            return {}
        return {"level": np.array(self._level), "tile": np.array(self._side), **self._descent.state()}

    def resume(self, state: Mapping[str, np.ndarray]) -> None:
        """Continue from a `state` of a transfer with the same arguments, to the same bits: in the same tiles,
        unless the options have others."""
        self._level, self._saved = int(state["level"]), state
        if self.options.tile is None:
            self._side = int(state["tile"]) if "tile" in state else self.need.longest
        self._x = state["x"].reshape(*self.levels[self._level].size, 3)

    @cached_property
    def digest(self) -> str:
        """Of the pictures, by which a state is recognised."""
        digest = hashlib.sha256(repr((self.photo.shape, self.shares, self.options)).encode())
        masks = {index: style.mask for index, style in enumerate(self.styles) if style.mask is not None}
        for array in (self.photo, *self._style_pictures, *masks.values()):
            digest.update(np.ascontiguousarray(array).data)
        if masks:
            digest.update(repr([(index, mask.dtype) for index, mask in masks.items()]).encode())
        return digest.hexdigest()


def _colour(given: object, what: str) -> np.ndarray:
    """A uint8 picture (H, W), (H, W, 1) or (H, W, 3) as float32 (H, W, 3)."""
    picture = given[:, :, None] if isinstance(given, np.ndarray) and given.ndim == 2 else given
    is_array = isinstance(picture, np.ndarray)
    if not is_array or picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] not in (1, 3):
        got = f"{picture.dtype} {picture.shape}" if is_array else short(picture)
        raise FoveaError(mismatch(f"style: {what}", "a uint8 picture (H, W, 1) or (H, W, 3)", got))
    if min(picture.shape[:2]) < 2:
        got = f"{picture.shape[0]}×{picture.shape[1]}"
        raise FoveaError(mismatch(f"style: {what}", "a picture of at least 2×2 pixels", got))
    return np.repeat(picture, 3 // picture.shape[2], axis=2).astype(np.float32)
