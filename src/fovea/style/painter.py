"""Painting in one pass: a trained painter repaints a photograph in a tenth of a second."""

from collections.abc import Mapping, Sequence
from functools import cache
from threading import Lock
from typing import Any

import numpy as np

from fovea import functional, images
from fovea.errors import DataError, ShapeError, mismatch
from fovea.network import Network
from fovea.network.runner import Plan, plan
from fovea.ranges import number, short, whole
from fovea.style import networks
from fovea.style.learned import PAINTER, LearnedStyle, arrays, is_scale
from fovea.style.masks import Masks
from fovea.style.options import Style, shares

TRAINED, ANY = PAINTER, "arbitrary"
LEAST = 5  # pixels of a photograph's side: its border is mirrored by 4
_KEPT = 4  # sizes of photographs whose plans are kept

Known = int | LearnedStyle  # a trained style, or one of your own
Mixture = Known | Mapping[Known, float]  # one, or several with their shares


class Painter:
    """The painter `name`: "multistyle26" has 26 trained styles, numbered from 1; "arbitrary" takes the style
    of any picture. `styles` is the number of trained ones, 0 for "arbitrary".

    Raises DataError for another name.
    """

    def __init__(self, name: str = TRAINED) -> None:
        if name not in networks.PAINTERS:
            known = " or ".join(map(repr, networks.PAINTERS))
            raise DataError(mismatch("Painter", known, short(name)))
        self.name, self._arrays = name, arrays(name)
        self._plans: dict[tuple[int, int], tuple[Network, Plan]] = {}
        self._lock = Lock()
        self.styles = len(self._arrays["contract0_norm.gamma"]) if name == TRAINED else 0

    def paint(
        self,
        photo: np.ndarray,
        style: Mixture | np.ndarray | Style | Sequence[Style],
        *,
        strength: float = 1.0,
    ) -> np.ndarray:
        """The painting of a photograph uint8 (H, W, 3), of its size.

        `style` is the number of a trained style, a `LearnedStyle`, {style: share} for a mixture of these, or
        for "arbitrary" a picture uint8 (H, W, 3) of any size; or one or several `Style`s, with shares and
        masks. `strength` from 0 to 1: with less than 1, the photograph shines through; for "arbitrary", the
        style is between the photograph's own and the picture's. Raises FoveaError for pictures of another
        form and styles that do not exist.
        """
        check_picture(photo, "Painter: photo", LEAST)
        strength = number(strength, "Painter: strength", "a number from 0 to 1", 0, 1)
        styles = self._styles(style)
        of_sum_1 = shares([style.share for style in styles])
        areas = Masks([style.mask for style in styles], of_sum_1, photo.shape, "Painter").at(photo.shape[:2])
        paintings = [
            self._mixture(photo, [(styles[index].picture, share) for index, share in mixed.items()], strength)
            for mixed in areas.shares
        ]
        return areas.blended(photo, paintings)

    def _styles(self, style: object) -> list[Style]:
        if isinstance(style, Mapping):
            self.shares(style)  # raises
            return [Style(number, share) for number, share in style.items()]
        if isinstance(style, Sequence) and all(isinstance(one, Style) for one in style):
            return list(style)
        return [style if isinstance(style, Style) else Style(style)]  # type: ignore[arg-type]

    def _mixture(
        self, photo: np.ndarray, styles: Sequence[tuple[np.ndarray | Known, float]], strength: float
    ) -> np.ndarray:
        """The painting of a photograph in a mixture of (style, share)."""
        if self.name == TRAINED:
            summed, learned = np.zeros(self.styles, np.float32), []
            for style, share in styles:
                if isinstance(style, LearnedStyle):
                    learned.append((style, np.float32(share)))
                else:
                    summed += np.float32(share) * self.shares(style)
            return _blended(photo, self._painted(photo, self._mixed(summed, learned)), strength)
        parts = [share * described(check_picture(style, "Painter: style")) for style, share in styles]
        found = np.sum(parts, axis=0)
        if strength < 1:
            found = strength * found + (1 - strength) * described(photo)
        return self._painted(photo, self._predicted(found))

    def sheet(self, photo: np.ndarray) -> np.ndarray:
        """The paintings of a photograph uint8 (H, W, 3) in all trained styles: uint8 (styles, H, W, 3)."""
        return np.stack([self.paint(photo, style) for style in range(1, self.styles + 1)])

    def shares(self, style: Mixture | np.ndarray) -> np.ndarray:
        """The share of each trained style, then of each learned one in `style`: float32, of sum 1. Raises
        ShapeError."""
        given: Mapping[Any, float] = {style: 1.0} if isinstance(style, LearnedStyle) else {}
        if not given:
            given = style if isinstance(style, Mapping) else {whole(style, "Painter", "style"): 1.0}
        learned = [which for which in given if isinstance(which, LearnedStyle)]
        shares = np.zeros(self.styles + len(learned), np.float32)
        for which, share in given.items():
            if which in learned:
                place, name = self.styles + 1 + learned.index(which), "a learned style"
            else:
                place = whole(which, "Painter", "style", 1, self.styles)
                name = f"style {place}"
            shares[place - 1] = number(share, f"Painter: share of {name}", "a number of at least 0", 0)
        if not shares.sum() > 0:
            got = ", ".join(f"{place}: {share:g}" for place, share in given.items()) or "none"
            raise ShapeError(mismatch("Painter: style", "shares of a sum above 0", got))
        return shares / shares.sum()

    def _mixed(
        self, shares: np.ndarray, learned: Sequence[tuple[LearnedStyle, np.float32]]
    ) -> dict[str, np.ndarray]:
        """γ and β of every normalisation: the means of the styles', weighted by their shares."""
        mixed = {name: shares @ array for name, array in self._arrays.items() if is_scale(name)}
        for style, share in learned:
            for name, array in style.scales.items():
                mixed[name] += share * array
        return mixed

    def _predicted(self, found: np.ndarray) -> dict[str, np.ndarray]:
        """γ and β of every normalisation, from the 100 numbers that describe a style."""
        layers = {name.rpartition(".")[0] for name in self._arrays if is_scale(name)}
        return {
            layer: functional.dense(found[None], self._arrays[f"{layer}.W"], self._arrays[f"{layer}.b"])[0]
            for layer in layers
        }

    def _painted(self, photo: np.ndarray, scales: Mapping[str, np.ndarray]) -> np.ndarray:
        H, W, _ = photo.shape
        with self._lock:
            network, ready = self._plan(H, W)
            for name, array in scales.items():
                network.parameters[name][...] = array
            painting = ready.predict(photo[None])[0, :H, :W]
        return np.rint(painting * 255).astype(np.uint8)

    def _plan(self, H: int, W: int) -> tuple[Network, Plan]:
        if (H, W) not in self._plans:
            network = networks.painter(self.name, H, W)
            prefix = "" if self.name == TRAINED else "painter."
            for name, view in network.parameters.items():
                if not is_scale(name):
                    view[...] = self._arrays[prefix + name]
            while len(self._plans) >= _KEPT:
                del self._plans[next(iter(self._plans))]
            self._plans[H, W] = network, plan(network, 1, any_size=True)
        return self._plans[H, W]


