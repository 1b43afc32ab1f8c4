"""Styles as people name them: numbers of trained ones, or pictures, each alone or with its share.

7    3:0.5,12:0.5    painting.jpg    waves.jpg:0.7,night.jpg:0.3
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from fovea import images
from fovea.errors import DataError, FoveaError, mismatch
from fovea.files import expanded
from fovea.ranges import number, short, typed
from fovea.style import masks
from fovea.style.options import Style

FORM = "a picture, the number of a trained style, or several with shares, as in 3:0.5,12:0.5"


def read(text: str) -> dict[int, float] | dict[str, float]:
    """The shares by number, or by the path of a picture. Raises FoveaError for another form."""
    if expanded(text).is_file():
        return {text: 1.0}
    found: dict[int | str, float] = {}
    for item in filter(str.strip, text.split(",")):
        name, share = _share(item.strip())
        is_number = re.fullmatch("[0-9]{1,9}", name) and not expanded(name).exists()
        key = int(name) if is_number else name
        if key in found:
            raise FoveaError(mismatch("--style", "each style once", f"{name} twice"))
        found[key] = share
    numbers = {key: share for key, share in found.items() if isinstance(key, int)}
    pictures = {key: share for key, share in found.items() if isinstance(key, str)}
    if not found or (numbers and pictures):
        raise FoveaError(mismatch("--style", FORM, short(text)))
    return numbers or pictures


def styles(shares: Mapping[int, float] | Mapping[str, float], mask_files: Sequence[str] = ()) -> list[Style]:
    """The styles of shares by number or by the path of a picture, with a mask for all or one for each. Raises
    DataError for a file that is no picture, or shows nothing."""
    planes = [masks.read(expanded(file)) for file in mask_files] or [None]
    planes *= len(shares) if len(planes) == 1 else 1
    return [
        Style(name if isinstance(name, int) else _picture(name), share, mask)
        for (name, share), mask in zip(shares.items(), planes, strict=True)
    ]


def _picture(path: str) -> np.ndarray:
    picture, (opacity, _) = images.read(expanded(path), channels=3), images.extras(expanded(path))
    if opacity is not None and not opacity.any():
        raise DataError(mismatch(path, "a style that can be seen", "a fully transparent picture"))
    return picture


def _share(item: str) -> tuple[str, float]:
    """The name and share of one style; a path may have a colon in it."""
    name, colon, share = item.rpartition(":")
    value = typed(share)
    if not colon or not name or isinstance(value, str):
        return item, 1.0
    return name, number(value, f"--style: share of {name}", "a number of at least 0", 0)
