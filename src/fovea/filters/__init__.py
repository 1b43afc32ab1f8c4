"""Edge detectors, smoothing, and any filter given as numbers, on pictures of any size, grey or colour.

A picture is an array (H, W) or (H, W, C) of uint8, uint16, float32 or float64; each channel is filtered
separately.

All filters accept three options as keywords. `convention` is the library whose numbers they reproduce:

- "scikit-image", the default: whole numbers become shares of white, 0 to 1; edge filters are divided by the
sum of
  their smoothing weights, their magnitude by √2; the border is reflected. Results are float32; float64 for
  float64 pictures.
- "opencv": whole numbers and filters are not scaled; the border is mirrored. Edge filters return int16 for
uint8 and
  float32 for uint16; smoothing filters return the picture's own type, rounded and clipped to its range.

`mode` defines the pixels beyond the border, with scipy.ndimage's names: "reflect", "mirror", "nearest",
"wrap", or "constant", which is `cval`, by default 0.

Filters are not flipped: they are cross-correlated, as in networks. Every function raises ShapeError for
arguments that do not fit, and DataError for a picture without pixels or with too many.
"""

from fovea.filters.canny import canny
from fovea.filters.edges import (
    direction,
    gradient,
    horizontal,
    laplacian,
    magnitude,
    prewitt,
    roberts,
    scharr,
    sobel,
    vertical,
)
from fovea.filters.layer import as_layer
from fovea.filters.picture import CONVENTIONS, grey
from fovea.filters.smoothing import apply, box, emboss, gaussian, sharpen
from fovea.filters.weights import names, weights

__all__ = [
    "CONVENTIONS",
    "apply",
    "as_layer",
    "box",
    "canny",
    "direction",
    "emboss",
    "gaussian",
    "gradient",
    "grey",
    "horizontal",
    "laplacian",
    "magnitude",
    "names",
    "prewitt",
    "roberts",
    "scharr",
    "sharpen",
    "sobel",
    "vertical",
    "weights",
]