def described(picture: np.ndarray) -> np.ndarray:
    """The style of a picture uint8 (H, W, 3) in 100 numbers, float32."""
    side = networks.SIDE
    return _stylist().predict(images.fit(picture[None], (side, side)))[0]


@cache
def _stylist() -> Plan:
    network, known = networks.stylist(), arrays(ANY)
    for name, view in network.parameters.items():
        view[...] = known[f"stylist.{name}"]
    return plan(network.constant(), 1)


def _blended(photo: np.ndarray, painting: np.ndarray, share: float) -> np.ndarray:
    """`share` of the painting, and the rest of the photograph."""
    if share == 1:
        return painting
    return np.rint(share * painting + (1 - share) * photo.astype(np.float32)).astype(np.uint8)


def check_picture(picture: object, who: str, least: int = 1) -> np.ndarray:
    """`picture`, if it is an array uint8 (H, W, 3) with sides of at least `least`. Raises ShapeError."""
    if not isinstance(picture, np.ndarray) or picture.dtype != np.uint8 or picture.ndim != 3:
        got = f"{picture.dtype} {picture.shape}" if isinstance(picture, np.ndarray) else short(picture)
        raise ShapeError(mismatch(who, "a picture, uint8 (H, W, 3)", got))
    if picture.shape[2] != 3 or min(picture.shape[:2]) < least:
        expected = f"a picture of 3 channels and at least {least}×{least} pixels"
        raise ShapeError(mismatch(who, expected, picture.shape))
    return picture
