"""The studio of the page: a photograph painted in a style, at once by a trained painter, or in detail.

Pictures travel as pixels, uint8 RGB in base64, in every request. The only state is the painting in detail,
which takes a minute: it runs in a thread of its own, one at a time, and the page asks for its progress.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any

import numpy as np

from fovea import images
from fovea.apps.look.uploads import size_of
from fovea.apps.look.views import Answer
from fovea.errors import DataError, FoveaError, mismatch
from fovea.ranges import number, whole
from fovea.style import Options, Painter, Style, Transfer, colours, masks
from fovea.style.masks import Masks

SIDE = 512  # pixels of a picture's longer side
SMALL = 96  # the same, of the paintings that show the trained styles
LEAST = 16  # pixels of a picture's shorter side
EVERY = 0.3  # seconds between two pictures of a painting in detail
DETAILED = 0.5  # the share of style in a painting in detail, at full strength


@dataclass(frozen=True)
class Knobs:
    """The sliders. strength: from 0, the photograph, to 1. colour: the share of its own colours, from
    0 to 1. scale: the size of strokes against the usual."""

    strength: float
    colour: float
    scale: float

    @classmethod
    def of(cls, query: Mapping[str, Any]) -> "Knobs":
        """Those of a request. Raises FoveaError."""
        share = "a number from 0 to 1"
        return cls(
            number(query.get("strength"), "request: strength", share, 0, 1),
            number(query.get("colour"), "request: colour", share, 0, 1),
            number(query.get("scale"), "request: scale", "a number from 0.25 to 4", 0.25, 4),
        )

    def coloured(self, painting: np.ndarray, photo: np.ndarray) -> np.ndarray:
        """A uint8 painting with its share of the photograph's colours."""
        if not self.colour:
            return painting
        own, wanted = (
            picture.astype(np.float32)
            for picture in (painting, images.fit(photo[None], painting.shape[:2])[0])
        )
        mixed = (1 - self.colour) * own + self.colour * colours.of_photo(own, wanted)
        return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)


class Studio:
    """Paints photographs; a method for each request."""

    def __init__(self) -> None:
        self._lock, self._started = Lock(), 0
        self._detailed: Detailed | None = None
        self._painters: dict[str, Painter] = {}

    def photograph(self, file: bytes) -> Answer:
        """An uploaded picture of any size: "photograph" uint8 (H, W, 3), its longer side at most `SIDE`.
        Raises DataError."""
        height, width = size_of(file)
        size = _within((height, width), SIDE)
        if min(size) < LEAST:
            remedy = "take one of less extreme proportions"
            raise DataError(
                mismatch("picture", f"sides of at least {LEAST} pixels", f"{width}×{height}", remedy)
            )
        return {}, {"photograph": images.read(BytesIO(file), size, 3)}

    def mask(self, file: bytes) -> Answer:
        """An uploaded mask of any size: "mask" uint8 (H, W, 1), as large as a photograph of its size becomes.
        Raises DataError."""
        size_of(file)
        grey = masks.read(BytesIO(file))[:, :, None]
        return {}, {"mask": _fitted(grey, _within(grey.shape, SIDE))}

    def styles(self, query: Mapping[str, Any]) -> Answer:
        """The photograph in every trained style, small: "styles" uint8 (styles, H, W, 3). Raises
        FoveaError."""
        photo = _pixels(query, "photo")
        return {}, {
            "styles": self._painter("multistyle26").sheet(_fitted(photo, _within(photo.shape, SMALL)))
        }

    def paint(self, query: Mapping[str, Any]) -> Answer:
        """The photograph, painted in one pass, within its "mask" if there is one: "painting" uint8 (H, W, 3).
        Raises FoveaError."""
        photo, knobs, given = _pixels(query, "photo"), Knobs.of(query), query.get("style")
        number_of = given.get("number") if isinstance(given, Mapping) else None
        trained = number_of is not None
        chosen = number_of if trained else _pixels(query, "style")
        size = tuple(max(round(side / knobs.scale), LEAST) for side in photo.shape[:2])
        painter = self._painter("multistyle26" if trained else "arbitrary")
        areas = Masks([_mask(query)], [1.0], photo.shape, "request").at(photo.shape[:2])
        painting = painter.paint(_fitted(photo, size), chosen, strength=knobs.strength)
        painting = knobs.coloured(_fitted(painting, photo.shape[:2]), photo)
        return {}, {"painting": areas.blended(photo, [painting])}

    def start(self, query: Mapping[str, Any]) -> Answer:
        """Start a painting in detail, by optimisation, in place of the one before: its "number"."""
        photo, picture, knobs = _pixels(query, "photo"), _pixels(query, "style"), Knobs.of(query)
        options = Options(
            size=max(photo.shape[:2]), strength=DETAILED * knobs.strength, style_scale=knobs.scale
        )
        transfer = Transfer(photo, Style(picture, mask=_mask(query)), options)
        with self._lock:
            if self._detailed is not None:
                self._detailed.stop()
            self._started += 1
            self._detailed = Detailed(
                self._started, transfer, lambda painting: knobs.coloured(painting, photo)
            )
            return {"number": self._started}, {}

    def progress(self, number: int, seen: int) -> Answer:
        """The state of the painting `number`: {"number", "pictures", "loss", "left", "finished", "error"};
        left: seconds. "painting" uint8 (H, W, 3), if there are more pictures than `seen`."""
        return self._of(number).answer(seen)

    def stop(self, number: int) -> Answer:
        """Stop the painting `number`; its last picture remains."""
        self._of(number).stop()
        return {}, {}

    def _painter(self, name: str) -> Painter:
        with self._lock:
            return self._painters.setdefault(name, Painter(name))

    def _of(self, number: int) -> "Detailed":
        with self._lock:
            if self._detailed is None or self._detailed.number != number:
                raise FoveaError(mismatch("painting", "the last one", f"number {number}", "start it again"))
            return self._detailed


