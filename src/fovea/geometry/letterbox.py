"""The letterbox: all of a picture in the middle of another size, in its own proportions.

A picture (H, W) becomes (round(s·H), round(s·W)) with s = min(h/H, w/W) in a size (h, w); what is left on
both sides is half of the rest, rounded down, before it.
"""

from collections.abc import Sequence

LETTERBOX = "letterbox"  # as a value of `crop`, for `fovea.images.read`


def letterbox(picture: Sequence[int], size: Sequence[int]) -> tuple[int, int, int, int]:
    """(top, left, height, width) of the place that a picture (H, W, …) has in `size` = (h, w)."""
    scale = min(size[0] / picture[0], size[1] / picture[1])
    height, width = (max(round(side * scale), 1) for side in picture[:2])
    return (size[0] - height) // 2, (size[1] - width) // 2, height, width
