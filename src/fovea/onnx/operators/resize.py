"""Resize: axis by axis, every output pixel is a weighted sum of input pixels.

    y = M x along one axis        M (n_out, n_in), rows of weights that sum to 1                          (1)

`coordinate_transformation_mode` defines the position of output pixel i in the input; nearest uses the pixel
there, linear its two neighbours, weighted by nearness. With `antialias` the triangle of weights is as wide as
the step between output pixels. Source: https://onnx.ai/onnx/operators/onnx__Resize.html
"""

from collections.abc import Callable

import numpy as np

from fovea.errors import ShapeError, mismatch

# The position of output pixel i in the input; s is the scale, s·n the output's length before rounding.
_POSITIONS: dict[str, Callable[..., np.ndarray]] = {
    "half_pixel": lambda i, s, n, n_out, first, last: (i + 0.5) / s - 0.5,
    "pytorch_half_pixel": lambda i, s, n, n_out, first, last: (i + 0.5) / s - 0.5 if s * n > 1 else 0 * i,
    "half_pixel_symmetric": lambda i, s, n, n_out, first, last: (
        n / 2 * (1 - n_out / (s * n)) + (i + 0.5) / s - 0.5
    ),
    "asymmetric": lambda i, s, n, n_out, first, last: i / s,
    "align_corners": lambda i, s, n, n_out, first, last: i * (n - 1) / (s * n - 1) if s * n > 1 else 0 * i,
    "tf_crop_and_resize": lambda i, s, n, n_out, first, last: (
        (n - 1) * (first + i * (last - first) / (s * n - 1) if s * n > 1 else (first + last) / 2 + 0 * i)
    ),
}
# The nearest pixel to a position; the name gives the rule for halves.
_NEAREST: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}


def resize(
    x, roi=None, scales=None, sizes=None, *, mode="nearest", coordinate_transformation_mode="half_pixel",
    nearest_mode="round_prefer_floor", axes=None, antialias=0, extrapolation_value=0.0,
    keep_aspect_ratio_policy="stretch", exclude_outside=0, cubic_coeff_a=-0.75,
):  # fmt: skip
    if mode not in ("nearest", "linear"):
        raise ShapeError(mismatch("Resize", "mode nearest or linear", mode))
    axes = range(x.ndim) if axes is None else [axis % x.ndim for axis in axes]
    crops = np.zeros(0) if roi is None or coordinate_transformation_mode != "tf_crop_and_resize" else roi
    factors, lengths = _scales([x.shape[a] for a in axes], scales, sizes, keep_aspect_ratio_policy)
    outside = np.zeros((1,) * x.ndim, bool)
    for place, axis in enumerate(axes):
        n_in, n_out, s = x.shape[axis], lengths[place], factors[place]
        first, last = (crops[place], crops[place + len(crops) // 2]) if len(crops) else (0.0, 1.0)
        if (n_in, s, first, last) == (n_out, 1.0, 0.0, 1.0):
            continue
        positions = _POSITIONS[coordinate_transformation_mode](
            np.arange(n_out), s, n_in, n_out, float(first), float(last)
        )
        if mode == "nearest":
            positions = np.clip(_NEAREST[nearest_mode](positions), 0, n_in - 1)
            x = np.take(x, positions.astype(int), axis=axis)
            continue
        M = _weights(positions, n_in, min(s, 1.0) if antialias else 1.0, bool(exclude_outside))
        x = np.moveaxis(np.tensordot(M, x, (1, axis)), 0, axis)  # (1)
        if len(crops):
            beyond = (positions < 0) | (positions > n_in - 1)
            outside = outside | np.expand_dims(beyond, tuple(a for a in range(x.ndim) if a != axis))
    return (
        np.where(outside, x.dtype.type(extrapolation_value), x) if outside.any() else np.ascontiguousarray(x)
    )


def resize_10(x, scales, *, mode="nearest"):
    """Resize in opset 10: the first pixels of both coincide. Nearest rounds down, or up if the picture
    becomes smaller; the specification leaves that open, and ONNX's own test and onnxruntime do it."""
    mode = "linear" if mode == "bilinear" else mode
    for axis, scale in enumerate(scales):
        scales_of_axes = np.ones(len(scales), np.float32)
        scales_of_axes[axis] = scale
        x = resize(
            x, None, scales_of_axes, mode=mode, coordinate_transformation_mode="asymmetric",
            nearest_mode="ceil" if scale < 1 else "floor",
        )  # fmt: skip
    return x


def upsample_9(x, scales, *, mode="nearest"):
    if min(scales) < 1:
        raise ShapeError(mismatch("its scales", "at least 1", min(scales)))
    return resize_10(x, scales, mode=mode)


def upsample_7(x, *, scales, mode="nearest"):
    return upsample_9(x, np.asarray(scales, np.float32), mode=mode)


def _scales(lengths, scales, sizes, policy) -> tuple[list[float], list[int]]:
    """Each axis's scale and its new length."""
    if scales is not None and len(scales):
        factors = [float(s) for s in scales]
        return factors, [int(np.floor(n * s)) for n, s in zip(lengths, factors, strict=True)]
    factors = [int(size) / n for size, n in zip(sizes, lengths, strict=True)]
    if policy == "stretch":
        return factors, [int(size) for size in sizes]
    factor = min(factors) if policy == "not_larger" else max(factors)
    return [factor] * len(lengths), [int(np.floor(n * factor + 0.5)) for n in lengths]


def _weights(positions: np.ndarray, n_in: int, narrow: float, exclude_outside: bool) -> np.ndarray:
    """M of (1), float32 (n_out, n_in): a triangle around each position, 1/narrow pixels to either side;
    pixels beyond the border count as the last pixel, or not at all."""
    reach = int(np.ceil(1 / narrow))
    weights = np.zeros((len(positions), n_in), np.float64)
    for step in range(-reach, reach + 1):
        pixel = np.floor(positions) + step
        share = np.maximum(1 - np.abs(positions - pixel) * narrow, 0)
        if exclude_outside:
            share = np.where((pixel < 0) | (pixel > n_in - 1), 0, share)
        np.add.at(weights, (np.arange(len(positions)), np.clip(pixel, 0, n_in - 1).astype(int)), share)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
