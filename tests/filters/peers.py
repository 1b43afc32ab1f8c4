"""The filters as scikit-image, SciPy and OpenCV have them."""

import cv2
import numpy as np
import skimage
from scipy import ndimage

BORDERS = {
    "reflect": cv2.BORDER_REFLECT,
    "mirror": cv2.BORDER_REFLECT_101,
    "nearest": cv2.BORDER_REPLICATE,
    "constant": cv2.BORDER_CONSTANT,
}


def by_channel(function, image):
    """`function` on each channel of a picture by itself, as scikit-image's take a third axis for space."""
    if image.ndim == 2:
        return function(image)
    return np.stack([function(np.ascontiguousarray(channel)) for channel in np.moveaxis(image, 2, 0)], axis=2)


def shares(image):
    return skimage.util.img_as_float(image)


def correlated(image, kernel, mode="reflect", cval=0.0):
    kernel = np.asarray(kernel, float)
    return by_channel(
        lambda i: ndimage.correlate(shares(i).astype(float), kernel, mode=mode, cval=cval), image
    )


def depth(image):
    """What OpenCV makes of first differences: int16 of uint8, else real numbers."""
    return {"uint8": cv2.CV_16S, "float64": cv2.CV_64F}.get(image.dtype.name, cv2.CV_32F)
