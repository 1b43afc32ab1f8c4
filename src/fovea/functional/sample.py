"""Pictures padded, cropped and resized."""

from collections.abc import Sequence

from fovea import arguments
from fovea.arguments import Volume
from fovea.functional.engines import operations
from fovea.geometry import Pair
from fovea.sampling import Axis, mode_of_resizing, padded, resized


def sample2d(A_prev: Volume, rows: Axis, columns: Axis, fill: float = 0.0) -> Volume:
    """A (N, n_out of rows, n_out of columns, C) from A_prev (N, n of rows, n of columns, C): each new pixel
    is a weighted sum of old ones, by the tables of `fovea.sampling`, and `fill` where they name none."""
    return operations("sample").sample2d(A_prev, rows, columns, fill)


def pad2d(A_prev: Volume, padding: Sequence[int], *, mode: str = "constant", value: float = 0.0) -> Volume:
    """A_prev (N, H, W, C) with (top, bottom, left, right) more pixels, or less where they are negative.

    `mode` says what lies beyond the border, by the names of `fovea.borders`: "constant", that is `value`;
    "mirror", "nearest", "wrap", which PyTorch calls reflect, replicate and circular; or "reflect".
    """
    arguments.picture("pad2d", "A_prev", A_prev)
    top, bottom, left, right = padding
    axes = padded(A_prev.shape[1], top, bottom, mode), padded(A_prev.shape[2], left, right, mode)
    return sample2d(A_prev, *axes, value)


def pad2d_backward(dA: Volume, size: Pair, padding: Sequence[int], *, mode: str = "constant") -> Volume:
    """dA_prev (N, H, W, C) with `size` = (H, W), from dA of the shape of `pad2d`'s outcome."""
    top, bottom, left, right = padding
    return _back(dA, padded(size[0], top, bottom, mode), padded(size[1], left, right, mode))


def resize2d(A_prev: Volume, size: Pair, *, mode: str = "nearest", align_corners: bool = False) -> Volume:
    """A (N, height, width, C) with `size` = (height, width), as PyTorch's `interpolate`.

    `mode` is "nearest" or "bilinear"; with `align_corners` the corners' centres stay where they are.
    """
    arguments.picture("resize2d", "A_prev", A_prev)
    mode_of_resizing(mode, align_corners, "resize2d")
    rows, columns = (
        resized(n, new, mode, align_corners) for n, new in zip(A_prev.shape[1:3], size, strict=True)
    )
    return sample2d(A_prev, rows, columns)


def resize2d_backward(
    dA: Volume, size: Pair, *, mode: str = "nearest", align_corners: bool = False
) -> Volume:
    """dA_prev (N, H, W, C) with `size` = (H, W), from dA of the shape of `resize2d`'s outcome."""
    arguments.picture("resize2d_backward", "dA", dA)
    mode_of_resizing(mode, align_corners, "resize2d_backward")
    return _back(
        dA, *(resized(n, new, mode, align_corners) for n, new in zip(size, dA.shape[1:3], strict=True))
    )


def _back(dA: Volume, rows: Axis, columns: Axis) -> Volume:
    return sample2d(dA, rows.transposed(), columns.transposed())
