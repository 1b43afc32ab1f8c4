"""Styles as people name them: numbers of trained ones and files of learned ones, or pictures, each alone or
with its share.

7    3:0.5,12:0.5    3:0.5,mine.safetensors:0.5    painting.jpg    waves.jpg:0.7,night.jpg:0.3
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from fovea import images
from fovea.errors import DataError, FoveaError, mismatch
from fovea.files import expanded
from fovea.ranges import number, short, typed
from fovea.style import masks
from fovea.style.learned import SUFFIX, LearnedStyle
from fovea.style.options import Style

FORM = "a picture, the number of a trained style, the file of a learned one, or several, as in 3:0.5,12:0.5"


def read(text: str) -> dict[int | str, float]:
    """The shares by number and path. Raises FoveaError for another form, and for pictures among others."""
    if expanded(text).is_file():
        return {text: 1.0}
    found: dict[int | str, float] = {}
    for item in filter(str.strip, text.split(",")):
        name, share = _share(item.strip())
        is_number = re.fullmatch("[0-9]{1,9}", name) and not expanded(name).is_file()
        key = int(name) if is_number else name
        if key in found:
            raise FoveaError(mismatch("--style", "each style once", f"{name} twice"))
        found[key] = share
    if len({is_trained(key) for key in found}) != 1:
        raise FoveaError(mismatch("--style", FORM, short(text)))
    return found


def is_trained(style: int | str) -> bool:
    """True for a number, and for the file of a learned style; False for a picture."""
    return isinstance(style, int) or style.lower().endswith(SUFFIX)


def styles(shares: Mapping[int | str, float], mask_files: Sequence[str] = ()) -> list[Style]:
    """The styles of shares by number or path, with a mask for all or one for each. Raises DataError for a
    file that is no picture and no learned style, and for a picture that shows nothing."""
    planes = [masks.read(expanded(file)) for file in mask_files] or [None]
    planes *= len(shares) if len(planes) == 1 else 1
    return [
        Style(_style(name), share, mask) for (name, share), mask in zip(shares.items(), planes, strict=True)
    ]


def _style(name: int | str) -> int | LearnedStyle | np.ndarray:
    if isinstance(name, int):
        return name
    return LearnedStyle.read(name) if is_trained(name) else picture(name)


def picture(path: str) -> np.ndarray:
    """The picture uint8 (H, W, 3) in a file. Raises DataError if there is none, or it shows nothing."""
    found, (opacity, _) = images.read(expanded(path), channels=3), images.extras(expanded(path))
    if opacity is not None and not opacity.any():
        raise DataError(mismatch(path, "a style that can be seen", "a fully transparent picture"))
    return found


def _share(item: str) -> tuple[str, float]:
    """The name and share of one style; a path may have a colon in it."""
    name, colon, share = item.rpartition(":")
    value = typed(share)
    if not colon or not name or isinstance(value, str):
        return item, 1.0
    return name, number(value, f"--style: share of {name}", "a number of at least 0", 0)