class Detailed:
    """A painting in detail, in a thread of its own; `finish` completes each picture."""

    def __init__(self, number: int, transfer: Transfer, finish: Callable[[np.ndarray], np.ndarray]) -> None:
        self.number, self._transfer, self._finish = number, transfer, finish
        self._stopped, self._lock = Event(), Lock()
        self._pictures, self._painting = 0, np.empty(0)
        self._told: dict[str, Any] = {"loss": None, "left": None, "error": None}
        self._thread = Thread(target=self._paint, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let it end after its present step."""
        self._stopped.set()

    def answer(self, seen: int) -> Answer:
        finished = not self._thread.is_alive()  # first, so that the last picture is not missed
        with self._lock:
            told = {"number": self.number, "pictures": self._pictures, **self._told, "finished": finished}
            return told, {"painting": self._painting} if self._pictures > seen else {}

    def _paint(self) -> None:
        start, shown = monotonic(), -EVERY
        try:
            for moment in self._transfer.steps():
                seconds = monotonic() - start
                if seconds - shown >= EVERY or moment.done >= 1:
                    shown = seconds
                    self._show(moment.loss, seconds / moment.done - seconds)
                if self._stopped.is_set():
                    return
        except FoveaError as error:
            with self._lock:
                self._told["error"] = str(error)

    def _show(self, loss: float, left: float) -> None:
        painting = self._finish(self._transfer.painting())
        with self._lock:
            self._pictures, self._painting = self._pictures + 1, painting
            self._told |= {"loss": loss, "left": left}


def _within(shape: tuple[int, ...], most: int) -> tuple[int, int]:
    """Height and width of `shape`, shrunk so that the longer one is at most `most`."""
    height, width = shape[:2]
    share = min(most / max(height, width), 1)
    return max(round(height * share), 1), max(round(width * share), 1)


def _fitted(picture: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    return images.fit(picture[None], size[:2])[0]


def _mask(query: Mapping[str, Any]) -> np.ndarray | None:
    """The mask uint8 (H, W) of a request, None without one. Raises FoveaError."""
    return None if query.get("mask") is None else _pixels(query, "mask", 1)[:, :, 0]


def _pixels(query: Mapping[str, Any], name: str, channels: int = 3) -> np.ndarray:
    """The picture {"pixels", "height", "width"} under `name`: uint8 (H, W, channels). Raises FoveaError."""
    given, who = query.get(name), f"request: {name}"
    if not isinstance(given, Mapping):
        raise FoveaError(mismatch(who, "pixels, height and width", type(given).__name__))
    height, width = (whole(given.get(side), who, side, LEAST, SIDE) for side in ("height", "width"))
    try:
        content = base64.b64decode(given.get("pixels") or b"", validate=True)
    except (TypeError, ValueError, binascii.Error) as error:
        raise DataError(mismatch(who, "pixels in base64", "something else")) from error
    if len(content) != height * width * channels:
        raise DataError(mismatch(who, f"{height}×{width}×{channels} bytes", len(content)))
    return np.frombuffer(content, np.uint8).reshape(height, width, channels)
