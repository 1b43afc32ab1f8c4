"""Edge detectors, smoothing, and any filter given as numbers, on pictures of any size, grey or colour.

A picture is an array (H, W) or (H, W, C) of uint8, uint16, float32 or float64; each channel is filtered by
itself.

`convention` says whose numbers come out:

- "scikit-image", the default: whole numbers become shares of white, 0 to 1; edge filters are divided by the
  sum of their smoothing weights, their magnitude by √2; the border is reflected. Answers are float32, or
  float64 of float64.
- "opencv": whole numbers stay what they are, and so do the filters; the border is mirrored. Edge filters give
  int16 of uint8 and float32 of uint16; smoothing filters give the picture's own type, rounded and cut to its
  range.

`mode` says what lies beyond the border, by scipy.ndimage's names: "reflect", "mirror", "nearest", "wrap", or
"constant", where `cval`, 0 unless given, lies there. These three are the options that filters take as
keywords.

Filters are not turned round: they are cross-correlated, as in networks. Every function raises ShapeError for
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
