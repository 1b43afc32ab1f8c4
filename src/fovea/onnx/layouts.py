"""Conversions between ONNX's layouts, channels first, and Fovea's, channels last.

pictures    (N, C, H, W)                      (N, H, W, C)
filters     (C_out, C_in, f_H, f_W)           (f_H, f_W, C_in, C_out)
transposed  (C_in, C_out, f_H, f_W)           (f_H, f_W, C_out, C_in)
pads        top, left, bottom, right          top, bottom, left, right
"""

from collections.abc import Sequence

import numpy as np

from fovea.geometry import Pair

Pads = tuple[int, int, int, int]  # top, bottom, left, right


def channels_last(x: np.ndarray) -> np.ndarray:
    """(N, C, H, W) → (N, H, W, C), a view."""
    return x.transpose(0, 2, 3, 1)


def channels_first(x: np.ndarray) -> np.ndarray:
    """(N, H, W, C) → (N, C, H, W), a copy."""
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2))


def filters_here(w: np.ndarray) -> np.ndarray:
    """Filters from ONNX's layout to Fovea's. Those of a transposed convolution have their channel axes
    swapped in both: they are the filters of the convolution that it transposes."""
    return np.ascontiguousarray(w.transpose(2, 3, 1, 0))


def filters_there(W: np.ndarray) -> np.ndarray:
    """The inverse of `filters_here`."""
    return np.ascontiguousarray(W.transpose(3, 2, 0, 1))


def pads_here(pads: Sequence[int]) -> Pads:
    top, left, bottom, right = pads
    return top, bottom, left, right


def pads_there(pads: Sequence[int]) -> list[int]:
    top, bottom, left, right = pads
    return [top, left, bottom, right]


def same_pads(input: Pair, size: Pair, stride: Pair, dilation: Pair, *, odd_first: bool) -> Pads:
    """The padding of SAME_UPPER and SAME_LOWER (`odd_first`): ⌈n/s⌉ positions."""
    sides: list[int] = []
    for n, f, s, d in zip(input, size, stride, dilation, strict=True):
        total = max((-(-n // s) - 1) * s + (f - 1) * d + 1 - n, 0)
        less = total // 2
        sides += [total - less, less] if odd_first else [less, total - less]
    top, bottom, left, right = sides
    return top, bottom, left, right
