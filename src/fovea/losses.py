"""What training makes small, with its gradient.

This is the layer-by-layer path; where classifiers are trained, a plan of stages computes the same.
"""

import numpy as np

from fovea import functional
from fovea.checks import same_shape


def softmax_cross_entropy(Z: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """(loss, dZ): the mean of −log softmax(Z)[label] over the examples, and its gradient in Z's shape.

    Logits Z (N, classes) and whole labels (N,); a label of −1 leaves its example out.
    """
    return functional.softmax_cross_entropy(Z, labels), functional.softmax_cross_entropy_backward(Z, labels)


def mean_squared_error(Z: np.ndarray, T: np.ndarray) -> tuple[float, np.ndarray]:
    """(loss, dZ): the mean of (Z − T)², and its gradient 2 (Z − T) / n; targets T in Z's shape.

    A target that is NaN leaves its value out of the mean.
    """
    same_shape("mean_squared_error", Z=Z, T=T)
    known = ~np.isnan(T)
    n = max(int(known.sum()), 1)
    difference = np.where(known, Z - T, np.zeros((), Z.dtype))
    return float(np.square(difference, dtype=np.float64).sum() / n), difference * Z.dtype.type(2 / n)
