"""Pictures that a browser uploads: checked before they are decoded."""

from io import BytesIO

from fovea import images
from fovea.errors import DataError, mismatch

MOST_PIXELS = 40_000_000  # a large camera's


def size_of(file: bytes) -> tuple[int, int]:
    """Height and width of the picture in `file`, from its header. Raises DataError for an empty file, one
    that is no picture, and one of more than `MOST_PIXELS`."""
    if not file:
        raise DataError(mismatch("picture", "a picture", "an empty file"))
    height, width, _ = images.inspect(BytesIO(file))
    if height * width > MOST_PIXELS:
        most = f"at most {MOST_PIXELS // 10**6} million pixels"
        raise DataError(mismatch("picture", most, f"{width}×{height}", "make it smaller"))
    return height, width
