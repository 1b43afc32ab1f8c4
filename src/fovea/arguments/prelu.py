"""ReLU with learned slopes."""

from fovea.arguments.arrays import Array, Vector, channels_last, floats, shape_of


def prelu(Z: Array, slope: Vector, who: str = "prelu") -> None:
    """Z (N, H, W, C) or (N, C), slope (C,)."""
    floats(who, Z=Z, slope=slope)
    channels_last(who, Z, "Z")
    shape_of(who, "slope", slope, (Z.shape[-1],), "one number for each channel")
